/** The networks of the ear, run by ONNX Runtime on one thread. Where their bytes come from is the caller's matter. */

import * as ort from "onnxruntime-web/wasm";
import { EMBEDDING_ROWS, EMBEDDING_SIZE, FRAME_SAMPLES, HEAD_EMBEDDINGS, SAMPLE_RATE } from "./limits";
import { MEL_BANDS } from "./mel";

const VOICE_STATE = 2 * 128;
/** Samples of the frame before that Silero wants to see again. */
const VOICE_CONTEXT = 64;

/** The bytes of every file that the ear needs. */
export interface ModelFiles {
  /** ort-wasm-simd-threaded.wasm */
  runtime: ArrayBuffer;
  voice: ArrayBuffer;
  embedding: ArrayBuffer;
  heads: Record<string, ArrayBuffer>;
}

/** What the networks answer; an interface, so that tests of the logic above need none of them. */
export interface Models {
  /** A new listener for voices, with a memory of its own. */
  voice(): VoiceModel;
  /** `count` windows of EMBEDDING_ROWS x MEL_BANDS -> `count` rows of EMBEDDING_SIZE. */
  embed(windows: Float32Array, count: number): Promise<Float32Array>;
  /** HEAD_EMBEDDINGS rows -> 0 to 1. */
  head(phrase: string, embeddings: Float32Array): Promise<number>;
  readonly phrases: readonly string[];
  close(): Promise<void>;
}

export interface VoiceModel {
  /** The probability that these 32 ms hold a voice. */
  probability(frame: Float32Array): Promise<number>;
}

export async function loadModels(files: ModelFiles): Promise<Models> {
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.proxy = false;
  ort.env.wasm.wasmBinary = files.runtime;
  ort.env.logLevel = "error";
  const session = (bytes: ArrayBuffer): Promise<ort.InferenceSession> =>
    ort.InferenceSession.create(new Uint8Array(bytes), { executionProviders: ["wasm"], graphOptimizationLevel: "all" });
  const voice = await session(files.voice);
  const embedding = await session(files.embedding);
  const heads = new Map<string, ort.InferenceSession>();
  for (const [phrase, bytes] of Object.entries(files.heads)) heads.set(phrase, await session(bytes));
  return new OrtModels(voice, embedding, heads);
}

class OrtModels implements Models {
  readonly #voice: ort.InferenceSession;
  readonly #embedding: ort.InferenceSession;
  readonly #heads: Map<string, ort.InferenceSession>;

  constructor(voice: ort.InferenceSession, embedding: ort.InferenceSession, heads: Map<string, ort.InferenceSession>) {
    this.#voice = voice;
    this.#embedding = embedding;
    this.#heads = heads;
  }

  get phrases(): readonly string[] {
    return [...this.#heads.keys()];
  }

  voice(): VoiceModel {
    return new Silero(this.#voice);
  }

  async embed(windows: Float32Array, count: number): Promise<Float32Array> {
    return only(this.#embedding, windows, [count, EMBEDDING_ROWS, MEL_BANDS, 1]);
  }

  async head(phrase: string, embeddings: Float32Array): Promise<number> {
    const head = this.#heads.get(phrase);
    if (head === undefined) throw new Error(`no head for the phrase "${phrase}"; there are: ${this.phrases.join(", ")}`);
    const score = await only(head, embeddings, [1, HEAD_EMBEDDINGS, EMBEDDING_SIZE]);
    return score[0] ?? 0;
  }

  async close(): Promise<void> {
    await Promise.all([this.#voice, this.#embedding, ...this.#heads.values()].map((session) => session.release()));
  }
}

/** Runs a network of one input and one output. */
async function only(session: ort.InferenceSession, input: Float32Array, shape: number[]): Promise<Float32Array> {
  const [inputName, outputName] = [session.inputNames[0] ?? "", session.outputNames[0] ?? ""];
  const outputs = await session.run({ [inputName]: new ort.Tensor("float32", input, shape) });
  return outputs[outputName]?.data as Float32Array;
}

class Silero implements VoiceModel {
  readonly #session: ort.InferenceSession;
  readonly #rate = new ort.Tensor("int64", BigInt64Array.of(BigInt(SAMPLE_RATE)), []);
  #state = new Float32Array(VOICE_STATE);
  readonly #input = new Float32Array(VOICE_CONTEXT + FRAME_SAMPLES);

  constructor(session: ort.InferenceSession) {
    this.#session = session;
  }

  async probability(frame: Float32Array): Promise<number> {
    this.#input.copyWithin(0, FRAME_SAMPLES);
    this.#input.set(frame, VOICE_CONTEXT);
    const outputs = await this.#session.run({
      input: new ort.Tensor("float32", this.#input, [1, this.#input.length]),
      state: new ort.Tensor("float32", this.#state, [2, 1, VOICE_STATE / 2]),
      sr: this.#rate,
    });
    this.#state = Float32Array.from(outputs["stateN"]?.data as Float32Array);
    return (outputs["output"]?.data as Float32Array)[0] ?? 0;
  }
}
