//! `mtor wallet export`: everything that moved a wallet's coins, for a spreadsheet or for bookkeeping. The oldest first.

use clap::{Args, ValueEnum};
use mtor_ledger::defaults::PAGE_LINES_MAX;
use mtor_protocol::http::{Movement, MovementKind, MovementPage, WalletInfo};
use mtor_protocol::{Micro, Timestamp};

use super::Wallet;
use super::grants::GrantArg;
use crate::terminal;

/// The account in the journal that stands for the wallet.
const ASSETS: &str = "assets:mtor";

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// What to write
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Csv)]
    format: Format,
    #[command(flatten)]
    grant: GrantArg,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table for spreadsheets: amounts in coins, negative when they went out
    Csv,
    /// A journal for hledger, or ledger: double entries, with the balance asserted
    Hledger,
}

/// Asks for all of it and writes it.
pub(super) async fn run(wallet: &Wallet, args: &ExportArgs) -> anyhow::Result<()> {
    let (api, did) = wallet.open().await?;
    let grant = args.grant.query(&api, &did).await?;
    let mut movements: Vec<Movement> = Vec::new();
    let mut before = String::new();
    loop {
        let route = format!("/api/wallets/{did}/movements?limit={PAGE_LINES_MAX}{before}{grant}");
        let page: MovementPage = api.get(&route).await?;
        movements.extend(page.movements);
        let Some(next) = page.next else { break };
        before = format!("&before={next}");
    }
    movements.reverse();
    if wallet.json {
        return terminal::json(&movements);
    }
    match args.format {
        Format::Csv => terminal::write(&csv(&movements)),
        Format::Hledger => {
            let now: WalletInfo = api.get(&format!("/api/wallets/{did}")).await?;
            // What is set aside for a grant is told by its movements alone.
            let now = grant.is_empty().then(|| all_of_it(&now)).flatten();
            terminal::write(&hledger(&movements, now))
        }
    }
}

/// All that is the wallet's, also what it can't spend yet; `None` when that can't be counted.
fn all_of_it(wallet: &WalletInfo) -> Option<Micro> {
    let parts = [wallet.available, wallet.held, wallet.at_stake];
    let late = wallet.late.iter().map(|late| late.amount);
    parts.into_iter().chain(late).try_fold(Micro::ZERO, Micro::checked_add)
}

fn name(kind: MovementKind) -> &'static str {
    match kind {
        MovementKind::Job => "job",
        MovementKind::Sent => "sent",
        MovementKind::Earned => "earned",
        MovementKind::Received => "received",
        MovementKind::Issued => "issued",
        MovementKind::Started => "started",
        MovementKind::Granted => "granted",
        MovementKind::Returned => "returned",
        MovementKind::Forfeited => "forfeited",
        MovementKind::Refunded => "refunded",
    }
}

/// No field of it can hold a comma or a quotation mark.
fn csv(movements: &[Movement]) -> String {
    let mut text = "entry,time,kind,coins,reference,other\n".to_owned();
    for movement in movements {
        let sign = if movement.kind.is_gain() { "" } else { "-" };
        let other = movement.other.map_or_else(String::new, |account| account.to_string());
        text += &format!(
            "{},{},{},{sign}{},{},{other}\n",
            movement.entry,
            movement.time,
            name(movement.kind),
            movement.amount,
            movement.reference
        );
    }
    text
}

/// Dates are those of UTC. The balance is asserted at the end, unless something moved while the pages were fetched.
fn hledger(movements: &[Movement], now: Option<Micro>) -> String {
    let mut text = "commodity 1000.000000 coin\n".to_owned();
    let mut balance = Some(Micro::ZERO);
    for movement in movements {
        let (what, account) = match movement.kind {
            MovementKind::Job => ("a job", "expenses:jobs".to_owned()),
            MovementKind::Sent => ("sent", format!("expenses:sent:{}", other(movement))),
            MovementKind::Earned => ("a job done", "income:jobs".to_owned()),
            MovementKind::Received => ("received", format!("income:received:{}", other(movement))),
            MovementKind::Issued => ("issued by the realm's owner", "equity:issued".to_owned()),
            MovementKind::Started => ("starter coins", "equity:starter".to_owned()),
            MovementKind::Granted => ("set aside", format!("assets:granted:{}", other(movement))),
            MovementKind::Returned => ("taken back", format!("assets:granted:{}", other(movement))),
            MovementKind::Forfeited => ("pay lost", "income:jobs".to_owned()),
            MovementKind::Refunded => ("a wrong answer paid back", "expenses:jobs".to_owned()),
        };
        let is_gain = movement.kind.is_gain();
        let (to, from) = if is_gain { (ASSETS, account.as_str()) } else { (account.as_str(), ASSETS) };
        let amount = movement.amount;
        balance = balance.and_then(|balance| match is_gain {
            true => balance.checked_add(amount),
            false => balance.checked_sub(amount),
        });
        text += &format!(
            "\n{date} * {what}  ; entry:{entry}, time:{time}, reference:{reference}\n    {to}  {amount} coin\n    {from}  -{amount} coin\n",
            date = date(movement.time),
            entry = movement.entry,
            time = movement.time,
            reference = movement.reference,
        );
    }
    if let (Some(last), Some(balance)) = (movements.last(), balance.filter(|_| balance == now)) {
        text += &format!("\n{} * the balance\n    {ASSETS}  0 coin = {balance} coin\n", date(last.time));
    }
    text
}

fn other(movement: &Movement) -> String {
    movement.other.map_or_else(|| "unknown".to_owned(), |account| account.to_string())
}

/// The day of a moment, in UTC.
fn date(moment: Timestamp) -> String {
    // As RFC 3339 writes it, the day comes first.
    moment.to_string().chars().take_while(|letter| *letter != 'T').collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mtor_protocol::{AccountId, JobId};

    fn movement(entry: u64, kind: MovementKind, amount: u64) -> Movement {
        let other = matches!(kind, MovementKind::Sent | MovementKind::Received).then_some(AccountId(7));
        let time = Timestamp(1_795_737_600_000 + entry);
        Movement { entry, time, kind, amount: Micro(amount), reference: JobId(entry.into()), other }
    }

    fn movements() -> Vec<Movement> {
        [
            (MovementKind::Issued, 5_000_000),
            (MovementKind::Job, 251),
            (MovementKind::Sent, 1_000_000),
            (MovementKind::Received, 250_000),
            (MovementKind::Earned, 90),
        ]
        .into_iter()
        .zip(1..)
        .map(|((kind, amount), entry)| movement(entry, kind, amount))
        .collect()
    }

    #[test]
    fn a_spreadsheet_can_add_the_coins_up() {
        let text = csv(&movements());
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("entry,time,kind,coins,reference,other"));
        let second = lines.nth(1).unwrap();
        assert!(second.starts_with("2,2026-11-27T00:00:00.002Z,job,-0.000251,"), "{second}");
        let coins = |line: &str| line.split(',').nth(3).unwrap().parse::<f64>().unwrap();
        let sum: f64 = text.lines().skip(1).map(coins).sum();
        assert!((sum - 4.249_839).abs() < 1e-9, "{sum}");
        assert!(text.lines().all(|line| line.split(',').count() == 6), "{text}");
    }

    #[test]
    fn each_entry_of_the_journal_balances_and_so_does_the_whole() {
        let text = hledger(&movements(), Some(Micro(4_249_839)));
        let paid = "2026-11-27 * a job  ; entry:2, time:2026-11-27T00:00:00.002Z, reference:00000000-0000-0000-0000-000000000002
    expenses:jobs  0.000251 coin
    assets:mtor  -0.000251 coin
";
        assert!(text.contains(paid), "{text}");
        assert!(text.contains("    assets:mtor  5 coin\n    equity:issued  -5 coin\n"), "{text}");
        assert!(text.ends_with("    assets:mtor  0 coin = 4.249839 coin\n"), "{text}");
    }

    #[test]
    fn a_balance_that_moved_meanwhile_is_not_asserted() {
        assert!(!hledger(&movements(), Some(Micro(1))).contains(" = "));
        assert_eq!(hledger(&[], Some(Micro(0))), "commodity 1000.000000 coin\n");
    }
}
