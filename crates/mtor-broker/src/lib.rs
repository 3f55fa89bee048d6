//! The shell round the core: HTTP, WebSocket, sessions, worker links, and OpenAI-compatible routes.
//!
//! [`start`] opens the ledger, rebuilds the realm from it, and listens. One task owns the core ([`realm`]); sessions
//! and requests speak to it through a [`RealmHandle`](realm::RealmHandle). The words of an answer go from the worker's
//! session straight to its listeners through a [`JobStream`](stream::JobStream); the core sees only the first and the
//! last of them.
//!
//! What must not live here: decisions about jobs and money (mtor-core), what is durable and how (mtor-ledger), engines
//! (workers, in processes of their own).

pub mod app;
mod attach;
mod audit;
mod auth;
mod broker;
mod clock;
pub mod defaults;
mod devices;
mod flow;
mod handover;
pub mod input;
mod jobs;
mod key_ring;
mod link;
mod memory;
mod metrics;
mod parts;
mod peers;
pub mod plans;
mod rate;
pub mod realm;
mod resolve;
mod routes;
mod server;
mod session;
mod settings;
mod starter;
pub mod stream;
pub mod streams;
pub mod witness;
mod wyoming;

pub use attach::{AttachWish, Attaching};
pub use broker::{Broker, Leading, lead, listen, start};
pub use settings::{
    Admit, ClusterSection, Coins, DEFAULT_LISTEN, LogSection, RealmFile, Settings, SettingsError,
    StarterSection, TrustSection, WitnessSection, WitnessUrl,
};
pub use wyoming::{SatelliteSection, WyomingSection};
