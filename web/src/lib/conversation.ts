/**
 * Conversations. The realm knows jobs only, each with the whole conversation in it; which jobs belong together is
 * remembered by this browser, and can be found again from the jobs themselves.
 */

import { utf8Length } from "./bytes";
import {
  CONTEXT_BYTES_DEFAULT, CONTEXT_BYTES_MAX, CONTEXT_BYTES_PER_TOKEN, CONTEXT_MESSAGES_MAX,
} from "./defaults";
import { uuid7Time } from "./uuid";
import type { ChatMessage, Intent, JobInfo, WorkerInfo } from "./wire";

/** A question and the jobs that were to answer it: the last one counts, the others are earlier tries. */
export interface Turn {
  question: string;
  jobs: string[];
  /** Small copies of the pictures that were shown with it, as data addresses. They never leave this browser. */
  pictures?: string[];
  /** It was asked about so many pictures of the turn before. */
  carried?: number;
  /** The answer, where it is known only from what a later question carried along. */
  answer?: string;
  /** What was asked of a tool, when it was no question for a model. */
  tool?: Intent;
  /** Several steps were wanted: the jobs are plans. */
  plan?: Spoken;
}

/** What is known of the words of a plan. */
export interface Spoken {
  /** The language that they are in, where that is known. */
  language?: string;
}

/** By what a question is answered that is none for a model alone. */
export type Means = { tool: Intent } | { plan: Spoken };

export interface Conversation {
  /** The id of its first job. */
  id: string;
  title: string;
  /** When something was last asked, in milliseconds. */
  updated: number;
  turns: Turn[];
}

export function newConversation(job: string, turn: Omit<Turn, "jobs">): Conversation {
  return { id: job, title: titleOf(turn.question), updated: uuid7Time(job), turns: [{ ...turn, jobs: [job] }] };
}

export function titleOf(question: string): string {
  const line = question.trim().split("\n", 1)[0] ?? "";
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}

/** The conversation that a job carries in itself, for one that this browser does not remember. */
export function conversationOf(job: JobInfo): Conversation | undefined {
  const messages = messagesOf(job).filter((message) => message.role !== "system");
  const question = messages.at(-1)?.content;
  if (question === undefined) return undefined;
  const turns: Turn[] = [];
  for (const message of messages.slice(0, -1)) {
    const last = turns.at(-1);
    if (message.role === "user") turns.push({ question: message.content, jobs: [], answer: "" });
    else if (last) last.answer = (last.answer ?? "") + message.content;
  }
  const conversation = newConversation(job.id, { question: turns[0]?.question ?? question });
  return { ...conversation, turns: [...turns, { question, jobs: [job.id] }] };
}

/** How many bytes of earlier turns may go along, by the largest window that a worker for chats offers. */
export function contextBudget(workers: readonly WorkerInfo[]): number {
  const windows = workers.flatMap((worker) =>
    worker.offers.filter((offer) => offer.capability === "chat").map((offer) => offer.limits.context_tokens ?? 0),
  );
  const largest = Math.max(0, ...windows);
  return largest ? Math.min(CONTEXT_BYTES_MAX, largest * CONTEXT_BYTES_PER_TOKEN) : CONTEXT_BYTES_DEFAULT;
}

/** A turn that is over: what was asked, and what came of it. */
export interface PastTurn {
  question: string;
  answer: string;
}

/**
 * The messages of the next question: the latest turns that fit the budget, oldest first, then the question itself.
 * Turns without an answer are left out, for a model would take the next message for the answer to them.
 */
export function messagesFor(past: readonly PastTurn[], question: string, budgetBytes: number): ChatMessage[] {
  const messages: ChatMessage[] = [{ role: "user", content: question }];
  let left = budgetBytes - utf8Length(question);
  for (const turn of [...past].reverse()) {
    if (!turn.answer.trim()) continue;
    left -= utf8Length(turn.question) + utf8Length(turn.answer);
    if (left < 0 || messages.length + 2 > CONTEXT_MESSAGES_MAX) break;
    messages.unshift({ role: "user", content: turn.question }, { role: "assistant", content: turn.answer });
  }
  return messages;
}

/** What a job was asked, if it was a conversation: its messages. */
export function messagesOf(job: JobInfo): ChatMessage[] {
  const { intent } = job;
  return intent?.capability === "chat" || intent?.capability === "vision" ? (intent.params.messages ?? []) : [];
}

/** What is wanted with these messages: an answer, or one about the pictures that were shown. */
export function intentOf(messages: ChatMessage[]): Intent {
  const shown = messages.some((message) => message.pictures?.length);
  const params = { messages };
  return shown ? { capability: "vision", model: "default", params } : { capability: "chat", model: "default", params };
}

/**
 * Finds conversations again from jobs. A job goes on from an earlier one when the exchange before its question is that
 * job's question and answer; the same question on the same context is another try.
 */
export function groupJobs(jobs: readonly JobInfo[]): Conversation[] {
  const conversations: Conversation[] = [];
  const byExchange = new Map<string, Conversation>();
  const byMessages = new Map<string, { conversation: Conversation; turn: Turn }>();
  for (const job of [...jobs].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    const messages = messagesOf(job);
    const question = messages.at(-1)?.content;
    if (question === undefined) continue;

    const same = byMessages.get(JSON.stringify(messages));
    const before = messages.slice(-3, -1).map((message) => message.content);
    const parent = same?.conversation ?? byExchange.get(JSON.stringify(before));
    const conversation = parent ?? newConversation(job.id, { question });
    if (!parent) conversations.push(conversation);
    conversation.updated = uuid7Time(job.id);

    let turn = same?.turn ?? conversation.turns.find((known) => known.jobs.includes(job.id));
    if (!turn) {
      turn = { question, jobs: [] };
      conversation.turns.push(turn);
    }
    if (!turn.jobs.includes(job.id)) turn.jobs.push(job.id);
    byMessages.set(JSON.stringify(messages), { conversation, turn });
    if (job.text) byExchange.set(JSON.stringify([question, job.text]), conversation);
  }
  return conversations.sort((a, b) => b.updated - a.updated);
}
