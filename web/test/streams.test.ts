import { describe, expect, it } from "vitest";
import { problem } from "../src/lib/api";
import type { Frame } from "../src/lib/frame";
import type { RealmEvent } from "../src/lib/event";
import type { Submit } from "../src/lib/wire";
import { Streams } from "../src/state/streams";
import { quoted } from "./quoted";

function setUp() {
  const realm = { online: true };
  const sent: { type: string; subject?: string; data: unknown }[] = [];
  const frames: Frame[] = [];
  const streams = new Streams({
    send: (type, data, subject) => {
      if (realm.online) sent.push({ type, subject, data });
      return realm.online;
    },
    sendFrame: (frame) => {
      if (realm.online) frames.push(frame);
      return realm.online;
    },
  });
  const told: string[] = [];
  const open = () =>
    streams.open({ capability: "speak", model: "default", params: { text: "Hi", more: true } }, {
      partial: (text) => told.push(`partial ${text}`),
      text: (piece) => told.push(`text ${piece}`),
      payload: (bytes) => told.push(`payload ${[...bytes].join()}`),
      done: (text) => told.push(`done ${text}`),
      failed: (why) => told.push(`failed ${why.title}`),
    });
  const says = (job: string, type: string, data: unknown) =>
    streams.receive({ id: "e", source: "r", type, time: "", subject: job, data } as unknown as RealmEvent);
  const output = (job: string, ...bytes: number[]) =>
    streams.receiveFrame({ kind: "output", job, sequence: 1, payload: Uint8Array.from(bytes) });
  return { realm, sent, frames, streams, told, open, says, output };
}

const completed = { usage: {}, cost: "5", finish: "stop", output: "", settled: "" };

describe("a job with payload", () => {
  it("takes bytes in order, and no more after their end", () => {
    const { sent, frames, open } = setUp();
    const stream = open();
    stream.send(Uint8Array.of(1));
    stream.send(Uint8Array.of(2, 3));
    stream.end();
    stream.end();
    stream.send(Uint8Array.of(4));
    expect(sent[0]).toMatchObject({ type: "mtor.job.submit", subject: stream.id, data: { class: "voice" } });
    expect(frames.map(({ kind, job, sequence, payload }) => [kind, job, sequence, [...payload]])).toEqual([
      ["input", stream.id, 0, [1]], ["input", stream.id, 1, [2, 3]], ["input", stream.id, 2, []],
    ]);
  });

  it("gives what is heard so far, text and bytes, and the whole in the end", () => {
    const { told, open, says, output } = setUp();
    const { id } = open();
    says(id, "mtor.job.partial", { text: "so" });
    output(id, 7, 8);
    says(id, "mtor.job.chunk", { offset: 0, text: "One, ", tokens: 0 });
    says(id, "mtor.job.chunk", { offset: 0, text: "One, two", tokens: 0 });
    says(id, "mtor.job.chunk", { offset: 8, text: ".", tokens: 0 });
    says(id, "mtor.job.completed", completed);
    expect(told).toEqual(["partial so", "payload 7,8", "text One, ", "text two", "text .", "done One, two."]);
    expect(says(id, "mtor.job.completed", completed), "nobody follows it any more").toBe(false);
  });

  it("that is cancelled tells nothing more", () => {
    const { sent, told, open, says, output } = setUp();
    const stream = open();
    stream.cancel();
    stream.cancel();
    stream.send(Uint8Array.of(1));
    output(stream.id, 1);
    says(stream.id, "mtor.job.completed", completed);
    expect(told).toEqual([]);
    expect(sent.map(({ type }) => type)).toEqual(["mtor.job.submit", "mtor.job.cancel"]);
  });

  it("fails once, with the realm's reason", () => {
    const { told, open, says } = setUp();
    says(open().id, "mtor.error", problem(503, "Nobody can do this", ""));
    says(open().id, "mtor.job.failed", { problem: problem(502, "The worker failed", ""), cost: "0" });
    expect(told).toEqual(["failed Nobody can do this", "failed The worker failed"]);
  });

  it("is over with its connection, and cancelled once there is another", async () => {
    const { realm, sent, streams, told, open } = setUp();
    const { id } = open();
    realm.online = false;
    streams.disconnected();
    streams.disconnected();
    expect(told).toEqual(["failed "]);
    open();
    await Promise.resolve();
    expect(told, "it can't even begin").toEqual(["failed ", "failed "]);
    realm.online = true;
    streams.connected();
    streams.connected();
    expect(sent.filter(({ type }) => type === "mtor.job.cancel")).toEqual([{ type: "mtor.job.cancel", subject: id, data: {} }]);
  });
});

describe("a quote", () => {
  it("comes, or does not", async () => {
    const { realm, sent, streams } = setUp();
    const submit: Submit = { intent: { capability: "chat", params: { messages: [] } } };
    const asked = streams.quote(submit);
    const quote = quoted("7", "");
    streams.receive({ id: "e", source: "r", type: "mtor.quote", time: "", subject: sent[0]?.subject, data: quote });
    expect(await asked).toEqual(quote);
    const lost = streams.quote(submit);
    streams.disconnected();
    expect(await lost).toBeUndefined();
    realm.online = false;
    expect(await streams.quote(submit)).toBeUndefined();
  });
});
