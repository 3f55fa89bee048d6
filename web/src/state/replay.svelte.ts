/** Plays a finished job again from its stored events, at the pace they came in, with long pauses shortened. */

import { applyEvent, isFinal, newAnswer, type Answer } from "../lib/answer";
import { REPLAY_GAP_MS_MAX } from "../lib/defaults";
import type { RealmEvent } from "../lib/event";
import type { Console } from "./console.svelte";

export class Replay {
  answer = $state.raw<Answer | undefined>();
  running = $state(false);
  #console: Console;
  #events: RealmEvent[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #end: (() => void) | undefined;

  constructor(console: Console) {
    this.#console = console;
  }

  start(job: string): void {
    this.stop();
    this.running = true;
    this.answer = { ...newAnswer(job), accepted: true };
    this.#end = this.#console.watchAgain(job, (event) => {
      this.#events.push(event);
      if (this.#timer === undefined) this.#next();
    });
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#end?.();
    this.#end = undefined;
    this.#events = [];
    this.answer = undefined;
    this.running = false;
  }

  #next(): void {
    this.#timer = undefined;
    const event = this.#events.shift();
    if (!event || !this.answer) return;
    this.answer = applyEvent(this.answer, event);
    if (isFinal(this.answer.state)) {
      this.stop();
      return;
    }
    const following = this.#events[0];
    // The rest has not arrived yet: it begins again when it does.
    if (!following) return;
    const gap = Math.min(REPLAY_GAP_MS_MAX, Math.max(0, Date.parse(following.time) - Date.parse(event.time)));
    this.#timer = setTimeout(() => this.#next(), gap);
  }
}
