//! Several brokers, one realm. All of them take connections; one leads and decides; any of them can lead next.
//!
//! What the leader decides goes into a log on PostgreSQL before it counts ([`store`]), under a number that only one leader can
//! write: whoever leads next raises the epoch, and the database refuses the one before from then on. The others follow that log
//! into ledgers of their own, woken over NATS ([`signals`]) and looking once a second without it, so that the next leader has all
//! but the last moment already. Connections that are made to a follower are handed on to the leader, with the address of who made
//! them ([`relay`]). [`run`] plays both parts in turn ([`node`]).
//!
//! What must not live here: decisions about jobs and money (mtor-core), what a ledger's folder looks like (mtor-ledger), routes and
//! sessions (mtor-broker).

pub mod defaults;

mod node;
mod relay;
mod signals;
mod store;

pub use node::{Cluster, Event, run};
