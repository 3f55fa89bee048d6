//! What a sysop can decide: `realm.toml`, overridden by `MTOR_...` in the environment and by flags. Every setting has a
//! default, and an unknown one is an error, so that a slip of the pen does not go unnoticed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use mtor_core::trust::TrustRules;
use mtor_core::{Config, Goals, MarketRules, PrivateMode, SizeRules, Splits, StarterRules};
use mtor_ledger::WitnessKey;
use mtor_protocol::{AccountId, CapabilityKind, Did, Micro, ModelSize, Price, Ware, limits};
use serde::{Deserialize, Serialize};

use crate::attach::Attaching;
use crate::defaults;
use crate::wyoming::WyomingSection;

/// Where a realm listens unless it is told otherwise: on this machine alone.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:9000";

/// The most payments that a worker may have to wait for.
const HOLDBACK_MAX: usize = 1_000;
const HOUR_MS: u64 = 60 * 60 * 1_000;
/// The most zero bits that a sysop may ask for at first: days of work.
const STARTER_ZERO_BITS_SET_MAX: u8 = 24;
/// A billion.
const BILLION: f64 = 1e9;
/// From what Argon2id takes at least, in KiB.
const STARTER_MEMORY_KIB_RANGE: RangeInclusive<u32> = 8..=limits::WORK_MEMORY_KIB_MAX;

/// Everything that a realm needs to know to run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The data folder.
    pub data: PathBuf,
    /// What `realm.toml` says.
    pub file: RealmFile,
    /// Capabilities that must be on offer before `/readyz` says 200: those whose workers were told to start.
    pub expected: Vec<CapabilityKind>,
    /// The wallets of the workers that this realm starts itself: they are of the house, and may see private jobs.
    pub house_workers: Vec<Did>,
    /// The way to whoever attaches services by their address, when workers are started beside this broker.
    pub attaching: Option<Attaching>,
}

impl Settings {
    /// Settings for a data folder: what its `realm.toml` says, if there is one, else the defaults.
    ///
    /// # Errors
    /// [`SettingsError`] when the file can't be read or says something that is not known.
    pub fn load(data: &Path) -> Result<Self, SettingsError> {
        let path = data.join("realm.toml");
        let file = match std::fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text)
                .map_err(|error| SettingsError::Invalid { path, error: Box::new(error) })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => RealmFile::default(),
            Err(error) => return Err(SettingsError::Unreadable { path, error }),
        };
        Ok(Self {
            data: data.to_owned(),
            file,
            expected: Vec::new(),
            house_workers: Vec::new(),
            attaching: None,
        })
    }

    /// What the ledger is told of it.
    pub fn ledger(&self) -> mtor_ledger::Settings {
        let retention = &self.file.retention;
        mtor_ledger::Settings {
            text_age_ms_max: Some(u64::from(retention.days) * 24 * 60 * 60 * 1_000),
            text_bytes_max: retention.megabytes.saturating_mul(1_000_000),
            ..mtor_ledger::Settings::default()
        }
    }
}

/// Why settings can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file can't be read.
    #[error("{path} can't be read: {error}", path = path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file says something that is not known.
    #[error("{path} is not valid; mend it, or move it away to go on with the defaults:\n{error}", path = path.display())]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// What and where.
        error: Box<toml::de::Error>,
    },
}

/// `realm.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RealmFile {
    /// What people call this realm.
    pub name: String,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Whether coins are issued by the owner alone, who never runs dry.
    pub private: bool,
    /// The owner of a private realm is kept at this, in coins.
    pub owner_coins: Coins,
    /// What a wallet of the household is filled up to, in coins.
    pub welcome_coins: Coins,
    /// Prices by ware (`chat`, `chat/large`), in micro (1,000,000 to the coin); see [`Price`].
    pub price: BTreeMap<String, Price>,
    /// Which models are small, medium and large.
    pub sizes: SizesSection,
    /// How soon jobs should begin to be answered.
    pub goals: GoalsSection,
    /// Whether prices follow load, and how far.
    pub market: MarketSection,
    /// How each payment is divided.
    pub splits: SplitsSection,
    /// Coins that new wallets begin with.
    pub starter: StarterSection,
    /// Which workers may attach.
    pub workers: WorkersSection,
    /// Whether their answers are checked.
    pub trust: TrustSection,
    /// How wallets come back.
    pub wallets: WalletsSection,
    /// Bounds.
    pub limits: LimitsSection,
    /// Whether repeatable answers are remembered, and what they cost.
    pub cache: CacheSection,
    /// How much is kept.
    pub retention: RetentionSection,
    /// Who witnesses the log.
    pub log: LogSection,
    /// Home Assistant and satellites.
    pub wyoming: WyomingSection,
    /// Other brokers of the same realm.
    pub cluster: ClusterSection,
}

impl Default for RealmFile {
    fn default() -> Self {
        Self {
            name: "home".to_owned(),
            listen: SocketAddr::from(([127, 0, 0, 1], 9000)),
            private: true,
            owner_coins: Coins(Micro::coins(1_000)),
            welcome_coins: Coins(Micro::coins(100)),
            price: BTreeMap::new(),
            sizes: SizesSection::default(),
            goals: GoalsSection::default(),
            market: MarketSection::default(),
            splits: SplitsSection::default(),
            starter: StarterSection::default(),
            workers: WorkersSection::default(),
            trust: TrustSection::default(),
            wallets: WalletsSection::default(),
            limits: LimitsSection::default(),
            cache: CacheSection::default(),
            retention: RetentionSection::default(),
            log: LogSection::default(),
            wyoming: WyomingSection::default(),
            cluster: ClusterSection::default(),
        }
    }
}

/// An amount that people write in coins: `"12.5"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coins(pub Micro);

impl Serialize for Coins {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Coins {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

/// Who may attach a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Admit {
    /// Whoever connects from this machine, and the wallets that are listed.
    #[default]
    Local,
    /// Only the wallets that are listed.
    Listed,
    /// Anybody.
    Anyone,
}

/// Which workers may attach.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorkersSection {
    /// The rule.
    pub admit: Admit,
    /// Wallets that may attach workers from anywhere.
    pub listed: Vec<Did>,
}

/// Whether answers that are the same every time are remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheSection {
    /// Whether they are.
    pub on: bool,
    /// What one costs, in percent of what a worker's would; it goes to the treasury.
    pub share_percent: u32,
}

impl Default for CacheSection {
    fn default() -> Self {
        Self { on: true, share_percent: Config::default().memory_percent }
    }
}

impl CacheSection {
    fn checked(self) -> Result<u32, String> {
        match self.share_percent {
            0..=100 => Ok(self.share_percent),
            more => Err(format!("cache: share_percent must be at most 100, not {more}")),
        }
    }
}

/// Whether answers of workers that are not of the house are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrustSection {
    /// Whether they are; when it is not said, they are in a realm that is not private.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<bool>,
    /// So many of a worker's last payments wait, and are lost when an answer is proven wrong; 0 for none.
    pub holdback: usize,
    /// A payment waits no longer than this, in hours.
    pub mature_hours: u32,
    /// How long a worker can object to a proof, in days.
    pub appeal_days: u32,
    /// How many of the checks are questions to which the realm knows the answer, in percent.
    pub canary_percent: u32,
}

impl Default for TrustSection {
    fn default() -> Self {
        let TrustRules { holdback, mature_ms, appeal_ms, canary_percent, .. } = TrustRules::STANDARD;
        let whole = |ms: u64, unit_ms: u64| u32::try_from(ms / unit_ms).unwrap_or(u32::MAX);
        let (mature_hours, appeal_days) = (whole(mature_ms, HOUR_MS), whole(appeal_ms, 24 * HOUR_MS));
        Self { audit: None, holdback, mature_hours, appeal_days, canary_percent }
    }
}

impl TrustSection {
    fn rules(self) -> Result<TrustRules, String> {
        let Self { audit: _, holdback, mature_hours, appeal_days, canary_percent } = self;
        if holdback > HOLDBACK_MAX {
            return Err(format!("trust: holdback must be at most {HOLDBACK_MAX}, not {holdback}"));
        }
        if canary_percent > 100 {
            return Err(format!("trust: canary_percent must be at most 100, not {canary_percent}"));
        }
        Ok(TrustRules {
            holdback,
            mature_ms: u64::from(mature_hours) * HOUR_MS,
            appeal_ms: u64::from(appeal_days) * 24 * HOUR_MS,
            canary_percent,
            ..TrustRules::STANDARD
        })
    }
}

/// Whether prices follow load, and how far they may go from the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MarketSection {
    /// Whether they do; when it is not said, they do in a realm that is not private.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub follow_load: Option<bool>,
    /// The lowest that the base of a price falls to, in percent of the list price. Idle workers make it cheaper still for the
    /// moment, down to a third of that.
    pub floor_percent: u32,
    /// The highest that it rises to. A queue makes it dearer for the moment, up to seven times that.
    pub cap_percent: u32,
}

impl Default for MarketSection {
    fn default() -> Self {
        let MarketRules { floor_percent, cap_percent } = MarketRules::default();
        Self { follow_load: None, floor_percent, cap_percent }
    }
}

/// Which models are small, medium and large, and what that does to prices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SizesSection {
    /// Names of small models, with `*` for any part of one.
    pub small: Vec<String>,
    /// Names of medium models.
    pub medium: Vec<String>,
    /// Names of large models.
    pub large: Vec<String>,
    /// The most parameters of a small model that is not named, in billions.
    pub small_billions_max: f64,
    /// The most parameters of a medium one.
    pub medium_billions_max: f64,
    /// What a medium model costs that has no price of its own, in percent of a small one.
    pub medium_percent: u32,
    /// What a large one does.
    pub large_percent: u32,
}

impl Default for SizesSection {
    fn default() -> Self {
        let rules = SizeRules::default();
        let billions = |parameters: u64| parameters as f64 / BILLION;
        Self {
            small: Vec::new(),
            medium: Vec::new(),
            large: Vec::new(),
            small_billions_max: billions(rules.small_parameters_max),
            medium_billions_max: billions(rules.medium_parameters_max),
            medium_percent: rules.medium_percent,
            large_percent: rules.large_percent,
        }
    }
}

impl SizesSection {
    /// The rules of the core.
    ///
    /// # Errors
    /// A value that makes no sense.
    fn rules(&self) -> Result<SizeRules, String> {
        let (small, medium) = (self.small_billions_max, self.medium_billions_max);
        if !(small > 0.0 && medium >= small && medium.is_finite()) {
            let detail = "small_billions_max must be more than 0 and at most medium_billions_max";
            return Err(format!("sizes: {detail}, not {small} and {medium}"));
        }
        if self.medium_percent == 0 || self.large_percent == 0 {
            let detail = "medium_percent and large_percent must be at least 1";
            return Err(format!("sizes: {detail}; a model that costs nothing has a price of its own"));
        }
        let named = [
            (&self.small, ModelSize::Small),
            (&self.medium, ModelSize::Medium),
            (&self.large, ModelSize::Large),
        ];
        let named =
            named.into_iter().flat_map(|(names, size)| names.iter().map(move |name| (name.clone(), size)));
        Ok(SizeRules {
            named: named.collect(),
            small_parameters_max: (small * BILLION) as u64,
            medium_parameters_max: (medium * BILLION) as u64,
            medium_percent: self.medium_percent,
            large_percent: self.large_percent,
        })
    }
}

/// How soon jobs of each service class should begin to be answered, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GoalsSection {
    /// Somebody stands there and listens.
    pub voice_ms: u64,
    /// Somebody looks at a screen.
    pub interactive_ms: u64,
    /// Nobody waits.
    pub batch_ms: u64,
}

impl Default for GoalsSection {
    fn default() -> Self {
        let Goals { voice_ms, interactive_ms, batch_ms } = Goals::default();
        Self { voice_ms, interactive_ms, batch_ms }
    }
}

impl GoalsSection {
    /// The goals of the core.
    ///
    /// # Errors
    /// A goal of nothing, or of more than a job lives.
    fn checked(&self) -> Result<Goals, String> {
        let Self { voice_ms, interactive_ms, batch_ms } = *self;
        let goals = [("voice_ms", voice_ms), ("interactive_ms", interactive_ms), ("batch_ms", batch_ms)];
        match goals.into_iter().find(|(_, goal)| !(1..=limits::TIMEOUT_MS_MAX).contains(goal)) {
            Some((name, goal)) => {
                Err(format!("goals: {name} must be 1 to {}, not {goal}", limits::TIMEOUT_MS_MAX))
            }
            None => Ok(Goals { voice_ms, interactive_ms, batch_ms }),
        }
    }
}

/// How each payment is divided, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SplitsSection {
    /// To those who did the work.
    pub worker_permille: u16,
    /// To the realm.
    pub treasury_permille: u16,
    /// To nobody: these coins are gone.
    pub burn_permille: u16,
}

impl Default for SplitsSection {
    fn default() -> Self {
        let splits = Splits::default();
        Self {
            worker_permille: splits.worker_permille(),
            treasury_permille: splits.treasury_permille(),
            burn_permille: splits.burn_permille(),
        }
    }
}

impl SplitsSection {
    /// The splits of the core.
    ///
    /// # Errors
    /// When they don't make a whole.
    fn checked(&self) -> Result<Splits, String> {
        let splits = Splits::new(self.worker_permille, self.treasury_permille, self.burn_permille);
        splits.map_err(|error| format!("splits: {error}; set all three"))
    }
}

/// Coins that new wallets begin with, and the work that they cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StarterSection {
    /// Whether there are any; when it is not said, there are in a realm that is not private.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// For each wallet, once, in coins.
    pub coins: Coins,
    /// For all wallets of one day (UTC) together, in coins.
    pub daily_coins: Coins,
    /// How hard the work is when nothing makes it harder, in zero bits of a hash: each one more doubles it.
    pub zero_bits: u8,
    /// Memory that each try takes, in KiB.
    pub memory_kib: u32,
}

impl Default for StarterSection {
    fn default() -> Self {
        Self {
            enabled: None,
            coins: Coins(Micro::coins(2)),
            daily_coins: Coins(Micro::coins(200)),
            zero_bits: defaults::STARTER_ZERO_BITS,
            memory_kib: defaults::STARTER_MEMORY_KIB,
        }
    }
}

impl StarterSection {
    /// The rules of the core, if there are starter coins.
    ///
    /// # Errors
    /// A value that makes no sense.
    fn rules(&self, private: bool) -> Result<Option<StarterRules>, String> {
        let Self { enabled, coins: Coins(coins), daily_coins: Coins(daily), zero_bits, memory_kib } = *self;
        if !enabled.unwrap_or(!private) {
            return Ok(None);
        }
        if coins == Micro::ZERO || coins > daily {
            let detail = "coins must be more than nothing and at most daily_coins";
            return Err(format!(
                "starter: {detail}, not {coins} and {daily}; write enabled = false to give none"
            ));
        }
        if zero_bits > STARTER_ZERO_BITS_SET_MAX {
            return Err(format!(
                "starter: zero_bits must be at most {STARTER_ZERO_BITS_SET_MAX}, not {zero_bits}"
            ));
        }
        if !STARTER_MEMORY_KIB_RANGE.contains(&memory_kib) {
            let (least, most) = (STARTER_MEMORY_KIB_RANGE.start(), STARTER_MEMORY_KIB_RANGE.end());
            return Err(format!("starter: memory_kib must be {least} to {most}, not {memory_kib}"));
        }
        Ok(Some(StarterRules { coins, daily }))
    }
}

/// How wallets come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WalletsSection {
    /// Seconds in which a wallet can say no to its recovery key.
    pub recovery_delay_s: u64,
}

impl Default for WalletsSection {
    fn default() -> Self {
        Self { recovery_delay_s: Config::default().recovery_delay_ms / 1_000 }
    }
}

/// Bounds that a sysop may move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsSection {
    /// Connections at once.
    pub connections: usize,
    /// Requests of one address elsewhere in a second, on average.
    pub requests_per_s: u32,
    /// Jobs that wait for one capability.
    pub waiting_per_capability: u32,
    /// Open jobs of one wallet.
    pub open_per_wallet: u32,
    /// Tokens written at most for a job that does not say.
    pub output_tokens_default: u32,
    /// Seconds that a job lives that does not say.
    pub job_timeout_s: u64,
}

impl Default for LimitsSection {
    fn default() -> Self {
        let core = Config::default();
        Self {
            connections: defaults::CONNECTIONS_MAX,
            requests_per_s: defaults::REQUESTS_PER_S,
            waiting_per_capability: core.waiting_per_capability_max,
            open_per_wallet: core.open_per_wallet_max,
            output_tokens_default: core.output_tokens_default,
            job_timeout_s: core.timeout_ms_default / 1_000,
        }
    }
}

/// How long questions and answers are kept. The journal itself is kept for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionSection {
    /// Days after which the texts of finished jobs are pruned.
    pub days: u32,
    /// Megabytes of texts beyond which the oldest are pruned.
    pub megabytes: u64,
}

impl Default for RetentionSection {
    fn default() -> Self {
        Self { days: 365, megabytes: 4_096 }
    }
}

/// Several brokers for one realm, see the book's page about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClusterSection {
    /// The database that they share; empty for a realm with one broker.
    pub postgres: String,
    /// The server that wakes those that follow; empty for none.
    pub nats: String,
    /// Where this one takes connections of the others.
    pub relay: SocketAddr,
}

impl Default for ClusterSection {
    fn default() -> Self {
        let relay = SocketAddr::from(([127, 0, 0, 1], 9100));
        Self { postgres: String::new(), nats: String::new(), relay }
    }
}

/// The public log.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSection {
    /// Witnesses that cosign its checkpoints.
    pub witnesses: Vec<WitnessSection>,
}

/// A witness (C2SP tlog-witness).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessSection {
    /// Its submission prefix: `add-checkpoint` is appended.
    pub url: WitnessUrl,
    /// Its key, of cosignature/v1.
    pub key: WitnessKey,
}

/// The address of a witness, without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WitnessUrl(String);

impl TryFrom<String> for WitnessUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_one = reqwest::Url::parse(&text).is_ok_and(|url| {
            ["http", "https"].contains(&url.scheme()) && url.query().is_none() && url.fragment().is_none()
        });
        match is_one {
            true => Ok(Self(text.trim_end_matches('/').to_owned())),
            false => Err(format!("{text:?} is no address of a witness: write https://HOST/PATH")),
        }
    }
}

impl From<WitnessUrl> for String {
    fn from(url: WitnessUrl) -> Self {
        url.0
    }
}

impl std::fmt::Display for WitnessUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl RealmFile {
    /// The rules of the core that follow from this file.
    ///
    /// # Errors
    /// A name in `[price]` that is none; values of `[market]`, `[sizes]`,
    /// `[goals]`, `[splits]`, `[starter]` or `[cache]` that make no sense.
    pub fn core_config(&self, owner: AccountId) -> Result<Config, String> {
        let ware = |name: &String| {
            name.parse::<Ware>()
                .map_err(|error| format!("price.{name:?} names nothing that could cost: {error}"))
        };
        let prices = self
            .price
            .iter()
            .map(|(name, price)| Ok((ware(name)?, *price)))
            .collect::<Result<_, String>>()?;
        let private = self.private.then_some(PrivateMode {
            owner,
            owner_floor: Micro(self.owner_coins.0.0 / 2),
            owner_fill: self.owner_coins.0,
            welcome: self.welcome_coins.0,
        });
        let MarketSection { follow_load, floor_percent, cap_percent } = self.market;
        if floor_percent == 0 || floor_percent > cap_percent {
            let detail = "floor_percent must be at least 1 and at most cap_percent";
            return Err(format!("market: {detail}, not {floor_percent} and {cap_percent}"));
        }
        let follows = follow_load.unwrap_or(!self.private);
        Ok(Config {
            prices,
            market: follows.then_some(MarketRules { floor_percent, cap_percent }),
            sizes: self.sizes.rules()?,
            goals: self.goals.checked()?,
            splits: self.splits.checked()?,
            waiting_per_capability_max: self.limits.waiting_per_capability,
            open_per_wallet_max: self.limits.open_per_wallet,
            output_tokens_default: self.limits.output_tokens_default,
            timeout_ms_default: self.limits.job_timeout_s.saturating_mul(1_000),
            private,
            audit: self.trust.audit.unwrap_or(!self.private),
            recovery_delay_ms: self.wallets.recovery_delay_s.saturating_mul(1_000),
            trust: self.trust.rules()?,
            starter: self.starter.rules(self.private)?,
            memory_percent: self.cache.checked()?,
            ..Config::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_has_a_default_and_survives_the_file() {
        let file: RealmFile = toml::from_str("").unwrap();
        assert_eq!(file, RealmFile::default());
        assert_eq!(toml::from_str::<RealmFile>(&toml::to_string(&file).unwrap()).unwrap(), file);
    }

    #[test]
    fn a_slip_of_the_pen_is_noticed() {
        let error = toml::from_str::<RealmFile>("[limits]\nconections = 3").unwrap_err().to_string();
        assert!(error.contains("unknown field `conections`"), "{error}");
    }

    #[test]
    fn witnesses_are_read_and_mistakes_are_named() {
        let key = "witness.example/w1+e42b2f2c+BDtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
        let read = |url: &str, key: &str| {
            toml::from_str::<RealmFile>(&format!("[[log.witnesses]]\nurl = {url:?}\nkey = {key:?}"))
        };
        let file = read("https://witness.example/logs/", key).unwrap();
        let witness = &file.log.witnesses[0];
        assert_eq!(
            (witness.url.to_string().as_str(), witness.key.name()),
            ("https://witness.example/logs", "witness.example/w1")
        );
        assert_eq!(toml::from_str::<RealmFile>(&toml::to_string(&file).unwrap()).unwrap(), file);
        let error = |url: &str, key: &str| read(url, key).unwrap_err().to_string();
        assert!(error("ftp://witness.example", key).contains("is no address of a witness"));
        assert!(
            error("https://witness.example", "w1").contains("ask whoever keeps the witness for its vkey")
        );
    }

    #[test]
    fn prices_are_read() {
        let file: RealmFile = toml::from_str("[price.chat]\noutput_ktoken = \"7\"").unwrap();
        let config = file.core_config(AccountId(9)).unwrap();
        assert_eq!(config.price(&CapabilityKind::CHAT.into()).output_ktoken, Micro(7));
    }

    #[test]
    fn larger_models_have_prices_of_their_own() {
        let config = |text: &str| toml::from_str::<RealmFile>(text).unwrap().core_config(AccountId(9));
        let text = "[price.chat]\noutput_ktoken = \"10\"\n[price.\"chat/large\"]\noutput_ktoken = \"99\"
                    [sizes]\nlarge = [\"*-coder*\"]\nmedium_percent = 300";
        let config = config(text).unwrap();
        let price = |size| config.price(&Ware::new(CapabilityKind::CHAT, size)).output_ktoken;
        assert_eq!(ModelSize::ALL.map(price), [Micro(10), Micro(30), Micro(99)]);
        assert_eq!(config.sizes.size("tiny-coder", None), ModelSize::Large);
        let error =
            |text: &str| toml::from_str::<RealmFile>(text).unwrap().core_config(AccountId(9)).unwrap_err();
        assert!(error("[price.\"chat/huge\"]\njob = \"1\"").contains("small, medium or large"));
        assert!(error("[sizes]\nsmall_billions_max = 20").contains("not 20 and 15"));
        assert!(error("[sizes]\nlarge_percent = 0").contains("at least 1"));
    }

    #[test]
    fn goals_are_within_a_jobs_life() {
        let goals = |text: &str| {
            toml::from_str::<RealmFile>(text).unwrap().core_config(AccountId(9)).map(|config| config.goals)
        };
        assert_eq!(goals(""), Ok(Goals::default()));
        assert_eq!(goals("[goals]\nvoice_ms = 300").unwrap().voice_ms, 300);
        assert!(goals("[goals]\nbatch_ms = 0").unwrap_err().contains("batch_ms must be 1 to"));
    }

    #[test]
    fn payments_are_divided_into_a_whole() {
        let splits = |text: &str| {
            let file: RealmFile = toml::from_str(text).unwrap();
            file.core_config(AccountId(9)).map(|config| config.splits)
        };
        assert_eq!(splits(""), Ok(Splits::default()));
        let text = "[splits]\nworker_permille = 800\ntreasury_permille = 150\nburn_permille = 50";
        assert_eq!(splits(text), Ok(Splits::new(800, 150, 50).unwrap()));
        let error = splits("[splits]\nburn_permille = 50").unwrap_err();
        assert!(error.contains("make 1050, and must make 1000; set all three"), "{error}");
    }

    #[test]
    fn new_wallets_get_coins_where_a_realm_is_not_private() {
        let starter = |text: &str| {
            let file: RealmFile = toml::from_str(text).unwrap();
            file.core_config(AccountId(9)).map(|config| config.starter)
        };
        assert_eq!(starter(""), Ok(None));
        let usual = StarterRules { coins: Micro::coins(2), daily: Micro::coins(200) };
        assert_eq!(starter("private = false"), Ok(Some(usual)));
        assert_eq!(starter("[starter]\nenabled = true"), Ok(Some(usual)));
        assert_eq!(starter("private = false\n[starter]\nenabled = false\ncoins = \"0\""), Ok(None));
        let error = |text: &str| starter(&format!("private = false\n[starter]\n{text}")).unwrap_err();
        assert!(error("coins = \"300\"").contains("at most daily_coins, not 300 and 200"));
        assert!(error("coins = \"0\"").contains("enabled = false"));
        assert!(error("memory_kib = 7").contains("must be 8 to 1048576"));
        assert!(error("zero_bits = 25").contains("at most 24"));
    }

    #[test]
    fn answers_are_checked_where_strangers_work() {
        let audit = |text: &str| {
            let file: RealmFile = toml::from_str(text).unwrap();
            file.core_config(AccountId(9)).unwrap().audit
        };
        assert!(!audit("") && audit("private = false"));
        assert!(audit("[trust]\naudit = true") && !audit("private = false\n[trust]\naudit = false"));
    }

    #[test]
    fn prices_follow_load_where_coins_change_hands() {
        let market = |text: &str| {
            let file: RealmFile = toml::from_str(text).unwrap();
            file.core_config(AccountId(9)).map(|config| config.market)
        };
        assert_eq!(market(""), Ok(None), "at home prices are what the list says");
        assert_eq!(market("private = false"), Ok(Some(MarketRules::default())));
        assert_eq!(market("private = false\n[market]\nfollow_load = false"), Ok(None));
        let bounds = MarketRules { floor_percent: 50, cap_percent: 200 };
        assert_eq!(
            market("[market]\nfollow_load = true\nfloor_percent = 50\ncap_percent = 200"),
            Ok(Some(bounds))
        );
        let error = market("[market]\nfloor_percent = 500").unwrap_err();
        assert!(error.contains("at most cap_percent"), "{error}");
    }
}
