//! Every default and limit of the command, in one place.

use std::time::Duration;

/// The realm that is asked when none is named.
pub(crate) const REALM: &str = "http://127.0.0.1:9000";

/// How long to wait for a connection to a realm.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to wait for the answer to an ordinary request.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// How long an answer may stream: as long as a job may live.
pub(crate) const STREAM_TIMEOUT: Duration = Duration::from_millis(mtor_protocol::limits::TIMEOUT_MS_MAX);

/// The largest answer of a realm that is read, in bytes.
pub(crate) const ANSWER_BYTES_MAX: usize = 64 << 20;

/// How long a question that is signed may wait for its answer, unless it says so, in milliseconds.
pub(crate) const ORDER_LIVES_MS: u64 = 10 * 60 * 1_000;
/// How long `mtor ask` tries to reach a realm again that was lost in the middle of a job.
pub(crate) const RECONNECT_FOR: Duration = Duration::from_secs(60);

/// The first pause before another try to reach the realm; each further one doubles it.
pub(crate) const RECONNECT_FIRST: Duration = Duration::from_millis(200);

/// The longest pause before another try to reach the realm.
pub(crate) const RECONNECT_MAX: Duration = Duration::from_secs(5);

/// How often the connection of a waiting `mtor ask` is tested; a realm that is silent for twice this long is lost.
pub(crate) const PING_PERIOD: Duration = Duration::from_secs(20);

/// How long `mtor ask` waits after Ctrl-C until the realm confirms that the job was cancelled.
pub(crate) const CANCEL_WAIT: Duration = Duration::from_secs(3);

/// After how long of silence on standard input a person is told what is being waited for.
pub(crate) const STDIN_NOTE_AFTER: Duration = Duration::from_secs(3);

/// How often `mtor wallet start` claims, and how often it works anew when that was in vain, before it gives up.
pub(crate) const CLAIM_TRIES: u32 = 5;

/// The longest that `mtor wallet start` waits to claim again, when the realm is busy.
pub(crate) const CLAIM_WAIT_MAX: Duration = Duration::from_secs(10);

/// How often `mtor wallet start` shows how far it is.
pub(crate) const WORK_PROGRESS_PERIOD: Duration = Duration::from_millis(200);

/// Most cores that `mtor wallet start` works on.
pub(crate) const WORK_THREADS_MAX: usize = 8;

/// Lines that `mtor wallet history` shows unless it is told otherwise.
pub(crate) const HISTORY_LINES: u32 = 20;

/// The size at which a log file makes room for a new one, in bytes.
pub(crate) const LOG_BYTES_MAX: u64 = 10_000_000;

/// Full log files that are kept beside the one that is written.
pub(crate) const LOG_FILES_KEPT: u32 = 2;

/// The longest line of a worker's output that is kept whole, in bytes; the rest of a longer one is dropped.
pub(crate) const LOG_LINE_BYTES_MAX: usize = 8 * 1024;

/// The pause before a worker that ended is started again; each further one doubles it.
pub(crate) const RESTART_FIRST: Duration = Duration::from_secs(1);

/// The longest pause before a worker is started again.
pub(crate) const RESTART_MAX: Duration = Duration::from_secs(30);

/// A worker that ran this long was healthy: the pauses start at the shortest again.
pub(crate) const RESTART_RESET: Duration = Duration::from_secs(60);

/// How long a worker may take to finish its jobs when the realm ends; then it is ended at once.
pub(crate) const WORKER_GRACE: Duration = Duration::from_secs(35);

/// The first pause between two looks whether a starting realm is ready; each further one doubles it. Once it is, nobody
/// looks any more.
pub(crate) const READY_LOOK_FIRST: Duration = Duration::from_millis(100);

/// The longest pause between two such looks.
pub(crate) const READY_LOOK_MAX: Duration = Duration::from_secs(2);
