//! The Wyoming protocol: what Home Assistant, its voice services (speech to text, text to speech, wake words) and its
//! satellites (a microphone and a speaker in some room) say to each other.
//!
//! [`Event`] is what crosses the wire, [`Decoder`] and [`Event::encode`] turn it from and into bytes, [`Message`] is what
//! it means. [`Info`] is what a service or satellite says about itself. With the feature `net` there are [`connect`],
//! [`Listener`] and [`Connection`] over tokio. All limits stand in [`limits`].
//!
//! What must not live here: realms, jobs and workers, and what anybody does with a message.
//!
//! ```
//! use bytes::BytesMut;
//! use mtor_wyoming::{Decoder, Message, Transcript};
//!
//! let mut wire = BytesMut::new();
//! let said = Message::Transcript(Transcript { text: "turn on the light".into(), ..Transcript::default() });
//! said.clone().into_event().encode(&mut wire)?;
//! let event = Decoder::default().decode(&mut wire)?.expect("it is whole");
//! assert_eq!(Message::from_event(event)?, said);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod audio;
mod codec;
mod info;
pub mod limits;
mod message;

#[cfg(feature = "net")]
mod address;
#[cfg(feature = "net")]
mod connection;
#[cfg(feature = "net")]
mod listener;

pub use audio::{AudioChunk, AudioFormat, AudioStart, AudioStop};
pub use codec::{CodecError, Data, Decoder, Event};
pub use info::{
    AsrModel, AsrProgram, Attribution, Info, MicProgram, Satellite, SndProgram, Speaker, TtsProgram,
    TtsVoice, WakeModel, WakeProgram,
};
pub use message::{
    Detect, Detection, Fault, Message, MessageError, NotDetected, Ping, RunPipeline, SelectProgram, Stage,
    Synthesize, SynthesizeStart, Text, Timestamp, Transcribe, Transcript, TranscriptStart, Voice,
};

#[cfg(feature = "net")]
pub use address::{Address, AddressError};
#[cfg(feature = "net")]
pub use connection::{Connection, ConnectionError, Reader, Writer, connect};
#[cfg(feature = "net")]
pub use listener::Listener;
