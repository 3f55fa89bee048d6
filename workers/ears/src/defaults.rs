//! Every default and limit of the ears, in one place.

/// Recordings heard at once. They share one engine, which hears them in turns.
pub const SLOTS: u32 = 4;
/// Most recordings that `--slots` may ask for.
pub const SLOTS_MAX: u32 = 64;

/// The longest recording, in milliseconds, unless the job or `--audio-minutes` says less: two hours.
pub const AUDIO_MS_MAX: u64 = 2 * 60 * 60 * 1_000;
/// The largest file, in bytes: two hours in stereo at 48 kHz with 24 bits have two.
pub const FILE_BYTES_MAX: u64 = 2_200_000_000;
/// The longest hint, in bytes; the model looks at some 200 tokens of it.
pub const HINT_BYTES_MAX: usize = 4_096;

/// Pieces of sound on their way to a listener. Past it, the sender waits.
pub const SOUNDS_MAX: usize = 16;
/// The largest piece of sound that a listener looks at in one go, in samples: half a second.
pub const SOUND_SAMPLES_MAX: usize = 8_000;
/// Events on their way to whoever waits for them. Past it, the listener waits; what is heard so far is skipped instead.
pub const EVENTS_MAX: usize = 32;
/// Passes of the engine that may wait for each recording: the one that is needed.
pub const PASSES_PER_SLOT: usize = 2;

/// Samples of one look of the voice activity model: 32 ms.
pub const FRAME_SAMPLES: usize = 512;
/// Milliseconds of one look.
pub const FRAME_MS: u32 = 32;
/// The probability from which on somebody begins to speak.
pub const VOICE_ON: f32 = 0.5;
/// The probability below which somebody who spoke is silent.
pub const VOICE_OFF: f32 = 0.35;
/// Frames with a voice that make it worth listening: a tenth of a second. A click has fewer.
pub const VOICED_FRAMES_MIN: usize = 3;
/// Frames kept before the first and after the last voice: unvoiced sounds begin and end words.
pub const PAD_FRAMES: usize = 8;
/// Frames of silence at which a long window is cut: 0.3 s.
pub const PAUSE_FRAMES: usize = 9;
/// Frames of silence at which any window is cut: 2 s.
pub const SILENCE_FRAMES: usize = 62;
/// Frames of a window from which on the next pause cuts it: 20 s.
pub const WINDOW_SOFT_FRAMES: usize = 625;
/// Most frames of a window: 28 s. The model looks at 30.
pub const WINDOW_MAX_FRAMES: usize = 875;
/// The last frames of a full window, among which it is cut where a voice is least likely: 6 s.
pub const CUT_FRAMES: usize = 187;

/// Frames with a voice that make a new partial result worth its work: 0.7 s.
pub const PARTIAL_FRAMES: usize = 22;
/// Frames of silence after which what was said is heard as if it were the end: 0.26 s.
pub const BREATH_FRAMES: usize = 8;

/// Samples of one of the model's time steps: 20 ms.
pub const STEP_SAMPLES: usize = 320;
/// Steps that the model looks at beyond the end of a window. With none, it invents an end.
pub const STEPS_BEYOND: usize = 48;
/// Fewest steps that the model looks at. With fewer, it stammers.
pub const STEPS_MIN: usize = 192;
/// The shortest sound that is given to the model, in samples; what is shorter gets silence behind it.
pub const SAMPLES_MIN: usize = 20_800;
/// The longest beginning from which the language is told, in samples: 4 s.
pub const LANGUAGE_SAMPLES_MAX: usize = 64_000;
/// Samples of voice from which on a language that was told is not told anew: 3 s.
pub const LANGUAGE_SAMPLES_SURE: usize = 48_000;

/// Most tokens for each second of sound, and some more. Past it, the model repeats itself.
pub const TOKENS_PER_S_MAX: usize = 10;
/// See [`TOKENS_PER_S_MAX`].
pub const TOKENS_EXTRA: usize = 24;
/// How much the temperature rises when the model was unsure.
pub const TEMPERATURE_STEP: f32 = 0.4;
/// Text that compresses better than this is repetition (entropy of its last tokens).
pub const ENTROPY_MIN: f32 = 2.4;
/// A mean log probability below this is unsure.
pub const LOGPROB_MIN: f32 = -1.0;
/// The probability of no speech above which unsure text is dropped.
pub const NO_SPEECH_MAX: f32 = 0.6;

/// Sounds in which the wake word is listened for at once.
pub const WAKE_SLOTS: u32 = 8;
/// Samples of one step of the wake word: 80 ms.
pub const WAKE_HOP_SAMPLES: usize = 1_280;
/// The mean of so many scores must pass the threshold.
pub const WAKE_SCORES_MEANT: usize = 2;
/// Where misses and false wakes balance as measured.
pub const WAKE_THRESHOLD: f32 = 0.5;
/// No look above this within the span: nobody can have said the word, and the dear part rests.
pub const VOICE_HINT: f32 = 0.1;
/// See [`VOICE_HINT`]: 1.2 s.
pub const VOICE_HINT_SAMPLES: u64 = 19_200;
