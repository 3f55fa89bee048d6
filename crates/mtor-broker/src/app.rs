//! What every request and session of the broker shares.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use mtor_identity::{Keypair, NonceCache};
use mtor_protocol::{AccountId, Did, JobId, Timestamp};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::devices::Devices;
use crate::handover::Handovers;
use crate::input::InputRoom;
use crate::key_ring::KeyRing;
use crate::metrics::Metrics;
use crate::peers::Peers;
use crate::plans::Plans;
use crate::rate::RateLimiter;
use crate::realm::RealmHandle;
use crate::resolve::Resolving;
use crate::routes::Sessions;
use crate::settings::Settings;
use crate::starter::Starter;
use crate::witness::Cosigned;

/// A wallet, as the broker deals with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wallet {
    /// Its name.
    pub did: Did,
    /// The account that it asks with: its own, or that of the grant that its API key spends from.
    pub account: AccountId,
    /// The grant, when it can do nothing but spend from that.
    pub grant: Option<JobId>,
}

/// The broker, as its requests and sessions see it.
pub struct App {
    /// What the sysop decided.
    pub settings: Settings,
    /// The rules of the core.
    pub config: mtor_core::Config,
    /// The realm's key.
    pub key: Arc<Keypair>,
    /// The realm's name.
    pub did: Did,
    /// Who runs it.
    pub owner: Wallet,
    /// Which key speaks for which wallet.
    pub keys: Arc<KeyRing>,
    /// Since when it runs.
    pub started: Timestamp,
    /// The way to the realm's task.
    pub realm: RealmHandle,
    /// What is published of the log's checkpoints.
    pub cosigned: Cosigned,
    /// Figures.
    pub metrics: Arc<Metrics>,
    /// Signed requests that were seen.
    pub nonces: Mutex<NonceCache>,
    /// Who asks how often.
    pub rates: RateLimiter,
    /// Gives new wallets their first coins, where the realm does.
    pub starter: Option<Starter>,
    /// Places for the keys of busy workers.
    pub prepared_keys: Arc<Semaphore>,
    /// The room for what goes into jobs as binary frames.
    pub input_room: Arc<InputRoom>,
    /// What waits for another device of the same person.
    pub handovers: Handovers,
    /// Where each wallet is in use.
    pub devices: Arc<Devices>,
    /// Who uses the realm by the Model Context Protocol.
    pub(crate) mcp: Sessions,
    /// Other realms that this one trades with.
    pub peers: Peers,
    /// Requests of several steps that are under way.
    pub plans: Plans,
    /// What words are resolved with.
    pub resolving: Resolving,
    /// Ends sessions when the broker goes down.
    pub closing: CancellationToken,
    /// Every connection and session.
    pub tasks: TaskTracker,
    next_worker: AtomicU64,
}

impl App {
    /// The shared state of a broker.
    pub fn new(
        settings: Settings,
        config: mtor_core::Config,
        key: Arc<Keypair>,
        (owner, keys, peers): (Wallet, Arc<KeyRing>, Peers),
        realm: RealmHandle,
        metrics: Arc<Metrics>,
        tasks: TaskTracker,
    ) -> Self {
        Self {
            starter: config.starter.map(|rules| Starter::new(rules, &settings.file.starter, &key)),
            config,
            did: key.did(),
            owner,
            keys,
            started: crate::clock::now(),
            realm,
            cosigned: Cosigned::new(&settings.file.log),
            metrics,
            nonces: Mutex::new(NonceCache::new(crate::defaults::NONCES_MAX)),
            rates: RateLimiter::new(settings.file.limits.requests_per_s),
            prepared_keys: Arc::new(Semaphore::new(crate::defaults::PREPARED_KEYS_MAX)),
            input_room: Arc::default(),
            handovers: Handovers::default(),
            devices: Arc::default(),
            mcp: Sessions::default(),
            peers,
            plans: Plans::default(),
            resolving: Resolving::default(),
            closing: CancellationToken::new(),
            tasks,
            next_worker: AtomicU64::new(1),
            settings,
            key,
        }
    }

    /// A name for a worker's session that was never used before.
    pub fn next_worker(&self) -> mtor_core::WorkerId {
        mtor_core::WorkerId(self.next_worker.fetch_add(1, Ordering::Relaxed))
    }
}
