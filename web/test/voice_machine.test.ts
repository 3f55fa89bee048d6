import { describe, expect, it } from "vitest";
import { VAIN_BARGES_MAX } from "../src/lib/defaults";
import {
  newVoice, presenceOf, step, type Command, type Meaning, type VoiceEvent, type VoiceState,
} from "../src/lib/voice/machine";
import type { Mode } from "../src/lib/voice/settings";
import { quoted } from "./quoted";

/** A conversation: what is said to the machine, and what it wanted done since one looked last. */
class Talk {
  state: VoiceState;
  #done: Command[] = [];

  constructor(mode: Mode = "wake") {
    this.state = newVoice(mode);
    this.on({ type: "mic", mic: "on" });
    this.did();
  }

  on(...events: VoiceEvent[]): this {
    for (const event of events) {
      const [state, commands] = step(this.state, event);
      this.state = state;
      this.#done.push(...commands);
    }
    return this;
  }

  /** What it wanted done; timers that are merely cleared are left out. */
  did(): string[] {
    const done = this.#done.filter((command) => command.do !== "clear").map((command) => {
      // Numbers of speeches are only there to be compared.
      const { do: what, ...rest } = { ...command, speech: undefined };
      const values = Object.values(rest).filter((value) => value !== undefined).map((value) => (typeof value === "object" ? JSON.stringify(value) : String(value)));
      return [what, ...values].join(" ");
    });
    this.#done = [];
    return done;
  }

  heard(text: string, more: Partial<Extract<VoiceEvent, { type: "heard" }>> = {}): this {
    return this.on({ type: "heard", turn: this.state.turn, text, sure: true, own: false, ...more });
  }

  means(meaning: Meaning): this {
    return this.on({ type: "meant", turn: this.state.turn, meaning });
  }

  /** From the wake word to the first sound of the answer. */
  untilSpeaking(question = "What is the capital of France?"): this {
    this.on({ type: "woke", own: false }, { type: "voice-ended", silent: false }).heard(question);
    this.means({ kind: "ask", text: question });
    return this.answered();
  }

  answered(): this {
    this.on({ type: "answer-began", turn: this.state.turn });
    this.sounds("sound-began");
    this.did();
    return this;
  }

  /** What the present speech comes to. */
  sounds(type: "sound-began" | "sound-ended" | "speech-failed"): this {
    return this.on({ type, speech: this.state.speech });
  }

  barges(): this {
    this.on({ type: "voice-began" }, { type: "timer", timer: "barge" });
    return this;
  }
}

const asks = (text: string): Extract<Meaning, { kind: "ask" }> => ({ kind: "ask", text });
const controls = (control: Extract<Meaning, { kind: "control" }>["control"]): Meaning => ({ kind: "control", control });

describe("a question after the wake word", () => {
  it("is taken down, asked, answered aloud, and may be followed by another", () => {
    const talk = new Talk();
    expect(presenceOf(talk.state)).toBe("armed");
    talk.on({ type: "woke", own: false });
    expect(talk.did()).toEqual(["sound woke", "transcribe 1"]);
    expect(presenceOf(talk.state)).toBe("listening");
    talk.on({ type: "partial", turn: 1, text: "what is" });
    expect(talk.state.words).toBe("what is");
    talk.on({ type: "voice-ended", silent: false });
    expect(talk.did()).toEqual(["end-transcribe", "sound heard", "timer words"]);
    talk.heard("What is this?");
    expect(talk.did()).toEqual(["listen", "resolve 1 What is this?", "timer resolve"]);
    talk.means(asks("What is this?"));
    expect(talk.did()).toEqual(["ask 1 What is this? true"]);
    expect(presenceOf(talk.state)).toBe("thinking");
    talk.on({ type: "answer-began", turn: 1 });
    expect(talk.did()).toEqual(["speak-answer"]);
    talk.sounds("sound-began");
    expect(presenceOf(talk.state)).toBe("speaking");
    talk.on({ type: "answer-ended", turn: 1 }).sounds("sound-ended");
    expect(talk.did()).toEqual(["listen", "timer follow"]);
    expect(talk.state).toMatchObject({ phase: "idle", following: true });

    talk.on({ type: "voice-began" });
    expect(talk.did()).toEqual(["capture false false", "transcribe 2"]);
  });

  it("needs the wake word again once the time for a follow-up is over", () => {
    const talk = new Talk().untilSpeaking();
    talk.sounds("sound-ended").on({ type: "timer", timer: "follow" }, { type: "voice-began" });
    expect(talk.state.phase).toBe("idle");
  });

  it("that was not said is forgotten", () => {
    const talk = new Talk().on({ type: "woke", own: false });
    talk.did();
    talk.on({ type: "voice-ended", silent: true });
    expect(talk.did()).toEqual(["cancel-transcribe", "listen"]);
    expect(talk.state.phase).toBe("idle");
    talk.on({ type: "woke", own: false }, { type: "voice-ended", silent: false }).heard("  ");
    expect(talk.state.phase).toBe("idle");
  });

  it("is dropped when its words never come, in plain words, once", () => {
    const talk = new Talk().on({ type: "woke", own: false }, { type: "voice-ended", silent: false });
    talk.did();
    talk.on({ type: "timer", timer: "words" });
    expect(talk.did()).toEqual(["cancel-transcribe", "listen", "sound error", 'say {"line":"misheard"}']);
    talk.sounds("speech-failed").on({ type: "timer", timer: "words" });
    expect(talk.did()).toEqual(["listen", "timer follow"]);
  });

  it("is asked as it is when nobody says what it means, and only once", () => {
    const talk = new Talk().on({ type: "woke", own: false }, { type: "voice-ended", silent: false }).heard("Hello");
    talk.did();
    talk.on({ type: "timer", timer: "resolve" });
    expect(talk.did()).toEqual(["ask 1 Hello true"]);
    talk.means(asks("Hello"));
    expect(talk.did()).toEqual([]);
  });

  it("makes late words of an earlier turn count for nothing", () => {
    const talk = new Talk().on({ type: "woke", own: false }, { type: "voice-ended", silent: false }, { type: "woke", own: false });
    talk.did();
    talk.on({ type: "heard", turn: 1, text: "old", sure: true, own: false }, { type: "partial", turn: 1, text: "old" });
    expect(talk.did()).toEqual([]);
    expect(talk.state.words).toBe("");
  });
});

describe("words that were hard to understand", () => {
  const unsure = () => {
    const talk = new Talk().on({ type: "woke", own: false }, { type: "voice-ended", silent: false }).heard("Watt is it", { sure: false });
    expect(talk.did().slice(-2)).toEqual(["listen", "timer confirm"]);
    return talk;
  };

  it("are asked after a moment", () => {
    expect(unsure().on({ type: "timer", timer: "confirm" }).did()).toEqual(["resolve 1 Watt is it", "timer resolve"]);
  });

  it("can be changed in peace before they are", () => {
    const talk = unsure().on({ type: "edit" }, { type: "timer", timer: "confirm" });
    expect(talk.did()).toEqual([]);
    talk.on({ type: "confirm", text: " What is it? " });
    expect(talk.did()).toEqual(["resolve 1 What is it?", "timer resolve"]);
  });

  it("can be dropped", () => {
    const talk = unsure().on({ type: "dismiss" }, { type: "timer", timer: "confirm" });
    expect(talk.did()).toEqual([]);
    expect(talk.state.phase).toBe("idle");
  });
});

describe("speaking while the realm does", () => {
  it("makes it quieter at once and silent soon, and is taken down", () => {
    const talk = new Talk().untilSpeaking().on({ type: "voice-began" });
    expect(talk.did()).toEqual(["duck true", "timer barge"]);
    talk.on({ type: "timer", timer: "barge" });
    expect(talk.did()).toEqual(["silence", "capture false false", "transcribe 2"]);
    expect(talk.state).toMatchObject({ phase: "hearing", interrupted: true });
  });

  it("is nothing when it was a short noise", () => {
    const talk = new Talk().untilSpeaking().on({ type: "voice-began" }, { type: "voice-faded" });
    expect(talk.did()).toEqual(["duck true", "timer barge", "duck false"]);
    talk.on({ type: "timer", timer: "barge" });
    expect(talk.did()).toEqual([]);
    expect(talk.state.phase).toBe("speaking");
  });

  it("lets the realm go on when no word was said, and after a few times lets it talk", () => {
    const talk = new Talk().untilSpeaking();
    for (let time = 1; time <= VAIN_BARGES_MAX; time += 1) {
      talk.barges().on({ type: "voice-ended", silent: false }).heard("");
      expect(talk.did().at(-1)).toBe("speak-rest");
      talk.sounds("sound-began");
    }
    talk.on({ type: "voice-began" });
    expect(talk.did()).toEqual([]);
    talk.on({ type: "woke", own: false });
    expect(talk.did()).toContain("silence");
  });

  it("is not taken for speaking when it is the realm's own voice", () => {
    const talk = new Talk().untilSpeaking().on({ type: "woke", own: true });
    expect(talk.did()).toEqual([]);
    talk.barges().on({ type: "voice-ended", silent: false }).heard("the capital of France", { own: true });
    expect(talk.did().at(-1)).toBe("speak-rest");
  });

  it("may be another question; the earlier answer is not spoken any further", () => {
    const talk = new Talk().untilSpeaking();
    const before = talk.state.speech;
    talk.barges().on({ type: "voice-ended", silent: false }).heard("And Spain?");
    const old = talk.state.turn - 1;
    talk.means(asks("And Spain?"));
    talk.did();
    talk.on({ type: "answer-began", turn: old }, { type: "answer-ended", turn: old, failed: "gone" });
    talk.on({ type: "sound-ended", speech: before });
    expect(talk.did()).toEqual([]);
    expect(talk.state).toMatchObject({ interrupted: false, phase: "thinking" });
  });

  it("is not heard in push to talk; the button does it", () => {
    const talk = new Talk("push").on({ type: "press" }, { type: "release", tap: false }).heard("Hi");
    talk.means(asks("Hi")).answered();
    talk.on({ type: "press" });
    expect(talk.did()).toEqual(["silence", "capture true false", "transcribe 2"]);
  });
});

describe("words that steer", () => {
  const saying = (meaning: Meaning) => {
    const talk = new Talk().untilSpeaking().barges().on({ type: "voice-ended", silent: false }).heard("…");
    talk.did();
    return talk.means(meaning);
  };

  it("stop: it is quiet, and can go on later", () => {
    const talk = saying(controls("stop"));
    expect(talk.did()).toEqual(["listen", "timer follow"]);
    expect(talk.state).toMatchObject({ phase: "idle", interrupted: true });
    talk.on({ type: "control", control: "continue" });
    expect(talk.did()).toEqual(["speak-rest"]);
    expect(talk.state.interrupted).toBe(false);
  });

  it("cancel: the answer is not even written any further", () => {
    const talk = saying(controls("cancel"));
    expect(talk.did()).toEqual(["cancel-answer", "listen", "timer follow"]);
    expect(talk.state.interrupted).toBe(false);
  });

  it("repeat: from the beginning", () => {
    expect(saying(controls("repeat")).did()).toEqual(["speak-again"]);
  });

  it("louder and slower: what was being said goes on that way", () => {
    expect(saying(controls("louder")).did()).toEqual(["adjust volume 0.2", "speak-rest"]);
    expect(saying(controls("slower")).did()).toEqual(["adjust speed -0.15", "speak-rest"]);
    const idle = new Talk().on({ type: "control", control: "quieter" });
    expect(idle.did()).toEqual(["adjust volume -0.2", "sound heard", "listen", "timer follow"]);
    const pressed = new Talk().untilSpeaking().on({ type: "control", control: "faster" });
    expect(pressed.did()).toEqual(["adjust speed 0.15", "silence", "speak-rest"]);
  });

  it("goodbye: nobody waits for a follow-up; where every word counts, the microphone is muted", () => {
    const talk = saying(controls("goodbye"));
    expect(talk.did()).toEqual(['say {"line":"goodbye"}']);
    talk.sounds("sound-began").sounds("sound-ended");
    expect(talk.state).toMatchObject({ phase: "idle", following: false, muted: false });
    const always = new Talk("always").on({ type: "control", control: "goodbye" });
    expect(always.did()).toEqual(["mute true", 'say {"line":"goodbye"}']);
    expect(always.state.muted).toBe(true);
  });

  it("mute: the microphone is off until it is wanted", () => {
    const talk = saying(controls("mute"));
    expect(talk.did()).toEqual(["mute true"]);
    talk.on({ type: "woke", own: false }, { type: "voice-began" });
    expect(talk.did()).toEqual([]);
    expect(presenceOf(talk.state)).toBe("muted");
    talk.on({ type: "press" });
    expect(talk.did()).toEqual(["mute false", "capture true false", `transcribe ${talk.state.turn}`]);
  });
});

describe("a doubt", () => {
  const choices = [
    { label: "Draw a cat", meaning: { kind: "nobody", capability: "image" } },
    { label: "Ask about cats", meaning: asks("cats") },
  ] as Extract<Meaning, { kind: "unsure" }>["choices"];
  const doubting = () => {
    const talk = new Talk().on({ type: "woke", own: false }, { type: "voice-ended", silent: false }).heard("cat");
    talk.did();
    talk.means({ kind: "unsure", choices });
    expect(talk.did()).toEqual(['say {"line":"which"}']);
    expect(talk.state.phase).toBe("choosing");
    return talk;
  };

  it("is asked about, and answered with a button", () => {
    const talk = doubting().on({ type: "choose", index: 1 });
    expect(talk.did()).toEqual(["silence", "ask 1 cats true"]);
  });

  it("is answered with the voice", () => {
    const talk = doubting().sounds("sound-ended").on({ type: "voice-began" });
    expect(talk.did()).toEqual(["timer choice", "silence", "capture false false", "transcribe 2"]);
    talk.on({ type: "voice-ended", silent: false }).heard("the second", { choice: 1 });
    expect(talk.did().at(-1)).toBe("ask 2 cats true");
  });

  it("gives way to something else that is said", () => {
    const talk = doubting().on({ type: "woke", own: false }, { type: "voice-ended", silent: false }).heard("What time is it?");
    expect(talk.did().slice(-2)).toEqual(["resolve 2 What time is it?", "timer resolve"]);
    expect(talk.state.choices).toEqual([]);
  });

  it("is dropped after a while, or by hand", () => {
    expect(doubting().on({ type: "timer", timer: "choice" }).state).toMatchObject({ phase: "idle", choices: [] });
    expect(doubting().on({ type: "dismiss" }).state).toMatchObject({ phase: "idle", choices: [] });
  });

  it("is asked by a plan as well, once for each step, and goes on after the word", () => {
    const talk = new Talk().on({ type: "woke", own: false }, { type: "voice-ended", silent: false }).heard("mail it");
    talk.means({ kind: "ask", text: "mail it", plan: { language: "en" } });
    talk.did();
    const word = (yes: boolean) => ({ label: yes ? "Yes" : "No", meaning: { kind: "word", plan: "p", step: 2, yes } }) as const;
    talk.on({ type: "asked", turn: 1, question: "Shall I?", choices: [word(true), word(false)] });
    expect(talk.did()).toEqual(['say {"line":"which","question":"Shall I?"}']);
    expect(talk.state.phase).toBe("choosing");
    talk.on({ type: "choose", index: 0 });
    expect(talk.state).toMatchObject({ phase: "thinking", answering: true, aloud: true });
    // Asked by another step, and answered by hand.
    talk.did();
    talk.on({ type: "asked", turn: 1, question: "And that?", choices: [word(true)] }, { type: "answered", turn: 1 });
    expect(talk.state).toMatchObject({ phase: "thinking", answering: true, choices: [] });
    talk.on({ type: "answer-began", turn: 1 });
    expect(talk.did().at(-1)).toMatch(/^speak-answer/);
  });

  it("is the same where something is dear", () => {
    const talk = new Talk().on({ type: "woke", own: false }, { type: "voice-ended", silent: false }).heard("long");
    talk.did();
    talk.means({ kind: "dear", price: "9 coins", choices: [{ label: "Yes", meaning: asks("long") }] });
    expect(talk.did()).toEqual(['say {"line":"dear","price":"9 coins"}']);
  });

  const agreeing = () => {
    const meaning = { kind: "agreed", text: "long", quote: quoted("9", "soon") } as const;
    const talk = new Talk().on({ type: "woke", own: false }, { type: "voice-ended", silent: false }).heard("long");
    talk.means({ kind: "dear", price: "9 coins", choices: [{ label: "Yes", meaning }] });
    talk.on({ type: "woke", own: false }, { type: "voice-ended", silent: false });
    talk.did();
    return talk.heard("Yes", { choice: 0 });
  };

  it("is asked after a yes, once it is known that the price still holds", () => {
    const talk = agreeing();
    expect(talk.did()).toEqual(["listen", expect.stringMatching(/^price 2 long {"max":"9"/), "timer resolve"]);
    expect(presenceOf(talk.state)).toBe("thinking");
    talk.means({ kind: "ask", text: "long", quote: "soon" });
    expect(talk.did()).toEqual(["ask 2 long true soon"]);
  });

  it("is asked once more when it has become dearer, and is the question that was asked when nobody knows", () => {
    const talk = agreeing();
    talk.did();
    talk.means({ kind: "dear", price: "10 coins", choices: [{ label: "Yes", meaning: asks("long") }] });
    expect(talk.did()).toEqual(['say {"line":"dear","price":"10 coins"}']);
    const silent = agreeing();
    silent.did();
    expect(silent.on({ type: "timer", timer: "resolve" }).did()).toEqual(["ask 2 long true"]);
  });

  it("is not asked when it was dismissed after the yes", () => {
    const talk = agreeing().on({ type: "dismiss" });
    talk.did();
    talk.means({ kind: "ask", text: "long", quote: "soon" });
    expect(talk.did()).toEqual([]);
  });
});

describe("what can't be done", () => {
  it("is said in plain words", () => {
    const talk = new Talk().on({ type: "woke", own: false }, { type: "voice-ended", silent: false }).heard("Draw a cat");
    talk.did();
    talk.means({ kind: "nobody", capability: "image" });
    expect(talk.did()).toEqual(['say {"line":"nobody","capability":"image"}']);
  });

  it("is said when an answer fails, aloud or in the middle of it", () => {
    const talk = new Talk().untilSpeaking().on({ type: "answer-ended", turn: 1, failed: "No worker" });
    expect(talk.did()).toEqual(["silence", "sound error", 'say {"line":"failed","why":"No worker"}']);
  });

  it("leaves the words to be read when there is no voice", () => {
    const talk = new Talk().on({ type: "woke", own: false }, { type: "voice-ended", silent: false }).heard("Hi");
    talk.means(asks("Hi")).on({ type: "answer-began", turn: 1 }).sounds("speech-failed");
    expect(talk.state).toMatchObject({ phase: "idle", following: true });
    talk.did();
    talk.on({ type: "answer-began", turn: 1 }, { type: "answer-ended", turn: 1 });
    expect(talk.did()).toEqual([]);
  });
});

describe("push to talk", () => {
  it("listens while the button is down", () => {
    const talk = new Talk("push").on({ type: "press" });
    expect(talk.did()).toEqual(["capture true false", "transcribe 1"]);
    talk.on({ type: "press" }, { type: "voice-began" });
    expect(talk.did()).toEqual([]);
    talk.on({ type: "release", tap: false });
    expect(talk.did()).toEqual(["listen", "end-transcribe", "sound heard", "timer words"]);
  });

  it("lets the ear find the end after a tap", () => {
    const talk = new Talk("push").on({ type: "press" }, { type: "release", tap: true });
    expect(talk.did().at(-1)).toBe("capture false true");
    talk.on({ type: "voice-ended", silent: false });
    expect(talk.state.phase).toBe("reading");
  });

  it("opens the microphone first, and does then what the button says then", () => {
    const closed = () => new Talk("push").on({ type: "mic", mic: "off" }, { type: "press" }, { type: "mic", mic: "opening" });
    expect(closed().did()).toEqual(["listen", "open-mic"].slice(1));
    expect(closed().on({ type: "mic", mic: "on" }).did()).toContain("capture true false");
    expect(closed().on({ type: "release", tap: true }, { type: "mic", mic: "on" }).did()).toContain("capture false false");
    expect(closed().on({ type: "release", tap: false }, { type: "mic", mic: "on" }).did()).toEqual(["open-mic", "listen"]);
  });

  it("has no follow-ups", () => {
    const talk = new Talk("push").on({ type: "press" }, { type: "release", tap: false }).heard("Hi");
    talk.means(asks("Hi")).answered().sounds("sound-ended");
    expect(talk.state.following).toBe(false);
  });
});

describe("always listening", () => {
  it("takes down whatever is said while nothing else goes on", () => {
    const talk = new Talk("always").on({ type: "voice-began" });
    expect(talk.did()).toEqual(["capture false false", "transcribe 1"]);
    talk.on({ type: "voice-ended", silent: false }).heard("");
    expect(talk.state.phase).toBe("idle");
  });
});

describe("the microphone", () => {
  it("refused, unplugged or taken ends the turn with one sound, and nothing is tried again", () => {
    for (const mic of ["refused", "unplugged", "other-tab", "missing", "busy"] as const) {
      const talk = new Talk().on({ type: "woke", own: false });
      talk.did();
      talk.on({ type: "mic", mic });
      expect(talk.did()).toEqual(["cancel-transcribe", "listen", "sound error"]);
      expect(presenceOf(talk.state)).toBe("problem");
      talk.on({ type: "woke", own: false }, { type: "voice-began" });
      expect(talk.did()).toEqual([]);
    }
  });

  it("muted in the middle of a question drops it", () => {
    const talk = new Talk().on({ type: "woke", own: false });
    talk.did();
    talk.on({ type: "mute", muted: true });
    expect(talk.did()).toEqual(["cancel-transcribe", "listen"]);
    expect(presenceOf(talk.state)).toBe("muted");
  });
});

describe("a typed question", () => {
  it("is not answered aloud unless that was chosen", () => {
    const quiet = new Talk().on({ type: "typed", aloud: false }, { type: "answer-began", turn: 1 });
    expect(quiet.did()).toEqual([]);
    const aloud = new Talk().on({ type: "typed", aloud: true }, { type: "answer-began", turn: 1 });
    expect(aloud.did()).toEqual(["speak-answer"]);
    aloud.sounds("sound-began").sounds("sound-ended");
    expect(aloud.state.following).toBe(false);
  });

  it("ends what is being said", () => {
    expect(new Talk().untilSpeaking().on({ type: "typed", aloud: false }).did()).toEqual(["silence"]);
  });
});

describe("dismissing", () => {
  it("works in every phase, and leaves nothing behind", () => {
    const phases: [string, Talk][] = [
      ["hearing", new Talk().on({ type: "woke", own: false })],
      ["reading", new Talk().on({ type: "woke", own: false }, { type: "voice-ended", silent: false })],
      ["speaking", new Talk().untilSpeaking()],
    ];
    for (const [phase, talk] of phases) {
      expect(talk.state.phase).toBe(phase);
      talk.on({ type: "dismiss" });
      expect(talk.state.phase).toBe("idle");
    }
  });
});

describe("whatever happens, in whatever order,", () => {
  it("no turn gets stuck: dismissing always leads back to rest, and nothing is spoken over a listening ear", () => {
    let seed = 7;
    const random = (below: number) => (seed = (seed * 48271) % 2147483647) % below;
    for (let run = 0; run < 100; run += 1) {
      const talk = new Talk((["push", "wake", "always"] as const)[run % 3]);
      for (let count = 0; count < 60; count += 1) {
        const turn = talk.state.turn - (random(5) === 0 ? 1 : 0);
        const speech = talk.state.speech - (random(5) === 0 ? 1 : 0);
        const events: VoiceEvent[] = [
          { type: "woke", own: random(4) === 0 }, { type: "voice-began" }, { type: "voice-faded" },
          { type: "voice-ended", silent: random(3) === 0 }, { type: "press" }, { type: "release", tap: random(2) === 0 },
          { type: "partial", turn, text: "a" }, { type: "heard", turn, text: random(3) ? "a" : "", sure: random(3) > 0, own: false },
          { type: "deaf", turn, why: "x" }, { type: "edit" }, { type: "confirm", text: "b" }, { type: "choose", index: random(3) },
          { type: "meant", turn, meaning: random(2) ? asks("a") : controls("stop") },
          { type: "meant", turn, meaning: { kind: "unsure", choices: [{ label: "a", meaning: asks("a") }] } },
          { type: "typed", aloud: random(2) === 0 }, { type: "answer-began", turn }, { type: "answer-ended", turn },
          { type: "answer-ended", turn, failed: "no" }, { type: "sound-began", speech }, { type: "sound-ended", speech },
          { type: "speech-failed", speech }, { type: "mic", mic: random(3) ? "on" : "unplugged" }, { type: "mute", muted: random(2) === 0 },
          { type: "timer", timer: (["barge", "confirm", "choice", "follow", "words", "resolve"] as const)[random(6)] ?? "barge" },
          { type: "control", control: (["stop", "cancel", "repeat", "louder", "faster", "goodbye", "continue"] as const)[random(7)] ?? "stop" },
        ];
        const before = talk.state;
        talk.on(events[random(events.length)] ?? { type: "dismiss" });
        const done = talk.did();
        const broken =
          (talk.state.phase === "hearing" && done.some((what) => what.startsWith("speak-") || what.startsWith("say "))) ||
          (before.phase === "speaking" && talk.state.phase === "hearing" && !done.includes("silence")) ||
          (before.phase === "hearing" && talk.state.turn !== before.turn && !done.includes("cancel-transcribe"));
        if (broken) expect.fail(`run ${run}: ${JSON.stringify(before)} -> ${JSON.stringify(talk.state)}: ${done.join(", ")}`);
      }
      talk.on({ type: "mic", mic: "off" }, { type: "dismiss" }, { type: "dismiss" });
      expect(talk.state).toMatchObject({ phase: "idle", choices: [], words: "" });
    }
  });
});
