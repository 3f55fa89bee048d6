//! `mtor wallet history`: what came in and went out, or the jobs.

use clap::Args;
use mtor_protocol::Timestamp;
use mtor_protocol::http::{JobLine, JobPage, JobState, Movement, MovementKind, MovementPage};

use super::Wallet;
use super::grants::GrantArg;
use crate::defaults::HISTORY_LINES;
use crate::terminal::{self, Align};

/// Characters of a question or an answer in the table.
const PREVIEW_CHARS: usize = 40;

#[derive(Debug, Args)]
pub(super) struct HistoryArgs {
    /// Show jobs with their questions instead of coins
    #[arg(long)]
    jobs: bool,
    /// At most so many lines
    #[arg(long, value_name = "N", default_value_t = HISTORY_LINES, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// Only what is older than this entry or job, as the last line of the page before says
    #[arg(long, value_name = "ID")]
    before: Option<String>,
    #[command(flatten)]
    grant: GrantArg,
}

/// Asks for a page and shows it.
pub(super) async fn run(wallet: &Wallet, args: &HistoryArgs) -> anyhow::Result<()> {
    let (api, did) = wallet.open().await?;
    let kind = if args.jobs { "jobs" } else { "movements" };
    let before = args.before.as_deref().map(checked).transpose()?;
    let before = before.map_or_else(String::new, |id| format!("&before={id}"));
    let grant = args.grant.query(&api, &did).await?;
    let route = format!("/api/wallets/{did}/{kind}?limit={}{before}{grant}", args.limit);
    if args.jobs {
        let page: JobPage = api.get(&route).await?;
        return show(wallet, &page, &jobs(&page.jobs), page.next.map(|id| id.to_string()));
    }
    let page: MovementPage = api.get(&route).await?;
    show(wallet, &page, &movements(&page.movements), page.next.map(|entry| entry.to_string()))
}

/// An id that can stand in an address as it is.
fn checked(id: &str) -> anyhow::Result<&str> {
    if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Ok(id);
    }
    Err(crate::exit::Fault::Usage(format!("--before {id:?} is no entry and no job")).into())
}

fn show(
    wallet: &Wallet,
    page: &impl serde::Serialize,
    table: &str,
    next: Option<String>,
) -> anyhow::Result<()> {
    if wallet.json {
        return terminal::json(page);
    }
    terminal::write(table)?;
    if let Some(next) = next {
        eprintln!("older ones: --before {next}");
    }
    Ok(())
}

fn movements(list: &[Movement]) -> String {
    let columns = [
        ("entry", Align::Right),
        ("time", Align::Left),
        ("what", Align::Left),
        ("coins", Align::Right),
        ("job, transfer or grant", Align::Left),
        ("other account", Align::Left),
    ];
    let row = |movement: &Movement| {
        let what = match movement.kind {
            MovementKind::Job => "paid for a job",
            MovementKind::Sent => "sent",
            MovementKind::Earned => "earned",
            MovementKind::Received => "received",
            MovementKind::Issued => "issued",
            MovementKind::Started => "starter coins",
            MovementKind::Granted => "set aside for a grant",
            MovementKind::Returned => "back from a grant",
            MovementKind::Forfeited => "lost: an answer was wrong",
            MovementKind::Refunded => "back: an answer was wrong",
        };
        let sign = if movement.kind.is_gain() { "+" } else { "-" };
        vec![
            movement.entry.to_string(),
            time(movement.time),
            what.to_owned(),
            format!("{sign}{}", movement.amount),
            movement.reference.to_string(),
            movement.other.map_or_else(String::new, |account| account.to_string()),
        ]
    };
    terminal::table(&columns, &list.iter().map(row).collect::<Vec<_>>())
}

fn jobs(list: &[JobLine]) -> String {
    let columns = [
        ("time", Align::Left),
        ("state", Align::Left),
        ("coins", Align::Right),
        ("question", Align::Left),
        ("answer", Align::Left),
        ("job", Align::Left),
    ];
    let row = |job: &JobLine| {
        let state = match job.state {
            JobState::Queued => "waits",
            JobState::Running => "runs",
            JobState::Completed => "done",
            JobState::Failed => "failed",
            JobState::Cancelled => "cancelled",
        };
        vec![
            time(job.submitted),
            state.to_owned(),
            job.cost.map_or_else(String::new, |cost| cost.to_string()),
            preview(&job.question),
            preview(&job.answer),
            job.id.to_string(),
        ]
    };
    terminal::table(&columns, &list.iter().map(row).collect::<Vec<_>>())
}

/// The beginning of a text, on one line.
fn preview(text: &str) -> String {
    let line = terminal::harmless(text).split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= PREVIEW_CHARS {
        return line;
    }
    line.chars().take(PREVIEW_CHARS - 1).chain(['…']).collect()
}

/// A moment in the time zone of whoever looks.
pub(super) fn time(moment: Timestamp) -> String {
    let ms = i64::try_from(moment.0).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(ms).map_or_else(
        |_| moment.to_string(),
        |at| at.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn previews_are_short_and_on_one_line() {
        assert_eq!(preview("a\n b\tc\u{1b}[2J"), "a b c[2J");
        let long = preview(&"é".repeat(60));
        assert_eq!((long.chars().count(), long.chars().last()), (PREVIEW_CHARS, Some('…')));
    }

    #[test]
    fn only_plain_ids_go_into_an_address() {
        assert!(checked("018f-aa").is_ok() && checked("17").is_ok());
        assert!(checked("").is_err() && checked("1&limit=9").is_err());
    }
}
