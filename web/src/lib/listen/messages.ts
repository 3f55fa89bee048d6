/** What the page and the detector's worker say to each other. */

import type { SampleOutcome } from "./sample";
import type { BuiltInPhrase, CaptureOptions, EnrolledPhrase, ListenMode, ListenProblem, SpeechEnd, SpeechStart, Wake } from "./types";

export type ToDetector =
  /** The first: where the sound comes from and at which rate. Times are told on the page's clock. */
  | { kind: "start"; sound: MessagePort; inputRate: number; pageOrigin: number }
  /** `epoch` counts the page's `setMode`s; answers carry the last one that was taken up, so that late ones are known. */
  | { kind: "mode"; mode: ListenMode; options: CaptureOptions; epoch: number }
  | { kind: "phrase"; phrase: BuiltInPhrase | EnrolledPhrase }
  | { kind: "threshold"; threshold: number }
  | { kind: "sample"; waitMs: number }
  | { kind: "cancel-sample" };

export type FromDetector =
  | { kind: "ready" }
  | { kind: "problem"; problem: ListenProblem }
  | { kind: "level"; rms: number }
  | { kind: "wake"; epoch: number; wake: Wake }
  | { kind: "speech-start"; epoch: number; start: SpeechStart }
  | { kind: "speech-end"; epoch: number; end: SpeechEnd }
  | { kind: "frame"; epoch: number; pcm: Int16Array }
  | { kind: "sample"; outcome: SampleOutcome };

/** The name under which the capture registers in the worklet. */
export const CAPTURE_NAME = "mtor-capture";
