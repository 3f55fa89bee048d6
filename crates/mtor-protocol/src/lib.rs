//! What crosses a wire in a Multi-Tronic Operating Realm.
//!
//! Everything that a client, a broker, a worker or a peer realm says to another is a type in this crate:
//! [`Event`] envelopes (CloudEvents 1.0) with a typed [`Body`], [`Intent`]s and [`Task`]s, [`Usage`] and [`Price`]s,
//! [`Problem`]s (RFC 9457), worker [`Announcement`]s, the shapes of the HTTP interface ([`http`]) and binary
//! [`Frame`]s for heavy payloads. The committed schemas (JSON Schema, OpenAPI, AsyncAPI) are generated from these
//! types by [`schema`].
//!
//! What must not live here: I/O, clocks, randomness, keys, policy. Types, their text and their limits only.
//!
//! ```
//! use mtor_protocol::{Body, Event};
//! let text = r#"{"specversion":"1.0","id":"1","source":"did:key:z6Mk","type":"mtor.worker.drain",
//!                "time":"2026-01-01T00:00:00Z","data":{"reason":"going home"}}"#;
//! let event = Event::parse(text)?;
//! assert!(matches!(event.body, Body::WorkerDrain(_)));
//! # Ok::<(), mtor_protocol::ParseError>(())
//! ```

pub mod attach;
pub mod body;
pub mod calls;
pub mod event;
pub mod frame;
pub mod grant;
pub mod http;
pub mod id;
pub mod intent;
pub mod keys;
pub mod limits;
pub mod money;
pub mod openai;
pub mod order;
pub mod part;
pub mod peer;
pub mod picture;
pub mod plan;
pub mod problem;
pub mod resolve;
pub mod schema;
pub mod sound;
pub mod tool;
pub mod trust;
pub mod usage;
pub mod ware;
pub mod worker;

pub use attach::{AttachRequest, Attachment};
pub use body::Body;
pub use calls::{AnswerFormat, CallMade, CallReader, CallableTool, ToolCall, ToolChoice};
pub use event::{Event, ParseError};
pub use frame::{Frame, FrameError, FrameKind};
pub use grant::{GrantInfo, GrantList, GrantRequest, GrantTerms, Period};
pub use id::{AccountId, Did, Digest, JobId, KeyId, NameError, Timestamp};
pub use intent::{ChatMessage, ChatTask, EmbedTask, Intent, Privacy, Role, ServiceClass, Submit, Task};
pub use keys::{KeyChange, KeyStatement, RecoveryPending, WalletKeysInfo};
pub use money::{Micro, Price};
pub use order::{Order, OrderSeal, Receipt};
pub use part::{NewPart, Part};
pub use picture::{ImagineTask, LookTask, Picture};
pub use plan::{Plan, PlanAnswer, PlanAsk, PlanPage, PlanState, PlanStep, StepState};
pub use problem::{Problem, ProblemKind};
pub use sound::{
    AudioSource, SpeakTask, SpeechFormat, TranscribeTask, Transcript, VoiceInfo, WakeTask, Woken,
};
pub use tool::{Effect, ToolInfo, ToolName, ToolTask};
pub use usage::{FinishReason, Usage};
pub use ware::{ModelSize, Ware};
pub use worker::{Announcement, CapabilityKind, CapabilityOffer, Needs};

/// The WebSocket subprotocol, and the version that every session binds into its signature.
pub const SUBPROTOCOL: &str = "mtor.v1";
