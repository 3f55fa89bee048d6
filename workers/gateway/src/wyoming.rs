//! A Wyoming service as a worker.

mod attach;
mod error;
mod offers;
mod service;
mod waking;
mod watch;
mod worker;

pub use attach::attach;
pub use error::ServiceError;
pub use offers::{Offered, SpeakWith, TranscribeWith, offers};
pub use service::{Service, Sound, Speech, Transcribing, TranscriptWords, Words};
pub use watch::{Watch, watch};
pub use worker::WyomingWorker;
