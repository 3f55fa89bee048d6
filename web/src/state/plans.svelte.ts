/** The plans of this wallet that the page follows: asks for them, answers what they ask, stops them, sees them go on. */

import { SvelteMap, SvelteSet } from "svelte/reactivity";
import { applyEvent, isFinal, newAnswer, type Answer } from "../lib/answer";
import { problem, problemOf, type Api } from "../lib/api";
import type { Kind, RealmEvent } from "../lib/event";
import { isOver, questionsOf, type PlanQuestion } from "../lib/plan";
import { t } from "../lib/strings";
import { uuid7 } from "../lib/uuid";
import type { EventData, Plan, PlanAsk, Problem } from "../lib/wire";

/** Plans kept in memory. */
const PLANS_MAX = 100;
/** How soon a step's job is looked for again that was not taken yet, and how often. */
const LOOK_AGAIN_MS = 300;
const LOOKS_MAX = 40;

/** What is known of a plan. */
export interface PlanEntry {
  /** As it stands, once the realm has said so. */
  plan?: Plan;
  /** Why there is none. */
  problem?: Problem;
}

export interface PlansOptions {
  api: Pick<Api, "plan">;
  send: <K extends Kind>(type: K, data: EventData[K], subject?: string) => boolean;
  /** Hears a job's events, past ones first; gives a function that ends it. */
  watch: (job: string, hear: (event: RealmEvent) => void) => () => void;
  /** A step was settled: the balance has changed. */
  onMoney: () => void;
}

export class Plans {
  /** What steps that run have written so far, by their jobs. */
  readonly progress = new SvelteMap<string, Answer>();
  /** Plans that the person wants stopped and that are not over yet. */
  readonly stopping = new SvelteSet<string>();
  #options: PlansOptions;
  #known = new SvelteMap<string, PlanEntry>();
  /** Plans that are not over. */
  #open = new Set<string>();
  /** What was asked and is not acknowledged. */
  #asks = new Map<string, PlanAsk>();
  /** What was said to a plan and has not shown in it yet. */
  #answers = new SvelteMap<string, { question: PlanQuestion; yes: boolean }>();
  #hearers = new Map<string, (entry: PlanEntry) => void>();
  #watched = new Map<string, () => void>();

  constructor(options: PlansOptions) {
    this.#options = options;
  }

  get(id: string | undefined): PlanEntry | undefined {
    return id === undefined ? undefined : this.#known.get(id);
  }

  /** What a plan asks and nobody has answered. */
  questions(id: string | undefined): PlanQuestion[] {
    const plan = this.get(id)?.plan;
    return plan ? questionsOf(plan).filter((question) => !this.#answers.has(keyOf(plan.id, question))) : [];
  }

  /** Asks for some words to be done; gives the plan's id. Without a connection it is asked later. */
  ask(asked: Omit<PlanAsk, "id">): string {
    const id = uuid7();
    const ask = { ...asked, id };
    this.#asks.set(id, ask);
    this.#open.add(id);
    this.#keep(id, {});
    this.#options.send("mtor.plan.ask", ask, id);
    return id;
  }

  answer(id: string, question: PlanQuestion, yes: boolean): void {
    const key = keyOf(id, question);
    if (this.#answers.has(key)) return;
    this.#answers.set(key, { question, yes });
    this.#options.send("mtor.plan.answer", { step: question.step, yes }, id);
    const entry = this.get(id);
    if (entry) this.#tell(id, entry);
  }

  cancel(id: string): void {
    if (!this.#open.has(id)) return;
    this.stopping.add(id);
    this.#options.send("mtor.plan.cancel", {}, id);
  }

  /** Tells of every change of a plan, the present state first; gives a function that ends it. */
  hear(id: string, hearer: (entry: PlanEntry) => void): () => void {
    this.#hearers.set(id, hearer);
    const now = this.get(id);
    if (now) hearer(now);
    return () => {
      if (this.#hearers.get(id) === hearer) this.#hearers.delete(id);
    };
  }

  /** A plan from the realm's books, followed if it is not over. */
  async load(id: string): Promise<void> {
    if (this.#known.has(id)) return;
    const plan = await this.#options.api.plan(id).catch((error: unknown) => {
      const why = problemOf(error);
      if (why.status !== 404) throw error;
      return why;
    });
    if (this.#known.has(id)) return;
    if ("steps" in plan) this.take(plan);
    else this.#keep(id, { problem: problem(404, t.problems.neverTaken, "") });
  }

  /** A plan that the realm has told of. */
  take(plan: Plan): void {
    if (this.#known.get(plan.id)?.plan) return;
    this.#settle(plan);
    if (isOver(plan.state) || this.#open.has(plan.id)) return;
    this.#open.add(plan.id);
    this.#options.send("mtor.plan.watch", {}, plan.id);
  }

  /** The session stands again: every plan is asked for, or followed, once more. */
  resume(): void {
    for (const id of this.#open) {
      const ask = this.#asks.get(id);
      // The same id with the same words is the same plan, however often it is sent.
      if (ask) this.#options.send("mtor.plan.ask", ask, id);
      else this.#options.send("mtor.plan.watch", {}, id);
      if (this.stopping.has(id)) this.#options.send("mtor.plan.cancel", {}, id);
    }
    for (const [key, { question, yes }] of this.#answers) {
      this.#options.send("mtor.plan.answer", { step: question.step, yes }, key.split(" ")[0]);
    }
    for (const end of this.#watched.values()) end();
    this.#watched.clear();
    for (const { plan } of this.#known.values()) if (plan) this.#watchSteps(plan);
  }

  /** Takes an event about a plan; says whether it was one. */
  receive(event: RealmEvent): boolean {
    const id = event.subject;
    if (id === undefined || !this.#known.has(id)) return false;
    if (event.type === "mtor.plan.state") {
      this.#asks.delete(id);
      this.#settle(event.data);
      return true;
    }
    if (event.type !== "mtor.error") return false;
    if (this.#asks.delete(id)) {
      this.#open.delete(id);
      this.#keep(id, { problem: event.data });
    }
    // Anything else is a word that came too late: what the plan does then is told by its state.
    return true;
  }

  /** Everything that follows from how a plan stands. */
  #settle(plan: Plan): void {
    const before = this.#known.get(plan.id)?.plan;
    const asks = new Set(questionsOf(plan).map((question) => keyOf(plan.id, question)));
    for (const key of this.#answers.keys()) if (key.startsWith(`${plan.id} `) && !asks.has(key)) this.#answers.delete(key);
    if (isOver(plan.state)) {
      this.#open.delete(plan.id);
      this.stopping.delete(plan.id);
    }
    this.#keep(plan.id, { plan });
    this.#watchSteps(plan);
    if (before?.cost !== plan.cost || isOver(plan.state)) this.#options.onMoney();
  }

  #watchSteps(plan: Plan): void {
    for (const { job, state } of plan.steps) {
      if (state === "running" && !this.#watched.has(job)) this.#watch(plan.id, job);
      if (state === "running" || !this.#watched.has(job)) continue;
      this.#watched.get(job)?.();
      this.#watched.delete(job);
      this.progress.delete(job);
    }
  }

  /** What a step that runs has written so far. It is told to run a moment before its job is taken. */
  #watch(id: string, job: string, looks = 1): void {
    let answer = newAnswer(job);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const end = this.#options.watch(job, (event) => {
      if (event.type === "mtor.error") {
        const runs = this.get(id)?.plan?.steps.some((step) => step.job === job && step.state === "running");
        if (runs && looks < LOOKS_MAX) timer = setTimeout(() => this.#watch(id, job, looks + 1), LOOK_AGAIN_MS);
        return;
      }
      answer = applyEvent(answer, event);
      if (!isFinal(answer.state)) this.progress.set(job, answer);
    });
    this.#watched.set(job, () => {
      clearTimeout(timer);
      end();
    });
  }

  #keep(id: string, entry: PlanEntry): void {
    this.#known.set(id, entry);
    this.#tell(id, entry);
    for (const [oldest] of this.#known) {
      if (this.#known.size <= PLANS_MAX) return;
      if (!this.#open.has(oldest)) this.#known.delete(oldest);
    }
  }

  #tell(id: string, entry: PlanEntry): void {
    this.#hearers.get(id)?.(entry);
  }
}

const keyOf = (id: string, { step }: PlanQuestion) => `${id} ${step ?? "all"}`;
