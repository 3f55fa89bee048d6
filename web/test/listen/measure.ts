/**
 * Misses and false wakes of the ear over recordings, by the very code that runs in the page.
 *
 *     npm run wake:measure -- FOLDER [--threshold 0.5] [--snr 10] [--json]
 *
 * FOLDER/with holds WAV files in each of which the word is said once, FOLDER/without files without it; one of them may be
 * missing. With --snr, noise is laid under every file, so many dB below its loud parts.
 */

import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Ear, type EarEvents } from "../../src/lib/listen/ear";
import { SAMPLE_RATE } from "../../src/lib/listen/limits";
import type { Models } from "../../src/lib/listen/models";
import { rms } from "../../src/lib/listen/resample";
import type { Wake } from "../../src/lib/listen/types";
import { noise, readWav, realModels, type Recording } from "./recordings";

const USAGE = "usage: npm run wake:measure -- FOLDER [--threshold N] [--snr DB] [--json], FOLDER with folders with/ and without/";
/** Before and after each file: room for the detector to be sure. */
const LEAD_S = 1;
const TAIL_S = 1.2;

export interface Measured {
  threshold?: number;
  snr?: number;
  with?: { files: number; misses: number; missRate: number; missed: string[]; repeated: string[] };
  without?: { files: number; hours: number; wakes: number; wakesPerHour: number; woken: { file: string; atS: number; score: number }[] };
  /** Seconds of CPU for each second of sound. */
  realTimeFactor: number;
}

export async function main(args: string[]): Promise<number> {
  const options = { threshold: { type: "string" }, snr: { type: "string" }, json: { type: "boolean" } } as const;
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
  const folder = positionals[0];
  if (folder === undefined || positionals.length > 1) {
    console.error(USAGE);
    return 2;
  }
  const [withFolder, withoutFolder] = [join(folder, "with"), join(folder, "without")];
  if (!existsSync(withFolder) && !existsSync(withoutFolder)) {
    console.error(`${folder} has neither a folder with/ nor without/\n${USAGE}`);
    return 2;
  }
  const number = (value: string | undefined) => (value === undefined ? undefined : Number(value));
  const measured = await measure(withFolder, withoutFolder, number(values.threshold), number(values.snr));
  console.log(values.json ? JSON.stringify(measured, null, 1) : words(measured));
  return 0;
}

async function measure(withFolder: string, withoutFolder: string, threshold?: number, snr?: number): Promise<Measured> {
  const models = await realModels();
  const begun = process.cpuUsage();
  let seconds = 0;
  const hear = async (file: string): Promise<Wake[]> => {
    const recording = readWav(file);
    seconds += recording.samples.length / recording.rate + LEAD_S + TAIL_S;
    return wakesIn(models, recording, threshold, snr);
  };
  const measured: Measured = { threshold, snr, realTimeFactor: 0 };
  if (existsSync(withFolder)) {
    const files = wavFiles(withFolder);
    const heard: number[] = [];
    for (const file of files) heard.push((await hear(file)).length);
    const missed = files.filter((_, index) => heard[index] === 0);
    const repeated = files.filter((_, index) => heard[index]! > 1);
    measured.with = { files: files.length, misses: missed.length, missRate: missed.length / files.length, missed, repeated };
  }
  if (existsSync(withoutFolder)) {
    const files = wavFiles(withoutFolder);
    const woken: { file: string; atS: number; score: number }[] = [];
    const before = seconds;
    for (const file of files) {
      for (const wake of await hear(file)) woken.push({ file, atS: wake.atMs / 1_000 - LEAD_S, score: wake.score });
    }
    // The silence that was added is no time in which somebody spoke.
    const hours = (seconds - before - files.length * (LEAD_S + TAIL_S)) / 3_600;
    measured.without = { files: files.length, hours, wakes: woken.length, wakesPerHour: woken.length / hours, woken };
  }
  const used = process.cpuUsage(begun);
  measured.realTimeFactor = (used.user + used.system) / 1e6 / seconds;
  return measured;
}

/** The wakes in one recording, heard through the microphone's rate of the recording. */
export async function wakesIn(models: Models, recording: Recording, threshold?: number, snr?: number): Promise<Wake[]> {
  const { rate } = recording;
  const wakes: Wake[] = [];
  const quiet = () => undefined;
  const events: EarEvents = {
    level: quiet, speechStart: quiet, speechEnd: quiet, frame: quiet, sample: quiet,
    wake: (wake) => {
      wakes.push(wake);
      ear.setMode("wake");
    },
  };
  const ear = new Ear(models, rate, events);
  if (threshold !== undefined) ear.setThreshold(threshold);
  ear.setMode("wake");
  const sound = new Float32Array(recording.samples.length + Math.round((LEAD_S + TAIL_S) * rate));
  sound.set(recording.samples, Math.round(LEAD_S * rate));
  if (snr !== undefined) disturb(sound, snr, rate);
  const block = Math.round(rate * 0.02);
  for (let at = 0; at < sound.length; at += block) {
    await ear.push(sound.subarray(at, at + block), ((at + block) * 1_000) / rate);
  }
  return wakes;
}

/** White noise, made at 16 kHz and repeated for other rates by stretching: its power in the band of speech is what counts. */
function disturb(sound: Float32Array, snr: number, rate: number): void {
  const peak = sound.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  const loud = sound.filter((sample) => Math.abs(sample) > 0.1 * peak);
  const hiss = noise(sound.length / rate, 1, 11);
  const scale = rms(loud) / rms(hiss) / 10 ** (snr / 20);
  for (let index = 0; index < sound.length; index++) {
    sound[index]! += hiss[Math.floor((index * SAMPLE_RATE) / rate)]! * scale;
  }
}

function wavFiles(folder: string): string[] {
  const entries = readdirSync(folder).sort().map((name) => join(folder, name));
  return entries.flatMap((path) => (statSync(path).isDirectory() ? wavFiles(path) : path.endsWith(".wav") ? [path] : []));
}

function words(measured: Measured): string {
  const lines = [];
  if (measured.with) {
    const { files, misses, missRate, missed } = measured.with;
    lines.push(`with the word: ${misses} of ${files} missed (${(100 * missRate).toFixed(1)} %)`, ...missed.map((file) => `  missed ${file}`));
  }
  if (measured.without) {
    const { files, hours, wakes, wakesPerHour, woken } = measured.without;
    lines.push(`without it: ${wakes} false wakes in ${hours.toFixed(3)} h of ${files} files (${wakesPerHour.toFixed(2)} per hour)`);
    lines.push(...woken.map(({ file, atS, score }) => `  woken by ${file} at ${atS.toFixed(1)} s, score ${score.toFixed(2)}`));
  }
  lines.push(`CPU: ${measured.realTimeFactor.toFixed(3)} s for each second of sound`);
  return lines.join("\n");
}
