//! The rules of a realm: prices, bounds, goals. Every one has a default.

use std::collections::BTreeMap;

use mtor_protocol::{AccountId, CapabilityKind, Micro, Price, Ware};

use crate::goals::Goals;
use crate::sizes::SizeRules;
use crate::splits::Splits;
use crate::starter::StarterRules;
use crate::trust::TrustRules;

/// What part of the usual price of sound it costs to wait for a wake word in it: a twentieth.
const WAKE_SHARE: u64 = 20;

/// The rules by which a realm decides. Changed only by restarting it.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The price of each ware. A medium or large model that is not named costs a share of its capability's price more, see
    /// [`SizeRules`]; capabilities that are not named cost [`price_otherwise`](Self::price_otherwise).
    pub prices: BTreeMap<Ware, Price>,
    /// The price of capabilities that are not named.
    pub price_otherwise: Price,
    /// Which models are small, medium and large.
    pub sizes: SizeRules,
    /// How soon jobs should begin.
    pub goals: Goals,
    /// Set when prices follow load; else the prices above hold.
    pub market: Option<MarketRules>,
    /// How each payment is divided.
    pub splits: Splits,
    /// Most jobs that wait for one capability.
    pub waiting_per_capability_max: u32,
    /// Most open jobs of one wallet, waiting and running together.
    pub open_per_wallet_max: u32,
    /// Most workers attached.
    pub workers_max: u32,
    /// How many workers are tried with one job.
    pub attempts_max: u32,
    /// Tokens written at most for a job that does not say.
    pub output_tokens_default: u32,
    /// Most tokens that a job may ask for.
    pub output_tokens_max: u32,
    /// How long a job lives that does not say, in milliseconds.
    pub timeout_ms_default: u64,
    /// A worker that has not been heard of for so long has left, in milliseconds.
    pub beat_timeout_ms: u64,
    /// How long it takes until all balances are written down again, in milliseconds. No timer waits for it: the first input after
    /// it finds that it is time.
    pub balance_interval_ms: u64,
    /// How many finished jobs are remembered here to recognise repeated submissions.
    pub finished_remembered_max: usize,
    /// Set when coins are issued by the owner alone, who never runs dry.
    pub private: Option<PrivateMode>,
    /// Whether results of workers that are not of the house are checked.
    pub audit: bool,
    /// How long a wallet can say no to its recovery key, in milliseconds.
    pub recovery_delay_ms: u64,
    /// When, and with what consequence.
    pub trust: TrustRules,
    /// Set when new wallets get some coins to begin with.
    pub starter: Option<StarterRules>,
    /// What an answer costs that the realm remembers, in percent of what it cost to have it done.
    pub memory_percent: u32,
}

/// How far prices may go from the list when they follow load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarketRules {
    /// The lowest that the base of a price falls to, in percent of the list price.
    pub floor_percent: u32,
    /// The highest that it rises to.
    pub cap_percent: u32,
}

impl Default for MarketRules {
    fn default() -> Self {
        Self { floor_percent: 25, cap_percent: 400 }
    }
}

/// A realm at home: the owner's wallet is kept funded, and fills the wallets of the household.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrivateMode {
    /// The owner's account.
    pub owner: AccountId,
    /// When less than this is available to the owner, coins are issued ...
    pub owner_floor: Micro,
    /// ... up to this.
    pub owner_fill: Micro,
    /// What a wallet of the household is filled up to when it asks.
    pub welcome: Micro,
}

impl Default for Config {
    fn default() -> Self {
        let price = Price {
            job: Micro(100),
            input_ktoken: Micro(1_000),
            output_ktoken: Micro(4_000),
            ksecond: Micro(20_000),
            kimage: Micro(5_000_000),
        };
        Self {
            prices: BTreeMap::new(),
            price_otherwise: price,
            sizes: SizeRules::default(),
            goals: Goals::default(),
            market: None,
            splits: Splits::default(),
            waiting_per_capability_max: 1_000,
            open_per_wallet_max: 256,
            workers_max: 10_000,
            attempts_max: 3,
            output_tokens_default: 1_024,
            output_tokens_max: 32_768,
            timeout_ms_default: 10 * 60 * 1_000,
            beat_timeout_ms: 30_000,
            balance_interval_ms: 60 * 60 * 1_000,
            finished_remembered_max: 65_536,
            private: None,
            audit: false,
            recovery_delay_ms: 72 * 60 * 60 * 1_000,
            trust: TrustRules::STANDARD,
            starter: None,
            memory_percent: 10,
        }
    }
}

impl Config {
    /// What a ware costs by the list, before load is looked at.
    pub fn price(&self, ware: &Ware) -> Price {
        if let Some(price) = self.prices.get(ware) {
            return *price;
        }
        let base = self.base_price(&ware.capability);
        match self.sizes.percent(ware.size) {
            100 => base,
            percent => base.times_permille(percent.saturating_mul(10)),
        }
    }

    /// What a capability costs by the list when small models do it.
    fn base_price(&self, capability: &CapabilityKind) -> Price {
        let otherwise = || match capability {
            // Whoever waits for a word waits all day, and the network that listens is small.
            kind if *kind == CapabilityKind::WAKE => {
                let ksecond = self.price_otherwise.ksecond.scaled(1, WAKE_SHARE);
                Price { ksecond, ..self.price_otherwise }
            }
            _ => self.price_otherwise,
        };
        self.prices.get(&Ware::from(capability.clone())).copied().unwrap_or_else(otherwise)
    }
}
