//! Grants: a wallet sets coins aside for others to use, up to a limit, for what it names, until it takes them back. A grant
//! has an account of its own in the ledger, so that what it may spend is counted where money is counted.

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{AccountId, Did, JobId, Timestamp};
use crate::money::Micro;
use crate::worker::CapabilityKind;

/// How often a grant is filled up again. All in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// At midnight.
    Day,
    /// On Monday at midnight.
    Week,
    /// On the first of the month at midnight.
    Month,
}

impl Period {
    /// When the period began that `moment` lies in.
    ///
    /// ```
    /// use mtor_protocol::{Period, Timestamp};
    /// let moment: Timestamp = "2026-11-25T17:30:00Z".parse()?;
    /// assert_eq!(Period::Day.start(moment), "2026-11-25T00:00:00Z".parse()?);
    /// assert_eq!(Period::Week.start(moment), "2026-11-23T00:00:00Z".parse()?);
    /// assert_eq!(Period::Month.start(moment), "2026-11-01T00:00:00Z".parse()?);
    /// # Ok::<(), mtor_protocol::NameError>(())
    /// ```
    pub fn start(self, moment: Timestamp) -> Timestamp {
        let start = |date: jiff::civil::Date| -> Option<jiff::civil::Date> {
            match self {
                Self::Day => Some(date),
                Self::Week if date.weekday() == Weekday::Monday => Some(date),
                Self::Week => date.nth_weekday(-1, Weekday::Monday).ok(),
                Self::Month => Some(date.first_of_month()),
            }
        };
        date(moment).and_then(start).and_then(midnight).unwrap_or_default()
    }

    /// When the period after the one of `moment` begins.
    ///
    /// ```
    /// use mtor_protocol::{Period, Timestamp};
    /// let moment: Timestamp = "2026-12-31T23:59:59Z".parse()?;
    /// assert_eq!(Period::Month.next(moment), "2027-01-01T00:00:00Z".parse()?);
    /// # Ok::<(), mtor_protocol::NameError>(())
    /// ```
    pub fn next(self, moment: Timestamp) -> Timestamp {
        let next = |date: jiff::civil::Date| match self {
            Self::Day => date.tomorrow().ok(),
            Self::Week => date.nth_weekday(1, Weekday::Monday).ok(),
            Self::Month => date.last_of_month().tomorrow().ok(),
        };
        date(moment).and_then(next).and_then(midnight).unwrap_or(Timestamp::MAX)
    }
}

fn date(moment: Timestamp) -> Option<jiff::civil::Date> {
    let moment = jiff::Timestamp::from_millisecond(i64::try_from(moment.0).ok()?).ok()?;
    Some(moment.to_zoned(TimeZone::UTC).date())
}

fn midnight(date: jiff::civil::Date) -> Option<Timestamp> {
    let moment = date.to_zoned(TimeZone::UTC).ok()?.timestamp();
    u64::try_from(moment.as_millisecond()).ok().map(Timestamp)
}

/// What a grant allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantTerms {
    /// The most that can be spent: in each period, or in all when there is none.
    pub limit: Micro,
    /// How often it begins anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// The most that one job may cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_max: Option<Micro>,
    /// What may be asked of; anything when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<CapabilityKind>,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
}

/// `POST /api/wallets/{did}/grants`: set coins aside for others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantRequest {
    /// Chosen by the granter; the same id with the same request is the same grant.
    pub id: JobId,
    /// Whom or what it is for.
    pub name: String,
    /// What it allows.
    pub terms: GrantTerms,
    /// The wallets that may spend from it. API keys are made for it afterwards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<Did>,
}

/// A grant as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GrantInfo {
    /// Its id.
    pub id: JobId,
    /// Whom or what it is for.
    pub name: String,
    /// Its account in the ledger.
    pub account: AccountId,
    /// Whose coins they are.
    pub from: AccountId,
    /// The wallets that may spend from it; only the granter sees them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<Did>,
    /// What it allows.
    pub terms: GrantTerms,
    /// When it was made.
    pub created: Timestamp,
    /// What can still be spent until it begins anew, if the granter has as much.
    pub left: Micro,
    /// What is held for jobs that are not settled.
    pub held: Micro,
    /// What was spent, ever.
    pub spent: Micro,
    /// When it begins anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renews: Option<Timestamp>,
}

/// `GET /api/wallets/{did}/grants`: what a wallet grants, and what it is granted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct GrantList {
    /// What others may spend of its coins, the oldest first.
    pub given: Vec<GrantInfo>,
    /// What it may spend of others' coins, the oldest first.
    pub received: Vec<GrantInfo>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PERIODS: [Period; 3] = [Period::Day, Period::Week, Period::Month];
    const DAY_MS: u64 = 24 * 3_600 * 1_000;

    proptest! {
        /// Periods follow each other without gaps, and each moment lies in exactly one.
        #[test]
        fn periods_follow_each_other(ms in 5 * DAY_MS..Timestamp::MAX.0 - 40 * DAY_MS) {
            let moment = Timestamp(ms);
            for period in PERIODS {
                let (start, next) = (period.start(moment), period.next(moment));
                prop_assert!(start <= moment && moment < next, "{period:?}: {start} {moment} {next}");
                prop_assert_eq!(period.start(start), start);
                prop_assert_eq!(period.start(next), next);
                prop_assert_eq!(period.next(start), next);
                prop_assert!((DAY_MS..=31 * DAY_MS).contains(&next.since_ms(start)));
            }
        }

        #[test]
        fn no_moment_is_too_odd(ms: u64) {
            for period in PERIODS {
                prop_assert!(period.start(Timestamp(ms)) <= period.next(Timestamp(ms)));
            }
        }
    }
}
