//! `mtor plan`: several things in one sentence, seen before they are done.

use clap::Args;
use mtor_protocol::{Body, JobId, Micro, Plan, PlanAnswer, PlanAsk, PlanState, PlanStep, StepState};

use crate::client::{RealmArg, Session, WhoArg};
use crate::data::DataArg;
use crate::exit::Fault;
use crate::terminal;

const EXAMPLES: &str = "\
Examples:
  mtor plan \"Summarise https://example.org and email it to ada@example.org\"
  mtor plan \"Summarise the news and translate it into French\"
  mtor plan --max-price 2 \"Read me the news, then turn on the kitchen light\"

The steps are shown as they are done. What sends or switches is shown whole and waits for a yes; --yes says it beforehand.
What the last step brings goes to standard output, everything else to standard error. Ctrl-C stops the plan.";

/// Does several things that one sentence asks for.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct PlanArgs {
    /// What shall be done
    #[arg(value_name = "TEXT", required = true)]
    text: Vec<String>,
    #[command(flatten)]
    realm: RealmArg,
    #[command(flatten)]
    who: WhoArg,
    #[command(flatten)]
    data: DataArg,
    /// Language of the words, such as en or de [default: found out]
    #[arg(long, value_name = "CODE")]
    language: Option<String>,
    /// Address of the page that "this article" means
    #[arg(long, value_name = "URL")]
    page: Option<String>,
    /// Ask before it begins when all steps together may cost more than this, in coins
    #[arg(long, value_name = "COINS")]
    max_price: Option<Micro>,
    /// Say yes to everything that is asked
    #[arg(long)]
    yes: bool,
    /// Print the plan in JSON, one line whenever it changes
    #[arg(long)]
    json: bool,
}

/// Asks, shows, and answers with what the person says.
pub(crate) async fn run(args: PlanArgs) -> anyhow::Result<()> {
    let who = args.who.who(&args.realm.realm, &args.data.folder()?)?;
    let mut session = Session::open(&args.realm.realm, &who).await?;
    let id = JobId::generate();
    let ask = PlanAsk {
        id,
        text: args.text.join(" "),
        language: args.language.clone().unwrap_or_default(),
        page: args.page.clone(),
        max_price: args.max_price,
    };
    session.say(Some(id), Body::PlanAsk(ask)).await?;
    let mut shown: Vec<StepState> = Vec::new();
    let mut asked: Vec<Option<u16>> = Vec::new();
    let mut stopped = false;
    let plan = loop {
        let event = tokio::select! {
            event = session.next() => event?,
            pressed = tokio::signal::ctrl_c(), if !stopped => {
                pressed?;
                stopped = true;
                session.say(Some(id), Body::PlanCancel(mtor_protocol::body::Cancel {})).await?;
                continue;
            }
        };
        if event.subject != Some(id) {
            continue;
        }
        let plan = match event.body {
            Body::PlanState(plan) => plan,
            Body::Error(problem) => return Err(problem.into()),
            _ => continue,
        };
        if args.json {
            terminal::line(&serde_json::to_string(&plan)?)?;
        } else {
            show(&plan, &mut shown);
        }
        if plan.state.is_final() {
            break plan;
        }
        for question in questions(&plan) {
            if asked.contains(&question) {
                continue;
            }
            asked.push(question);
            let words = words_of(&plan, question);
            let yes = args.yes || confirmed(id, words).await?;
            session.say(Some(id), Body::PlanAnswer(PlanAnswer { step: question, yes })).await?;
        }
    };
    session.close().await;
    end(&plan, args.json)
}

/// What the plan asks: about itself, or about steps.
fn questions(plan: &Plan) -> Vec<Option<u16>> {
    if plan.state == PlanState::Proposed {
        return vec![None];
    }
    let asking = plan.steps.iter().enumerate().filter(|(_, step)| step.state == StepState::Asking);
    asking.map(|(at, _)| u16::try_from(at).ok()).collect()
}

fn words_of(plan: &Plan, question: Option<u16>) -> String {
    let step = question.and_then(|at| plan.steps.get(usize::from(at)));
    match step {
        Some(step) => format!("{}\nDo this?", whole(step)),
        None => format!("All of it may cost up to {} coins. Begin?", plan.max),
    }
}

/// Exactly what will be done.
fn whole(step: &PlanStep) -> String {
    let line = |(name, value): (&String, &serde_json::Value)| match value.as_str() {
        Some(text) => format!("    {name}: {}", terminal::harmless(text).replace('\n', "\n      ")),
        None => format!("    {name}: {value}"),
    };
    let params: Vec<String> = step.params.iter().map(line).collect();
    format!("{} ({})\n{}", terminal::harmless(&step.title), step.capability, params.join("\n"))
}

async fn confirmed(plan: JobId, words: String) -> anyhow::Result<bool> {
    if !terminal::can_ask() {
        return Err(Fault::Usage(format!(
            "plan {plan} waits for a yes, and nobody can be asked here:\n{words}\nsay --yes beforehand, or answer in the console"
        ))
        .into());
    }
    tokio::task::spawn_blocking(move || terminal::confirm(&words)).await?
}

/// The steps whose state has changed.
fn show(plan: &Plan, shown: &mut Vec<StepState>) {
    shown.resize(plan.steps.len(), StepState::Waiting);
    for (at, (step, before)) in plan.steps.iter().zip(shown).enumerate() {
        if step.state == *before {
            continue;
        }
        *before = step.state;
        let state = match step.state {
            StepState::Waiting => "waits",
            StepState::Asking => "asks",
            StepState::Running => "runs",
            StepState::Done => "done",
            StepState::Failed => "failed",
            StepState::Refused => "refused",
            StepState::LeftOut => "left out",
        };
        let title = terminal::harmless(&step.title);
        let why = step.problem.as_ref().map(|problem| format!(": {problem}")).unwrap_or_default();
        let cost = step.cost.map(|cost| format!(" [{cost} coins]")).unwrap_or_default();
        eprintln!("{}/{} {state}: {title}{cost}{why}", at + 1, plan.steps.len());
        if let Some(note) = step.note.as_ref().filter(|_| step.state == StepState::Done) {
            eprintln!("    {note}");
        }
    }
}

fn end(plan: &Plan, json: bool) -> anyhow::Result<()> {
    let text = plan.steps.iter().rev().find_map(|step| step.text.as_ref());
    if let Some(text) = text.filter(|_| !json) {
        terminal::line(&terminal::harmless(text))?;
    }
    match plan.state {
        PlanState::Done => Ok(()),
        PlanState::Cancelled => Err(Fault::Interrupted.into()),
        _ => {
            let problem = plan.steps.iter().find_map(|step| step.problem.clone());
            Err(problem.map_or_else(|| anyhow::anyhow!("not all of it was done"), |problem| problem.into()))
        }
    }
}
