import { describe, expect, it } from "vitest";
import { contextBudget, conversationOf, groupJobs, messagesFor, titleOf } from "../src/lib/conversation";
import { CONTEXT_BYTES_DEFAULT } from "../src/lib/defaults";
import { uuid7 } from "../src/lib/uuid";
import type { ChatMessage, JobInfo, WorkerInfo } from "../src/lib/wire";

const user = (content: string): ChatMessage => ({ role: "user", content });
const assistant = (content: string): ChatMessage => ({ role: "assistant", content });

function job(at: number, messages: ChatMessage[], text: string): JobInfo {
  return {
    id: uuid7(1_800_000_000_000 + at), state: "completed", class: "interactive", privacy: "realm", text,
    submitted: "2027-01-15T08:00:00Z", deadline: "2027-01-15T08:05:00Z", hold: "1", workers: [], sequence: 1,
    intent: { capability: "chat", model: "default", params: { messages } },
  };
}

describe("the messages of a question", () => {
  const past = [{ question: "one", answer: "1".repeat(50) }, { question: "two", answer: "2".repeat(50) }];

  it("are the whole conversation, oldest first", () => {
    expect(messagesFor(past, "three", 1000)).toEqual([
      user("one"), assistant("1".repeat(50)), user("two"), assistant("2".repeat(50)), user("three"),
    ]);
  });

  it("are the latest turns when not all fit, and the question always", () => {
    expect(messagesFor(past, "three", 60)).toEqual([user("two"), assistant("2".repeat(50)), user("three")]);
    expect(messagesFor(past, "three", 1)).toEqual([user("three")]);
  });

  it("leave out turns without an answer", () => {
    expect(messagesFor([{ question: "lost", answer: " " }], "three", 1000)).toEqual([user("three")]);
  });

  it("follow the largest window that is offered for chats", () => {
    const worker = (context_tokens?: number) =>
      ({ offers: [{ capability: "chat", limits: { context_tokens } }] }) as unknown as WorkerInfo;
    expect(contextBudget([])).toBe(CONTEXT_BYTES_DEFAULT);
    expect(contextBudget([worker()])).toBe(CONTEXT_BYTES_DEFAULT);
    expect(contextBudget([worker(2048), worker(8192)])).toBe(16384);
  });
});

describe("conversations are found again from jobs", () => {
  const first = job(0, [user("Capital of France?")], "Paris");
  const second = job(1, [user("Capital of France?"), assistant("Paris"), user("And Spain?")], "Madrid");
  const again = job(2, [user("Capital of France?"), assistant("Paris"), user("And Spain?")], "Madrid!");
  const third = job(3, [user("And Spain?"), assistant("Madrid!"), user("And Italy?")], "Rome");
  const other = job(4, [user("Sort a list")], "sorted()");

  it("whatever order they come in, with tries and shortened contexts", () => {
    const [newest, older] = groupJobs([third, other, first, again, second]);
    expect(newest).toMatchObject({ id: other.id, title: "Sort a list", turns: [{ jobs: [other.id] }] });
    expect(older).toMatchObject({ id: first.id, title: "Capital of France?" });
    expect(older?.turns).toEqual([
      { question: "Capital of France?", jobs: [first.id] },
      { question: "And Spain?", jobs: [second.id, again.id] },
      { question: "And Italy?", jobs: [third.id] },
    ]);
  });

  it("or from one job alone, by what it carries", () => {
    expect(conversationOf(second)?.turns).toEqual([
      { question: "Capital of France?", jobs: [], answer: "Paris" },
      { question: "And Spain?", jobs: [second.id] },
    ]);
    expect(conversationOf({ ...second, intent: undefined })).toBeUndefined();
  });

  it("and jobs whose question is gone are left out", () => {
    expect(groupJobs([{ ...first, intent: undefined }])).toEqual([]);
  });
});

it("a title is one line, not too long", () => {
  expect(titleOf("  Hello\nworld")).toBe("Hello");
  expect(titleOf("x".repeat(100))).toHaveLength(80);
});
