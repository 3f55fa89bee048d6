//! Every default and limit of the realm's Wyoming side, in one place.

use std::time::Duration;

/// Most connections at once of clients that speak Wyoming.
pub(super) const CONNECTIONS_MAX: usize = 64;
/// Wishes to speak that wait on one connection while one is spoken.
pub(super) const WISHES_MAX: usize = 8;
/// Messages that wait for a connection before those who make them wait too.
pub(super) const QUEUE_MAX: usize = 16;
/// Sound that a satellite has sent and nobody has listened to yet, in pieces: about half a minute.
pub(super) const HEARD_QUEUE_MAX: usize = 512;
/// Sound in one message to a client, in bytes.
pub(super) const CHUNK_BYTES: usize = 4_096;
/// Satellites that the settings may name.
pub(super) const SATELLITES_MAX: usize = 64;

/// How long connecting to a satellite may take.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The first wait before a satellite that is gone is tried again; each one is twice as long as the one before.
pub(super) const BACKOFF_MIN: Duration = Duration::from_secs(1);
/// The longest wait before a satellite that is gone is tried again.
pub(super) const BACKOFF_MAX: Duration = Duration::from_secs(60);
/// How often a satellite is asked whether it is there.
pub(super) const PING_PERIOD: Duration = Duration::from_secs(10);
/// A satellite that has said nothing for so long is gone.
pub(super) const SILENT_MAX: Duration = Duration::from_secs(25);

/// Sound from the beginning of the words by which a satellite's loudness is judged, in milliseconds.
pub(super) const LEVEL_MS: u32 = 240;
/// How long a satellite's loudness is waited for when that of another one is known, beyond the window, in milliseconds.
pub(super) const LEVEL_PATIENCE_MS: u64 = 200;

/// Speech needed to call it so, in milliseconds.
pub(super) const SPEECH_MS_MIN: u32 = 120;
/// Silence after words that ends them, in milliseconds.
pub(super) const SILENCE_MS: u32 = 800;
/// Sound without speech after which nothing is waited for any more, in milliseconds.
pub(super) const LISTEN_MS_MAX: u32 = 6_000;
/// Sound after which an utterance ends whatever is said, in milliseconds.
pub(super) const UTTERANCE_MS_MAX: u32 = 20_000;
/// How much louder than the noise of the room speech is: about 10 dB.
pub(super) const SPEECH_OVER_NOISE: f32 = 3.2;
/// No room is quieter than this, whatever its microphone says.
pub(super) const NOISE_LEVEL_MIN: f32 = 0.001;

/// Sound in which one job waits for a wake word, in milliseconds: three minutes. The realm holds it for as long, should
/// another worker have to begin anew.
pub(super) const WAKE_MS: u32 = 3 * 60 * 1_000;
/// The end of it that the next job hears again, in milliseconds: the word may have begun in it.
pub(super) const WAKE_TAIL_MS: u32 = 2_000;
/// After how long without any sound a job that waits for a wake word is given up; the next sound begins another one.
pub(super) const WAKE_IDLE: Duration = Duration::from_secs(10);
/// How long such a job may take, in milliseconds: longer than its sound does.
pub(super) const WAKE_JOB_MS: u64 = 2 * WAKE_MS as u64;
/// After a problem, before a satellite's wake word is waited for again.
pub(super) const WAKE_RETRY: Duration = Duration::from_secs(10);

/// How long a conversation is remembered after its last turn, in milliseconds.
pub(super) const MEMORY_MS: u64 = 5 * 60 * 1_000;
/// Turns of a conversation that are remembered.
pub(super) const MEMORY_TURNS_MAX: usize = 8;
/// Text of a conversation that is remembered, in bytes.
pub(super) const MEMORY_BYTES_MAX: usize = 8 * 1024;

/// How slowly, and how fast, answers are spoken to who asks for it again and again.
pub(super) const SPEED_MIN: f32 = 0.5;
/// See [`SPEED_MIN`].
pub(super) const SPEED_MAX: f32 = 2.0;
/// How much faster "faster" is; "slower" is the inverse.
pub(super) const SPEED_STEP: f32 = 1.25;

/// How quietly, and how loudly, answers are played to who asks for it again and again, as a factor.
pub(super) const VOLUME_MIN: f32 = 0.2;
/// See [`VOLUME_MIN`].
pub(super) const VOLUME_MAX: f32 = 5.0;
/// How much louder "louder" is, about 4 dB; "quieter" is the inverse.
pub(super) const VOLUME_STEP: f32 = 1.6;
/// Samples that a volume makes larger than this are bent rather than cut off, which would crackle.
pub(super) const VOLUME_KNEE: f32 = 0.8;

/// Tokens of a spoken answer at most.
pub(super) const ANSWER_TOKENS_MAX: u32 = 200;
/// How long a satellite waits for a plan to ask something, or to be over.
pub(super) const PLAN_PATIENCE: Duration = Duration::from_secs(90);
/// How long a job of a turn may take, in milliseconds.
pub(super) const TURN_JOB_MS: u64 = 60_000;
/// What satellites get to play when they say nothing of their speaker, in samples per second: what Home Assistant sends.
pub(super) const SPEAKER_HZ: u32 = 22_050;
