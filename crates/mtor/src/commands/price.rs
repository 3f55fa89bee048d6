//! `mtor price`: what wares cost, now and of late.

use clap::Args;
use mtor_protocol::http::{PriceHistory, PriceInfo};
use mtor_protocol::{Micro, ModelSize};

use crate::client::{Api, RealmArg, Who};
use crate::terminal::{self, Align};

mod history;

const EXAMPLES: &str = "\
Examples:
  mtor price
  mtor price --realm http://attic:9000 --json
  mtor price --history
  mtor price --history --days 7 --csv > prices.csv";

/// Shows the prices of a realm, in coins (1 coin = 1,000,000 micro).
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct PriceArgs {
    #[command(flatten)]
    realm: RealmArg,
    /// Print JSON, with amounts in micro
    #[arg(long)]
    json: bool,
    /// Show how prices and loads were of late, where prices follow load
    #[arg(long)]
    history: bool,
    /// Of so many days, up to 35
    #[arg(long, value_name = "N", default_value_t = 1, requires = "history", value_parser = clap::value_parser!(u32).range(1..=35))]
    days: u32,
    /// Print the history as comma-separated values, a line for each point
    #[arg(long, requires = "history", conflicts_with = "json")]
    csv: bool,
}

/// Asks and shows.
pub(crate) async fn run(args: PriceArgs) -> anyhow::Result<()> {
    let api = Api::new(&args.realm.realm, Who::Owner)?;
    if args.history {
        return show_history(&args, &api).await;
    }
    let prices: Vec<PriceInfo> = api.get("/api/prices").await?;
    if args.json {
        return terminal::json(&prices);
    }
    if prices.is_empty() {
        return terminal::line("nothing is on offer: no worker is attached, and realm.toml sets no price");
    }
    terminal::write(&table(&prices))
}

async fn show_history(args: &PriceArgs, api: &Api) -> anyhow::Result<()> {
    let histories: Vec<PriceHistory> = api.get(&format!("/api/prices/history?days={}", args.days)).await?;
    if args.json {
        return terminal::json(&histories);
    }
    if args.csv {
        return terminal::write(&history::csv(&histories));
    }
    if histories.iter().all(|history| history.points.is_empty()) {
        return terminal::line(
            "there is none: prices do not follow load here, or have not done so for a minute",
        );
    }
    terminal::write(&history::lines(&histories))
}

/// Kinds of use that nothing costs for are left out of the table; so are load and sizes, where they make no difference.
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
    let sized = prices.iter().any(|info| info.size != ModelSize::Small);
    if sized {
        columns.extend([("size", Align::Left), ("models", Align::Left)]);
    }
    columns.extend(used.iter().map(|(name, _)| (*name, Align::Right)));
    let follows = prices.iter().any(|info| info.load_percent.is_some());
    if follows {
        columns.extend([("load", Align::Right), ("of the list price", Align::Right)]);
    }
    let row = |info: &PriceInfo| {
        let models = terminal::harmless(&info.models.join(", "));
        let models = if models.is_empty() { "-".to_owned() } else { models };
        let size = [info.size.to_string(), models].into_iter().filter(|_| sized);
        let amounts = used.iter().map(|(_, part)| part(info).to_string());
        let percent =
            |percent: Option<u32>| percent.map_or_else(|| "-".to_owned(), |percent| format!("{percent} %"));
        let load = [percent(info.load_percent), percent(info.of_list_percent)];
        let load = load.into_iter().filter(|_| follows);
        std::iter::once(info.capability.to_string()).chain(size).chain(amounts).chain(load).collect()
    };
    terminal::table(&columns, &prices.iter().map(row).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mtor_protocol::{CapabilityKind, Price};

    #[test]
    fn only_what_costs_something_or_makes_a_difference_has_a_column() {
        let price = Price { output_ktoken: Micro(2_500_000), ..Price::default() };
        let flat = PriceInfo {
            capability: CapabilityKind::CHAT,
            size: ModelSize::Small,
            models: vec!["tiny".to_owned()],
            price,
            list: price,
            of_list_percent: Some(100),
            load_percent: None,
        };
        assert_eq!(
            table(std::slice::from_ref(&flat)),
            "capability  per 1,000 tokens out\nchat                         2.5\n"
        );
        let dear = PriceInfo { of_list_percent: Some(125), load_percent: Some(93), ..flat.clone() };
        assert_eq!(
            table(&[dear]),
            "capability  per 1,000 tokens out  load  of the list price\nchat                         2.5  93 %              125 %\n"
        );
        let large = PriceInfo { size: ModelSize::Large, models: Vec::new(), ..flat.clone() };
        let expected = "\
capability  size   models  per 1,000 tokens out
chat        small  tiny                     2.5
chat        large  -                        2.5
";
        assert_eq!(table(&[flat, large]), expected);
    }
}
