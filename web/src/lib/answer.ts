/**
 * One job as the page sees it, built from its events. Pure: the same events give the same answer, however often some of
 * them are repeated.
 */

import { utf8Length, utf8Prefix } from "./bytes";
import type { RealmEvent } from "./event";
import type { Chunk, FinishReason, JobInfo, JobState, Part, Problem, Usage } from "./wire";

export interface Answer {
  job: string;
  state: JobState;
  /** Whether the realm has it in its ledger. */
  accepted: boolean;
  text: string;
  /** The text's length in bytes of UTF-8. */
  bytes: number;
  /** The sequence of the last event that is in here; a resumed watch begins after it. */
  sequence: number;
  /** A piece is missing: the events have to be read again from the first. */
  gap: boolean;
  /** Tokens written so far, as the chunks say. */
  tokens: number;
  /** When the first and the last piece came, by the realm's clock, in milliseconds; and the tokens of the first. */
  firstChunkAt?: number;
  lastChunkAt?: number;
  firstTokens: number;
  position?: number;
  /** When a worker is expected to take it, by the realm's clock, in milliseconds; nothing when it can't be known. */
  startsAt?: number;
  worker?: string;
  model?: string;
  attempt: number;
  hold?: string;
  cost?: string;
  usage?: Usage;
  finish?: FinishReason;
  /** Whether the realm remembered it, and no worker was asked. */
  fromMemory?: boolean;
  /** What came out of it beside the text, such as pictures. */
  parts: Part[];
  /** How it looks so far, while it does not stand in the text: a few words, such as how far a picture has come. */
  partial?: string;
  /** SHA-256 of the whole answer, hexadecimal, once it is there. */
  output?: string;
  submittedAt?: number;
  settledAt?: number;
  problem?: Problem;
  /** The realm's retention has dropped the text. */
  pruned: boolean;
}

export function newAnswer(job: string): Answer {
  return {
    job, state: "queued", accepted: false, text: "", bytes: 0, sequence: 0, gap: false, tokens: 0, firstTokens: 0,
    attempt: 0, parts: [], pruned: false,
  };
}

export function isFinal(state: JobState): boolean {
  return state === "completed" || state === "failed" || state === "cancelled";
}

/** The answer after one more event. */
export function applyEvent(answer: Answer, event: RealmEvent): Answer {
  const sequence = event.sequence ?? 0;
  // Delivered twice, or from a watch that overlaps another.
  if (sequence !== 0 && sequence <= answer.sequence) return answer;
  const next = { ...answer, sequence: Math.max(answer.sequence, sequence) };
  const at = Date.parse(event.time);
  switch (event.type) {
    case "mtor.job.accepted":
      return { ...next, accepted: true, hold: event.data.hold, submittedAt: at };
    case "mtor.job.queued":
      return isFinal(answer.state)
        ? next
        : {
            ...next, accepted: true, state: "queued",
            position: event.data.position, startsAt: event.data.eta_ms == null ? undefined : at + event.data.eta_ms,
          };
    case "mtor.job.assigned": {
      const { worker, model, attempt } = event.data;
      return { ...next, accepted: true, state: "running", worker, model, attempt, ...noWait };
    }
    case "mtor.job.chunk":
      return withChunk(next, event.data, at);
    case "mtor.job.partial":
      return { ...next, partial: event.data.text };
    case "mtor.job.part": {
      const others = answer.parts.filter((part) => part.number !== event.data.number);
      return event.data.preview ? next : { ...next, parts: [...others, event.data] };
    }
    case "mtor.job.completed": {
      const { cost, usage, finish, output, settled, from_memory: fromMemory } = event.data;
      const ended = { cost, usage, finish, output, fromMemory, settledAt: Date.parse(settled) };
      return { ...next, accepted: true, state: "completed", ...ended, ...noWait };
    }
    case "mtor.job.failed":
      return {
        ...next, state: "failed", problem: event.data.problem, cost: event.data.cost, settledAt: at, ...noWait,
      };
    case "mtor.job.cancelled":
      return { ...next, state: "cancelled", cost: event.data.cost, settledAt: at, ...noWait };
    default:
      return answer;
  }
}

const noWait = { position: undefined, startsAt: undefined, partial: undefined };

function withChunk(answer: Answer, chunk: Chunk, at: number): Answer {
  if (chunk.offset > answer.bytes) return { ...answer, gap: true };
  const kept = chunk.offset < answer.bytes ? utf8Prefix(answer.text, chunk.offset) : answer.text;
  // From the beginning: a first piece, or the whole text once more after the realm was restarted.
  const first = answer.firstChunkAt === undefined || chunk.offset === 0;
  return {
    ...answer,
    state: isFinal(answer.state) ? answer.state : "running",
    text: kept + chunk.text,
    bytes: (kept === answer.text ? answer.bytes : utf8Length(kept)) + utf8Length(chunk.text),
    tokens: chunk.offset === 0 ? chunk.tokens : answer.tokens + chunk.tokens,
    firstChunkAt: first ? at : answer.firstChunkAt,
    firstTokens: first ? chunk.tokens : answer.firstTokens,
    lastChunkAt: at,
  };
}

/** The answer as the realm has it in its books, for one whose events were not followed. */
export function answerOfJob(job: JobInfo): Answer {
  const text = job.text ?? "";
  return {
    ...newAnswer(job.id),
    state: job.state,
    accepted: true,
    text,
    bytes: utf8Length(text),
    parts: job.parts ?? [],
    sequence: job.sequence,
    tokens: job.usage?.output_tokens ?? 0,
    position: job.position ?? undefined,
    worker: job.workers.at(-1),
    attempt: job.workers.length,
    hold: job.hold,
    cost: job.cost ?? undefined,
    usage: job.usage ?? undefined,
    finish: job.finish ?? undefined,
    fromMemory: job.from_memory,
    output: job.output ?? undefined,
    submittedAt: Date.parse(job.submitted),
    settledAt: job.settled ? Date.parse(job.settled) : undefined,
    problem: job.problem ?? undefined,
    pruned: job.state === "completed" && job.text == null,
  };
}

/** Tokens per second between the first and the last piece; nothing before there is something to measure. */
export function tokensPerSecond(answer: Answer): number | undefined {
  const { firstChunkAt, lastChunkAt, tokens, firstTokens } = answer;
  if (firstChunkAt === undefined || lastChunkAt === undefined || lastChunkAt - firstChunkAt < 200) return undefined;
  return ((tokens - firstTokens) * 1000) / (lastChunkAt - firstChunkAt);
}
