//! Every default and limit of the embed worker, in one place.

/// Jobs computed at once, each in threads of its own.
pub const SLOTS: u32 = 2;

/// Most jobs that `--slots` may ask for.
pub const SLOTS_MAX: u32 = 16;

/// Threads that compute one text. What people say is short: two threads then mostly wait for each other, and on a busy machine
/// for a processor as well.
pub const THREADS: usize = 1;

/// Longest text in word pieces, the two that mark its beginning and its end included: what the model was trained on.
/// Longer texts are refused rather than cut, since a vector of a text's first half looks like one of the whole.
pub const PIECES_MAX: usize = 256;

/// Longest word in characters that is cut into pieces; a longer one counts as unknown, as the model was trained.
pub const WORD_CHARS_MAX: usize = 100;

/// Most bytes of text in one job, over all its texts.
pub const INPUT_BYTES_MAX: u32 = 1 << 20;

/// Largest tokenizer file that is read, in bytes; the one of the catalogue's model has 466 kB.
pub const TOKENIZER_BYTES_MAX: u64 = 64 << 20;

/// Texts embedded to measure the machine's speed at start.
pub const WARM_UP_TEXTS: usize = 3;

/// Weight of the newest measurement in the average of speed.
pub const SPEED_WEIGHT: f32 = 0.1;

/// The catalogue's model.
pub const MODEL_ID: &str = "embed-default";

/// What the catalogue calls the tokenizer that belongs to a model.
pub fn tokenizer_of(model_id: &str) -> String {
    format!("{model_id}-tokenizer")
}

/// What the two files are called in a folder given with `--model`.
pub const MODEL_FILE: &str = "model.onnx";
/// See [`MODEL_FILE`].
pub const TOKENIZER_FILE: &str = "tokenizer.json";
