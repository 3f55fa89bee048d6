/**
 * Jobs that take or give bytes: speech written down, text spoken. They live as long as the connection; what is left of
 * one after that nobody waits for.
 */

import { problem } from "../lib/api";
import { utf8Length, utf8Prefix } from "../lib/bytes";
import type { Kind, RealmEvent } from "../lib/event";
import type { Frame } from "../lib/frame";
import { uuid7 } from "../lib/uuid";
import type { EventData, Intent, Problem, Quote, Submit } from "../lib/wire";

export interface StreamHandlers {
  /** What is heard so far; the next one replaces it. */
  partial?(text: string): void;
  /** A piece of the answer's text. */
  text?(piece: string): void;
  /** Bytes of the answer. */
  payload?(bytes: Uint8Array): void;
  /** The whole text. */
  done(text: string): void;
  failed(problem: Problem): void;
}

export interface Stream {
  id: string;
  send(bytes: Uint8Array): void;
  /** No more input comes. */
  end(): void;
  /** Nobody wants it any more; no handler is called from now on. */
  cancel(): void;
}

export interface StreamsOptions {
  send: <K extends Kind>(type: K, data: EventData[K], subject?: string) => boolean;
  sendFrame: (frame: Frame) => boolean;
}

interface Open {
  handlers: StreamHandlers;
  text: string;
  sent: number;
  ended: boolean;
}

/** Jobs of a lost connection that are still to be cancelled. */
const LOST_MAX = 8;

export class Streams {
  #options: StreamsOptions;
  #open = new Map<string, Open>();
  #lost: string[] = [];
  #quotes = new Map<string, (quote: Quote | undefined) => void>();

  constructor(options: StreamsOptions) {
    this.#options = options;
  }

  open(intent: Intent, handlers: StreamHandlers): Stream {
    const id = uuid7();
    const stream: Open = { handlers, text: "", sent: 0, ended: false };
    this.#open.set(id, stream);
    const submit: Submit = { intent, class: "voice" };
    // Told after this call has returned, as any other failure.
    if (!this.#options.send("mtor.job.submit", submit, id)) queueMicrotask(() => this.#fail(id, problem(0, "", "")));
    return {
      id,
      send: (bytes) => this.#input(id, stream, bytes),
      end: () => {
        this.#input(id, stream, new Uint8Array());
        stream.ended = true;
      },
      cancel: () => {
        if (this.#open.delete(id)) this.#options.send("mtor.job.cancel", {}, id);
      },
    };
  }

  /** What a job would cost at most; nothing when the realm does not say. */
  quote(submit: Submit): Promise<Quote | undefined> {
    const id = uuid7();
    return new Promise((resolve) => {
      this.#quotes.set(id, resolve);
      if (!this.#options.send("mtor.quote.ask", submit, id)) this.#quoted(id, undefined);
    });
  }

  /** Takes an event about one of these jobs; says whether it was one. */
  receive(event: RealmEvent): boolean {
    const id = event.subject;
    if (id === undefined) return false;
    if (this.#quotes.has(id)) return this.#quoted(id, event.type === "mtor.quote" ? event.data : undefined);
    const stream = this.#open.get(id);
    if (!stream) return false;
    this.#apply(id, stream, event);
    return true;
  }

  receiveFrame(frame: Frame): void {
    if (frame.kind === "output") this.#open.get(frame.job)?.handlers.payload?.(frame.payload);
  }

  /** The connection is gone, and with it whatever was half said. */
  disconnected(): void {
    for (const id of [...this.#quotes.keys()]) this.#quoted(id, undefined);
    for (const id of [...this.#open.keys()]) {
      this.#lost = [...this.#lost, id].slice(-LOST_MAX);
      this.#fail(id, problem(0, "", ""));
    }
  }

  /** There is a connection again. */
  connected(): void {
    for (const id of this.#lost) this.#options.send("mtor.job.cancel", {}, id);
    this.#lost = [];
  }

  #apply(id: string, stream: Open, event: RealmEvent): void {
    switch (event.type) {
      case "mtor.job.partial": return stream.handlers.partial?.(event.data.text);
      case "mtor.job.chunk": {
        const { offset, text } = event.data;
        // Sent anew from an earlier place: only what is new counts.
        const known = utf8Length(stream.text) - offset;
        const fresh = known > 0 ? text.slice(utf8Prefix(text, known).length) : text;
        stream.text += fresh;
        if (fresh) stream.handlers.text?.(fresh);
        return;
      }
      case "mtor.job.completed":
        this.#open.delete(id);
        return stream.handlers.done(stream.text);
      case "mtor.job.failed": return this.#fail(id, event.data.problem);
      case "mtor.job.cancelled": return this.#fail(id, problem(0, "", ""));
      case "mtor.error": return this.#fail(id, event.data);
    }
  }

  #input(id: string, stream: Open, payload: Uint8Array): void {
    if (stream.ended || !this.#open.has(id)) return;
    const sent = this.#options.sendFrame({ kind: "input", job: id, sequence: stream.sent, payload });
    stream.sent += 1;
    if (!sent) this.#fail(id, problem(0, "", ""));
  }

  #fail(id: string, why: Problem): void {
    const stream = this.#open.get(id);
    this.#open.delete(id);
    stream?.handlers.failed(why);
  }

  #quoted(id: string, quote: Quote | undefined): boolean {
    this.#quotes.get(id)?.(quote);
    return this.#quotes.delete(id);
  }
}
