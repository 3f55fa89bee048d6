import { describe, expect, it } from "vitest";
import { JITTER_S, SPEAK_FRAME_BYTES_MAX } from "../src/lib/defaults";
import { ListenFailure } from "../src/lib/listen/types";
import { Feed } from "../src/lib/voice/feed";
import { Gauge } from "../src/lib/voice/gauge";
import { meaningOf } from "../src/lib/voice/meaning";
import { obstacle, problemOfEar, problemOfError } from "../src/lib/voice/microphone";
import { FrameGatherer, SampleReader, visible } from "../src/lib/voice/pcm";
import { gather, place, SPEECH_RATE, type Playlist } from "../src/lib/voice/playlist";
import { clauseAt, emptyScript, restOf, spokenUntil, withClause, withSound } from "../src/lib/voice/script";
import { readSettings, VOICE_DEFAULTS } from "../src/lib/voice/settings";
import { stagesOf, timingOf } from "../src/lib/voice/timing";
import type { Resolved, Understanding } from "../src/lib/wire";
import { choiceOf, isEcho, readTranscript } from "../src/lib/voice/transcript";

describe("a transcript", () => {
  const detailed = (probabilities: number[]) =>
    JSON.stringify({
      text: " Hello there ", language: "en", duration_ms: 900, segments: [],
      words: probabilities.map((probability) => ({ start_ms: 0, end_ms: 1, text: "x", probability })),
    });

  it("is read in detail or as plain words", () => {
    expect(readTranscript(detailed([0.9, 0.8]))).toEqual({ text: "Hello there", language: "en", sure: true });
    expect(readTranscript(" Hello ")).toEqual({ text: "Hello", sure: true });
    expect(readTranscript("")).toEqual({ text: "", sure: true });
    expect(readTranscript("{not so").text).toBe("{not so");
  });

  it("is not sure when its words are not", () => {
    expect(readTranscript(detailed([0.5, 0.55])).sure).toBe(false);
    expect(readTranscript(detailed([0.99, 0.1])).sure).toBe(false);
    expect(readTranscript(detailed([])).sure).toBe(true);
  });
});

describe("an echo", () => {
  const spoken = "The capital of France is Paris, which lies on the Seine.";
  it("is the realm's own words, somewhat misheard", () => {
    expect(isEcho("capital of France is Paris", spoken)).toBe(true);
    expect(isEcho("the capital of friends is Paris", spoken)).toBe(true);
  });

  it("is neither something else nor a single word", () => {
    expect(isEcho("and what about Spain", spoken)).toBe(false);
    expect(isEcho("Paris", spoken)).toBe(false);
    expect(isEcho("", spoken)).toBe(false);
    expect(isEcho("is the France capital Paris of", spoken)).toBe(false);
  });
});

describe("a choice by voice", () => {
  const labels = ["Draw a cat", "Ask about cats", "Ask about dogs"];
  const places = ["first|one", "second|two", "third|three"];
  it("is named by its place or by its own words", () => {
    expect(choiceOf("The second, please", labels, places)).toBe(1);
    expect(choiceOf("draw", labels, places)).toBe(0);
    expect(choiceOf("the dogs one", labels, ["first", "second", "third"])).toBe(2);
  });

  it("is nothing when it is not clear", () => {
    expect(choiceOf("ask", labels, places)).toBeUndefined();
    expect(choiceOf("the first or the second", labels, places)).toBeUndefined();
    expect(choiceOf("what time is it", labels, places)).toBeUndefined();
  });
});

describe("a speech", () => {
  const script = withClause(withSound(withClause(withSound(emptyScript, 100), "One, "), 50), "two.");

  it("knows which clause is heard", () => {
    expect(clauseAt(script, 0)?.text).toBe("One, ");
    expect(clauseAt(script, 99)?.text).toBe("One, ");
    expect(clauseAt(script, 100)?.text).toBe("two.");
    expect(clauseAt(script, 500)?.text).toBe("two.");
    expect(clauseAt(withSound(emptyScript, 10), 3), "its words are still to come").toBeUndefined();
  });

  it("knows what was said to its end", () => {
    expect(spokenUntil(script, 99)).toBe("");
    expect(spokenUntil(script, 149)).toBe("One, ");
    expect(spokenUntil(script, 150)).toBe("One, two.");
  });

  it("goes on after the words that were said", () => {
    expect(restOf("One, two. Three.", "One, ")).toBe("two. Three.");
    expect(restOf("One,\n\ntwo. Three.", "One, two.")).toBe("Three.");
    expect(restOf("One", "One, two")).toBe("");
    expect(restOf("One two", "")).toBe("One two");
  });
});

describe("sound", () => {
  it("is read from frames that are cut anywhere", () => {
    const reader = new SampleReader();
    expect([...reader.read(Uint8Array.of(0x00))]).toEqual([]);
    expect([...reader.read(Uint8Array.of(0x40, 0x00, 0xc0, 0xff))]).toEqual([0.5, -0.5]);
    expect([...reader.read(Uint8Array.of(0x7f))]).toEqual([32767 / 32768].map((value) => Math.fround(value)));
  });

  it("is sent in frames of a good size, and whole", () => {
    const gatherer = new FrameGatherer(4);
    expect(gatherer.add(Int16Array.of(1, -2))).toBeUndefined();
    expect(gatherer.add(Int16Array.of(258, 4, 5))).toEqual(Uint8Array.of(1, 0, 254, 255, 2, 1, 4, 0, 5, 0));
    expect(gatherer.rest()).toBeUndefined();
    gatherer.add(Int16Array.of(7));
    expect(gatherer.rest()).toEqual(Uint8Array.of(7, 0));
  });

  it("is seen between silence and shouting", () => {
    expect(visible(0)).toBe(0);
    expect(visible(0.0001)).toBe(0);
    expect(visible(0.02)).toBeGreaterThan(0.3);
    expect(visible(1)).toBe(1);
  });

  it("is played without gaps, after a little gathering", () => {
    const half = (JITTER_S * SPEECH_RATE) / 2;
    let list: Playlist = { waiting: 0 };
    let ready: boolean;
    let at: number;
    [list, ready] = gather(list, half, 1000);
    expect(ready).toBe(false);
    [list, ready] = gather(list, half, 1100);
    expect(ready).toBe(true);
    [list, at] = place(list, half, 1100);
    const first = at;
    expect(first).toBeGreaterThan(1100);
    [list, at] = place(list, half, 1100);
    expect(at).toBe(first + half);
    [list, ready] = gather(list, 10, 1200);
    expect(ready, "it is running").toBe(true);
    [list, at] = place(list, 10, 1200);
    expect(at).toBe(first + 2 * half);
    [list, ready] = gather(list, 10, 99_000);
    expect(ready, "it had run out").toBe(false);
    expect(gather(list, 0, 99_000, true)[1], "nothing more comes").toBe(true);
    expect(place(list, 10, 99_000)[1]).toBeGreaterThan(99_000);
  });
});

describe("the gauge", () => {
  const measure = (...levels: number[]) => {
    const gauge = new Gauge();
    gauge.begin();
    return levels.map((level) => gauge.faded(level)).lastIndexOf(true) >= 0;
  };
  it("tells a cough from a voice", () => {
    expect(measure(0.2, 0.02, 0.01)).toBe(true);
    expect(measure(0.1, 0.12, 0.02, 0.1, 0.09)).toBe(false);
  });
});

describe("a text that is spoken while it is written", () => {
  it("is given away once, in pieces that fit", () => {
    const feed = new Feed();
    const read = (text: string) => feed.pieces(text).map((piece) => new TextDecoder().decode(piece));
    expect(read("Hel")).toEqual(["Hel"]);
    expect(read("Hel")).toEqual([]);
    expect(read("Hello ü")).toEqual(["lo ü"]);
    expect(read("He"), "read anew after a gap").toEqual([]);
    expect(read("Hello ü!")).toEqual(["!"]);
    const long = new Feed().pieces("ü".repeat(SPEAK_FRAME_BYTES_MAX));
    expect(long).toHaveLength(2);
    expect(long.every((piece) => piece.length <= SPEAK_FRAME_BYTES_MAX)).toBe(true);
  });
});

describe("the stages of a turn", () => {
  it("add up to the wait between the end of speech and the first sound", () => {
    const marks = { voice: 1000.2, end: 1500, words: 1720, token: 2000, sound: 2300.7 };
    const timing = timingOf(marks);
    expect(timing).toEqual({ endpointing_ms: 500, transcription_ms: 220, first_token_ms: 280, first_audio_ms: 301 });
  });

  it("are told as far as they are known, and reported only whole", () => {
    expect(stagesOf({ voice: 5, end: 10 })).toEqual({ endpointing_ms: 5 });
    expect(timingOf({ voice: 5, end: 10 })).toBeUndefined();
  });
});

describe("no microphone", () => {
  it("has a reason that the page knows words for", () => {
    const error = (name: string) => Object.assign(new Error("x"), { name });
    expect(problemOfError(error("NotAllowedError"))).toBe("refused");
    expect(problemOfError(error("NotFoundError"))).toBe("missing");
    expect(problemOfError(error("NotReadableError"))).toBe("busy");
    expect(problemOfError("?")).toBe("broken");
    expect(problemOfEar(new ListenFailure({ kind: "worklet", detail: "" }))).toBe("unsupported");
    expect(problemOfEar(new TypeError("the ear can't be fetched"))).toBe("broken");
    expect(obstacle({ isSecureContext: false })).toBe("insecure");
    expect(obstacle({ isSecureContext: true })).toBe("unsupported");
    expect(obstacle({ isSecureContext: true, mediaDevices: {} })).toBeUndefined();
  });
});

describe("settings", () => {
  it("are read as they were kept, and nonsense is as at first", () => {
    const kept = { ...VOICE_DEFAULTS, mode: "always", speed: 1.25, language: "de", threshold: 0.7 };
    expect(readSettings(JSON.parse(JSON.stringify(kept)))).toEqual(kept);
    expect(readSettings({ mode: "shout", speed: 99, volume: "loud", sounds: 1, phrase: "", followUpS: Number.NaN })).toEqual({
      ...VOICE_DEFAULTS, speed: 2,
    });
    expect(readSettings(null)).toEqual(VOICE_DEFAULTS);
    expect(readSettings("x")).toEqual(VOICE_DEFAULTS);
  });
});

describe("what was meant", () => {
  const understood = (understanding: Understanding) =>
    meaningOf({ text: "draw a cat", language: "en", by: "rules", understanding }, "please draw a cat");

  it("is a word that steers, a question, or something that nobody can do", () => {
    expect(understood({ kind: "control", control: "louder" })).toEqual({ kind: "control", control: "louder" });
    expect(understood({ kind: "act", capability: "chat", text: "why cats", confidence: 1 })).toEqual({ kind: "ask", text: "why cats" });
    expect(understood({ kind: "act", capability: "imagine", text: "a cat", confidence: 1 })).toEqual({ kind: "nobody", capability: "imagine" });
  });

  it("may be one of several", () => {
    const choices = [{ capability: "imagine", text: "a cat", say: "draw a cat" }, { capability: "chat", text: "a cat", say: "tell about a cat" }];
    expect(understood({ kind: "unsure", question: "Draw it, or tell you of it?", choices })).toEqual({
      kind: "unsure", question: "Draw it, or tell you of it?",
      choices: [
        { label: "draw a cat", meaning: { kind: "nobody", capability: "imagine" } },
        { label: "tell about a cat", meaning: { kind: "ask", text: "a cat" } },
      ],
    });
  });

  it("is a question for a model where nobody has a tool", () => {
    const sum = { kind: "act", capability: "tool.calculate", text: "2+2", confidence: 1 } as const;
    expect(understood(sum)).toEqual({ kind: "ask", text: "draw a cat" });
  });

  it("is a question when nobody says, or a newer realm says something else", () => {
    const newer = { text: "", understanding: { kind: "dance" } } as unknown as Resolved;
    for (const resolved of [undefined, newer]) expect(meaningOf(resolved, "Hello")).toEqual({ kind: "ask", text: "Hello" });
    const dance = { kind: "control", control: "dance" } as unknown as Understanding;
    expect(understood(dance)).toEqual({ kind: "ask", text: "draw a cat" });
    expect(understood({ kind: "unsure", question: "", choices: [] })).toEqual({ kind: "ask", text: "draw a cat" });
  });
});
