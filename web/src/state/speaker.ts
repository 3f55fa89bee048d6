/** Plays the realm's voice through Web Audio: gapless, ducked or stopped at once, and it knows what was heard of it. */

import { DUCK_GAIN, DUCK_S, PLAY_S_MAX } from "../lib/defaults";
import { gather, place, SPEECH_RATE, type Playlist } from "../lib/voice/playlist";
import { SampleReader } from "../lib/voice/pcm";
import { clauseAt, emptyScript, spokenUntil, withClause, withSound, type Script } from "../lib/voice/script";

/** What happens to one speech. */
export interface SpeechHooks {
  began(): void;
  ended(): void;
  failed(): void;
}

interface Piece {
  source: AudioBufferSourceNode;
  /** When it begins, and its place in the speech, both in samples. */
  at: number;
  from: number;
  samples: number;
}

/** How long a speech may wait for a browser that wants a click first. */
const UNLOCK_MS_MAX = 1_500;

export class Speaker {
  #context: AudioContext | undefined;
  #gain: GainNode | undefined;
  #analyser: AnalyserNode | undefined;
  #wave = new Float32Array(512);
  #volume = 1;
  #ducked = false;
  #hooks: SpeechHooks | undefined;
  #script: Script = emptyScript;
  #list: Playlist = { waiting: 0 };
  #reader = new SampleReader();
  #waiting: Float32Array<ArrayBuffer>[] = [];
  #pieces: Piece[] = [];
  #placed = 0;
  #whole = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** To be called in a click or a key press: from then on sound is allowed. */
  unlock(): void {
    void this.#ready()?.resume().catch(() => {});
  }

  /** The context, for short sounds. */
  get context(): AudioContext | undefined {
    return this.#ready();
  }

  get volume(): number {
    return this.#volume;
  }

  set volume(volume: number) {
    this.#volume = volume;
    this.#setGain();
  }

  /** A new speech; the one before it is over. */
  begin(hooks: SpeechHooks): void {
    this.stop();
    const context = this.#ready();
    this.#hooks = hooks;
    if (!context) return this.#fail();
    void context.resume().catch(() => {});
    this.#ducked = false;
    this.#setGain();
  }

  /** Sound of the present speech: 16-bit PCM, cut anywhere. */
  sound(bytes: Uint8Array): void {
    if (!this.#hooks || !this.#context) return;
    const samples = this.#reader.read(bytes);
    if (samples.length === 0) return;
    this.#script = withSound(this.#script, samples.length);
    if (this.#script.samples - this.played > PLAY_S_MAX * SPEECH_RATE) return this.#fail();
    this.#waiting.push(samples);
    this.#schedule(samples.length);
  }

  /** The words of the sound that has come since the clause before. */
  clause(text: string): void {
    if (this.#hooks) this.#script = withClause(this.#script, text);
  }

  /** No more sound comes. */
  end(): void {
    if (!this.#hooks) return;
    this.#whole = true;
    this.#schedule(0);
    if (this.#pieces.length === 0) this.#finish();
  }

  duck(on: boolean): void {
    this.#ducked = on;
    this.#setGain();
  }

  /** Silence at once; gives the words that were heard to their end. */
  stop(): string {
    const spoken = spokenUntil(this.#script, this.played);
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#hooks = undefined;
    for (const { source } of this.#pieces) {
      source.onended = null;
      source.stop();
      source.disconnect();
    }
    this.#pieces = [];
    this.#script = emptyScript;
    this.#list = { waiting: 0 };
    this.#reader = new SampleReader();
    this.#waiting = [];
    this.#placed = 0;
    this.#whole = false;
    return spoken;
  }

  /** Samples of the speech that were played. */
  get played(): number {
    const now = this.#now();
    for (let index = this.#pieces.length - 1; index >= 0; index -= 1) {
      const piece = this.#pieces[index];
      if (piece && piece.at <= now) return piece.from + Math.min(piece.samples, now - piece.at);
    }
    return 0;
  }

  /** The words that are heard now. */
  get caption(): string {
    return this.#hooks ? (clauseAt(this.#script, this.played)?.text.trim() ?? "") : "";
  }

  /** All words of the speech that are known by now. */
  get words(): string {
    return this.#script.clauses.map((clause) => clause.text).join("");
  }

  /** Loudness now, root mean square. */
  get level(): number {
    if (!this.#analyser || !this.#hooks) return 0;
    this.#analyser.getFloatTimeDomainData(this.#wave);
    let sum = 0;
    for (const value of this.#wave) sum += value * value;
    return Math.sqrt(sum / this.#wave.length);
  }

  #schedule(samples: number): void {
    const context = this.#context;
    if (!context) return;
    const [list, ready] = gather(this.#list, samples, this.#now(), this.#whole);
    this.#list = list;
    if (!ready) return;
    const pieces = this.#waiting;
    this.#waiting = [];
    for (const piece of pieces) this.#play(context, piece);
  }

  #play(context: AudioContext, samples: Float32Array<ArrayBuffer>): void {
    const [list, at] = place(this.#list, samples.length, this.#now());
    this.#list = list;
    const buffer = context.createBuffer(1, samples.length, SPEECH_RATE);
    buffer.copyToChannel(samples, 0);
    const source = context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.#gain as GainNode);
    source.start(at / SPEECH_RATE);
    const first = this.#pieces.length === 0;
    const piece = { source, at, from: this.#placed, samples: samples.length };
    this.#placed += samples.length;
    this.#pieces.push(piece);
    source.onended = () => {
      if (this.#whole && this.#pieces.at(-1) === piece) this.#finish();
    };
    if (first) this.#waitForBeginning(context, at);
  }

  /** Tells when the first sample is heard, or that the browser plays nothing. */
  #waitForBeginning(context: AudioContext, at: number): void {
    const deadline = performance.now() + UNLOCK_MS_MAX;
    const look = () => {
      if (!this.#hooks) return;
      if (context.state === "running" && this.#now() >= at) return this.#hooks.began();
      if (context.state !== "running" && performance.now() > deadline) return this.#fail();
      this.#timer = setTimeout(look, 10);
    };
    look();
  }

  #finish(): void {
    const hooks = this.#hooks;
    this.stop();
    hooks?.ended();
  }

  #fail(): void {
    const hooks = this.#hooks;
    this.stop();
    hooks?.failed();
  }

  /** The context's clock, in samples. */
  #now(): number {
    return Math.ceil((this.#context?.currentTime ?? 0) * SPEECH_RATE);
  }

  #setGain(): void {
    const [context, gain] = [this.#context, this.#gain];
    if (!context || !gain) return;
    // Twice as loud for the ear is more than twice the amplitude.
    const level = this.#volume ** 1.6 * (this.#ducked ? DUCK_GAIN : 1);
    gain.gain.cancelScheduledValues(context.currentTime);
    gain.gain.setTargetAtTime(level, context.currentTime, DUCK_S / 3);
  }

  #ready(): AudioContext | undefined {
    if (this.#context) return this.#context;
    try {
      // The realm's own rate: then pieces join without being converted one by one.
      const context = new AudioContext({ sampleRate: SPEECH_RATE, latencyHint: "interactive" });
      this.#gain = context.createGain();
      this.#analyser = context.createAnalyser();
      this.#analyser.fftSize = this.#wave.length;
      this.#gain.connect(this.#analyser).connect(context.destination);
      this.#context = context;
      this.#setGain();
    } catch {
      // A machine without any sound: the words are there to be read.
    }
    return this.#context;
  }
}
