/** The WebSocket to the realm: proves who we are, comes back by itself when it is lost. */

import { problemSlug } from "./api";
import { retryDelay } from "./backoff";
import { base64url, utf8 } from "./bytes";
import { HANDSHAKE_MS_MAX } from "./defaults";
import { eventText, parseEvent, type Kind, type RealmEvent } from "./event";
import { decodeFrame, encodeFrame, type Frame } from "./frame";
import { sessionText, type Signer } from "./signing";
import type { Challenge, Device, EventData, Problem, Welcome } from "./wire";

export const SUBPROTOCOL = "mtor.v1";

export type Connection =
  | { state: "connecting" }
  | { state: "online"; welcome: Welcome; /** The realm's key, by its name. */ realm: string }
  /** `retryAt` is never when the wallet has another key. */
  | { state: "offline"; retryAt: number; problem?: Problem };

/** The part of a WebSocket that is used, so that tests can stand in for it. */
export interface Socket {
  onmessage: ((message: { data: unknown }) => void) | null;
  onclose: (() => void) | null;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(): void;
}

export interface SessionOptions {
  signer: Signer;
  /** What this device is called. */
  device?: Device;
  open: () => Socket;
  onEvent: (event: RealmEvent) => void;
  onFrame?: (frame: Frame) => void;
  onConnection: (connection: Connection) => void;
  /** How far the realm's clock is ahead of ours, in milliseconds, as each challenge shows. */
  onClock?: (aheadMs: number) => void;
  random?: () => number;
}

export class Session {
  #options: SessionOptions;
  #socket: Socket | undefined;
  #welcomed = false;
  #failures = 0;
  #problem: Problem | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = true;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  start(): void {
    this.#stopped = false;
    this.#connect();
  }

  /** Ends the session for good. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#drop();
  }

  /** Tries again now instead of after the wait. */
  retryNow(): void {
    if (!this.#stopped && !this.#socket) this.#connect();
  }

  /** Sends an event; says whether there was a session to send it on. */
  send<K extends Kind>(type: K, data: EventData[K], subject?: string): boolean {
    if (!this.#welcomed || !this.#socket) return false;
    this.#socket.send(eventText(this.#options.signer.did, type, data, subject));
    return true;
  }

  /** Sends a binary frame; says whether there was a session to send it on. */
  sendFrame(frame: Frame): boolean {
    if (!this.#welcomed || !this.#socket) return false;
    this.#socket.send(encodeFrame(frame));
    return true;
  }

  #connect(): void {
    clearTimeout(this.#timer);
    this.#problem = undefined;
    this.#options.onConnection({ state: "connecting" });
    const socket = this.#options.open();
    this.#socket = socket;
    socket.onmessage = (message) => {
      if (this.#socket !== socket) return;
      const event = typeof message.data === "string" ? parseEvent(message.data) : undefined;
      const frame = message.data instanceof ArrayBuffer ? decodeFrame(message.data) : undefined;
      if (event) this.#receive(socket, event);
      else if (frame && this.#welcomed) this.#options.onFrame?.(frame);
    };
    socket.onclose = () => {
      if (this.#socket === socket) this.#lost();
    };
    this.#timer = setTimeout(() => this.#lost(), HANDSHAKE_MS_MAX);
  }

  #receive(socket: Socket, event: RealmEvent): void {
    if (this.#welcomed && event.type === "mtor.error" && problemSlug(event.data) === "key-replaced") {
      this.#problem = event.data;
    } else if (this.#welcomed) {
      this.#options.onEvent(event);
    } else if (event.type === "mtor.session.challenge") {
      this.#options.onClock?.(Date.parse(event.time) - Date.now());
      void this.#answer(socket, event.data);
    } else if (event.type === "mtor.session.welcome") {
      clearTimeout(this.#timer);
      this.#welcomed = true;
      this.#failures = 0;
      this.#options.onConnection({ state: "online", welcome: event.data, realm: event.source });
    } else if (event.type === "mtor.error") {
      this.#problem = event.data;
    }
  }

  async #answer(socket: Socket, challenge: Challenge): Promise<void> {
    const { signer } = this.#options;
    const signature = await signer.sign(utf8(sessionText(challenge, "client", signer.did)));
    if (this.#socket !== socket) return;
    const { device } = this.#options;
    const hello = { role: "client", did: signer.did, signature: base64url(signature), device } as const;
    socket.send(eventText(signer.did, "mtor.session.hello", hello));
  }

  #lost(): void {
    this.#drop();
    if (this.#stopped) return;
    this.#failures += 1;
    // A key that was replaced stays so.
    const isOver = this.#problem !== undefined && problemSlug(this.#problem) === "key-replaced";
    const wait = isOver ? Infinity : retryDelay(this.#failures, (this.#options.random ?? Math.random)());
    this.#options.onConnection({ state: "offline", retryAt: Date.now() + wait, problem: this.#problem });
    if (!isOver) this.#timer = setTimeout(() => this.#connect(), wait);
  }

  #drop(): void {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = undefined;
    this.#welcomed = false;
    socket?.close();
  }
}
