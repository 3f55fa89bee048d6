/** The jobs of this wallet that the page follows: submits, cancels, resumes after a lost connection. */

import { SvelteMap, SvelteSet } from "svelte/reactivity";
import { answerOfJob, applyEvent, isFinal, newAnswer, type Answer } from "../lib/answer";
import { problem, problemOf, type Api } from "../lib/api";
import { hex, sha256, utf8 } from "../lib/bytes";
import { intentOf } from "../lib/conversation";
import { ACTIVE_JOBS_MAX, ANSWERS_MAX, DRAW_MS, SHOWN_TYPES } from "../lib/defaults";
import type { Kind, RealmEvent } from "../lib/event";
import type { Frame } from "../lib/frame";
import { t } from "../lib/strings";
import { patienceMs } from "../lib/tools";
import { uuid7 } from "../lib/uuid";
import type { ChatMessage, EventData, Intent, Order, Part, Problem, Submit } from "../lib/wire";

/** How often a job's events are read anew because a piece was missing, before its text is fetched whole. */
const REREADS_MAX = 2;

/** What goes into a job is sent in pieces of this size. */
const PIECE_BYTES = 256 * 1024;

export interface JobsOptions {
  api: Api;
  send: <K extends Kind>(type: K, data: EventData[K], subject?: string) => boolean;
  /** Sends the bytes of what goes in beside the words. */
  sendFrame?: (frame: Frame) => boolean;
  /** Signs what is asked; nothing where it can't be signed now. Without it nothing is signed. */
  sign?: (submit: Submit) => Promise<Order | undefined>;
  /** A job was accepted or settled: the balance has changed. */
  onMoney: () => void;
}

/** The conditions under which a question is asked. */
export type Conditions = Pick<Submit, "class" | "quote" | "max_price" | "timeout_ms">;

/** A job that is not over. */
interface Active {
  /** What was asked, until the realm has acknowledged it. */
  submit?: Submit;
  /** What was signed of it: the same however often it is sent. */
  order?: Order;
  /** It went out unsigned: then it stays so, since another text would be another request. */
  unsigned?: boolean;
  /** The pictures that go in, in the order in which the messages name them. */
  pictures: readonly Uint8Array[];
  rereads: number;
}

export class Jobs {
  /** Jobs that the person wants stopped and that are not over yet. */
  readonly stopping = new SvelteSet<string>();
  /** Pictures that are being drawn, as they look so far: addresses in this page, by their job. */
  readonly previews = new SvelteMap<string, string>();
  #options: JobsOptions;
  /** The part of each job whose bytes are coming. */
  #coming = new Map<string, { part: Part; pieces: Uint8Array<ArrayBuffer>[]; bytes: number }>();
  /** What the page draws. */
  #shown = new SvelteMap<string, Answer>();
  /** What is known; ahead of what is drawn by at most one drawing interval. */
  #known = new Map<string, Answer>();
  #active = new Map<string, Active>();
  #undrawn = new Set<string>();
  /** Who hears at once how a job goes on, without waiting for it to be drawn. */
  #hearers = new Map<string, (answer: Answer) => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: JobsOptions) {
    this.#options = options;
  }

  get(id: string | undefined): Answer | undefined {
    return id === undefined ? undefined : this.#shown.get(id);
  }

  /** A job as it is known, somewhat ahead of what is drawn. */
  latest(id: string | undefined): Answer | undefined {
    return id === undefined ? undefined : this.#known.get(id);
  }

  /** Tells of every change of a job, the present state first; gives a function that ends it. */
  hear(id: string, hearer: (answer: Answer) => void): () => void {
    this.#hearers.set(id, hearer);
    const now = this.#known.get(id);
    if (now) hearer(now);
    return () => {
      if (this.#hearers.get(id) === hearer) this.#hearers.delete(id);
    };
  }

  /** Asks for the next message of a conversation; gives the job's id. Without a connection it is asked later. */
  submit(messages: ChatMessage[], conditions: Conditions = {}, pictures: readonly Uint8Array[] = []): string {
    return this.#take(intentOf(messages), conditions, pictures);
  }

  /** Asks something of a tool; gives the job's id. */
  use(intent: Intent, conditions: Conditions = {}): string {
    const patience = patienceMs(intent);
    // What lasts is not done a second time elsewhere when it takes long.
    return this.#take(intent, patience === undefined ? conditions : { ...conditions, class: "interactive", timeout_ms: patience });
  }

  #take(intent: Intent, conditions: Conditions, pictures: readonly Uint8Array[] = []): string {
    const id = uuid7();
    if (this.#active.size >= ACTIVE_JOBS_MAX) {
      const why = problem(429, t.problems.tooManyActive(ACTIVE_JOBS_MAX), "");
      this.#keep({ ...newAnswer(id), state: "failed", problem: why });
      return id;
    }
    const submit: Submit = { intent, class: "interactive", ...conditions };
    const active: Active = { submit, pictures, rereads: 0 };
    this.#active.set(id, active);
    this.#keep(newAnswer(id));
    this.#ask(id, active, submit);
    return id;
  }

  /** Sends what was asked, signed where it can be. */
  #ask(id: string, active: Active, submit: Submit): void {
    const { send, sign } = this.#options;
    if (active.order) this.#show(id, active, send("mtor.job.order", active.order, id));
    else if (!sign || active.unsigned) this.#show(id, active, send("mtor.job.submit", submit, id));
    else void this.#signAndSend(id, active, submit, sign);
  }

  async #signAndSend(id: string, active: Active, submit: Submit, sign: NonNullable<JobsOptions["sign"]>): Promise<void> {
    const order = await sign({ ...submit, id }).catch(() => undefined);
    // Refused, stopped, or signed by another call meanwhile.
    if (this.#active.get(id) !== active || !active.submit || active.order) return;
    active.order = order;
    const sent = order
      ? this.#options.send("mtor.job.order", order, id)
      : (active.unsigned = this.#options.send("mtor.job.submit", submit, id));
    this.#show(id, active, sent);
    if (this.stopping.has(id)) this.#options.send("mtor.job.cancel", {}, id);
  }

  /** The pictures follow the words that name them. */
  #show(id: string, { pictures }: Active, sent: boolean): void {
    const { sendFrame } = this.#options;
    if (!sent || !sendFrame || pictures.length === 0) return;
    let sequence = 0;
    const say = (payload: Uint8Array) => sendFrame({ kind: "input", job: id, sequence: sequence++, payload });
    for (const picture of pictures) {
      for (let at = 0; at < picture.length; at += PIECE_BYTES) say(picture.subarray(at, at + PIECE_BYTES));
    }
    say(new Uint8Array());
  }

  cancel(id: string): void {
    const active = this.#active.get(id);
    if (!active) return;
    this.stopping.add(id);
    this.#options.send("mtor.job.cancel", {}, id);
  }

  /** A job from the realm's books, followed from its first event on if it is not over. */
  async load(id: string): Promise<void> {
    if (this.#known.has(id)) return;
    const job = await this.#options.api.job(id).catch((error: unknown) => {
      if (problemOf(error).status !== 404) throw error;
      return undefined;
    });
    if (this.#known.has(id)) return;
    if (!job) this.#keep({ ...newAnswer(id), state: "failed", problem: problem(404, t.problems.neverTaken, "") });
    else if (isFinal(job.state)) this.#keep(answerOfJob(job));
    else this.follow(id);
  }

  /** Follows a job that the realm has and that is not over. */
  follow(id: string): void {
    if (this.#active.has(id) || this.#active.size >= ACTIVE_JOBS_MAX) return;
    this.#active.set(id, { pictures: [], rereads: 0 });
    this.#keep({ ...newAnswer(id), accepted: true });
    this.#options.send("mtor.job.watch", { after: 0 }, id);
  }

  /** The session stands again: everything unfinished goes on where it was. */
  resume(): void {
    for (const [id, active] of this.#active) {
      const after = this.#known.get(id)?.sequence ?? 0;
      // The same id with the same request is the same job, however often it is sent.
      if (active.submit) this.#ask(id, active, active.submit);
      else this.#options.send("mtor.job.watch", { after }, id);
      if (this.stopping.has(id)) this.#options.send("mtor.job.cancel", {}, id);
    }
  }

  /** Takes an event about a job that is followed; says whether it was one. */
  receive(event: RealmEvent): boolean {
    const id = event.subject;
    const active = id === undefined ? undefined : this.#active.get(id);
    const before = id === undefined ? undefined : this.#known.get(id);
    if (!id || !active || !before) return false;
    if (event.type === "mtor.error") return this.#refused(id, active, before, event.data);

    if (event.type === "mtor.job.part") this.#coming.set(id, { part: event.data, pieces: [], bytes: 0 });
    const answer = applyEvent(before, event);
    if (answer === before) return true;
    if (answer.gap) {
      void this.#reread(id, active);
      return true;
    }
    const acknowledged = answer.accepted && active.submit !== undefined;
    if (acknowledged) {
      active.submit = undefined;
      active.pictures = [];
    }
    this.#keep(answer);
    if (isFinal(answer.state)) this.#settled(answer);
    if (acknowledged || isFinal(answer.state)) this.#options.onMoney();
    return true;
  }

  /** A piece of the part that was told of last. Only previews are taken so: parts that stay are fetched. */
  receiveFrame(frame: Frame): void {
    const coming = frame.kind === "output" ? this.#coming.get(frame.job) : undefined;
    if (!coming) return;
    coming.bytes += frame.payload.length;
    if (coming.part.preview) coming.pieces.push(new Uint8Array(frame.payload));
    if (coming.bytes < coming.part.bytes) return;
    this.#coming.delete(frame.job);
    this.#dropPreview(frame.job);
    if (!coming.part.preview || !SHOWN_TYPES.has(coming.part.media_type)) return;
    this.previews.set(frame.job, URL.createObjectURL(new Blob(coming.pieces, { type: coming.part.media_type })));
  }

  #dropPreview(id: string): void {
    const url = this.previews.get(id);
    if (url === undefined) return;
    URL.revokeObjectURL(url);
    this.previews.delete(id);
  }

  /** The realm said no: to the job itself, or only to what we did with it. */
  #refused(id: string, active: Active, answer: Answer, why: Problem): boolean {
    const gone = why.status === 404 || why.status === 403;
    if (!active.submit && !gone) return false;
    this.#active.delete(id);
    this.stopping.delete(id);
    this.#keep({ ...answer, state: "failed", problem: why });
    return true;
  }

  #settled(answer: Answer): void {
    this.#active.delete(answer.job);
    this.#coming.delete(answer.job);
    this.#dropPreview(answer.job);
    this.stopping.delete(answer.job);
    if (answer.state === "completed") void this.#verify(answer);
  }

  /** The text must be what the realm has on record; if words were lost on the way it is fetched whole. */
  async #verify(answer: Answer): Promise<void> {
    // The digest is over text and parts together; each part is fetched from the realm's books, with a digest of its own.
    if (answer.parts.length > 0) return;
    const digest = hex(await sha256(utf8(answer.text)));
    if (digest === answer.output) return;
    const job = await this.#options.api.job(answer.job).catch(() => undefined);
    if (job?.text != null) this.#keep({ ...answerOfJob(job), model: answer.model });
  }

  async #reread(id: string, active: Active): Promise<void> {
    active.rereads += 1;
    this.#keep({ ...newAnswer(id), accepted: true });
    if (active.rereads <= REREADS_MAX) {
      this.#options.send("mtor.job.watch", { after: 0 }, id);
      return;
    }
    const job = await this.#options.api.job(id).catch(() => undefined);
    if (job) this.#keep(answerOfJob(job));
  }

  #keep(answer: Answer): void {
    this.#known.set(answer.job, answer);
    this.#hearers.get(answer.job)?.(answer);
    const shown = this.#shown.get(answer.job);
    // Words may wait a moment, so that a flood of them is drawn in one go; a change of state may not.
    if (shown?.state === answer.state && shown.accepted === answer.accepted) {
      this.#undrawn.add(answer.job);
      this.#timer ??= setTimeout(() => this.#draw(), DRAW_MS);
      return;
    }
    this.#undrawn.delete(answer.job);
    this.#shown.set(answer.job, answer);
    this.#forgetOldest();
  }

  #draw(): void {
    this.#timer = undefined;
    for (const id of this.#undrawn) {
      const answer = this.#known.get(id);
      if (answer) this.#shown.set(id, answer);
    }
    this.#undrawn.clear();
  }

  #forgetOldest(): void {
    for (const [id, answer] of this.#known) {
      if (this.#known.size <= ANSWERS_MAX) return;
      if (!isFinal(answer.state)) continue;
      this.#known.delete(id);
      this.#shown.delete(id);
    }
  }
}
