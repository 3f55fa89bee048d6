//! `mtor worker list`: who works for a realm.

use clap::Args;
use mtor_protocol::Price;
use mtor_protocol::http::{OfferInfo, TrustInfo, WorkerInfo};

use crate::client::{Api, RealmArg, Who};
use crate::terminal::{self, Align};

/// How many characters of a key are shown in a table; JSON has all of it.
const KEY_SHOWN: usize = 18;

const EXAMPLES: &str = "\
Examples:
  mtor worker list
  mtor worker list --realm http://attic:9000 --json";

/// Lists the workers of a realm: a line for each thing that one offers.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ListArgs {
    /// Print JSON, with amounts in micro
    #[arg(long)]
    json: bool,
}

/// Asks and shows.
pub(super) async fn run(args: &ListArgs, realm: &RealmArg) -> anyhow::Result<()> {
    let workers: Vec<WorkerInfo> = Api::new(&realm.realm, Who::Owner)?.get("/api/workers").await?;
    if args.json {
        return terminal::json(&workers);
    }
    if workers.is_empty() {
        return terminal::line("no worker is attached; `mtor worker chat` attaches one");
    }
    terminal::write(&table(&workers))
}

fn table(workers: &[WorkerInfo]) -> String {
    let columns = [
        ("worker", Align::Left),
        ("state", Align::Left),
        ("does", Align::Left),
        ("with", Align::Left),
        ("size", Align::Left),
        ("slots", Align::Right),
        ("tokens/s", Align::Right),
        ("asks", Align::Left),
        ("jobs", Align::Right),
        ("earned", Align::Right),
        ("checked", Align::Left),
        ("paid to", Align::Left),
    ];
    let rows: Vec<Vec<String>> = workers.iter().flat_map(rows).collect();
    terminal::table(&columns, &rows)
}

/// What is the worker's stands in its first line alone.
fn rows(worker: &WorkerInfo) -> impl Iterator<Item = Vec<String>> + '_ {
    worker.offers.iter().enumerate().map(move |(index, offer)| {
        let once = |text: String| if index == 0 { text } else { String::new() };
        vec![
            once(terminal::harmless(&worker.name)),
            once(state(worker).to_owned()),
            offer.capability.to_string(),
            terminal::harmless(&offer.model),
            offer.size.to_string(),
            format!("{}/{}", offer.busy, offer.slots),
            offer.tokens_per_s.map_or_else(|| "-".to_owned(), |speed| format!("{speed:.1}")),
            asks(offer),
            once(worker.jobs_done.to_string()),
            once(worker.earned.to_string()),
            checked(worker.records.iter().find(|record| record.capability == offer.capability)),
            once(paid_to(worker)),
        ]
    })
}

fn state(worker: &WorkerInfo) -> &'static str {
    match worker.offers.iter().any(|offer| offer.busy > 0) {
        _ if worker.draining => "leaving",
        true => "busy",
        false => "free",
    }
}

/// What it wants at least, by the part that is largest for what it does.
fn asks(offer: &OfferInfo) -> String {
    let Price { job, input_ktoken, output_ktoken, ksecond, kimage } = offer.price;
    let parts = [
        (output_ktoken, "per 1,000 tokens out"),
        (input_ktoken, "per 1,000 tokens in"),
        (ksecond, "per 1,000 s"),
        (kimage, "per 1,000 images"),
        (job, "per job"),
    ];
    let largest = parts.into_iter().filter(|(amount, _)| amount.0 > 0).max_by_key(|(amount, _)| *amount);
    largest.map_or_else(|| "any price".to_owned(), |(amount, what)| format!("{amount} {what}"))
}

fn checked(record: Option<&TrustInfo>) -> String {
    match record {
        None => "-".to_owned(),
        Some(TrustInfo { run, failures: 0, probation, .. }) => {
            format!("{run} right{}", if *probation { ", on probation" } else { "" })
        }
        Some(TrustInfo { run, failures, .. }) => format!("{run} right, {failures} wrong"),
    }
}

fn paid_to(worker: &WorkerInfo) -> String {
    let key: String = worker.did.as_str().trim_start_matches("did:key:").chars().take(KEY_SHOWN).collect();
    if worker.house { format!("{key}… (house)") } else { format!("{key}…") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mtor_protocol::{CapabilityKind, Did, Micro, ModelSize, Timestamp};

    #[test]
    fn each_offer_has_its_line() {
        let offer = |capability, model: &str, size| OfferInfo {
            capability,
            model: model.to_owned(),
            slots: 4,
            busy: 1,
            limits: Default::default(),
            tokens_per_s: Some(31.25),
            price: Price { output_ktoken: Micro(2_500), ..Price::default() },
            size,
            languages: Vec::new(),
            voices: Vec::new(),
            tool: None,
            can: Default::default(),
        };
        let worker = WorkerInfo {
            id: 7,
            name: "attic\u{1b}".to_owned(),
            did: Did("did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp".to_owned()),
            software: String::new(),
            since: Timestamp(0),
            draining: false,
            house: true,
            jobs_done: 12,
            earned: Micro(1_500_000),
            offers: vec![
                offer(CapabilityKind::CHAT, "qwen3-30b", ModelSize::Large),
                offer(CapabilityKind::EMBED, "vectors", ModelSize::Small),
            ],
            records: vec![TrustInfo {
                capability: CapabilityKind::CHAT,
                run: 3,
                audits: 4,
                failures: 0,
                probation: true,
            }],
        };
        let expected = "\
worker  state  does   with       size   slots  tokens/s  asks                         jobs  earned  checked                paid to
attic   busy   chat   qwen3-30b  large    1/4      31.2  0.0025 per 1,000 tokens out    12     1.5  3 right, on probation  z6MkiTBz1ymuepAQ4H… (house)
               embed  vectors    small    1/4      31.2  0.0025 per 1,000 tokens out                -
";
        assert_eq!(table(&[worker]), expected);
    }
}
