//! `mtor trust`: answers that were proven wrong, and what becomes of the pay that was held back.

use clap::{Args, Subcommand};
use mtor_protocol::trust::{CaseAction, CaseInfo, CaseRequest};
use mtor_protocol::{JobId, Timestamp};

use crate::client::{Api, RealmArg, WhoArg};
use crate::data::DataArg;
use crate::terminal::{self, Align};

const EXAMPLES: &str = "\
Examples:
  mtor trust list
  mtor trust show 019aab3e-5c8f-7d31-b0a1-2f6f0a4c7e11
  mtor trust pardon 019aab3e-5c8f-7d31-b0a1-2f6f0a4c7e11
  mtor trust appeal 019aab3e-5c8f-7d31-b0a1-2f6f0a4c7e11 --wallet workers/chat.key --realm http://attic:9000

The owner of a realm sees and decides all cases; whoever runs a worker sees those of its key, and can object.";

/// Answers of workers that were proven wrong: what was said, what is at stake, and what becomes of it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TrustArgs {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    who: WhoArg,
    #[command(flatten)]
    data: DataArg,
    #[command(flatten)]
    realm: RealmArg,
    /// Print JSON, with amounts in micro
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// The cases that are not decided
    List,
    /// One of them, with the answers that were compared
    Show {
        /// The job whose answer was proven wrong
        job: JobId,
    },
    /// Object, as the worker: then nothing is lost before the owner has had a month to look at it
    Appeal {
        /// The job whose answer was proven wrong
        job: JobId,
    },
    /// Take the proof back, as the owner: the worker has its pay, and may work again
    Pardon {
        /// The job whose answer was proven wrong
        job: JobId,
    },
    /// Let the proof stand, as the owner: what is at stake is lost at once
    Uphold {
        /// The job whose answer was proven wrong
        job: JobId,
    },
}

/// Asks and shows.
pub(crate) async fn run(args: TrustArgs) -> anyhow::Result<()> {
    let api = Api::new(&args.realm.realm, args.who.who(&args.realm.realm, &args.data.folder()?)?)?;
    let act = async |job: JobId, action: CaseAction| -> anyhow::Result<CaseInfo> {
        api.post(&format!("/api/trust/{job}"), &CaseRequest { action }).await
    };
    let (case, said) = match args.action {
        Action::List => {
            let cases: Vec<CaseInfo> = api.get("/api/trust").await?;
            return match args.json {
                true => terminal::json(&cases),
                false if cases.is_empty() => terminal::line("no answer stands as proven wrong"),
                false => terminal::write(&table(&cases)),
            };
        }
        Action::Show { job } => {
            let case: CaseInfo = api.get(&format!("/api/trust/{job}")).await?;
            let said = described(&case);
            (case, said)
        }
        Action::Appeal { job } => {
            let case = act(job, CaseAction::Appeal).await?;
            let said =
                format!("objected; if the owner does not decide before, it is lost on {}\n", day(case.over));
            (case, said)
        }
        Action::Pardon { job } => {
            let case = act(job, CaseAction::Pardon).await?;
            let said = format!("pardoned: {} has its {} coins\n", case.worker, case.amount);
            (case, said)
        }
        Action::Uphold { job } => {
            let case = act(job, CaseAction::Uphold).await?;
            let said = format!("upheld: {} has lost {} coins\n", case.worker, case.amount);
            (case, said)
        }
    };
    match args.json {
        true => terminal::json(&case),
        false => terminal::write(&said),
    }
}

fn table(cases: &[CaseInfo]) -> String {
    let columns = [
        ("job", Align::Left),
        ("of", Align::Left),
        ("worker", Align::Left),
        ("proven wrong", Align::Left),
        ("at stake", Align::Right),
        ("lost on", Align::Left),
        ("objected", Align::Left),
    ];
    let row = |case: &CaseInfo| {
        vec![
            case.job.to_string(),
            case.capability.to_string(),
            case.worker.to_string(),
            day(case.proven),
            case.amount.to_string(),
            day(case.over),
            case.appealed.map_or_else(|| "no".to_owned(), day),
        ]
    };
    terminal::table(&columns, &cases.iter().map(row).collect::<Vec<_>>())
}

fn described(case: &CaseInfo) -> String {
    let mut text = format!(
        "job       {}\nof        {}\nworker    {}\nproven    {}\nat stake  {} coins of {} payments\nlost on   {}\n",
        case.job,
        case.capability,
        case.worker,
        day(case.proven),
        case.amount,
        case.payments,
        day(case.over)
    );
    if let Some(appealed) = case.appealed {
        text += &format!("objected  {}\n", day(appealed));
    }
    for answer in &case.answers {
        let verdict = format!("{:?}", answer.verdict).to_lowercase();
        text += &format!("\n{verdict}: the answer of {} to the job {}\n", answer.worker, answer.job);
        if let Some(output) = answer.output {
            text += &format!("  SHA-256 {output}\n");
        }
        match &answer.text {
            Some(answer) => text += &format!("  {}\n", terminal::harmless(answer).replace('\n', "\n  ")),
            None => text += "  (its words are not kept any more, or not yours to see)\n",
        }
    }
    text
}

/// The day in UTC.
fn day(moment: Timestamp) -> String {
    moment.to_string().chars().take(10).collect()
}
