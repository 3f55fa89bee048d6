// A person with a voice and ears: a microphone that says what the scenario wants, and a recorder at the loudspeaker. Both
// are put under the page before it runs; the page knows nothing of them.
//
// The test makes and judges the sound, by these cues:
//
//   record FILE SECONDS WORDS   writes a WAV file: so many seconds of silence, then the words, then some silence
//   hear FILE WORDS             transcribes a WAV file; it must have the words in it

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ARGUMENTS, cue, eventually, open, profile, url } from "./person.mjs";

/** The rate of the realm's voice. */
const RATE = 24_000;
/** Samples that the recorder takes at a time. */
const BLOCK = 512;
/** Quieter than this is silence. */
const QUIET = 0.002;

/** A file beside the browser's profile. */
export const file = (name) => join(profile, name);

/** Has the test speak words into a file; `silence` seconds first. */
export async function recorded(name, words, silence = 0) {
  const path = file(`${name}.wav`);
  await cue(`record ${path} ${silence} ${words}`);
  return path;
}

/** A browser whose microphone is a file, played once, as a real device would be. */
export function withMicrophone(path) {
  return {
    args: [
      ...ARGUMENTS, "--autoplay-policy=no-user-gesture-required", "--use-fake-device-for-media-stream",
      "--use-fake-ui-for-media-stream", `--use-file-for-fake-audio-capture=${path}%noloop`,
    ],
  };
}

/** A browser whose microphone is in the scenario's hand: see `Talker.say`. */
export const withHand = {
  args: [
    ...ARGUMENTS, "--autoplay-policy=no-user-gesture-required", "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
  ],
};

/** Opens the page with a recorder at its loudspeaker; `hand`: with a microphone in the scenario's hand. */
export async function talk(options, hand = false) {
  // No machine of tests has a graphics card: what moves would take the processor from those who listen and speak.
  const person = await open({ ...options, reducedMotion: "reduce" }, "about:blank");
  const talker = new Talker(person);
  await person.page.addInitScript(listenAtTheLoudspeaker, { RATE, BLOCK });
  if (hand) await person.page.addInitScript(holdTheMicrophone);
  await person.page.goto(url);
  await person.connected();
  return talker;
}

export class Talker {
  constructor(person) {
    this.person = person;
    this.page = person.page;
  }

  /** Turns the microphone on and waits until the page listens. */
  async turnOn() {
    await this.person.part("mic").click();
    await this.person.inState("mic", "on");
  }

  /** Says what is in a WAV file into the microphone; gives when it began, by the page's clock. */
  async say(path) {
    return this.page.evaluate((bytes) => window.testMicrophone.say(bytes), readFileSync(path).toString("base64"));
  }

  async phase() {
    return this.person.part("voice").getAttribute("data-phase");
  }

  /** Waits until the conversation is in a phase. */
  async inPhase(...phases) {
    await eventually(`the voice is ${phases.join(" or ")}`, async () => phases.includes(await this.phase()));
  }

  /** The questions of this conversation as the page understood them. */
  async questions() {
    return this.page.locator(".question h2").allInnerTexts();
  }

  /** The last one of them. */
  async question() {
    return (await this.questions()).at(-1)?.trim() ?? "";
  }

  /** Waits until the realm has said everything, and is quiet. */
  async untilQuiet() {
    await this.inPhase("idle");
  }

  /** Forgets what was heard at the loudspeaker so far. */
  async forget() {
    await this.page.evaluate(() => window.testLoudspeaker.forget());
  }

  /** Saves what was heard at the loudspeaker as a WAV file, and gives how many seconds of it were not silent. */
  async save(name) {
    const text = await this.page.evaluate(() => window.testLoudspeaker.samples());
    const samples = Buffer.from(text, "base64");
    const path = file(`${name}.wav`);
    writeFileSync(path, Buffer.concat([wavHeader(samples.length), samples]));
    let loud = 0;
    for (let at = 0; at + BLOCK * 2 <= samples.length; at += BLOCK * 2) {
      for (let place = at; place < at + BLOCK * 2; place += 2) {
        if (Math.abs(samples.readInt16LE(place)) > QUIET * 32768) {
          loud += 1;
          break;
        }
      }
    }
    return { path, seconds: (loud * BLOCK) / RATE };
  }

  /** Asserts that words are in what was heard at the loudspeaker. */
  async hears(name, words) {
    const { path, seconds } = await this.save(name);
    assert.ok(seconds > 0.2, `there was sound: ${seconds} s`);
    await cue(`hear ${path} ${words}`);
  }

  /** When it last became quiet at the loudspeaker, by the page's clock. */
  async quietSince() {
    return this.page.evaluate((quiet) => window.testLoudspeaker.quietSince(quiet), QUIET);
  }

  async close() {
    await this.person.close();
  }
}

function wavHeader(bytes) {
  const header = Buffer.alloc(44);
  header.write("RIFF", 0);
  header.writeUInt32LE(36 + bytes, 4);
  header.write("WAVEfmt ", 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(RATE, 24);
  header.writeUInt32LE(RATE * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write("data", 36);
  header.writeUInt32LE(bytes, 40);
  return header;
}

// --- What runs in the page --------------------------------------------------------------------------------------------

/** The voice, which comes to the loudspeaker through its level meter, is recorded as well; the short tones are not. */
function listenAtTheLoudspeaker({ RATE, BLOCK }) {
  const blocks = [];
  const taps = new WeakMap();
  const connect = AudioNode.prototype.connect;
  const tapOf = (context) => {
    let tap = taps.get(context);
    if (!tap) {
      tap = context.createScriptProcessor(BLOCK, 1, 1);
      tap.onaudioprocess = ({ inputBuffer }) => {
        const samples = inputBuffer.getChannelData(0).slice();
        const loudest = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
        // Silence before the first sound is of no interest.
        if (blocks.length > 0 || loudest > 0) blocks.push({ samples, loudest, at: performance.now() });
      };
      connect.call(tap, context.destination);
      taps.set(context, tap);
    }
    return tap;
  };
  AudioNode.prototype.connect = function (target, ...rest) {
    const isVoice = this instanceof AnalyserNode && target instanceof AudioDestinationNode;
    if (isVoice && this.context.sampleRate === RATE) connect.call(this, tapOf(this.context));
    return connect.call(this, target, ...rest);
  };
  window.testLoudspeaker = {
    forget: () => blocks.splice(0),
    samples() {
      const bytes = new Uint8Array(blocks.length * BLOCK * 2);
      const view = new DataView(bytes.buffer);
      blocks.forEach(({ samples }, index) => {
        samples.forEach((sample, place) => {
          view.setInt16((index * BLOCK + place) * 2, Math.max(-1, Math.min(1, sample)) * 32767, true);
        });
      });
      let text = "";
      for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
      return btoa(text);
    },
    quietSince(quiet) {
      for (let index = blocks.length - 1; index >= 0; index -= 1) {
        if (blocks[index].loudest > quiet) return blocks[index].at;
      }
      return 0;
    },
  };
}

/** The microphone says what the scenario gives it, and is silent otherwise. */
function holdTheMicrophone() {
  let stage;
  let given;
  const ready = () => {
    if (!stage) {
      const context = new AudioContext();
      stage = { context, out: context.createMediaStreamDestination() };
    }
    return stage;
  };
  navigator.mediaDevices.getUserMedia = async () => {
    const { context, out } = ready();
    await context.resume();
    given = out.stream.clone();
    return given;
  };
  window.testMicrophone = {
    /** The device is pulled out. */
    unplug() {
      for (const track of given?.getTracks() ?? []) {
        track.stop();
        track.dispatchEvent(new Event("ended"));
      }
    },
    async say(base64) {
      const { context, out } = ready();
      const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      const source = context.createBufferSource();
      source.buffer = await context.decodeAudioData(bytes.buffer);
      source.connect(out);
      // When the first sound of it is heard, by the page's clock.
      const samples = source.buffer.getChannelData(0);
      const first = samples.findIndex((sample) => Math.abs(sample) > 0.02) / source.buffer.sampleRate;
      const began = performance.now() + first * 1000;
      source.start();
      await new Promise((resolve) => (source.onended = resolve));
      return began;
    },
  };
}
