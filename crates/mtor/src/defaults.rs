//! Every default and limit of the command, in one place.

use std::time::Duration;

/// The realm that is asked when none is named.
pub(crate) const REALM: &str = "http://127.0.0.1:9000";

/// How long to wait for a connection to a realm.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to wait for the answer to an ordinary request.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// The largest answer of a realm that is read, in bytes.
pub(crate) const ANSWER_BYTES_MAX: usize = 64 << 20;

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

/// Lines that `mtor wallet history` shows unless it is told otherwise.
pub(crate) const HISTORY_LINES: u32 = 20;
