import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { retryDelay } from "../src/lib/backoff";
import { utf8 } from "../src/lib/bytes";
import { HANDSHAKE_MS_MAX, RETRY_MS_MAX, RETRY_MS_MIN } from "../src/lib/defaults";
import { parseEvent, type Kind, type RealmEvent } from "../src/lib/event";
import { decodeFrame, encodeFrame, type Frame } from "../src/lib/frame";
import { Session, type Connection, type Socket } from "../src/lib/session";
import type { EventData } from "../src/lib/wire";

const challenge: EventData["mtor.session.challenge"] = {
  realm: "did:key:zRealm", nonce: "BwcH", expires: "2026-01-01T00:00:05.000Z",
};
const welcome: EventData["mtor.session.welcome"] = {
  did: "did:key:zMe", role: "client", realm_name: "Home", beat_ms: 0,
};

/** Stands in for a WebSocket: the test is the realm at its other end. */
class FakeSocket implements Socket {
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;
  sent: RealmEvent[] = [];
  frames: (Frame | undefined)[] = [];
  closed = false;

  send(data: string | Uint8Array<ArrayBuffer>) {
    const event = typeof data === "string" ? parseEvent(data) : undefined;
    if (typeof data !== "string") this.frames.push(decodeFrame(data.buffer));
    if (event) this.sent.push(event);
  }

  close() {
    this.closed = true;
  }

  says<K extends Kind>(type: K, data: EventData[K], time = new Date().toISOString()) {
    this.onmessage?.({ data: JSON.stringify({ specversion: "1.0", id: "1", source: "realm", type, time, data }) });
  }

  async welcomes() {
    this.says("mtor.session.challenge", challenge);
    await vi.waitFor(() => expect(this.sent).toHaveLength(1));
    this.says("mtor.session.welcome", welcome);
  }
}

function setUp() {
  const sockets: FakeSocket[] = [];
  const connections: Connection[] = [];
  const events: RealmEvent[] = [];
  const frames: Frame[] = [];
  const signed: string[] = [];
  const clock: number[] = [];
  const session = new Session({
    signer: {
      did: "did:key:zMe",
      sign: async (message) => {
        signed.push(new TextDecoder().decode(message));
        return utf8("signature");
      },
    },
    open: () => {
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket;
    },
    onEvent: (event) => events.push(event),
    onFrame: (frame) => frames.push(frame),
    onConnection: (connection) => connections.push(connection),
    onClock: (aheadMs) => clock.push(aheadMs),
    random: () => 0,
  });
  return { session, sockets, connections, events, frames, signed, clock, state: () => connections.at(-1)?.state };
}

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] }));
afterEach(() => void vi.useRealTimers());

describe("a session", () => {
  it("answers the challenge and stands after the welcome", async () => {
    const { session, sockets, signed, state } = setUp();
    session.start();
    expect(state()).toBe("connecting");
    expect(session.send("mtor.realm.watch", {})).toBe(false);
    await sockets[0]?.welcomes();
    expect(state()).toBe("online");
    expect(signed[0]).toContain("realm did:key:zRealm\nnonce BwcH\nrole client\nsigner did:key:zMe\nexpires 1767225605000\n");
    expect(sockets[0]?.sent[0]).toMatchObject({
      type: "mtor.session.hello", data: { role: "client", did: "did:key:zMe", signature: "c2lnbmF0dXJl" },
    });
    expect(session.send("mtor.job.cancel", {}, "job")).toBe(true);
    expect(sockets[0]?.sent[1]).toMatchObject({ type: "mtor.job.cancel", subject: "job", source: "did:key:zMe" });
  });

  it("passes events on, and drops what is none", async () => {
    const { session, sockets, events } = setUp();
    session.start();
    await sockets[0]?.welcomes();
    for (const data of ["{", "[]", "null", '{"specversion":"0.3"}', new ArrayBuffer(3)]) sockets[0]?.onmessage?.({ data });
    sockets[0]?.says("mtor.job.cancelled", { cost: "0" });
    expect(events.map((event) => event.type)).toEqual(["mtor.job.cancelled"]);
  });

  it("carries binary frames both ways, once it stands", async () => {
    const { session, sockets, frames } = setUp();
    const job = "01890a5d-ac96-774b-bcce-b302099a8057";
    const input = { kind: "input", job, lease: 0n, sequence: 0, payload: Uint8Array.of(1) } as const;
    const output = { ...input, kind: "output" } as const;
    session.start();
    expect(session.sendFrame(input)).toBe(false);
    sockets[0]?.onmessage?.({ data: encodeFrame(output).buffer });
    await sockets[0]?.welcomes();
    expect(session.sendFrame(input)).toBe(true);
    expect(sockets[0]?.frames).toEqual([input]);
    sockets[0]?.onmessage?.({ data: encodeFrame(output).buffer });
    expect(frames, "none before the welcome").toEqual([output]);
  });

  it("notices how far the realm's clock is ahead", () => {
    const { session, sockets, clock } = setUp();
    session.start();
    sockets[0]?.says("mtor.session.challenge", challenge, new Date(Date.now() + 60_000).toISOString());
    expect(clock).toEqual([60_000]);
  });

  it("comes back with growing waits, and quickly again after a success", async () => {
    const { session, sockets, state } = setUp();
    session.start();
    const waits: number[] = [];
    for (let failure = 1; failure <= 3; failure += 1) {
      sockets.at(-1)?.onclose?.();
      expect(state()).toBe("offline");
      const before = Date.now();
      vi.advanceTimersToNextTimer();
      waits.push(Date.now() - before);
      expect(sockets).toHaveLength(failure + 1);
    }
    expect(waits).toEqual([1, 2, 3].map((failures) => retryDelay(failures, 0)));
    await sockets.at(-1)?.welcomes();
    sockets.at(-1)?.onclose?.();
    const before = Date.now();
    vi.advanceTimersToNextTimer();
    expect(Date.now() - before).toBe(retryDelay(1, 0));
  });

  it("gives up on a realm that says nothing", () => {
    const { session, sockets, state } = setUp();
    session.start();
    vi.advanceTimersByTime(HANDSHAKE_MS_MAX);
    expect(sockets[0]?.closed).toBe(true);
    expect(state()).toBe("offline");
  });

  it("says why it was refused", () => {
    const { session, sockets, connections } = setUp();
    session.start();
    const problem = { type: "urn:mtor:problem:unauthorized", title: "Who asks could not be proven", status: 401 };
    sockets[0]?.says("mtor.error", problem);
    sockets[0]?.onclose?.();
    expect(connections.at(-1)).toMatchObject({ state: "offline", problem });
  });

  it("does not come back with a key that was replaced", async () => {
    const { session, sockets, connections, events } = setUp();
    session.start();
    await sockets[0]?.welcomes();
    const problem = { type: "urn:mtor:problem:key-replaced", title: "The wallet has another key now", status: 401 };
    sockets[0]?.says("mtor.error", problem);
    sockets[0]?.onclose?.();
    expect(connections.at(-1)).toMatchObject({ state: "offline", retryAt: Infinity, problem });
    expect(events).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(10 * RETRY_MS_MAX);
    expect(sockets).toHaveLength(1);
    session.retryNow();
    expect(sockets).toHaveLength(2);
    session.stop();
  });

  it("hears nothing more from a socket that it has left", async () => {
    const { session, sockets, events, connections } = setUp();
    session.start();
    await sockets[0]?.welcomes();
    session.stop();
    const before = connections.length;
    sockets[0]?.says("mtor.job.cancelled", { cost: "0" });
    sockets[0]?.onclose?.();
    expect(events).toEqual([]);
    expect(connections).toHaveLength(before);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("tries at once when asked to, with one socket at a time", () => {
    const { session, sockets } = setUp();
    session.start();
    sockets[0]?.onclose?.();
    session.retryNow();
    session.retryNow();
    expect(sockets).toHaveLength(2);
    expect(vi.getTimerCount()).toBe(1);
  });
});

describe("the waits", () => {
  it("grow, are bounded, and differ between pages", () => {
    expect(retryDelay(1, 0.9999)).toBeLessThanOrEqual(RETRY_MS_MIN);
    expect(retryDelay(1, 0)).toBe(RETRY_MS_MIN / 2);
    for (let failures = 1; failures < 100; failures += 1) {
      expect(retryDelay(failures + 1, 0.5)).toBeGreaterThanOrEqual(retryDelay(failures, 0.5));
      expect(retryDelay(failures, 0.9999)).toBeLessThanOrEqual(RETRY_MS_MAX);
    }
    expect(retryDelay(5, 0.2)).not.toBe(retryDelay(5, 0.8));
  });
});
