/** How long the stages of a spoken turn took: from the end of speech to the first sound of the answer. */

export type Mark = "voice" | "end" | "words" | "token" | "sound";

/** When what happened, in milliseconds of one clock. */
export type Marks = Partial<Record<Mark, number>>;

export interface Timing {
  /** Silence until it was clear that nothing more comes. */
  endpointing_ms: number;
  /** From there to the words. */
  transcription_ms: number;
  /** From the words to the first word of the answer. */
  first_token_ms: number;
  /** From there to the first sound. */
  first_audio_ms: number;
}

const STAGES = [
  ["endpointing_ms", "voice", "end"],
  ["transcription_ms", "end", "words"],
  ["first_token_ms", "words", "token"],
  ["first_audio_ms", "token", "sound"],
] as const satisfies readonly (readonly [keyof Timing, Mark, Mark])[];

/** The stages that are over. */
export function stagesOf(marks: Marks): Partial<Timing> {
  const timing: Partial<Timing> = {};
  for (const [stage, from, to] of STAGES) {
    const [start, end] = [marks[from], marks[to]];
    if (start !== undefined && end !== undefined) timing[stage] = Math.max(0, Math.round(end - start));
  }
  return timing;
}

/** The whole of it, once there is all of it. */
export function timingOf(marks: Marks): Timing | undefined {
  const timing = stagesOf(marks);
  return STAGES.every(([stage]) => timing[stage] !== undefined) ? (timing as Timing) : undefined;
}
