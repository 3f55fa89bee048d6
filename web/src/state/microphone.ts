/**
 * The microphone and the ear at it. One tab at a time has it; what goes wrong is told once and not tried again until
 * somebody asks for it.
 */

import { PRE_ROLL_MS } from "../lib/defaults";
import type {
  BuiltInPhrase, EnrolledPhrase, Listener, ListenMode, SpeechEnd, SpeechStart, Wake,
} from "../lib/listen/types";
import type { Mic } from "../lib/voice/machine";
import { CONSTRAINTS, obstacle, problemOfEar, problemOfError } from "../lib/voice/microphone";

const LOCK = "mtor.microphone";

export interface MicrophoneHooks {
  mic(mic: Mic): void;
  woke(wake: Wake): void;
  voiceBegan(start: SpeechStart): void;
  voiceEnded(end: SpeechEnd): void;
  frame(samples: Int16Array): void;
  level(rms: number): void;
}

export interface EarSettings {
  phrase: BuiltInPhrase | EnrolledPhrase;
  threshold: number | undefined;
}

interface Held {
  stream: MediaStream;
  context: AudioContext;
  listener: Listener;
  /** Gives the lock back. */
  release: () => void;
}

export class Microphone {
  #hooks: MicrophoneHooks;
  #held: Held | undefined;
  #opening = false;
  /** Grows when what is being opened is no longer wanted. */
  #wish = 0;

  constructor(hooks: MicrophoneHooks) {
    this.#hooks = hooks;
  }

  get isOpen(): boolean {
    return this.#held !== undefined;
  }

  /**
   * Opens it. When another tab has it: `ask` says so, `take` takes it, `leave` leaves it there. How it went is told by
   * the hook.
   */
  async open(settings: EarSettings, other: "ask" | "take" | "leave" = "ask"): Promise<void> {
    if (this.#held || this.#opening) return;
    const why = obstacle({
      isSecureContext: globalThis.isSecureContext, mediaDevices: navigator.mediaDevices,
      audioWorklet: "AudioWorkletNode" in globalThis,
    });
    if (why) return this.#hooks.mic(why);
    this.#opening = true;
    const wish = ++this.#wish;
    this.#hooks.mic("opening");
    const failed = (mic: Mic) => {
      if (wish === this.#wish) this.#hooks.mic(mic);
    };
    try {
      const release = await this.#lock(other === "take");
      if (!release) return failed(other === "leave" ? "off" : "other-tab");
      const stream = await navigator.mediaDevices.getUserMedia(CONSTRAINTS).catch((error: unknown) => {
        release();
        failed(problemOfError(error));
      });
      if (!stream) return;
      const held = await this.#attach(stream, settings, release).catch((error: unknown) => {
        console.warn("the ear could not be opened:", error);
        release();
        failed(problemOfEar(error));
      });
      if (held && wish !== this.#wish) return this.#drop(held);
      this.#held = held || undefined;
      if (held) this.#hooks.mic("on");
    } finally {
      this.#opening = false;
    }
  }

  /** Gives it back. */
  close(mic: Mic = "off"): void {
    this.#wish += 1;
    const held = this.#held;
    this.#held = undefined;
    if (held) this.#drop(held);
    if (held || this.#opening) this.#hooks.mic(mic);
  }

  /** Waits for the wake word, or rests. */
  rest(mode: Exclude<ListenMode, "capture">): void {
    this.#held?.listener.setMode(mode);
  }

  capture(hold: boolean, again: boolean): void {
    this.#held?.listener.setMode("capture", { hold, preRollMs: again ? 0 : PRE_ROLL_MS });
  }

  mute(muted: boolean): void {
    for (const track of this.#held?.stream.getAudioTracks() ?? []) track.enabled = !muted;
  }

  set(settings: EarSettings): void {
    this.#held?.listener.setPhrase(settings.phrase);
    if (settings.threshold !== undefined) this.#held?.listener.setThreshold(settings.threshold);
  }

  get listener(): Listener | undefined {
    return this.#held?.listener;
  }

  async #attach(stream: MediaStream, settings: EarSettings, release: () => void): Promise<Held> {
    const context = new AudioContext();
    try {
      // The ear is a part of its own, fetched when it is needed first.
      const { createListener } = await import("../lib/listen");
      void context.resume().catch(() => {});
      const listener = await createListener({
        context, stream, phrase: settings.phrase, threshold: settings.threshold,
        onLevel: (rms) => this.#hooks.level(rms),
        onWake: (wake) => this.#hooks.woke(wake),
        onSpeechStart: (start) => this.#hooks.voiceBegan(start),
        onSpeechEnd: (end) => this.#hooks.voiceEnded(end),
        onFrame: (samples) => this.#hooks.frame(samples),
        onError: (problem) => {
          console.warn(`the ear: ${problem.kind}: ${problem.detail}`);
          if (problem.kind === "ended") this.close("unplugged");
          else if (problem.kind !== "overrun") this.close("broken");
        },
      });
      for (const track of stream.getAudioTracks()) track.addEventListener("ended", () => this.close("unplugged"));
      return { stream, context, listener, release };
    } catch (error) {
      for (const track of stream.getTracks()) track.stop();
      void context.close();
      throw error;
    }
  }

  #drop({ stream, context, listener, release }: Held): void {
    listener.close();
    for (const track of stream.getTracks()) track.stop();
    void context.close();
    release();
  }

  /** The right to the microphone among this browser's tabs; gives what ends it, or nothing when another tab has it. */
  #lock(take: boolean): Promise<(() => void) | undefined> {
    return new Promise((resolve) => {
      if (!navigator.locks) return resolve(() => {});
      const held = (lock: Lock | null) => {
        if (!lock) return resolve(undefined);
        return new Promise<void>((release) => resolve(release));
      };
      // Rejected when another tab takes it away.
      navigator.locks.request(LOCK, take ? { steal: true } : { ifAvailable: true }, held).catch(() => this.close("other-tab"));
    });
  }
}
