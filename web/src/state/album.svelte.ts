/** The pictures that go with the next question, typed or spoken. */

import { shownPicture, type ShownPicture } from "../lib/shown_picture";

/** Most pictures of one question. */
export const PICTURES_MAX = 4;

/** What became of files that were to be shown. */
export interface Added {
  /** How many could not be read as pictures. */
  unreadable: number;
  /** How many were one too many. */
  left: number;
}

export class Album {
  pictures = $state.raw<readonly ShownPicture[]>([]);
  /** How many are being made ready. */
  busy = $state(0);

  async add(files: readonly Blob[]): Promise<Added> {
    const added: Added = { unreadable: 0, left: 0 };
    for (const file of files) {
      if (this.pictures.length >= PICTURES_MAX) {
        added.left += 1;
        continue;
      }
      this.busy += 1;
      try {
        const picture = await shownPicture(file);
        this.pictures = [...this.pictures, picture].slice(0, PICTURES_MAX);
      } catch {
        added.unreadable += 1;
      } finally {
        this.busy -= 1;
      }
    }
    return added;
  }

  remove(picture: ShownPicture): void {
    this.pictures = this.pictures.filter((other) => other !== picture);
  }

  /** All of them, for a question that is asked now. */
  take(): readonly ShownPicture[] {
    const taken = this.pictures;
    this.pictures = [];
    return taken;
  }
}
