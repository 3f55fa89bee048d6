/**
 * A picture that somebody shows, made fit to be sent: the right way up, no larger than is looked at, and without anything
 * that a camera writes beside the pixels, such as where it was taken. That comes of drawing it anew.
 */

import { hex, sha256 } from "./bytes";

export interface ShownPicture {
  bytes: Uint8Array<ArrayBuffer>;
  /** SHA-256 over the bytes, hexadecimal. */
  sha256: string;
  /** A small copy, as a data address. */
  small: string;
  width: number;
  height: number;
}

/** Longest side of what is sent, in pixels. */
export const SIDE_MAX = 2048;
/** Longest side of the small copy, in pixels. */
const SMALL_SIDE = 320;
/** Drawings of at most so many bytes are sent without loss. */
const LOSSLESS_BYTES_MAX = 1_500_000;

/** Nothing that this browser can show as a picture: a HEIC file outside of Safari, or no picture at all. */
export class NoPicture extends Error {}

export async function shownPicture(file: Blob): Promise<ShownPicture> {
  const drawn = await createImageBitmap(file, { imageOrientation: "from-image" }).catch(() => {
    throw new NoPicture(file.type);
  });
  try {
    const { width, height } = within(drawn.width, drawn.height, SIDE_MAX);
    const sent = await bytesOf(drawn, width, height, file.type);
    return { bytes: sent, sha256: hex(await sha256(sent)), small: smallCopy(drawn), width, height };
  } finally {
    drawn.close();
  }
}

/** The largest size of the same shape whose longer side is at most so long. */
export function within(width: number, height: number, side: number): { width: number; height: number } {
  const scale = Math.min(1, side / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

async function bytesOf(drawn: ImageBitmap, width: number, height: number, type: string): Promise<Uint8Array<ArrayBuffer>> {
  const canvas = draw(drawn, width, height);
  const as = (format: string, quality?: number) =>
    new Promise<Blob>((resolve, reject) => {
      canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new NoPicture(type))), format, quality);
    });
  // Photos come as JPEG. All else, such as a picture of a screen, has edges that JPEG would blur.
  const lossless = type === "image/jpeg" ? undefined : await as("image/png");
  const blob = lossless && lossless.size <= LOSSLESS_BYTES_MAX ? lossless : await as("image/jpeg", 0.9);
  return new Uint8Array(await blob.arrayBuffer());
}

function smallCopy(drawn: ImageBitmap): string {
  const { width, height } = within(drawn.width, drawn.height, SMALL_SIDE);
  return draw(drawn, width, height).toDataURL("image/jpeg", 0.8);
}

function draw(drawn: ImageBitmap, width: number, height: number): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  if (!context) throw new NoPicture("");
  // What shines through is white, as on paper.
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(drawn, 0, 0, width, height);
  return canvas;
}
