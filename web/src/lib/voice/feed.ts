/** Gives a growing text away piece by piece, each small enough for a frame. */

import { utf8, utf8Prefix } from "../bytes";
import { SPEAK_FRAME_BYTES_MAX } from "../defaults";

export class Feed {
  #given = 0;

  /** What is new in the text, as pieces of UTF-8. A text that became shorter has nothing new. */
  pieces(text: string): Uint8Array<ArrayBuffer>[] {
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    let left = text.slice(this.#given);
    this.#given = Math.max(this.#given, text.length);
    while (left) {
      const piece = utf8Prefix(left, SPEAK_FRAME_BYTES_MAX);
      pieces.push(utf8(piece));
      left = left.slice(piece.length);
    }
    return pieces;
  }
}
