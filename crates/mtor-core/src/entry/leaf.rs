//! How an entry stands in its leaf: one flat object, with the fields of its fact beside number and time.
//!
//! Serde could derive the same JSON by flattening, but would build a tree of it on the way, and a realm reads each entry when
//! it starts and for its snapshots.

use std::collections::BTreeMap;

use mtor_protocol::{
    AccountId, CapabilityKind, Digest, GrantTerms, JobId, KeyStatement, Micro, Needs, Price, Privacy,
    ServiceClass, Timestamp, Usage, Ware,
};
use serde::de::Error as _;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Entry, Fact, Leg, NewJob, Outcome};
use crate::balances::Balances;
use crate::keys::KeyDecision;
use crate::trust::Judged;

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // How many fields there are is of no interest to JSON.
        let mut leaf = serializer.serialize_struct("Entry", 3)?;
        leaf.serialize_field("seq", &self.seq)?;
        leaf.serialize_field("time", &self.time)?;
        match &self.fact {
            Fact::Founded { owner } => {
                leaf.serialize_field("fact", &Name::Founded)?;
                leaf.serialize_field("owner", owner)?;
            }
            Fact::Issued { id, to, amount } => {
                leaf.serialize_field("fact", &Name::Issued)?;
                leaf.serialize_field("id", id)?;
                leaf.serialize_field("to", to)?;
                leaf.serialize_field("amount", amount)?;
            }
            Fact::Started { id, to, amount } => {
                leaf.serialize_field("fact", &Name::Started)?;
                leaf.serialize_field("id", id)?;
                leaf.serialize_field("to", to)?;
                leaf.serialize_field("amount", amount)?;
            }
            Fact::Transferred { id, from, to, amount, memo } => {
                leaf.serialize_field("fact", &Name::Transferred)?;
                leaf.serialize_field("id", id)?;
                leaf.serialize_field("from", from)?;
                leaf.serialize_field("to", to)?;
                leaf.serialize_field("amount", amount)?;
                leaf.serialize_field("memo", memo)?;
            }
            Fact::Granted { id, from, account, to, terms, about } => {
                leaf.serialize_field("fact", &Name::Granted)?;
                leaf.serialize_field("id", id)?;
                leaf.serialize_field("from", from)?;
                leaf.serialize_field("account", account)?;
                leaf.serialize_field("holders", to)?;
                leaf.serialize_field("terms", terms)?;
                leaf.serialize_field("about", about)?;
            }
            Fact::Filled { grant, from, to, amount } => {
                leaf.serialize_field("fact", &Name::Filled)?;
                moved_for(&mut leaf, *grant, *from, *to, *amount)?;
            }
            Fact::Revoked { grant, from, to, amount } => {
                leaf.serialize_field("fact", &Name::Revoked)?;
                moved_for(&mut leaf, *grant, *from, *to, *amount)?;
            }
            Fact::Accepted { job, hold, price } => {
                leaf.serialize_field("fact", &Name::Accepted)?;
                job_fields(&mut leaf, job)?;
                leaf.serialize_field("hold", hold)?;
                leaf.serialize_field("price", price)?;
            }
            Fact::Settled { id, outcome, usage, legs, output, receipt } => {
                leaf.serialize_field("fact", &Name::Settled)?;
                leaf.serialize_field("id", id)?;
                leaf.serialize_field("outcome", outcome)?;
                leaf.serialize_field("usage", usage)?;
                leaf.serialize_field("legs", legs)?;
                optional(&mut leaf, "output", output.as_ref())?;
                optional(&mut leaf, "receipt", receipt.as_ref())?;
            }
            Fact::Matured { worker, capability, payments, amount } => {
                leaf.serialize_field("fact", &Name::Matured)?;
                leaf.serialize_field("worker", worker)?;
                leaf.serialize_field("capability", capability)?;
                leaf.serialize_field("payments", payments)?;
                leaf.serialize_field("amount", amount)?;
            }
            Fact::Appealed { job } => {
                leaf.serialize_field("fact", &Name::Appealed)?;
                leaf.serialize_field("job", job)?;
            }
            Fact::Pardoned { job, worker, amount } => {
                leaf.serialize_field("fact", &Name::Pardoned)?;
                leaf.serialize_field("job", job)?;
                leaf.serialize_field("worker", worker)?;
                leaf.serialize_field("amount", amount)?;
            }
            Fact::Forfeited { job, worker, legs } => {
                leaf.serialize_field("fact", &Name::Forfeited)?;
                leaf.serialize_field("job", job)?;
                leaf.serialize_field("worker", worker)?;
                leaf.serialize_field("legs", legs)?;
            }
            Fact::Validated { capability, results, evidence } => {
                leaf.serialize_field("fact", &Name::Validated)?;
                leaf.serialize_field("capability", capability)?;
                leaf.serialize_field("results", results)?;
                leaf.serialize_field("evidence", evidence)?;
            }
            Fact::Keys { account, decision, statement } => {
                leaf.serialize_field("fact", &Name::Keys)?;
                leaf.serialize_field("account", account)?;
                leaf.serialize_field("decision", decision)?;
                optional(&mut leaf, "statement", statement.as_ref())?;
            }
            Fact::Peered { account, limit } => {
                leaf.serialize_field("fact", &Name::Peered)?;
                leaf.serialize_field("account", account)?;
                leaf.serialize_field("amount", limit)?;
            }
            Fact::Parted { account } => {
                leaf.serialize_field("fact", &Name::Parted)?;
                leaf.serialize_field("account", account)?;
            }
            Fact::Balanced { balances: Balances { accounts, liabilities, root }, prices } => {
                leaf.serialize_field("fact", &Name::Balanced)?;
                leaf.serialize_field("accounts", accounts)?;
                leaf.serialize_field("liabilities", liabilities)?;
                leaf.serialize_field("root", root)?;
                leaf.serialize_field("prices", prices)?;
            }
        }
        leaf.end()
    }
}

fn moved_for<S: SerializeStruct>(
    leaf: &mut S,
    grant: JobId,
    from: AccountId,
    to: AccountId,
    amount: Micro,
) -> Result<(), S::Error> {
    leaf.serialize_field("grant", &grant)?;
    leaf.serialize_field("from", &from)?;
    leaf.serialize_field("to", &to)?;
    leaf.serialize_field("amount", &amount)
}

fn job_fields<S: SerializeStruct>(leaf: &mut S, job: &NewJob) -> Result<(), S::Error> {
    // Taken apart, so that a field that is added can't be forgotten here.
    #[rustfmt::skip]
    let NewJob {
        id, account, payer, capability, model, class, privacy, request, order, input_bytes, input_tokens_max, output_tokens_max,
        audio_ms_max, images_max, needs, deadline, max_price, prefix, hops, quote: _, grant: _,
    } = job;
    leaf.serialize_field("id", id)?;
    leaf.serialize_field("account", account)?;
    optional(leaf, "payer", payer.as_ref())?;
    leaf.serialize_field("capability", capability)?;
    leaf.serialize_field("model", model)?;
    leaf.serialize_field("class", class)?;
    leaf.serialize_field("privacy", privacy)?;
    leaf.serialize_field("request", request)?;
    optional(leaf, "order", order.as_ref())?;
    leaf.serialize_field("input_bytes", input_bytes)?;
    leaf.serialize_field("input_tokens_max", input_tokens_max)?;
    leaf.serialize_field("output_tokens_max", output_tokens_max)?;
    optional(leaf, "audio_ms_max", Some(audio_ms_max).filter(|ms| **ms > 0))?;
    optional(leaf, "images_max", Some(images_max).filter(|images| **images > 0))?;
    optional(leaf, "needs", Some(needs).filter(|needs| !needs.is_none()))?;
    leaf.serialize_field("deadline", deadline)?;
    optional(leaf, "max_price", max_price.as_ref())?;
    optional(leaf, "prefix", prefix.as_ref())?;
    optional(leaf, "hops", Some(hops).filter(|hops| !hops.is_empty()))
}

fn optional<S: SerializeStruct>(
    leaf: &mut S,
    name: &'static str,
    value: Option<&impl Serialize>,
) -> Result<(), S::Error> {
    match value {
        Some(value) => leaf.serialize_field(name, value),
        None => leaf.skip_field(name),
    }
}

/// The name of a fact.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Name {
    Founded,
    Issued,
    Started,
    Transferred,
    Granted,
    Filled,
    Revoked,
    Accepted,
    Settled,
    Matured,
    Appealed,
    Pardoned,
    Forfeited,
    Validated,
    Keys,
    Peered,
    Parted,
    Balanced,
}

/// The fields of every fact.
#[derive(Deserialize)]
struct Leaf {
    seq: u64,
    time: Timestamp,
    fact: Name,
    owner: Option<AccountId>,
    id: Option<JobId>,
    from: Option<AccountId>,
    to: Option<AccountId>,
    amount: Option<Micro>,
    memo: Option<Digest>,
    grant: Option<JobId>,
    holders: Option<Vec<AccountId>>,
    terms: Option<GrantTerms>,
    about: Option<Digest>,
    account: Option<AccountId>,
    payer: Option<AccountId>,
    capability: Option<CapabilityKind>,
    model: Option<String>,
    class: Option<ServiceClass>,
    privacy: Option<Privacy>,
    request: Option<Digest>,
    order: Option<Digest>,
    input_bytes: Option<u32>,
    input_tokens_max: Option<u32>,
    output_tokens_max: Option<u32>,
    #[serde(default)]
    audio_ms_max: u32,
    #[serde(default)]
    images_max: u32,
    #[serde(default)]
    needs: Needs,
    deadline: Option<Timestamp>,
    max_price: Option<Micro>,
    prefix: Option<u64>,
    #[serde(default)]
    hops: Vec<AccountId>,
    hold: Option<Micro>,
    price: Option<Price>,
    outcome: Option<Outcome>,
    usage: Option<Usage>,
    legs: Option<Vec<Leg>>,
    output: Option<Digest>,
    job: Option<JobId>,
    worker: Option<AccountId>,
    payments: Option<u32>,
    results: Option<Vec<Judged>>,
    evidence: Option<Digest>,
    receipt: Option<Digest>,
    decision: Option<KeyDecision>,
    statement: Option<Box<KeyStatement>>,
    accounts: Option<u64>,
    liabilities: Option<Micro>,
    root: Option<Digest>,
    prices: Option<BTreeMap<Ware, Price>>,
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let leaf = Leaf::deserialize(deserializer)?;
        Ok(Self { seq: leaf.seq, time: leaf.time, fact: leaf.fact().map_err(D::Error::custom)? })
    }
}

impl Leaf {
    fn fact(self) -> Result<Fact, String> {
        Ok(match self.fact {
            Name::Founded => Fact::Founded { owner: need("owner", self.owner)? },
            Name::Issued => Fact::Issued {
                id: need("id", self.id)?,
                to: need("to", self.to)?,
                amount: need("amount", self.amount)?,
            },
            Name::Started => Fact::Started {
                id: need("id", self.id)?,
                to: need("to", self.to)?,
                amount: need("amount", self.amount)?,
            },
            Name::Transferred => Fact::Transferred {
                id: need("id", self.id)?,
                from: need("from", self.from)?,
                to: need("to", self.to)?,
                amount: need("amount", self.amount)?,
                memo: need("memo", self.memo)?,
            },
            Name::Granted => Fact::Granted {
                id: need("id", self.id)?,
                from: need("from", self.from)?,
                account: need("account", self.account)?,
                to: need("holders", self.holders)?,
                terms: need("terms", self.terms)?,
                about: need("about", self.about)?,
            },
            Name::Filled => Fact::Filled {
                grant: need("grant", self.grant)?,
                from: need("from", self.from)?,
                to: need("to", self.to)?,
                amount: need("amount", self.amount)?,
            },
            Name::Revoked => Fact::Revoked {
                grant: need("grant", self.grant)?,
                from: need("from", self.from)?,
                to: need("to", self.to)?,
                amount: need("amount", self.amount)?,
            },
            Name::Accepted => Fact::Accepted {
                job: NewJob {
                    id: need("id", self.id)?,
                    account: need("account", self.account)?,
                    payer: self.payer,
                    capability: need("capability", self.capability)?,
                    model: need("model", self.model)?,
                    class: need("class", self.class)?,
                    privacy: need("privacy", self.privacy)?,
                    request: need("request", self.request)?,
                    order: self.order,
                    input_bytes: need("input_bytes", self.input_bytes)?,
                    input_tokens_max: need("input_tokens_max", self.input_tokens_max)?,
                    output_tokens_max: need("output_tokens_max", self.output_tokens_max)?,
                    audio_ms_max: self.audio_ms_max,
                    images_max: self.images_max,
                    needs: self.needs,
                    deadline: need("deadline", self.deadline)?,
                    max_price: self.max_price,
                    prefix: self.prefix,
                    hops: self.hops,
                    quote: None,
                    grant: None,
                },
                hold: need("hold", self.hold)?,
                price: need("price", self.price)?,
            },
            Name::Settled => Fact::Settled {
                id: need("id", self.id)?,
                outcome: need("outcome", self.outcome)?,
                usage: need("usage", self.usage)?,
                legs: need("legs", self.legs)?,
                output: self.output,
                receipt: self.receipt,
            },
            Name::Matured => Fact::Matured {
                worker: need("worker", self.worker)?,
                capability: need("capability", self.capability)?,
                payments: need("payments", self.payments)?,
                amount: need("amount", self.amount)?,
            },
            Name::Appealed => Fact::Appealed { job: need("job", self.job)? },
            Name::Pardoned => Fact::Pardoned {
                job: need("job", self.job)?,
                worker: need("worker", self.worker)?,
                amount: need("amount", self.amount)?,
            },
            Name::Forfeited => Fact::Forfeited {
                job: need("job", self.job)?,
                worker: need("worker", self.worker)?,
                legs: need("legs", self.legs)?,
            },
            Name::Validated => Fact::Validated {
                capability: need("capability", self.capability)?,
                results: need("results", self.results)?,
                evidence: need("evidence", self.evidence)?,
            },
            Name::Keys => Fact::Keys {
                account: need("account", self.account)?,
                decision: need("decision", self.decision)?,
                statement: self.statement,
            },
            Name::Peered => {
                Fact::Peered { account: need("account", self.account)?, limit: need("amount", self.amount)? }
            }
            Name::Parted => Fact::Parted { account: need("account", self.account)? },
            Name::Balanced => Fact::Balanced {
                balances: Balances {
                    accounts: need("accounts", self.accounts)?,
                    liabilities: need("liabilities", self.liabilities)?,
                    root: need("root", self.root)?,
                },
                prices: need("prices", self.prices)?,
            },
        })
    }
}

fn need<T>(name: &str, value: Option<T>) -> Result<T, String> {
    value.ok_or_else(|| format!("{name} is missing"))
}
