//! Errors as they cross a wire: RFC 9457 problem details with a stable `type`.
//!
//! Every kind is declared once, in the table below; the HTTP status, the title and the documentation come from it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where problem types are named. Not a page that has to exist: RFC 9457 asks for a stable URI.
pub const TYPE_PREFIX: &str = "urn:mtor:problem:";

macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident = $slug:literal, $status:literal, $title:literal;)+) => {
        /// Every kind of error that a realm reports.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        pub enum ProblemKind {
            $($(#[$doc])* #[serde(rename = $slug)] $name,)+
        }

        impl ProblemKind {
            /// All kinds, for documentation and tests.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The stable last part of the type: `no-worker`.
            pub const fn slug(self) -> &'static str {
                match self { $(Self::$name => $slug),+ }
            }

            /// The HTTP status that goes with it.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status),+ }
            }

            /// What it means, in a few words that never change.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title),+ }
            }
        }
    };
}

problems! {
    /// The request is not the JSON that the route wants.
    InvalidRequest = "invalid-request", 400, "The request is not valid";
    /// The signature, key or challenge does not prove who asks.
    Unauthorized = "unauthorized", 401, "Who asks could not be proven";
    /// The key was the wallet's once, and is no more: sign with the one that came after it.
    KeyReplaced = "key-replaced", 401, "The wallet has another key now";
    /// The key was asked to become a wallet's, and is not yet: the delay runs in which the wallet can say no.
    KeyWaiting = "key-waiting", 401, "The key is not the wallet's yet";
    /// The wallet can't cover the most that the job may cost.
    InsufficientFunds = "insufficient-funds", 402, "The balance is too low";
    /// Known, but not allowed.
    Forbidden = "forbidden", 403, "This is not yours to do";
    /// No such job, wallet or route, or one that is not the caller's to see.
    NotFound = "not-found", 404, "There is no such thing here";
    /// The route exists, with other methods.
    MethodNotAllowed = "method-not-allowed", 405, "The route does not take this method";
    /// The id is taken by something else, or it is too late for this.
    Conflict = "conflict", 409, "This conflicts with what is already there";
    /// Larger than a limit of the wire.
    TooLarge = "too-large", 413, "The message is too large";
    /// No attached worker offers the model.
    UnknownModel = "unknown-model", 404, "No worker offers this model";
    /// No attached worker offers the capability.
    NoWorker = "no-worker", 503, "No worker offers this capability";
    /// Workers offer it, but none may or can take this job.
    Infeasible = "infeasible", 422, "No worker can take this job";
    /// The prompt does not fit the model's window.
    ContextExceeded = "context-exceeded", 400, "The prompt is longer than the model's window";
    /// A queue is full, or the caller asks too often.
    TooManyRequests = "too-many-requests", 429, "Too many requests at once";
    /// The job's deadline passed before it was done.
    Expired = "expired", 504, "The job took longer than its deadline";
    /// The job was cancelled.
    Cancelled = "cancelled", 409, "The job was cancelled";
    /// The worker could not do it, nor could another.
    WorkerFailed = "worker-failed", 502, "The worker failed";
    /// A skill of a stranger did what it may not, or more of it than it may. `detail` names it.
    SkillStopped = "skill-stopped", 422, "The skill was stopped";
    /// The realm is shutting down and takes no new jobs.
    Draining = "draining", 503, "The realm is going down";
    /// The ledger can't write: the disk is full or broken. Nothing acknowledged is lost.
    LedgerUnavailable = "ledger-unavailable", 507, "The ledger cannot write";
    /// A fault in the realm itself.
    Internal = "internal", 500, "The realm made a mistake";
}

/// Problem details (RFC 9457).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// `urn:mtor:problem:` and the kind; stable, to be compared by programs.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened here, with numbers, and what to do about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The job that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Seconds after which another try makes sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
    /// The field of the request that is wrong, where one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub param: Option<String>,
}

impl Problem {
    /// A problem of this kind, with its detail.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("{TYPE_PREFIX}{}", kind.slug()),
            title: kind.title().to_owned(),
            status: kind.status(),
            detail: detail.into(),
            instance: None,
            retry_after: None,
            param: None,
        }
    }

    /// The same, about this job.
    pub fn about(mut self, job: crate::JobId) -> Self {
        self.instance = Some(job.to_string());
        self
    }

    /// The job that it is about, if it is about one.
    pub fn job(&self) -> Option<crate::JobId> {
        self.instance.as_deref()?.parse().ok()
    }

    /// The same, worth trying again after so many seconds.
    pub fn retry_after_s(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The same, because of this field.
    pub fn param(mut self, name: &str) -> Self {
        self.param = Some(name.to_owned());
        self
    }

    /// Whether it is of this kind.
    pub fn is(&self, kind: ProblemKind) -> bool {
        self.known_kind() == Some(kind)
    }

    /// The kind, when it is one of ours.
    pub fn known_kind(&self) -> Option<ProblemKind> {
        let slug = self.kind.strip_prefix(TYPE_PREFIX)?;
        ProblemKind::ALL.iter().copied().find(|kind| kind.slug() == slug)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.detail.as_str() {
            "" => f.write_str(&self.title),
            detail => write!(f, "{}: {detail}", self.title),
        }
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_unique_and_found_again() {
        for kind in ProblemKind::ALL {
            assert_eq!(Problem::new(*kind, "").known_kind(), Some(*kind));
        }
    }

    #[test]
    fn the_json_is_rfc_9457() {
        let problem = Problem::new(ProblemKind::NoWorker, "no worker offers imagine").retry_after_s(5);
        insta::assert_json_snapshot!(problem, @r#"
        {
          "type": "urn:mtor:problem:no-worker",
          "title": "No worker offers this capability",
          "status": 503,
          "detail": "no worker offers imagine",
          "retry_after": 5
        }
        "#);
    }
}
