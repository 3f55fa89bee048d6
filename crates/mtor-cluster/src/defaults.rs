//! Every default and limit of this crate, in one place.

use std::time::Duration;

/// For how long whoever leads does, without being heard of again. It says so three times as often.
pub const LEASE: Duration = Duration::from_secs(3);
/// How often the leader renews its lease, and a follower looks for news without being woken.
pub const LOOK: Duration = Duration::from_secs(1);
/// For how long a lease must have been over before somebody else takes it: after a restart of the database, whoever led goes on.
pub const LEASE_GRACE: Duration = Duration::from_millis(1_500);
/// How long one request to the database may take.
pub const STORE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long connecting to the database may take.
pub const STORE_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Groups that a follower reads at once.
pub const GROUPS_PER_READ: i64 = 16;
/// How often the leader has the log forget texts that are too old.
pub const FORGET_INTERVAL: Duration = Duration::from_secs(600);
/// Groups whose texts are forgotten in one go.
pub const FORGET_GROUPS: i64 = 100;

/// How long a connection waits for somebody to lead before it is told to come again.
pub const LEADER_PATIENCE: Duration = Duration::from_secs(10);
/// The pause between two tries to reach a leader that does not answer.
pub const LEADER_PAUSE: Duration = Duration::from_millis(200);
/// How long brokers take to agree that a connection may be handed on.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest that a follower may say of a connection that it hands on, in bytes.
pub const INTRODUCTION_BYTES_MAX: usize = 512;
/// Connections that wait for the leading broker to take them.
pub const HANDED_MAX: usize = 256;
/// How long to wait after the system refused to accept, for example because too many files are open.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long connections may take to end once they are told to.
pub const CLOSE_GRACE: Duration = Duration::from_secs(5);
/// What is read of a request that is turned away, in bytes.
pub const TURNED_AWAY_BYTES_MAX: u64 = 1 << 20;
