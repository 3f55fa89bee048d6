/** The conversations of this wallet, newest first, and what can be done with them. */

import { SvelteSet } from "svelte/reactivity";
import { isFinal } from "../lib/answer";
import { problemOf, type Api } from "../lib/api";
import {
  contextBudget, conversationOf, groupJobs, messagesFor, newConversation, type Conversation, type Means, type PastTurn, type Turn,
} from "../lib/conversation";
import { transact } from "../lib/database";
import { REBUILD_JOBS_MAX } from "../lib/defaults";
import { pageOf, resultsOf } from "../lib/plan";
import type { ShownPicture } from "../lib/shown_picture";
import { uuid7Time } from "../lib/uuid";
import type { ChatMessage, Intent, Problem, WorkerInfo } from "../lib/wire";
import { Album } from "./album.svelte";
import type { Conditions, Jobs } from "./jobs.svelte";
import type { Plans } from "./plans.svelte";

export interface ConversationsOptions {
  api: Api;
  database: IDBDatabase | undefined;
  jobs: Jobs;
  plans: Plans;
  workers: () => readonly WorkerInfo[];
  /** A job goes on from before that rings a bell when it is over. */
  onBell: (job: string) => void;
}

/** Jobs fetched at once. */
const LOADS_MAX = 4;
/** Turns whose pictures are kept in memory, so that they can be asked about again. */
const SHOWN_TURNS_MAX = 8;

export class Conversations {
  list = $state.raw<Conversation[]>([]);
  /** Whether the list has been read from this browser. */
  ready = $state(false);
  /** The pictures that go with the next question. */
  readonly album = new Album();
  /** Conversations whose pictures were put away. */
  #putAway = new SvelteSet<string>();
  /** The pictures of the latest turns that have some, by the job that they went into. */
  #shown = new Map<string, readonly ShownPicture[]>();
  /** The jobs that are steps of plans. */
  #steps = new Set<string>();
  #options: ConversationsOptions;

  constructor(options: ConversationsOptions) {
    this.#options = options;
  }

  get(id: string | undefined): Conversation | undefined {
    return this.list.find((conversation) => conversation.id === id);
  }

  /** The conversation that a job belongs to. */
  of(job: string): Conversation | undefined {
    return this.list.find((conversation) => conversation.turns.some((turn) => turn.jobs.includes(job)));
  }

  /** Reads what this browser remembers. */
  async read(): Promise<void> {
    const { database } = this.#options;
    const read = (all: IDBObjectStore) => all.getAll() as IDBRequest<Conversation[]>;
    // What can't be read is found again from the realm.
    const known = database ? await transact(database, "conversations", "readonly", read).catch(() => []) : [];
    this.list = known.sort(newestFirst);
    this.ready = true;
  }

  /** Follows the wallet's unfinished jobs and finds conversations again that this browser does not remember. */
  async catchUp(): Promise<void> {
    const { api, jobs } = this.#options;
    const [page] = await Promise.all([api.jobs({ limit: REBUILD_JOBS_MAX }), this.#catchUpPlans()]);
    // What a step of a plan asks is no conversation.
    const lines = page.jobs.filter((line) => !this.#steps.has(line.id));
    const chats = lines.filter((line) => line.capability === "chat" || line.capability === "vision");
    const open = lines.filter((line) => !isFinal(line.state));
    const isTalk = (capability: string) => capability === "chat" || capability === "vision";
    for (const line of open) if (isTalk(line.capability) || this.of(line.id)) jobs.follow(line.id);
    for (const line of open) if (line.capability === "tool.timer" && this.of(line.id)) this.#options.onBell(line.id);
    const unknown = chats.filter((line) => !this.of(line.id));
    if (unknown.length === 0) return;
    const infos = await inGroups(unknown, (line) => api.job(line.id).catch(() => undefined));
    for (const found of groupJobs(infos.filter((info) => info !== undefined))) {
      if (found.turns.some((turn) => turn.jobs.some((job) => this.of(job)))) continue;
      await this.#store(found);
    }
  }

  async #catchUpPlans(): Promise<void> {
    const { api, plans } = this.#options;
    for (const plan of (await api.plans({ limit: REBUILD_JOBS_MAX })).plans) {
      plan.steps.forEach((step) => this.#steps.add(step.job));
      plans.take(plan);
      if (!this.of(plan.id)) await this.#store(newConversation(plan.id, { question: plan.text, plan: {} }));
    }
  }

  /**
   * Asks in a conversation, or in a new one, with the pictures that are at hand; gives the conversation's id. A tool looks at no
   * pictures: they stay at hand.
   */
  ask(question: string, id: string | undefined, conditions?: Conditions, means?: Means): string {
    const conversation = this.get(id);
    const carried = means ? [] : this.carried(id);
    const taken = means ? [] : this.album.take();
    const job = this.#submit(conversation?.turns ?? [], question, conditions, taken.length ? taken : carried, means);
    const pictures = taken.length ? { pictures: taken.map((picture) => picture.small) } : {};
    if (taken.length && id) this.#putAway.delete(id);
    const turn = { question, ...pictures, ...(carried.length ? { carried: carried.length } : {}), ...means };
    const asked = conversation
      ? { ...conversation, updated: uuid7Time(job), turns: [...conversation.turns, { ...turn, jobs: [job] }] }
      : newConversation(job, turn);
    void this.#store(asked);
    return asked.id;
  }

  /** Asks the question of a turn again; later turns stay as they are. */
  retry(id: string, index: number, conditions?: Conditions): void {
    const conversation = this.get(id);
    const turn = conversation?.turns[index];
    if (!conversation || !turn) return;
    const before = conversation.turns.slice(0, index);
    const job = this.#submit(before, turn.question, conditions, this.shownIn(turn), meansOf(turn));
    const turns = conversation.turns.with(index, { ...turn, jobs: [...turn.jobs, job], answer: undefined });
    void this.#store({ ...conversation, updated: uuid7Time(job), turns });
  }

  /** Has a tool do the same again with other particulars, such as another seed: another try of the turn. */
  vary(id: string, index: number, tool: Intent, conditions?: Conditions): void {
    const conversation = this.get(id);
    const turn = conversation?.turns[index];
    if (!conversation || !turn) return;
    const job = this.#options.jobs.use(tool, conditions);
    const turns = conversation.turns.with(index, { ...turn, tool, jobs: [...turn.jobs, job] });
    void this.#store({ ...conversation, updated: uuid7Time(job), turns });
  }

  /** Asks another question in place of a turn's; what came of the first is found in the history. */
  revise(id: string, index: number, question: string, conditions?: Conditions, means?: Means): void {
    const conversation = this.get(id);
    const turn = conversation?.turns[index];
    if (!conversation || !turn) return;
    const job = this.#submit(conversation.turns.slice(0, index), question, conditions, this.shownIn(turn), means);
    const turns = conversation.turns.with(index, { question, pictures: turn.pictures, carried: turn.carried, jobs: [job], ...means });
    void this.#store({ ...conversation, updated: uuid7Time(job), turns });
  }

  /** Fetches the answers of a conversation that are not here; says what went wrong, if anything did. */
  async load(conversation: Conversation): Promise<Problem | undefined> {
    let failure: Problem | undefined;
    const { jobs, plans } = this.#options;
    const latest = conversation.turns.flatMap((turn) => turn.jobs.slice(-1).map((job) => ({ job, isPlan: turn.plan !== undefined })));
    await inGroups(latest, ({ job, isPlan }) =>
      (isPlan ? plans.load(job) : jobs.load(job)).catch((error: unknown) => {
        failure = problemOf(error);
      }),
    );
    return failure;
  }

  /** The conversation of a job that only the realm remembers; gives its id. */
  async adopt(job: string): Promise<string | undefined> {
    const known = this.of(job);
    if (known) return known.id;
    const found = conversationOf(await this.#options.api.job(job));
    if (found) await this.#store(found);
    return found?.id;
  }

  /** What a question would send: after all turns of a conversation, or in the place of the turn of this number. */
  messages(question: string, id: string | undefined, index?: number): ChatMessage[] {
    const turns = this.get(id)?.turns ?? [];
    const turn = index === undefined ? undefined : turns[index];
    return this.#messages(turns.slice(0, index), question, turn ? this.shownIn(turn) : this.#atHand(id));
  }

  #atHand(id: string | undefined): readonly ShownPicture[] {
    return this.album.pictures.length > 0 ? this.album.pictures : this.carried(id);
  }

  /** The pictures that the latest turn was about: the next question of this conversation sees them too, unless others are at hand. */
  carried(id: string | undefined): readonly ShownPicture[] {
    const turns = this.get(id)?.turns;
    if (!turns || this.#putAway.has(id ?? "") || this.album.pictures.length > 0) return [];
    const latest = turns.at(-1);
    return latest ? this.shownIn(latest) : [];
  }

  /** The next question of this conversation is about something else. */
  putAway(id: string): void {
    this.#putAway.add(id);
  }

  /** The pictures of a turn, as long as this page is open. */
  shownIn(turn: Turn): readonly ShownPicture[] {
    return turn.jobs.flatMap((job) => this.#shown.get(job) ?? []).slice(0, picturesOf(turn));
  }

  #submit(
    turns: readonly Turn[], question: string, conditions: Conditions | undefined, shown: readonly ShownPicture[], means?: Means,
  ): string {
    const { jobs, plans } = this.#options;
    if (means && "tool" in means) return jobs.use(means.tool, conditions);
    if (means) {
      const page = pageOf([...turns.map((turn) => turn.question), question]);
      return plans.ask({ text: question, page, language: means.plan.language, max_price: conditions?.max_price });
    }
    const bytes = shown.map((picture) => picture.bytes);
    const job = jobs.submit(this.#messages(turns, question, shown), conditions, bytes);
    if (shown.length) this.#shown.set(job, shown);
    // The oldest are forgotten first: pictures are large.
    for (const old of this.#shown.keys()) {
      if (this.#shown.size <= SHOWN_TURNS_MAX) break;
      this.#shown.delete(old);
    }
    return job;
  }

  #messages(turns: readonly Turn[], question: string, shown: readonly ShownPicture[]): ChatMessage[] {
    const { workers } = this.#options;
    const past: PastTurn[] = turns.map((turn) => ({ question: turn.question, answer: this.#answerOf(turn) }));
    const messages = messagesFor(past, question, contextBudget(workers()));
    const last = messages.at(-1);
    if (last && shown.length) last.pictures = shown.map(({ bytes, sha256 }) => ({ bytes: bytes.length, sha256 }));
    return messages;
  }

  #answerOf(turn: Turn): string {
    const { jobs, plans } = this.#options;
    const latest = turn.jobs.at(-1);
    if (!turn.plan) return jobs.get(latest)?.text ?? turn.answer ?? "";
    const plan = plans.get(latest)?.plan;
    return plan ? resultsOf(plan).map((number) => plan.steps[number]?.text ?? "").join("\n\n") : "";
  }

  async #store(conversation: Conversation): Promise<void> {
    const others = this.list.filter((other) => other.id !== conversation.id);
    this.list = [conversation, ...others].sort(newestFirst);
    const { database } = this.#options;
    // A browser that refuses to store is no reason to stop: the realm remembers the jobs.
    if (database) await transact(database, "conversations", "readwrite", (all) => all.put(conversation)).catch(() => {});
  }
}

/** How many pictures a turn is about: its own, or those that were shown before. */
export function picturesOf({ pictures, carried }: Turn): number {
  return pictures?.length ?? carried ?? 0;
}

/** By what a turn was answered. */
export function meansOf({ tool, plan }: Turn): Means | undefined {
  if (tool) return { tool };
  return plan && { plan };
}

function newestFirst(a: Conversation, b: Conversation): number {
  return b.updated - a.updated;
}

async function inGroups<T, R>(things: readonly T[], run: (thing: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let index = 0; index < things.length; index += LOADS_MAX) {
    results.push(...(await Promise.all(things.slice(index, index + LOADS_MAX).map(run))));
  }
  return results;
}
