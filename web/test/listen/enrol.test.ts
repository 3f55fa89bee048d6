import { beforeAll, describe, expect, it } from "vitest";
import { enrol } from "../../src/lib/listen/enrol";
import { Ear, joined, type EarEvents } from "../../src/lib/listen/ear";
import type { Models } from "../../src/lib/listen/models";
import type { EnrolledPhrase, PhraseSample, Wake } from "../../src/lib/listen/types";
import { noise, type Recording, realModels, said, silence } from "./recordings";

/** Hears recordings one after the other with a second of hiss round each, first as sayings, then for a wake. */
class Listening {
  readonly wakes: Wake[] = [];
  readonly ear: Ear;
  #sample: PhraseSample | null = null;
  #atMs = 0;

  constructor(models: Models, readonly rate: number) {
    const quiet = () => undefined;
    const events: EarEvents = {
      level: quiet, speechStart: quiet, speechEnd: quiet, frame: quiet,
      sample: (outcome) => {
        this.#sample = outcome.kind === "heard" ? outcome.sample : null;
      },
      wake: (wake) => {
        this.wakes.push(wake);
        this.ear.setMode("wake");
      },
    };
    this.ear = new Ear(models, rate, events);
    this.ear.setMode("wake");
  }

  async hear(recording: Recording): Promise<void> {
    const room = silence(1, this.rate);
    const sound = joined([room, recording.samples, room]);
    const hiss = noise(sound.length / 16_000, 0.001);
    for (let at = 0; at < sound.length; at += 441) {
      const block = sound.slice(at, at + 441).map((sample, index) => sample * 0.7 + hiss[at + index]!);
      this.#atMs += (block.length * 1_000) / this.rate;
      await this.ear.push(block, this.#atMs);
    }
  }

  async sample(recording: Recording): Promise<PhraseSample> {
    this.ear.recordSample(5_000);
    await this.hear(recording);
    if (this.#sample === null) throw new Error("the saying was not heard");
    return this.#sample;
  }
}

const installed = said("test") !== null;
/** Some seconds of work; a busy machine may take its time. */
const DEADLINE_MS = 600_000;

describe.skipIf(!installed)("a phrase of one's own", () => {
  let models: Models;
  let phrase: EnrolledPhrase;
  let samples: PhraseSample[];
  const say = (text: string, pitch = 50, speed = 160): Recording => said(text, "en-us", pitch, speed)!;

  beforeAll(async () => {
    models = await realModels();
    const listening = new Listening(models, 22_050);
    samples = [
      await listening.sample(say("hey realm", 48, 155)),
      await listening.sample(say("hey realm", 52, 165)),
      await listening.sample(say("hey realm", 50, 145)),
    ];
    phrase = enrol("mine", "hey realm", samples);
  }, DEADLINE_MS);

  async function wakesAt(...recordings: Recording[]): Promise<Wake[]> {
    const listening = new Listening(models, 22_050);
    listening.ear.setPhrase(phrase);
    for (const recording of recordings) await listening.hear(recording);
    return listening.wakes;
  }

  it("is heard again, said a little otherwise", async () => {
    for (const again of [say("hey realm", 55, 150), say("hey realm", 45, 170)]) {
      const wakes = await wakesAt(again);
      expect(wakes).toHaveLength(1);
      expect(wakes[0]).toMatchObject({ phrase: "mine" });
    }
  }, DEADLINE_MS);

  it("is not heard in other words", async () => {
    const others = ["play the film", "hello world", "hey"];
    expect(await wakesAt(...others.map((text) => say(text)))).toEqual([]);
  }, DEADLINE_MS);

  it("is plain data, and works as a copy out of a database", async () => {
    phrase = structuredClone(phrase);
    expect(await wakesAt(say("hey realm"))).toHaveLength(1);
  }, DEADLINE_MS);

  it("wants three sayings of the same words", async () => {
    expect(() => enrol("mine", "hey realm", samples.slice(0, 2))).toThrow(/3 to 8 sayings/);
    const other = await new Listening(models, 22_050).sample(say("good morning everybody"));
    expect(() => enrol("mine", "hey realm", [samples[0]!, samples[1]!, other])).toThrow(/saying 3 is not like the others/);
  }, DEADLINE_MS);
});
