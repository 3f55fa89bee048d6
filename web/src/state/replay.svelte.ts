/** Plays a finished job again from its stored events. */

import { applyEvent, isFinal, newAnswer, type Answer } from "../lib/answer";
import type { RealmEvent } from "../lib/event";
import { gapBetween, scenesOf } from "../lib/replay";
import type { JobInfo } from "../lib/wire";
import type { Console } from "./console.svelte";

export class Replay {
  answer = $state.raw<Answer | undefined>();
  running = $state(false);
  #console: Console;
  /** Arrived and not yet played. */
  #scenes: RealmEvent[] = [];
  #played: RealmEvent | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #end: (() => void) | undefined;

  constructor(console: Console) {
    this.#console = console;
  }

  start(job: JobInfo): void {
    this.stop();
    this.running = true;
    this.answer = { ...newAnswer(job.id), accepted: true, state: "running", worker: job.workers.at(-1) };
    const tookMs = Date.parse(job.settled ?? job.submitted) - Date.parse(job.submitted);
    this.#end = this.#console.watchAgain(job.id, (event) => {
      this.#scenes.push(...scenesOf(event, tookMs));
      this.#schedule();
    });
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#end?.();
    this.#end = undefined;
    this.#scenes = [];
    this.#played = undefined;
    this.answer = undefined;
    this.running = false;
  }

  #schedule(): void {
    const [scene] = this.#scenes;
    if (!scene || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.#play(scene), gapBetween(this.#played, scene));
  }

  #play(event: RealmEvent): void {
    this.#timer = undefined;
    this.#scenes.shift();
    this.#played = event;
    if (!this.answer) return;
    this.answer = applyEvent(this.answer, event);
    if (isFinal(this.answer.state)) this.stop();
    else this.#schedule();
  }
}
