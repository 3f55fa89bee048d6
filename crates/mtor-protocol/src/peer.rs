//! Realms as peers of each other: how they find together, and how each stands with the other.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CapabilityKind, Did, Micro, Timestamp};

/// On what terms a realm is a peer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PeerTerms {
    /// What it may use of our workers: any of `chat` and `embed`. Nothing unless said.
    pub share: Vec<CapabilityKind>,
    /// The most that it may owe us.
    pub limit: Micro,
}

/// A wish for an invitation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PeerInviteRequest {
    /// Where the other realm reaches this one: `http://HOST:PORT`.
    pub address: String,
    /// On what terms whoever joins with it is a peer.
    #[serde(default)]
    pub terms: PeerTerms,
}

/// An invitation. Whoever has its code can join once, until it expires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PeerInvite {
    /// What the other realm's owner is told: over a way that nobody else reads.
    pub code: String,
    /// Until when.
    pub expires: Timestamp,
}

/// What a code says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PeerCode {
    /// The key of the realm that invites: no other realm is spoken to.
    pub realm: Did,
    /// Where it is.
    pub address: String,
    /// What it knows its guest by.
    pub secret: String,
}

/// A wish to join a realm that has invited this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PeerJoinRequest {
    /// The code of its invitation.
    pub code: String,
    /// Where the other realm reaches this one, if it does: else it can take our workers' help, and not lend us its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// On what terms it is a peer.
    #[serde(default)]
    pub terms: PeerTerms,
}

/// What a realm says to one that has invited it, signed by its realm's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PeerGreeting {
    /// Out of the code.
    pub secret: String,
    /// What people call it.
    pub name: String,
    /// Where it is reached, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// What the realm that has invited it answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PeerWelcome {
    /// What people call it.
    pub name: String,
}

/// A peer, and how it stands with this realm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PeerInfo {
    /// Its key.
    pub did: Did,
    /// What people call it.
    pub name: String,
    /// Where it is reached, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// On what terms it is a peer.
    pub terms: PeerTerms,
    /// What it owes us, with what is held for its open jobs.
    pub owes: Micro,
    /// What we owe it.
    pub owed: Micro,
    /// Whether its workers take our jobs now.
    pub attached: bool,
    /// What it offers us, while it is attached.
    pub offers: Vec<CapabilityKind>,
}
