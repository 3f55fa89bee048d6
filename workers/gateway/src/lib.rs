//! Services that speak another protocol, attached to a realm as a worker. So far there is one protocol: Wyoming, which
//! Home Assistant's voice services speak.
//!
//! [`wyoming::attach()`] is the whole of it. [`wyoming::Service`] asks a service for transcripts and for speech,
//! [`wyoming::offers`] says what of that a realm can be offered, [`wyoming::watch()`] tells when the service comes and goes,
//! and [`wyoming::WyomingWorker`] runs the realm's jobs with it. [`clauses`] cuts a text that is still being written into
//! pieces that can be spoken.
//!
//! What must not live here: engines and models (they are the service's), and the protocols themselves (`mtor-wyoming`).

pub mod clauses;
pub mod defaults;
mod heard;
mod plain;
pub mod wyoming;
