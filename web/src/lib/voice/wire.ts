/** What speech says on the wire. Written by hand until the generated types have it. */

import type { Completed, Problem } from "../wire";

export interface TranscribeTask {
  source: "pcm" | "file";
  language?: string;
  hint?: string;
  detail?: boolean;
  partials?: boolean;
}

export interface SpeakTask {
  text: string;
  /** Further text comes in input frames while it is written. */
  more?: boolean;
  voice?: string;
  language?: string;
  speed?: number;
  format?: "pcm" | "wav" | "mp3" | "opus" | "flac";
}

export type SpeechIntent =
  | { capability: "transcribe"; model: string; params: TranscribeTask }
  | { capability: "speak"; model: string; params: SpeakTask };

export interface VoiceInfo {
  id: string;
  name: string;
  language: string;
}

/** What an offer says about speech. */
export interface SpeechOffer {
  languages?: string[];
  voices?: VoiceInfo[];
}

/** The events of a job that speech needs. */
export type SpeechEvent =
  | { type: "mtor.job.partial"; subject?: string; data: { text: string } }
  | { type: "mtor.job.chunk"; subject?: string; data: { text: string; offset: number } }
  | { type: "mtor.job.completed"; subject?: string; data: Completed }
  | { type: "mtor.job.failed"; subject?: string; data: { problem: Problem } }
  | { type: "mtor.job.cancelled"; subject?: string; data: unknown }
  | { type: "mtor.error"; subject?: string; data: Problem };

/** The answer of `POST /api/resolve`; read with care, for it is only known by its description. */
export type Resolved = Record<string, unknown>;
