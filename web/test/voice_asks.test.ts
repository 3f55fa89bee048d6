// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Api } from "../src/lib/api";
import { QUOTE_LEFT_MS_MIN, RESOLVE_MS_MAX } from "../src/lib/defaults";
import type { Kind, RealmEvent } from "../src/lib/event";
import { MICRO_PER_COIN } from "../src/lib/money";
import type { EventData, Resolve, Submit, Understanding, WorkerInfo } from "../src/lib/wire";
import { Conversations } from "../src/state/conversations.svelte";
import { Jobs } from "../src/state/jobs.svelte";
import type { MicrophoneHooks } from "../src/state/microphone";
import { Plans } from "../src/state/plans.svelte";
import { preferences } from "../src/state/preferences.svelte";
import { Streams } from "../src/state/streams";
import { Voice } from "../src/state/voice.svelte";
import { quoted } from "./quoted";

/** The ear of the voice that was made last. */
const ear = vi.hoisted(() => ({ hooks: undefined as MicrophoneHooks | undefined }));

vi.mock("../src/state/microphone", () => ({
  Microphone: class {
    isOpen = true;
    constructor(hooks: MicrophoneHooks) {
      ear.hooks = hooks;
    }
    rest() {}
    capture() {}
  },
}));

const START = Date.parse("2027-01-15T08:00:00Z");
/** How long the realm keeps to a quote. */
const HOLDS_MS = 30_000;
/** How far the realm's clock is ahead of the page's. */
const AHEAD_MS = 3_600_000;

/** A realm that quotes the price that is set, and a person who talks to it. */
function setUp() {
  const realm = { price: 3n * MICRO_PER_COIN, quotes: true, understood: undefined as Understanding | undefined };
  const sent: { type: Kind; data: unknown; subject?: string }[] = [];
  const resolve = async ({ text }: Resolve) => {
    if (!realm.understood) throw new Error("nobody knows");
    return { text, language: "en", understanding: realm.understood, by: "rules" };
  };
  const api = { clockAheadMs: AHEAD_MS, resolve } as unknown as Api;
  const workers = () => [{ offers: [{ capability: "transcribe" }] }] as unknown as WorkerInfo[];
  const says = <K extends Kind>(type: K, subject: string | undefined, data: EventData[K]) =>
    streams.receive({ id: "e", source: "r", type, time: "", subject, data } as RealmEvent);
  const send = (type: Kind, data: unknown, subject?: string) => {
    sent.push({ type, data, subject });
    const quote = quoted(String(realm.price), expiry(Date.now()));
    if (type === "mtor.quote.ask" && realm.quotes) queueMicrotask(() => says("mtor.quote", subject, quote));
    return true;
  };
  const streams = new Streams({ send, sendFrame: () => true });
  const jobs = new Jobs({ api, send, onMoney: () => {} });
  const plans = new Plans({ api, send, watch: () => () => {}, onMoney: () => {} });
  const conversations = new Conversations({ api, database: undefined, jobs, plans, workers, onBell: () => {} });
  const voice = new Voice({ api, jobs, plans, conversations, streams, workers, report: () => {} });
  ear.hooks?.mic("on");

  const submits = () => sent.filter(({ type }) => type === "mtor.job.submit").map(({ data }) => data as Submit);
  return {
    realm, voice,
    /** Somebody says this after the wake word; the realm writes it down. */
    say: async (text: string) => {
      ear.hooks?.woke({ phrase: "computer", score: 1, atMs: 0, audio: new Float32Array() });
      const id = sent.findLast(({ type }) => type === "mtor.job.submit")?.subject;
      ear.hooks?.voiceEnded({ reason: "end", silenceMs: 0, speechMs: 900, atMs: 0 });
      says("mtor.job.chunk", id, { offset: 0, text, tokens: 1 });
      says("mtor.job.completed", id, { usage: {}, cost: "1", finish: "stop", output: "", settled: "" });
      await vi.advanceTimersByTimeAsync(0);
    },
    quotes: () => sent.filter(({ type }) => type === "mtor.quote.ask").length,
    asked: () => submits().filter(({ intent }) => intent.capability === "chat"),
  };
}

const yes = async ({ voice }: { voice: Voice }) => {
  voice.choose(0);
  await vi.advanceTimersByTimeAsync(0);
};
const coins = (count: number) => String(BigInt(count) * MICRO_PER_COIN);
/** When a quote that was had then runs out, as the realm says it. */
const expiry = (quotedMs: number) => new Date(quotedMs + AHEAD_MS + HOLDS_MS).toISOString();
/** Until the quote that was had at the start has just too little time left. */
const untilItRunsOut = () => vi.setSystemTime(START + HOLDS_MS - QUOTE_LEFT_MS_MIN + 1);

beforeEach(() => {
  vi.useFakeTimers({ now: START, toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"] });
  preferences.change({ mode: "wake", askAboveCoins: 2 });
});
afterEach(() => void vi.useRealTimers());

describe("a spoken question that is dear", () => {
  it("is asked at the price that was agreed to", async () => {
    const talk = setUp();
    await talk.say("Tell me everything");
    expect(talk.voice.line).toContain("3 coins");
    expect(talk.asked(), "not before somebody agrees").toEqual([]);
    vi.setSystemTime(START + HOLDS_MS - QUOTE_LEFT_MS_MIN);
    talk.realm.price *= 2n;
    await yes(talk);
    expect(talk.asked()).toMatchObject([{ class: "voice", quote: expiry(START), max_price: coins(3) }]);
    expect(talk.quotes()).toBe(1);
  });

  it("is quoted anew when the quote has run out, and asked if it is no dearer", async () => {
    const talk = setUp();
    await talk.say("Tell me everything");
    untilItRunsOut();
    await yes(talk);
    expect(talk.quotes()).toBe(2);
    expect(talk.asked()).toMatchObject([{ quote: expiry(Date.now()) }]);
  });

  it("needs another yes when the quote has run out and it is dearer", async () => {
    const talk = setUp();
    await talk.say("Tell me everything");
    untilItRunsOut();
    talk.realm.price += MICRO_PER_COIN;
    await yes(talk);
    expect(talk.asked()).toEqual([]);
    expect(talk.voice.line).toContain("4 coins");
    await yes(talk);
    expect(talk.asked()).toMatchObject([{ quote: expiry(Date.now()) }]);
  });

  it("is agreed to by voice as well", async () => {
    const talk = setUp();
    await talk.say("Tell me everything");
    await talk.say("Yes");
    expect(talk.asked()).toMatchObject([
      { intent: { params: { messages: [{ content: "Tell me everything" }] } }, quote: expiry(START) },
    ]);
  });

  it("is agreed to in other words than those on the button", async () => {
    const talk = setUp();
    await talk.say("Tell me everything");
    talk.realm.understood = { kind: "control", control: "yes" };
    await talk.say("Sure, go ahead");
    expect(talk.asked()).toMatchObject([
      { intent: { params: { messages: [{ content: "Tell me everything" }] } }, max_price: coins(3) },
    ]);
  });

  it("is declined in other words than those on the button", async () => {
    const talk = setUp();
    await talk.say("Tell me everything");
    talk.realm.understood = { kind: "control", control: "no" };
    await talk.say("Better not");
    await vi.advanceTimersByTimeAsync(HOLDS_MS);
    expect(talk.asked()).toEqual([]);
  });

  it("is not asked after a no", async () => {
    const talk = setUp();
    await talk.say("Tell me everything");
    talk.voice.choose(1);
    await vi.advanceTimersByTimeAsync(HOLDS_MS);
    expect(talk.asked()).toEqual([]);
  });
});

describe("a spoken question that is not dear", () => {
  it("is asked at once, at the price that was quoted", async () => {
    const talk = setUp();
    talk.realm.price = 2n * MICRO_PER_COIN;
    await talk.say("Hello");
    expect(talk.asked()).toMatchObject([{ quote: expiry(START), max_price: coins(2) }]);
  });

  it("never costs more than the limit, also when nobody could say in time what it costs", async () => {
    const talk = setUp();
    talk.realm.quotes = false;
    await talk.say("Hello");
    await vi.advanceTimersByTimeAsync(RESOLVE_MS_MAX);
    expect(talk.asked()).toMatchObject([{ max_price: coins(2) }]);
  });

  it("needs no quote when nobody wants to be asked", async () => {
    const talk = setUp();
    preferences.change({ askAboveCoins: 0 });
    await talk.say("Hello");
    expect(talk.quotes()).toBe(0);
    expect(talk.asked().map(({ quote, max_price }) => [quote, max_price])).toEqual([[undefined, undefined]]);
  });
});

describe("asking to go on", () => {
  it("asks the model for more when no speech was interrupted", async () => {
    const talk = setUp();
    talk.realm.price = 0n;
    talk.realm.understood = { kind: "control", control: "continue" };
    await talk.say("Go on");
    expect(talk.asked()).toMatchObject([{ intent: { params: { messages: [{ content: "Go on" }] } } }]);
  });
});
