//! `mtor price`: what each capability costs.

use clap::Args;
use mtor_protocol::Micro;
use mtor_protocol::http::PriceInfo;

use crate::client::{Api, RealmArg, Who};
use crate::terminal::{self, Align};

const EXAMPLES: &str = "\
Examples:
  mtor price
  mtor price --realm http://attic:9000 --json";

/// Shows the prices of a realm, in coins (1 coin = 1,000,000 micro).
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct PriceArgs {
    #[command(flatten)]
    realm: RealmArg,
    /// Print JSON, with amounts in micro
    #[arg(long)]
    json: bool,
}

/// Asks and shows.
pub(crate) async fn run(args: PriceArgs) -> anyhow::Result<()> {
    let prices: Vec<PriceInfo> = Api::new(&args.realm.realm, Who::Owner)?.get("/api/prices").await?;
    if args.json {
        return terminal::json(&prices);
    }
    if prices.is_empty() {
        return terminal::line("nothing is on offer: no worker is attached, and realm.toml sets no price");
    }
    terminal::write(&table(&prices))
}

/// Kinds of use that nothing costs for are left out of the table; so is load, where prices do not follow it.
fn table(prices: &[PriceInfo]) -> String {
    type Part = fn(&PriceInfo) -> Micro;
    let parts: [(&str, Part); 5] = [
        ("per job", |info| info.price.job),
        ("per 1,000 tokens in", |info| info.price.input_ktoken),
        ("per 1,000 tokens out", |info| info.price.output_ktoken),
        ("per 1,000 s of audio", |info| info.price.ksecond),
        ("per 1,000 images", |info| info.price.kimage),
    ];
    let used: Vec<_> =
        parts.iter().filter(|(_, part)| prices.iter().any(|info| part(info) != Micro::ZERO)).collect();
    let mut columns = vec![("capability", Align::Left)];
    columns.extend(used.iter().map(|(name, _)| (*name, Align::Right)));
    let follows = prices.iter().any(|info| info.load_percent.is_some());
    if follows {
        columns.extend([("load", Align::Right), ("of the list price", Align::Right)]);
    }
    let row = |info: &PriceInfo| {
        let amounts = used.iter().map(|(_, part)| part(info).to_string());
        let percent =
            |percent: Option<u32>| percent.map_or_else(|| "-".to_owned(), |percent| format!("{percent} %"));
        let load = [percent(info.load_percent), percent(info.of_list_percent())];
        let load = load.into_iter().filter(|_| follows);
        std::iter::once(info.capability.to_string()).chain(amounts).chain(load).collect()
    };
    terminal::table(&columns, &prices.iter().map(row).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mtor_protocol::{CapabilityKind, Price};

    #[test]
    fn only_what_costs_something_has_a_column() {
        let price = Price { output_ktoken: Micro(2_500_000), ..Price::default() };
        let flat = PriceInfo { capability: CapabilityKind::CHAT, price, list: price, load_percent: None };
        assert_eq!(
            table(std::slice::from_ref(&flat)),
            "capability  per 1,000 tokens out\nchat                         2.5\n"
        );
        let list = Price { output_ktoken: Micro(2_000_000), ..Price::default() };
        let dear = PriceInfo { list, load_percent: Some(93), ..flat };
        assert_eq!(
            table(&[dear]),
            "capability  per 1,000 tokens out  load  of the list price\nchat                         2.5  93 %              125 %\n"
        );
    }
}
