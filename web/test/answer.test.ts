import { describe, expect, it } from "vitest";
import { answerOfJob, applyEvent, newAnswer, tokensPerSecond, type Answer } from "../src/lib/answer";
import type { Kind, RealmEvent } from "../src/lib/event";
import type { EventData, JobInfo } from "../src/lib/wire";

const JOB = "0193b3c0-0000-7000-8000-000000000001";

function event<K extends Kind>(type: K, sequence: number, data: EventData[K], atMs = sequence * 100): RealmEvent {
  const time = new Date(1_800_000_000_000 + atMs).toISOString();
  return { id: `${JOB}/${sequence}`, source: "did:key:z", type, time, subject: JOB, sequence, data } as RealmEvent;
}

const accepted = event("mtor.job.accepted", 1, { hold: "900", deadline: "2027-01-15T08:00:00Z" });
const queued = event("mtor.job.queued", 2, { position: 3, eta_ms: 4000 });
const assigned = event("mtor.job.assigned", 3, { worker: "attic", did: "did:key:z", model: "m", attempt: 1 });
const chunk = (sequence: number, offset: number, text: string) =>
  event("mtor.job.chunk", sequence, { offset, text, tokens: 1 });
const completed = event("mtor.job.completed", 9, {
  usage: { input_tokens: 5, output_tokens: 3 }, cost: "120", finish: "stop", output: "00", settled: "2027-01-15T08:00:01Z",
});

const after = (...events: RealmEvent[]): Answer => events.reduce(applyEvent, newAnswer(JOB));

describe("an answer is built from its events", () => {
  it("goes from queued over running to completed", () => {
    expect(after(accepted, queued)).toMatchObject({
      state: "queued", accepted: true, position: 3, startsAt: Date.parse(queued.time) + 4000, hold: "900",
    });
    expect(after(accepted, queued, assigned)).toMatchObject({ state: "running", worker: "attic", position: undefined });
    const answer = after(accepted, queued, assigned, chunk(4, 0, "Pa"), chunk(5, 2, "ris"), completed);
    expect(answer).toMatchObject({ state: "completed", text: "Paris", bytes: 5, cost: "120", sequence: 9, gap: false });
  });

  it("ignores what comes twice", () => {
    const once = after(accepted, assigned, chunk(4, 0, "Paris"), chunk(5, 5, "!"));
    expect([accepted, chunk(4, 0, "Paris"), chunk(5, 5, "!")].reduce(applyEvent, once)).toBe(once);
  });

  it("counts offsets in bytes of UTF-8", () => {
    const answer = after(assigned, chunk(4, 0, "né"), chunk(5, 3, "\u{1F600}"), chunk(6, 7, "!"));
    expect(answer).toMatchObject({ text: "né\u{1F600}!", bytes: 8, gap: false });
  });

  it("cuts its text where a piece is written anew", () => {
    const answer = after(assigned, chunk(4, 0, "né\u{1F600} wrong"), chunk(5, 7, " right"));
    expect(answer).toMatchObject({ text: "né\u{1F600} right", bytes: 13 });
  });

  it("takes the whole text once more, as after a restart of the realm", () => {
    const whole = event("mtor.job.chunk", 1_048_576, { offset: 0, text: "Paris i", tokens: 3 });
    const answer = after(assigned, chunk(4, 0, "Paris"), chunk(5, 5, " is"), whole, chunk(1_048_577, 7, "s it"));
    expect(answer).toMatchObject({ text: "Paris is it", bytes: 11, tokens: 4 });
  });

  it("sees that a piece is missing and keeps the text as it was", () => {
    const answer = after(assigned, chunk(4, 0, "Paris"), chunk(6, 9, "later"));
    expect(answer).toMatchObject({ text: "Paris", gap: true });
  });

  it("goes on after a resumed watch as if nothing had happened", () => {
    const all = [accepted, assigned, chunk(4, 0, "The "), chunk(5, 4, "capital "), chunk(6, 12, "is Paris"), completed];
    const whole = after(...all);
    for (let lost = 1; lost < all.length; lost += 1) {
      const before = all.slice(0, lost).reduce(applyEvent, newAnswer(JOB));
      const resumed = all.filter((one) => (one.sequence ?? 0) > before.sequence).reduce(applyEvent, before);
      expect(resumed).toEqual(whole);
    }
  });

  it("keeps the text that was delivered when a job fails or is stopped", () => {
    const problem = { type: "urn:mtor:problem:worker-failed", title: "The worker failed", status: 502 };
    const failed = event("mtor.job.failed", 5, { problem, cost: "7" });
    expect(after(assigned, chunk(4, 0, "Par"), failed)).toMatchObject({ state: "failed", text: "Par", cost: "7", problem });
    const cancelled = event("mtor.job.cancelled", 5, { cost: "0" });
    expect(after(assigned, chunk(4, 0, "Par"), cancelled)).toMatchObject({ state: "cancelled", text: "Par", cost: "0" });
  });

  it("shows that another worker took over", () => {
    const again = event("mtor.job.assigned", 5, { worker: "cellar", did: "did:key:z", model: "m", attempt: 2 });
    expect(after(assigned, chunk(4, 0, "Par"), again, chunk(6, 3, "is"))).toMatchObject({
      text: "Paris", worker: "cellar", attempt: 2,
    });
  });

  it("measures speed by the realm's clock, without the first piece", () => {
    const answer = after(assigned, chunk(4, 0, "a"), chunk(5, 1, "b"), chunk(14, 2, "c"));
    expect(tokensPerSecond(answer)).toBeCloseTo(2);
    expect(tokensPerSecond(after(assigned, chunk(4, 0, "a")))).toBeUndefined();
  });
});

describe("an answer is read from the realm's books", () => {
  const job: JobInfo = {
    id: JOB, state: "completed", class: "interactive", privacy: "realm", submitted: "2027-01-15T08:00:00Z",
    deadline: "2027-01-15T08:05:00Z", hold: "900", workers: ["attic"], sequence: 9, text: "Größe", cost: "5",
  };

  it("with its text", () => {
    expect(answerOfJob(job)).toMatchObject({ state: "completed", text: "Größe", bytes: 7, worker: "attic", pruned: false });
  });

  it("without it, once it is pruned", () => {
    expect(answerOfJob({ ...job, text: undefined })).toMatchObject({ text: "", pruned: true });
  });
});
