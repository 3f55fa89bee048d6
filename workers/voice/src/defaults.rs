//! Every default and limit of the voice worker, in one place.

/// Jobs spoken at once.
pub const SLOTS: u32 = 2;

/// Most jobs that `--slots` may ask for.
pub const SLOTS_MAX: u32 = 32;

/// Longest text of one job, in bytes: about an hour and a half of speech.
pub const TEXT_BYTES_MAX: usize = 100_000;

/// Shortest piece of a sentence, in characters, that is spoken by itself when a comma ends it.
pub const CLAUSE_CHARS_MIN: usize = 60;

/// Longest clause in characters. A longer one is cut between two words.
pub const CLAUSE_CHARS_MAX: usize = 220;

/// As [`CLAUSE_CHARS_MIN`], for the first clause: the sooner it ends, the sooner there is a sound.
pub const FIRST_CLAUSE_CHARS_MIN: usize = 8;

/// As [`CLAUSE_CHARS_MAX`], for the first clause.
pub const FIRST_CLAUSE_CHARS_MAX: usize = 90;

/// Longest line that is looked at as a whole (a row of a table, a rule, the first line of a block of code), in bytes.
pub const LINE_BYTES_MAX: usize = 2_000;

/// Code is not spoken, but its text is handed back in pieces of about so many bytes.
pub const FENCE_PIECE_BYTES: usize = 4_096;

/// Slowest and fastest speech, as a share of the voice's own speed.
pub const SPEED_MIN: f32 = 0.25;
/// See [`SPEED_MIN`].
pub const SPEED_MAX: f32 = 4.0;

/// How far synthesis may run ahead of what was sent, in milliseconds of sound.
pub const AHEAD_MS_MAX: u32 = 15_000;

/// Clauses that may wait for synthesis before no more text is read.
pub const CLAUSES_WAITING_MAX: usize = 64;

/// Sound is sent in pieces of so many milliseconds, so that a stop is heard early.
pub const PIECE_MS: u32 = 200;

/// Pauses after clauses, in milliseconds, at normal speed.
pub const PAUSE_COMMA_MS: u32 = 120;
/// See [`PAUSE_COMMA_MS`].
pub const PAUSE_SENTENCE_MS: u32 = 280;
/// See [`PAUSE_COMMA_MS`].
pub const PAUSE_LINE_MS: u32 = 400;
/// See [`PAUSE_COMMA_MS`].
pub const PAUSE_PARAGRAPH_MS: u32 = 600;

/// What is quieter than this at the ends of a clause is taken for silence and cut off: the pauses are ours.
pub const SILENCE_LEVEL: f32 = 0.01;

/// Silence that is left at both ends of a clause, in milliseconds, for soft consonants.
pub const SILENCE_LEFT_MS: u32 = 30;

/// The ends of a clause fade in and out over so many milliseconds, so that no joint clicks.
pub const FADE_MS: u32 = 5;

/// Loudest sample.
pub const PEAK_MAX: f32 = 0.95;

/// Loudness that clauses are brought to, as the root of the mean square of what is spoken in them.
pub const LOUDNESS: f32 = 0.1;

/// Most that a quiet clause is made louder.
pub const GAIN_MAX: f32 = 4.0;

/// Most phonemes in one run of a neural voice: a bound on its memory.
pub const PHONEMES_MAX: usize = 600;

/// The program that knows how words are said.
pub const ESPEAK_PROGRAM: &str = "espeak-ng";

/// The speed of espeak-ng's voices at speed 1, and the bounds that it keeps, in words a minute.
pub const ESPEAK_WORDS_PER_MINUTE: f32 = 165.0;
/// See [`ESPEAK_WORDS_PER_MINUTE`].
pub const ESPEAK_WORDS_PER_MINUTE_MIN: u32 = 80;
/// See [`ESPEAK_WORDS_PER_MINUTE`].
pub const ESPEAK_WORDS_PER_MINUTE_MAX: u32 = 900;

/// Longest line that espeak-ng is given, in bytes; it cuts lines at 1,000.
pub const ESPEAK_LINE_BYTES_MAX: usize = 900;

/// How long espeak-ng may take for the phonemes of one clause before it is started anew, in milliseconds.
pub const ESPEAK_TIMEOUT_MS: u64 = 5_000;

/// Most sound that espeak-ng may give for one clause, in bytes.
pub const ESPEAK_SOUND_BYTES_MAX: u64 = 64 << 20;
