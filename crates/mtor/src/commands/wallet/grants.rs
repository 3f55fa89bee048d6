//! `mtor wallet grant`: coins that others may spend, up to a limit, until they are taken back.

use clap::{Args, Subcommand, ValueEnum};
use mtor_protocol::{
    CapabilityKind, Did, GrantInfo, GrantList, GrantRequest, GrantTerms, JobId, Micro, Period, Timestamp,
};

use super::{Wallet, did};
use crate::client::Api;
use crate::exit::Fault;
use crate::terminal::{self, Align};

pub(super) const EXAMPLES: &str = "\
Examples:
  mtor wallet grant new kids --limit 5 --per week --only chat,speak,transcribe --to did:key:z6Mk...
  mtor wallet grant new chemistry --limit 2000 --per month --to did:key:z6Mk... --to did:key:z6Mn...
  mtor wallet grant new scripts --limit 50 --job-max 0.5 --until 2027-01-01
  mtor wallet key new nightly --grant scripts       an API key that spends from it, and can do nothing else
  mtor wallet grant list
  mtor wallet history --grant chemistry             who spent what is seen entry by entry
  mtor wallet export --grant chemistry > november.csv
  mtor wallet grant revoke kids                     at once: open jobs are cancelled, the rest comes back

What is not spent stays yours: coins are set aside in portions, as they are needed. Periods begin in UTC.";

#[derive(Debug, Subcommand)]
pub(super) enum GrantAction {
    /// Let others spend of this wallet's coins
    New(NewArgs),
    /// What this wallet lets others spend, and what others let it spend
    List,
    /// Take a grant back at once
    Revoke {
        /// The grant's name or id
        grant: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct NewArgs {
    /// Whom or what it is for
    name: String,
    /// The most that can be spent, in coins: in each period, or in all without --per
    #[arg(long, value_name = "COINS")]
    limit: Micro,
    /// How often the limit begins anew
    #[arg(long, value_enum, value_name = "PERIOD")]
    per: Option<Per>,
    /// The most that one job may cost, in coins
    #[arg(long, value_name = "COINS")]
    job_max: Option<Micro>,
    /// What may be asked of, such as chat,embed; anything without it
    #[arg(long, value_name = "CAPABILITIES", value_delimiter = ',', value_parser = capability)]
    only: Vec<CapabilityKind>,
    /// The day on which it ends by itself, such as 2027-01-31, or a moment in RFC 3339
    #[arg(long, value_name = "DAY", value_parser = moment)]
    until: Option<Timestamp>,
    /// A wallet that may spend from it; may be given more than once
    #[arg(long, value_name = "DID", value_parser = did)]
    to: Vec<Did>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Per {
    Day,
    Week,
    Month,
}

/// A grant of the wallet, where a command can be about one.
#[derive(Debug, Args)]
pub(super) struct GrantArg {
    /// Of a grant that this wallet gives, by its name or id, instead of the wallet itself
    #[arg(long, value_name = "GRANT")]
    grant: Option<String>,
}

impl GrantArg {
    /// Its id, if one is named.
    pub(super) async fn id(&self, api: &Api, did: &Did) -> anyhow::Result<Option<JobId>> {
        match &self.grant {
            Some(name) => named(api, did, name).await.map(Some),
            None => Ok(None),
        }
    }

    /// What goes into an address for it.
    pub(super) async fn query(&self, api: &Api, did: &Did) -> anyhow::Result<String> {
        Ok(self.id(api, did).await?.map_or_else(String::new, |id| format!("&grant={id}")))
    }
}

/// Does it.
pub(super) async fn run(wallet: &Wallet, action: GrantAction) -> anyhow::Result<()> {
    let (api, did) = wallet.open().await?;
    let route = format!("/api/wallets/{did}/grants");
    match action {
        GrantAction::New(args) => {
            let made: GrantInfo = api.post(&route, &request(args)).await?;
            if wallet.json {
                return terminal::json(&made);
            }
            terminal::line(&format!("granted: {}\n{}", terminal::harmless(&made.name), words(&made)))?;
            if made.to.is_empty() {
                eprintln!(
                    "nobody can spend from it yet; make an API key: mtor wallet key new NAME --grant {}",
                    made.id
                );
            }
            Ok(())
        }
        GrantAction::List => show(wallet, &api.get::<GrantList>(&route).await?),
        GrantAction::Revoke { grant } => {
            let id = named(&api, &did, &grant).await?;
            let left: GrantList = api.delete(&format!("{route}/{id}")).await?;
            eprintln!("taken back");
            show(wallet, &left)
        }
    }
}

fn request(args: NewArgs) -> GrantRequest {
    let period = args.per.map(|per| match per {
        Per::Day => Period::Day,
        Per::Week => Period::Week,
        Per::Month => Period::Month,
    });
    let NewArgs { name, limit, job_max, only, until: expires, to, .. } = args;
    GrantRequest {
        id: JobId::generate(),
        name,
        terms: GrantTerms { limit, period, job_max, only, expires },
        to,
    }
}

/// The grant of this name, or with this id.
async fn named(api: &Api, did: &Did, name: &str) -> anyhow::Result<JobId> {
    // One that has ended is known by its id alone.
    if let Ok(id) = name.parse() {
        return Ok(id);
    }
    let given = api.get::<GrantList>(&format!("/api/wallets/{did}/grants")).await?.given;
    let found: Vec<&GrantInfo> = given.iter().filter(|grant| grant.name == name).collect();
    let fault = match found.as_slice() {
        [grant] => return Ok(grant.id),
        [] if given.is_empty() => {
            "this wallet gives no grants; make one with: mtor wallet grant new".to_owned()
        }
        [] => {
            let names: Vec<_> = given.iter().map(|grant| terminal::harmless(&grant.name)).collect();
            format!("this wallet gives no grant {name:?}; there are: {}", names.join(", "))
        }
        several => {
            let ids: Vec<_> = several.iter().map(|grant| grant.id.to_string()).collect();
            format!("several grants are called {name:?}; say which by its id: {}", ids.join(", "))
        }
    };
    Err(Fault::Usage(fault).into())
}

fn show(wallet: &Wallet, list: &GrantList) -> anyhow::Result<()> {
    if wallet.json {
        return terminal::json(list);
    }
    if list.given.is_empty() && list.received.is_empty() {
        return terminal::line("this wallet gives no grants, and has none");
    }
    let columns = [
        ("name", Align::Left),
        ("left", Align::Right),
        ("spent", Align::Right),
        ("allows", Align::Left),
        ("wallets", Align::Right),
        ("id", Align::Left),
    ];
    let row = |grant: &GrantInfo| {
        vec![
            terminal::harmless(&grant.name),
            grant.left.to_string(),
            grant.spent.to_string(),
            words(grant),
            grant.to.len().to_string(),
            grant.id.to_string(),
        ]
    };
    for (title, grants) in [("given", &list.given), ("received", &list.received)] {
        if !grants.is_empty() {
            terminal::line(title)?;
            terminal::write(&terminal::table(&columns, &grants.iter().map(row).collect::<Vec<_>>()))?;
        }
    }
    Ok(())
}

/// What a grant allows, in words.
fn words(grant: &GrantInfo) -> String {
    let GrantTerms { limit, period, job_max, only, expires } = &grant.terms;
    let mut words = format!("{limit} coins");
    words += match period {
        Some(Period::Day) => " a day",
        Some(Period::Week) => " a week",
        Some(Period::Month) => " a month",
        None => "",
    };
    if let Some(job_max) = job_max {
        words += &format!(", {job_max} a job");
    }
    if !only.is_empty() {
        let names: Vec<&str> = only.iter().map(CapabilityKind::as_str).collect();
        words += &format!(", for {}", names.join(", "));
    }
    if let Some(expires) = expires {
        words += &format!(", until {expires}");
    }
    words
}

fn capability(text: &str) -> Result<CapabilityKind, String> {
    CapabilityKind::new(text.trim())
        .ok_or_else(|| format!("{text:?} is no capability; `mtor price` lists those that are on offer"))
}

/// A day begins at midnight where the user is.
fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(moment) = text.parse() {
        return Ok(moment);
    }
    let day: jiff::civil::Date =
        text.parse().map_err(|_| format!("{text:?} is no day like 2027-01-31, and no moment in RFC 3339"))?;
    let midnight = day.to_zoned(jiff::tz::TimeZone::system()).map_err(|error| error.to_string())?;
    u64::try_from(midnight.timestamp().as_millisecond())
        .map(Timestamp)
        .map_err(|_| format!("{text} is long gone"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_moments_are_read() {
        assert_eq!(moment("2027-01-31T12:00:00Z"), Ok("2027-01-31T12:00:00Z".parse().unwrap()));
        let day = moment("2027-01-31").unwrap();
        let noon: Timestamp = "2027-01-31T00:00:00Z".parse().unwrap();
        assert!(day.since_ms(noon).max(noon.since_ms(day)) <= 14 * 3_600 * 1_000, "{day}");
        assert!(moment("tomorrow").unwrap_err().contains("2027-01-31"));
        assert!(moment("1931-01-01").is_err());
    }
}
