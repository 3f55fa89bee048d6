//! Coins and prices. One coin (called "9000") is 1,000,000 micro; amounts are integers, and strings in JSON, so that
//! no reader's floating point can bend them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::usage::Usage;

/// Micro in one coin.
pub const MICRO_PER_COIN: u64 = 1_000_000;

/// An amount of money in micro: never negative. Arithmetic is explicit about overflow.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Micro(pub u64);

impl Micro {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// So many whole coins.
    ///
    /// # Panics
    /// When the amount exceeds 18,446,744,073,709 coins; meant for constants.
    pub const fn coins(coins: u64) -> Self {
        match coins.checked_mul(MICRO_PER_COIN) {
            Some(micro) => Self(micro),
            None => panic!("more coins than an amount can hold"),
        }
    }

    /// The sum, or `None` when it can't be held.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, or `None` when `other` is larger.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The difference, or nothing when `other` is larger.
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// This amount times `numerator / denominator`, rounded down, computed in 128 bits; the largest amount when it
    /// can't be held. A zero denominator gives nothing.
    pub fn scaled(self, numerator: u64, denominator: u64) -> Self {
        if denominator == 0 {
            return Self::ZERO;
        }
        let product = u128::from(self.0) * u128::from(numerator) / u128::from(denominator);
        Self(u64::try_from(product).unwrap_or(u64::MAX))
    }
}

/// In coins, with as many decimals as are needed: `12.5`.
impl fmt::Display for Micro {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (coins, rest) = (self.0 / MICRO_PER_COIN, self.0 % MICRO_PER_COIN);
        if rest == 0 {
            return write!(f, "{coins}");
        }
        let decimals = format!("{rest:06}");
        write!(f, "{coins}.{}", decimals.trim_end_matches('0'))
    }
}

impl fmt::Debug for Micro {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}µ", self.0)
    }
}

/// Why a text is no amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an amount: write coins with at most six decimals, such as 12 or 0.25")]
pub struct AmountError(String);

/// Reads coins, as [`Display`](fmt::Display) writes them: `12`, `0.25`.
impl FromStr for Micro {
    type Err = AmountError;
    fn from_str(text: &str) -> Result<Self, AmountError> {
        let wrong = || AmountError(text.chars().take(40).collect());
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(decimals) || decimals.len() > 6 {
            return Err(wrong());
        }
        let coins: u64 = whole.parse().map_err(|_| wrong())?;
        let rest: u64 = format!("{decimals:0<6}").parse().map_err(|_| wrong())?;
        coins
            .checked_mul(MICRO_PER_COIN)
            .and_then(|micro| micro.checked_add(rest))
            .map(Self)
            .ok_or_else(wrong)
    }
}

/// In JSON: a string of whole micro, `"12500000"`.
impl Serialize for Micro {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Micro {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(micro) if digits => Ok(Self(micro)),
            _ => Err(serde::de::Error::custom(
                "an amount is a string of digits, in micro (1,000,000 to the coin)",
            )),
        }
    }
}

impl JsonSchema for Micro {
    fn schema_name() -> Cow<'static, str> {
        "Micro".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]+$", "description": "micro; 1,000,000 are one coin" })
    }
}

/// What a capability costs, in micro per thousand units of each metered kind, plus a part per job.
///
/// ```
/// use mtor_protocol::{Micro, Price, Usage};
/// let price = Price { job: Micro(100), input_ktoken: Micro(1_000), output_ktoken: Micro(4_000), ..Price::default() };
/// let usage = Usage { input_tokens: 500, output_tokens: 250, ..Usage::default() };
/// assert_eq!(price.cost(&usage), Micro(100 + 500 + 1_000));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Price {
    /// Per job, whatever it used.
    pub job: Micro,
    /// Per thousand tokens read.
    pub input_ktoken: Micro,
    /// Per thousand tokens written.
    pub output_ktoken: Micro,
    /// Per thousand seconds of audio heard or spoken.
    pub ksecond: Micro,
    /// Per thousand images seen or drawn.
    pub kimage: Micro,
}

impl Price {
    /// The cost of a usage: the sum in 128 bits, then rounded up once to a whole micro. The largest amount when it
    /// can't be held.
    pub fn cost(&self, usage: &Usage) -> Micro {
        let metered = [
            (self.input_ktoken, usage.input_tokens),
            (self.output_ktoken, usage.output_tokens),
            (self.ksecond, usage.audio_ms.div_ceil(1_000)),
            (self.kimage, usage.images),
        ];
        let thousandths: u128 =
            metered.iter().map(|(price, units)| u128::from(price.0) * u128::from(*units)).sum();
        let micro = u128::from(self.job.0) + thousandths.div_ceil(1_000);
        Micro(u64::try_from(micro).unwrap_or(u64::MAX))
    }

    /// This price in percent of another, told by the other's largest part: small ones are rounded up. `None` when the other is
    /// free.
    pub fn percent_of(&self, list: &Self) -> Option<u32> {
        let parts = [
            (self.output_ktoken, list.output_ktoken),
            (self.input_ktoken, list.input_ktoken),
            (self.ksecond, list.ksecond),
            (self.kimage, list.kimage),
            (self.job, list.job),
        ];
        let (price, list) =
            parts.into_iter().max_by_key(|(_, list)| list.0).filter(|(_, list)| list.0 > 0)?;
        u32::try_from(u128::from(price.0) * 100 / u128::from(list.0)).ok()
    }

    /// Each part times so many thousandths, rounded up to a whole micro: what costs something never becomes free.
    #[must_use]
    pub fn times_permille(&self, permille: u32) -> Self {
        let times = |part: Micro| {
            let micro = (u128::from(part.0) * u128::from(permille)).div_ceil(1_000);
            Micro(u64::try_from(micro).unwrap_or(u64::MAX))
        };
        Self {
            job: times(self.job),
            input_ktoken: times(self.input_ktoken),
            output_ktoken: times(self.output_ktoken),
            ksecond: times(self.ksecond),
            kimage: times(self.kimage),
        }
    }

    /// Whether no part of this price is above the other's: a worker that asks this is content with `other`.
    pub fn within(&self, other: &Self) -> bool {
        self.job <= other.job
            && self.input_ktoken <= other.input_ktoken
            && self.output_ktoken <= other.output_ktoken
            && self.ksecond <= other.ksecond
            && self.kimage <= other.kimage
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn amounts_survive_text_and_json(micro: u64) {
            prop_assert_eq!(Micro(micro).to_string().parse(), Ok(Micro(micro)));
            let json = serde_json::to_string(&Micro(micro)).unwrap();
            prop_assert_eq!(serde_json::from_str::<Micro>(&json).unwrap(), Micro(micro));
        }

        #[test]
        fn more_usage_never_costs_less(a in 0u64..1_000_000, b in 0u64..1_000_000, price: u32) {
            let price = Price { output_ktoken: Micro(price.into()), ..Price::default() };
            let cost = |tokens| price.cost(&Usage { output_tokens: tokens, ..Usage::default() });
            prop_assert!(cost(a + b) >= cost(a));
            prop_assert!(cost(a).0 + cost(b).0 >= cost(a + b).0, "splitting a job never makes it cheaper");
        }
    }

    #[test]
    fn wrong_amounts_are_refused() {
        for wrong in ["", "-1", "1.0000001", "1e3", " 1", "1.", ".5", "99999999999999999999"] {
            assert!(wrong.parse::<Micro>().is_err(), "{wrong:?}");
        }
        for wrong in ["\"-1\"", "1", "\"1.5\"", "\"+1\"", "\"\"", "\"99999999999999999999\""] {
            assert!(serde_json::from_str::<Micro>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_enormous_cost_is_capped_not_wrapped() {
        let price = Price { output_ktoken: Micro(u64::MAX), ..Price::default() };
        assert_eq!(price.cost(&Usage { output_tokens: u64::MAX, ..Usage::default() }), Micro(u64::MAX));
    }
}
