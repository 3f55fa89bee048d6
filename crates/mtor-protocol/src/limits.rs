//! The limits of the wire, stated once. A message past one of them is refused with a [`Problem`](crate::Problem)
//! that names the limit; nothing is ever cut short in silence.

/// Longest text frame, and longest JSON body of a request: 1 MiB.
pub const TEXT_BYTES_MAX: usize = 1 << 20;
/// Longest binary frame, header included: 1 MiB. What is longer goes in several.
pub const FRAME_BYTES_MAX: usize = 1 << 20;
/// Most bytes that go into one job as binary frames: 64 MiB.
pub const INPUT_BYTES_MAX: usize = 64 << 20;
/// Most bytes that come out of one job as binary frames: 256 MiB, more than an hour of raw speech.
pub const OUTPUT_BYTES_MAX: usize = 256 << 20;
/// Most sound in which one job waits for a wake word, in milliseconds: ten minutes. Whoever waits on asks again.
pub const WAKE_MS_MAX: u32 = 10 * 60 * 1_000;
/// Longest recording that is listened to, and longest speech, in milliseconds: two hours.
pub const AUDIO_MS_MAX: u32 = 2 * 60 * 60 * 1_000;
/// Most pictures that one job may look at.
pub const PICTURES_MAX: usize = 16;
/// Largest picture that is looked at: 20 MiB, as it comes.
pub const PICTURE_BYTES_MAX: u32 = 20 << 20;
/// Most pictures that one job may draw.
pub const IMAGES_MAX: u32 = 10;
/// Most parts that come out of one job.
pub const PARTS_MAX: usize = 32;
/// Largest part: 32 MiB.
pub const PART_BYTES_MAX: u32 = 32 << 20;
/// Most bytes of all parts of one job together: 64 MiB.
pub const PARTS_BYTES_MAX: u64 = 64 << 20;
/// Largest preview of a part: 256 KiB.
pub const PREVIEW_BYTES_MAX: u32 = 256 << 10;
/// Most previews that one job may show.
pub const PREVIEWS_MAX: u32 = 256;
/// Most bytes of a part in one frame to a client: 256 KiB.
pub const PART_FRAME_BYTES: usize = 256 << 10;
/// Shortest side of a picture that is drawn, in pixels.
pub const IMAGE_SIDE_MIN: u32 = 64;
/// Longest side of a picture that is drawn, in pixels.
pub const IMAGE_SIDE_MAX: u32 = 4_096;
/// Most rounds of drawing.
pub const IMAGE_STEPS_MAX: u32 = 200;
/// Longest description of a tool, in bytes.
pub const TOOL_DESCRIPTION_BYTES_MAX: usize = 2_048;
/// Longest schema of a tool's parameters, in bytes of JSON.
pub const TOOL_SCHEMA_BYTES_MAX: usize = 16 << 10;
/// Most tools that a model may be told of in one chat request.
pub const CALLABLE_TOOLS_MAX: usize = 128;
/// Longest name of such a tool, in bytes.
pub const CALLABLE_NAME_BYTES_MAX: usize = 64;
/// Longest text that is spoken in one job, in bytes: 16 KiB, about twenty minutes.
pub const SPEAK_BYTES_MAX: usize = 16 << 10;
/// Longest address of a service that is attached, in bytes.
pub const SERVICE_ADDRESS_BYTES_MAX: usize = 512;
/// Longest key of such a service, in bytes.
pub const SERVICE_KEY_BYTES_MAX: usize = 4096;
/// Most services that one realm has attached by their address.
pub const ATTACHMENTS_MAX: usize = 32;
/// Most steps of one plan.
pub const PLAN_STEPS_MAX: usize = 12;
/// Most plans of one wallet that are not over.
pub const PLANS_OPEN_MAX: usize = 16;
/// Longest utterance whose meaning is looked for, in bytes.
pub const UTTERANCE_BYTES_MAX: usize = 4_096;
/// Longest hint to a transcription, in bytes.
pub const HINT_BYTES_MAX: usize = 1_024;
/// Longest code of a language, in bytes.
pub const LANGUAGE_BYTES_MAX: usize = 16;
/// Most languages, and most voices, that one offer may list.
pub const VOICES_MAX: usize = 256;
/// Most messages in one chat request.
pub const MESSAGES_MAX: usize = 1_000;
/// Most inputs in one embedding request.
pub const EMBED_INPUTS_MAX: usize = 256;
/// Most stop strings in one chat request, as in OpenAI's interface.
pub const STOPS_MAX: usize = 4;
/// Longest stop string, in bytes.
pub const STOP_BYTES_MAX: usize = 256;
/// Longest name of a model, worker or capability, in bytes.
pub const NAME_BYTES_MAX: usize = 128;
/// Most capabilities that one worker may announce.
pub const OFFERS_MAX: usize = 64;
/// Most slots that one worker may grant for one capability.
pub const SLOTS_MAX: u32 = 1_024;
/// Most grants that one wallet may give.
pub const GRANTS_MAX: usize = 100;
/// Most wallets that one grant may be for.
pub const GRANT_HOLDERS_MAX: usize = 100;
/// Most changes of its keys that one wallet may ever make.
pub const KEY_CHANGES_MAX: u32 = 1_000;
/// Most memory that one try of a proof of work may take, in KiB: 1 GiB.
pub const WORK_MEMORY_KIB_MAX: u32 = 1 << 20;
/// Most zero bits that a proof of work may ask for.
pub const WORK_ZERO_BITS_MAX: u8 = 40;
/// Longest time a job may ask to live, in milliseconds: one day.
pub const TIMEOUT_MS_MAX: u64 = 24 * 60 * 60 * 1_000;

/// Most realms that a job comes through, the one where it was asked among them.
pub const HOPS_MAX: usize = 4;
