//! WebSockets that are open and silent: what each costs the realm.

use anyhow::Context as _;
use futures_util::StreamExt as _;
use futures_util::stream;
use serde::Serialize;

use super::process;
use crate::client::{RealmUrl, Session, Who};

/// How many are opened at once.
const AT_ONCE: usize = 64;

/// Open sessions, and what they did to the realm's memory.
pub(super) struct Sockets {
    _sessions: Vec<Session>,
    found: Found,
}

/// What idle sockets cost.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Found {
    sockets: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    rss_before_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rss_after_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_per_socket: Option<u64>,
}

impl Sockets {
    /// Opens so many sessions and keeps them until this is dropped.
    ///
    /// # Errors
    /// When the realm refuses one, or this system has no more files.
    pub(super) async fn open(realm: &RealmUrl, count: u32, broker: Option<u32>) -> anyhow::Result<Self> {
        let memory = || broker.and_then(|pid| process::rss_bytes_of(&[pid]));
        let before = memory();
        let opening = stream::iter(0..count).map(|_| Session::open(realm, &Who::Owner));
        let mut opening = opening.buffer_unordered(AT_ONCE);
        let mut sessions = Vec::with_capacity(count as usize);
        while let Some(session) = opening.next().await {
            sessions.push(session.with_context(|| format!("idle WebSocket number {}", sessions.len() + 1))?);
        }
        drop(opening);
        let after = memory();
        let each =
            before.zip(after).map(|(before, after)| after.saturating_sub(before) / u64::from(count.max(1)));
        let found = Found {
            sockets: count,
            rss_before_bytes: before,
            rss_after_bytes: after,
            bytes_per_socket: each,
        };
        Ok(Self { _sessions: sessions, found })
    }

    /// What they cost.
    pub(super) fn found(&self) -> Found {
        self.found.clone()
    }
}

impl Found {
    /// In words.
    pub(super) fn text(&self) -> String {
        match self.bytes_per_socket {
            Some(each) => {
                format!("{} idle WebSockets, {each} bytes of the broker's memory each", self.sockets)
            }
            None => format!("{} idle WebSockets", self.sockets),
        }
    }
}
