/** Short messages at the edge of the page. */

import { NOTICE_MS } from "../lib/defaults";

export interface Notice {
  key: number;
  text: string;
  tone: "good" | "bad";
}

const NOTICES_MAX = 4;

class Notices {
  list = $state.raw<Notice[]>([]);
  #key = 0;

  say(text: string, tone: Notice["tone"] = "good"): void {
    const notice = { key: ++this.#key, text, tone };
    this.list = [...this.list, notice].slice(-NOTICES_MAX);
    setTimeout(() => this.close(notice.key), NOTICE_MS);
  }

  close(key: number): void {
    this.list = this.list.filter((notice) => notice.key !== key);
  }
}

export const notices = new Notices();
