//! Sessions: which request of which client is which job, so that it can be cancelled. There is nothing else in one, so
//! that the oldest can be forgotten when there are too many: its client begins another.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mtor_protocol::{AccountId, JobId};
use serde_json::Value;

use crate::app::Wallet;
use crate::defaults::MCP_SESSIONS_MAX;

/// All sessions, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    all: Mutex<VecDeque<(String, Arc<Session>)>>,
}

/// One client's session.
#[derive(Debug)]
pub(super) struct Session {
    account: AccountId,
    /// As many as the wallet may have open jobs.
    running: Mutex<HashMap<String, JobId>>,
}

/// A request under way; dropped, it is not.
pub(super) struct Running {
    session: Arc<Session>,
    request: String,
}

impl Sessions {
    /// A new one, by its name.
    pub(super) fn begin(&self, wallet: &Wallet) -> String {
        // Random, so that nobody finds another's; and of no use without the wallet's own key.
        let name = format!("{}{}", JobId::generate(), JobId::generate());
        let session = Session { account: wallet.account, running: Mutex::default() };
        let mut all = lock(&self.all);
        if all.len() >= MCP_SESSIONS_MAX {
            all.pop_front();
        }
        all.push_back((name.clone(), Arc::new(session)));
        name
    }

    /// The session of this name, if it is this wallet's.
    pub(super) fn get(&self, name: &str, wallet: &Wallet) -> Option<Arc<Session>> {
        let all = lock(&self.all);
        let (_, session) = all.iter().find(|(known, _)| known == name)?;
        (session.account == wallet.account).then(|| session.clone())
    }

    /// Forgets it; false when there is none.
    pub(super) fn end(&self, name: &str, wallet: &Wallet) -> bool {
        let mut all = lock(&self.all);
        let before = all.len();
        all.retain(|(known, session)| known != name || session.account != wallet.account);
        all.len() < before
    }
}

impl Session {
    /// This request is this job.
    pub(super) fn run(self: Arc<Self>, request: &Value, job: JobId) -> Running {
        let request = request.to_string();
        lock(&self.running).insert(request.clone(), job);
        Running { session: self, request }
    }

    /// The job of a request under way.
    pub(super) fn job(&self, request: &Value) -> Option<JobId> {
        lock(&self.running).get(&request.to_string()).copied()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        lock(&self.session.running).remove(&self.request);
    }
}

// Nothing panics while one is held; what is in it is whole either way.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mtor_protocol::Did;

    fn wallet(account: u128) -> Wallet {
        Wallet { did: Did("did:key:z6Mk".into()), account: AccountId(account), grant: None }
    }

    #[test]
    fn a_session_is_its_wallets_alone_and_the_oldest_is_forgotten() {
        let sessions = Sessions::default();
        let name = sessions.begin(&wallet(1));
        assert!(sessions.get(&name, &wallet(1)).is_some() && sessions.get(&name, &wallet(2)).is_none());
        assert!(!sessions.end(&name, &wallet(2)));
        for _ in 0..MCP_SESSIONS_MAX {
            sessions.begin(&wallet(2));
        }
        assert!(sessions.get(&name, &wallet(1)).is_none());
        assert_eq!(lock(&sessions.all).len(), MCP_SESSIONS_MAX);
    }

    #[test]
    fn a_request_is_known_while_it_runs() {
        let sessions = Sessions::default();
        let session = sessions.get(&sessions.begin(&wallet(1)), &wallet(1)).unwrap();
        let running = session.clone().run(&7.into(), JobId(3));
        assert_eq!((session.job(&7.into()), session.job(&"7".into())), (Some(JobId(3)), None));
        drop(running);
        assert_eq!(session.job(&7.into()), None);
    }
}
