/** Every number that listening turns on, with its unit. What was measured about them: docs, "The wake word". */

/** What the models were trained on. */
export const SAMPLE_RATE = 16_000;
/** One frame of voice activity, and one frame that is handed out: 32 ms. */
export const FRAME_SAMPLES = 512;
export const FRAME_MS = 32;
/** One step of the wake word: 80 ms. */
export const HOP_SAMPLES = 1_280;
export const HOP_MS = 80;

/** Rows of the spectrum (10 ms each) that one embedding looks at. */
export const EMBEDDING_ROWS = 76;
/** Rows from one embedding to the next: 80 ms. */
export const EMBEDDING_STEP = 8;
/** Numbers in one embedding. */
export const EMBEDDING_SIZE = 96;
/** Embeddings that a head looks at: 2 s of sound, of which the word is the last part. */
export const HEAD_EMBEDDINGS = 16;

/** Sound kept for pre-roll and for `Wake.audio`. */
export const KEPT_MS = 2_000;
export const WAKE_AUDIO_MS = 1_500;
/** Longest time before the wake is heard in which the phrase can have begun. */
export const PHRASE_MS_MAX = 1_300;
/** Sound before the first voiced frame that belongs to it: soft consonants. */
export const ONSET_MARGIN_MS = 160;
export const PRE_ROLL_MS_DEFAULT = 320;
/** Sound that may wait for the detector. Past it the device is too slow, and the oldest is dropped. */
export const WAITING_MS_MAX = 3_000;

/** A voice begins above the first and ends below the second (probability of Silero). */
export const VOICE_ON = 0.5;
export const VOICE_OFF = 0.35;
/** Voiced frames in a row that make a voice: 96 ms. A click is shorter. */
export const VOICE_FRAMES_MIN = 3;
/** Voiced frames in a row after which a voice is told of in mode "wake": 64 ms. Who interrupts wants silence, not certainty. */
export const ONSET_FRAMES = 2;
/** In mode "wake" a voice is over after this silence, and the next one is told of again. */
export const VOICE_GAP_MS = 500;
/** No frame above this within the span: nobody can have said the phrase, and the dear part of the detector rests. */
export const VOICE_HINT = 0.1;
export const VOICE_HINT_SPAN_MS = 1_200;

/** Silence that ends an utterance; shorter after long fluent speech, longer for somebody who pauses. */
export const END_SILENCE_MS = 700;
export const END_SILENCE_FLUENT_MS = 550;
export const END_SILENCE_MS_MAX = 1_100;
/** Fluent: so much voice without a pause longer than the other. */
export const FLUENT_SPEECH_MS = 3_000;
export const FLUENT_PAUSE_MS = 250;
/** The silence that ends it is so many times the longest pause so far. */
export const PAUSE_FACTOR = 1.4;
/** Voice shorter than this is a cough, not an utterance. */
export const SPEECH_MS_MIN = 160;
export const NO_SPEECH_MS = 5_000;
export const UTTERANCE_MS_MAX = 30_000;
/** After the wake word: a voice that goes on so long without a gap is the request, in one breath. */
export const ONE_BREATH_MS = 320;

/** The mean of so many scores must pass the threshold. */
export const SCORES_MEANT = 2;
/** After a wake the same word does not wake again. */
export const REFRACTORY_MS = 1_500;

/** A phrase of one's own: its length, the silence after it, and how long it is waited for. */
export const SAMPLE_MS_MIN = 300;
export const SAMPLE_MS_MAX = 2_500;
export const SAMPLE_SILENCE_MS = 400;
export const SAMPLE_WAIT_MS = 8_000;
export const SAMPLES_MIN = 3;
export const SAMPLES_MAX = 8;

/** How often the loudness is told. */
export const LEVEL_MS = 50;
