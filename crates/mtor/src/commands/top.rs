//! `mtor top`: how a realm stands, in numbers that a sysop looks at.

use std::time::Duration;

use clap::Args;
use mtor_protocol::http::{ClassInfo, QueueInfo};

use crate::client::{Api, RealmArg, Who};
use crate::signals::Interrupts;
use crate::terminal::{self, Align};

const EXAMPLES: &str = "\
Examples:
  mtor top
  mtor top --every 2
  mtor top --json | jq '.classes[].index_permille'

The index of a service class is how long its jobs of late waited for the first word on average, divided by the goal: up to 1.00
the goal is met. Goals stand in realm.toml, under [goals].";

/// Shows queues, how well the goals of the service classes are kept, and who has how much of the realm.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TopArgs {
    #[command(flatten)]
    realm: RealmArg,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Look again every so many seconds, until Ctrl-C
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3_600))]
    every: Option<u64>,
}

/// Asks and shows.
pub(crate) async fn run(args: TopArgs) -> anyhow::Result<()> {
    let api = Api::new(&args.realm.realm, Who::Owner)?;
    let interrupts = Interrupts::listen()?;
    loop {
        let queue: QueueInfo = api.get("/api/queue").await?;
        match args.json {
            true => terminal::json(&queue)?,
            false => terminal::write(&text(&queue))?,
        }
        let Some(seconds) = args.every else { return Ok(()) };
        tokio::select! {
            () = interrupts.first.cancelled() => return Ok(()),
            () = tokio::time::sleep(Duration::from_secs(seconds)) => terminal::line("")?,
        }
    }
}

fn text(queue: &QueueInfo) -> String {
    let mut text = capabilities(queue);
    text.push('\n');
    text.push_str(&classes(&queue.classes));
    if !queue.wallets.is_empty() {
        let row = |share: &mtor_protocol::http::WalletShare| {
            vec![share.account.to_string(), share.queued.to_string(), share.running.to_string()]
        };
        let columns = [("wallet", Align::Left), ("waiting", Align::Right), ("running", Align::Right)];
        text.push('\n');
        text.push_str(&terminal::table(&columns, &queue.wallets.iter().map(row).collect::<Vec<_>>()));
    }
    text
}

fn capabilities(queue: &QueueInfo) -> String {
    if queue.capabilities.is_empty() {
        return "no worker is attached, and nothing waits\n".to_owned();
    }
    let columns = [
        ("capability", Align::Left),
        ("waiting", Align::Right),
        ("running", Align::Right),
        ("slots", Align::Right),
    ];
    let row = |of: &mtor_protocol::http::CapabilityQueue| {
        vec![of.capability.to_string(), of.queued.to_string(), of.running.to_string(), of.slots.to_string()]
    };
    terminal::table(&columns, &queue.capabilities.iter().map(row).collect::<Vec<_>>())
}

fn classes(classes: &[ClassInfo]) -> String {
    let columns = [
        ("class", Align::Left),
        ("goal", Align::Right),
        ("waiting", Align::Right),
        ("running", Align::Right),
        ("late", Align::Right),
        ("oldest", Align::Right),
        ("jobs", Align::Right),
        ("within goal", Align::Right),
        ("index", Align::Right),
    ];
    let row = |class: &ClassInfo| {
        vec![
            class.class.as_str().to_owned(),
            seconds(class.goal_ms),
            class.queued.to_string(),
            class.running.to_string(),
            class.late.to_string(),
            class.oldest_ms.map_or_else(none, seconds),
            class.jobs.to_string(),
            class.within_percent.map_or_else(none, |percent| format!("{percent} %")),
            class.index_permille.map_or_else(none, index),
        ]
    };
    terminal::table(&columns, &classes.iter().map(row).collect::<Vec<_>>())
}

/// A performance index, as people write it.
pub(crate) fn index(permille: u32) -> String {
    format!("{:.2}", f64::from(permille) / 1e3)
}

fn none() -> String {
    "-".to_owned()
}

fn seconds(ms: u64) -> String {
    match ms {
        ..10_000 => format!("{:.1} s", ms as f64 / 1e3),
        _ => format!("{} s", ms / 1_000),
    }
}

#[cfg(test)]
mod tests {
    use mtor_protocol::ServiceClass;

    use super::*;

    #[test]
    fn classes_are_told_with_their_goals() {
        let voice = ClassInfo {
            class: ServiceClass::Voice,
            goal_ms: 500,
            queued: 1,
            running: 2,
            late: 1,
            oldest_ms: Some(61_000),
            jobs: 40,
            within_percent: Some(75),
            index_permille: Some(1_234),
        };
        let (within_percent, index_permille, oldest_ms) = (None, None, None);
        let batch = ClassInfo {
            class: ServiceClass::Batch,
            goal_ms: 600_000,
            queued: 0,
            running: 0,
            late: 0,
            oldest_ms,
            jobs: 0,
            within_percent,
            index_permille,
        };
        let expected = "\
class   goal  waiting  running  late  oldest  jobs  within goal  index
voice  0.5 s        1        2     1    61 s    40         75 %   1.23
batch  600 s        0        0     0       -     0            -      -
";
        assert_eq!(classes(&[voice, batch]), expected);
    }
}
