import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError, problem, type Api } from "../src/lib/api";
import { hex, sha256, utf8 } from "../src/lib/bytes";
import { ACTIVE_JOBS_MAX, DRAW_MS } from "../src/lib/defaults";
import type { Kind, RealmEvent } from "../src/lib/event";
import type { EventData, JobInfo } from "../src/lib/wire";
import { Jobs } from "../src/state/jobs.svelte";

interface Sent {
  type: Kind;
  data: unknown;
  subject?: string;
}

function setUp() {
  const sent: Sent[] = [];
  const books = new Map<string, JobInfo>();
  const realm = { online: true, reachable: true, money: 0 };
  const jobs = new Jobs({
    api: {
      job: async (id: string) => {
        const job = books.get(id);
        if (!realm.reachable) throw new ApiError(problem(0, "The realm does not answer", ""));
        if (!job) throw new ApiError(problem(404, "There is no such thing here", ""));
        return job;
      },
    } as unknown as Api,
    send: (type, data, subject) => {
      if (realm.online) sent.push({ type, data, subject });
      return realm.online;
    },
    onMoney: () => (realm.money += 1),
  });
  let sequence = 0;
  const says = <K extends Kind>(job: string, type: K, data: EventData[K], at = ++sequence) =>
    jobs.receive({ id: "e", source: "r", type, time: new Date(at * 100).toISOString(), subject: job, sequence: at, data } as RealmEvent);
  const text = (job: string) => {
    vi.advanceTimersByTime(DRAW_MS);
    return jobs.get(job)?.text;
  };
  return { jobs, sent, books, realm, says, text };
}

const accepted = { hold: "9", deadline: "2027-01-15T08:05:00Z" };
const assigned = { worker: "attic", did: "did:key:z", model: "m", attempt: 1 };
const digest = async (text: string) => hex(await sha256(utf8(text)));
const completed = async (text: string) =>
  ({ usage: {}, cost: "5", finish: "stop", output: await digest(text), settled: "2027-01-15T08:00:01Z" }) as const;
const inBooks = async (id: string, text: string): Promise<JobInfo> => ({
  id, state: "completed", class: "interactive", privacy: "realm", submitted: "2027-01-15T08:00:00Z",
  deadline: "2027-01-15T08:05:00Z", hold: "9", workers: ["attic"], sequence: 9, text, output: await digest(text),
});

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

describe("jobs", () => {
  it("are asked for, followed and settled", async () => {
    const { jobs, sent, realm, says, text } = setUp();
    const id = jobs.submit([{ role: "user", content: "Hi" }]);
    expect(sent[0]).toMatchObject({ type: "mtor.job.submit", subject: id, data: { class: "interactive" } });
    says(id, "mtor.job.accepted", accepted);
    says(id, "mtor.job.assigned", assigned);
    says(id, "mtor.job.chunk", { offset: 0, text: "Hel", tokens: 1 });
    says(id, "mtor.job.chunk", { offset: 3, text: "lo", tokens: 1 });
    expect(text(id)).toBe("Hello");
    says(id, "mtor.job.completed", await completed("Hello"));
    expect(jobs.get(id)).toMatchObject({ state: "completed", text: "Hello", cost: "5" });
    expect(realm.money, "held, then paid").toBe(2);
    expect(says(id, "mtor.job.cancelled", { cost: "0" }), "nobody follows it any more").toBe(false);
  });

  it("rely on the quote that they were given", () => {
    const { jobs, sent } = setUp();
    jobs.submit([{ role: "user", content: "Hi" }], { class: "voice", quote: "2027-01-15T08:00:30Z" });
    expect(sent[0]?.data).toMatchObject({ class: "voice", quote: "2027-01-15T08:00:30Z" });
  });

  it("that were never acknowledged are sent again, under the same id", () => {
    const { jobs, sent, realm } = setUp();
    realm.online = false;
    const id = jobs.submit([{ role: "user", content: "Hi" }]);
    expect(sent).toEqual([]);
    realm.online = true;
    jobs.resume();
    jobs.resume();
    expect(sent.map(({ type, subject }) => [type, subject])).toEqual([["mtor.job.submit", id], ["mtor.job.submit", id]]);
    expect(sent[0]?.data).toEqual(sent[1]?.data);
  });

  it("go on after a lost connection where they were", async () => {
    const { jobs, sent, says, text } = setUp();
    const id = jobs.submit([{ role: "user", content: "Hi" }]);
    says(id, "mtor.job.accepted", accepted, 1);
    says(id, "mtor.job.assigned", assigned, 2);
    says(id, "mtor.job.chunk", { offset: 0, text: "Hel", tokens: 1 }, 3);
    jobs.resume();
    expect(sent.at(-1)).toEqual({ type: "mtor.job.watch", subject: id, data: { after: 3 } });
    says(id, "mtor.job.chunk", { offset: 0, text: "Hel", tokens: 1 }, 3);
    says(id, "mtor.job.chunk", { offset: 3, text: "lo", tokens: 1 }, 4);
    expect(text(id)).toBe("Hello");
  });

  it("are read anew when a piece is missing, and fetched whole if that does not help", async () => {
    const { jobs, sent, books, says } = setUp();
    const id = jobs.submit([{ role: "user", content: "Hi" }]);
    says(id, "mtor.job.accepted", accepted, 1);
    books.set(id, await inBooks(id, "Hello"));
    for (let round = 1; round <= 2; round += 1) {
      says(id, "mtor.job.chunk", { offset: 3, text: "lo", tokens: 1 }, 4);
      expect(sent.at(-1)).toEqual({ type: "mtor.job.watch", subject: id, data: { after: 0 } });
    }
    says(id, "mtor.job.chunk", { offset: 3, text: "lo", tokens: 1 }, 4);
    await vi.waitFor(() => expect(jobs.get(id)?.text).toBe("Hello"));
    expect(sent.filter(({ type }) => type === "mtor.job.watch")).toHaveLength(2);
  });

  it("whose words do not match their checksum are fetched whole", async () => {
    const { jobs, books, says } = setUp();
    const id = jobs.submit([{ role: "user", content: "Hi" }]);
    says(id, "mtor.job.chunk", { offset: 0, text: "Hullo", tokens: 1 });
    books.set(id, await inBooks(id, "Hello"));
    says(id, "mtor.job.completed", await completed("Hello"));
    await vi.waitFor(() => expect(jobs.get(id)?.text).toBe("Hello"));
  });

  it("that the realm refuses have failed, and say why", () => {
    const { jobs, says } = setUp();
    const why = problem(402, "The balance is too low", "");
    const id = jobs.submit([{ role: "user", content: "Hi" }]);
    says(id, "mtor.error", why);
    expect(jobs.get(id)).toMatchObject({ state: "failed", problem: why });
  });

  it("that run are not failed by a refused wish", () => {
    const { jobs, says } = setUp();
    const id = jobs.submit([{ role: "user", content: "Hi" }]);
    says(id, "mtor.job.accepted", accepted);
    expect(says(id, "mtor.error", problem(429, "Too many requests at once", "")), "left to the notices").toBe(false);
    expect(jobs.get(id)?.state).toBe("queued");
  });

  it("are stopped, even when the wish comes without a connection", () => {
    const { jobs, sent, realm, says } = setUp();
    const id = jobs.submit([{ role: "user", content: "Hi" }]);
    says(id, "mtor.job.accepted", accepted);
    realm.online = false;
    jobs.cancel(id);
    expect(jobs.stopping.has(id)).toBe(true);
    realm.online = true;
    jobs.resume();
    expect(sent.at(-1)).toMatchObject({ type: "mtor.job.cancel", subject: id });
    says(id, "mtor.job.cancelled", { cost: "0" });
    expect(jobs.get(id)?.state).toBe("cancelled");
    expect(jobs.stopping.has(id)).toBe(false);
  });

  it("of the past come from the books; unfinished ones are followed from their first event", async () => {
    const { jobs, sent, books } = setUp();
    books.set("past", await inBooks("past", "Hello"));
    await jobs.load("past");
    expect(jobs.get("past")).toMatchObject({ state: "completed", text: "Hello" });
    books.set("now", { ...(await inBooks("now", "Hel")), state: "running" });
    await jobs.load("now");
    expect(sent).toEqual([{ type: "mtor.job.watch", subject: "now", data: { after: 0 } }]);
  });

  it("that the realm never took have failed, and can be asked again", async () => {
    const { jobs, realm } = setUp();
    await jobs.load("lost");
    expect(jobs.get("lost")).toMatchObject({ state: "failed", problem: { status: 404 } });
    realm.reachable = false;
    await expect(jobs.load("later"), "not known, as long as the realm does not answer").rejects.toThrow();
    expect(jobs.get("later")).toBeUndefined();
  });

  it("are bounded: one too many is refused here", () => {
    const { jobs } = setUp();
    for (let count = 0; count < ACTIVE_JOBS_MAX; count += 1) jobs.submit([{ role: "user", content: "Hi" }]);
    expect(jobs.get(jobs.submit([{ role: "user", content: "Hi" }]))).toMatchObject({ state: "failed", problem: { status: 429 } });
  });

  it("signs what is asked once, however often it is sent, and nothing that was stopped before", async () => {
    const sent: Sent[] = [];
    let online = true;
    let signed = 0;
    const jobs = new Jobs({
      api: {} as Api,
      send: (type, data, subject) => {
        if (online) sent.push({ type, data, subject });
        return online;
      },
      sign: async (submit) => ({ order: JSON.stringify({ ...submit, n: ++signed }), by: "did:key:z", signature: "s" }),
      onMoney: () => {},
    });
    const id = jobs.submit([{ role: "user", content: "hi" }]);
    await vi.waitFor(() => expect(sent).toHaveLength(1));
    online = false;
    jobs.resume();
    online = true;
    jobs.resume();
    expect(sent.map(({ type }) => type)).toEqual(["mtor.job.order", "mtor.job.order"]);
    expect(sent[1]).toEqual(sent[0]);
    expect(JSON.parse((sent[0]?.data as { order: string }).order)).toMatchObject({ id, n: 1 });

    const early = jobs.submit([{ role: "user", content: "no" }]);
    jobs.cancel(early);
    const why = problem(404, "There is no such thing here", "");
    jobs.receive({ id: "e", source: "r", type: "mtor.error", time: new Date().toISOString(), subject: early, data: why } as RealmEvent);
    await Promise.resolve();
    await vi.waitFor(() => expect(signed).toBe(2));
    expect(sent.filter(({ subject }) => subject === early).map(({ type }) => type)).toEqual(["mtor.job.cancel"]);
  });
});
