/** Why a browser gives no microphone, told apart by its errors. */

import { ListenFailure } from "../listen/types";
import type { MicProblem } from "./machine";

/** The page can't even ask. */
export function obstacle(of: { isSecureContext: boolean; mediaDevices?: unknown; audioWorklet?: boolean }): MicProblem | undefined {
  if (!of.isSecureContext) return "insecure";
  if (!of.mediaDevices || of.audioWorklet === false) return "unsupported";
  return undefined;
}

/** What `getUserMedia` threw. */
export function problemOfError(error: unknown): MicProblem {
  switch (error instanceof Error || error instanceof DOMException ? error.name : "") {
    case "NotAllowedError":
    case "SecurityError":
    case "PermissionDeniedError": return "refused";
    case "NotFoundError":
    case "OverconstrainedError":
    case "DevicesNotFoundError": return "missing";
    case "NotReadableError":
    case "AbortError":
    case "TrackStartError": return "busy";
    case "TypeError": return "unsupported";
    default: return "broken";
  }
}

/** The microphone is there, and the ear at it failed. */
export function problemOfEar(error: unknown): MicProblem {
  return error instanceof ListenFailure && error.problem.kind === "worklet" ? "unsupported" : "broken";
}

/**
 * What is asked of the browser: its own voice out of the loudspeaker shall not come back. Noise and loudness are left as they
 * are: what listens here was trained with both, while a browser's suppression of noise takes consonants with it ("France" became
 * "friends"), and its loudness, turned up in a silent room, clips the first word, which is the one that wakes.
 */
export const CONSTRAINTS: MediaStreamConstraints = {
  audio: { echoCancellation: true, noiseSuppression: false, autoGainControl: false, channelCount: 1 },
  video: false,
};
