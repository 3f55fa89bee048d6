//! The sizes of the simulated world: small, so that every bound is reached often.

use std::sync::LazyLock;

use mtor_core::trust::TrustRules;
use mtor_core::{Config, MarketRules, PrivateMode, StarterRules};
use mtor_protocol::{AccountId, Micro};

use crate::keys;

/// Steps of one seed before the faults stop.
pub(crate) const STEPS: u32 = 1_000;
/// Steps that the world gets to settle everything after the faults have stopped.
pub(crate) const HEALING_STEPS_MAX: u32 = 50_000;
/// Seeds that run on the real ledger: one of so many.
pub(crate) const REAL_LEDGER_EVERY: u64 = 100;
/// Wallets. The first one is the owner's.
pub(crate) const CLIENTS: usize = 4;
/// Most workers that exist; fewer may be attached.
pub(crate) const WORKERS_MAX: usize = 5;
/// Most commands that the shell handles before it commits.
pub(crate) const BATCH_MAX: usize = 8;
/// Most batches that may wait for the disk. New jobs are refused long before.
pub(crate) const PENDING_BATCHES_MAX: usize = 5_000;
/// The first moment, in milliseconds.
pub(crate) const EPOCH_MS: u64 = 1_700_000_000_000;
/// How often a worker beats, in milliseconds.
pub(crate) const BEAT_MS: u64 = 10_000;
/// How often the shell saves what running jobs have written, in milliseconds.
pub(crate) const SAVE_MS: u64 = 500;

/// How long a wallet can say no to its recovery key, in milliseconds: so short that recoveries take effect while a world lasts.
const RECOVERY_DELAY_MS: u64 = 2_000;

/// The account of a client's wallet: that of its first key.
pub(crate) fn wallet(client: usize) -> AccountId {
    static WALLETS: LazyLock<Vec<AccountId>> = LazyLock::new(|| {
        (0..CLIENTS).map(|client| mtor_identity::guid(&keys::key(client, keys::FIRST).public())).collect()
    });
    WALLETS[client]
}

/// The account that a worker is paid to. The last one belongs to the last client.
pub(crate) fn payee(worker: usize) -> AccountId {
    if worker + 1 == WORKERS_MAX { wallet(CLIENTS - 1) } else { AccountId(200 + worker as u128) }
}

/// The realm's rules.
pub(crate) fn config() -> Config {
    Config {
        waiting_per_capability_max: 6,
        open_per_wallet_max: 5,
        workers_max: 4,
        finished_remembered_max: 8,
        balance_interval_ms: 1_000,
        market: Some(MarketRules::default()),
        private: Some(PrivateMode {
            owner: wallet(0),
            owner_floor: Micro(2_000),
            owner_fill: Micro(20_000),
            welcome: Micro(3_000),
        }),
        audit: true,
        // So small that much matures, and so short that cases end while a world lasts.
        trust: TrustRules {
            holdback: 2,
            mature_ms: 4_000,
            appeal_ms: 8_000,
            decide_ms: 12_000,
            ..TrustRules::STANDARD
        },
        recovery_delay_ms: RECOVERY_DELAY_MS,
        starter: Some(StarterRules { coins: Micro(700), daily: Micro(2_000) }),
        ..Config::default()
    }
}
