/** Short sounds, made here: it woke, it has heard, something went wrong. */

export type Sound = "woke" | "heard" | "error";

/** Tones of each: when, how high, how long; in seconds and hertz. */
const TONES: Record<Sound, readonly (readonly [at: number, hertz: number, seconds: number])[]> = {
  woke: [[0, 587.3, 0.09], [0.07, 880, 0.13]],
  heard: [[0, 784, 0.07]],
  error: [[0, 330, 0.12], [0.12, 247, 0.2]],
};
const LOUD = 0.09;

export function playSound(context: AudioContext, sound: Sound, volume: number): void {
  if (context.state !== "running") return;
  for (const [at, hertz, seconds] of TONES[sound]) {
    const begin = context.currentTime + at;
    const tone = context.createOscillator();
    const gain = context.createGain();
    tone.type = "sine";
    tone.frequency.value = hertz;
    gain.gain.setValueAtTime(0, begin);
    gain.gain.linearRampToValueAtTime(LOUD * volume, begin + 0.012);
    gain.gain.exponentialRampToValueAtTime(0.0001, begin + seconds);
    tone.connect(gain).connect(context.destination);
    tone.start(begin);
    tone.stop(begin + seconds);
  }
}
