//! `mtor ask`: one question, its answer as it comes.

use clap::{Args, ValueEnum};
use mtor_protocol::body::Failed;
use mtor_protocol::intent::DEFAULT_MODEL;
use mtor_protocol::{ChatMessage, ChatTask, Intent, JobId, Micro, Privacy, Role, ServiceClass, Submit, Task};

use crate::client::{RealmArg, WhoArg};
use crate::data::DataArg;
use crate::exit::Fault;
use crate::signals::Interrupts;

mod answer;
mod dry_run;
mod follow;
mod input;
mod screen;

use follow::{End, Follower};
use screen::Screen;

const EXAMPLES: &str = "\
Examples:
  mtor ask \"What is the capital of France?\"
  git diff | mtor ask \"Explain this change\"
  mtor ask - < letter.txt
  mtor ask --system \"Answer in one word\" --temperature 0 \"Is water wet?\"
  mtor ask --json \"Hello\" | jq .type
  mtor ask --dry-run \"Write a novel\"

The answer goes to standard output, everything else to standard error. With --json each line is one CloudEvent.
Ctrl-C cancels the job. A connection that is lost is dialled again, and the answer goes on where it stopped.";

/// Asks the realm and streams the answer.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AskArgs {
    /// The question; `-` reads it from standard input, and what is piped in comes after it
    #[arg(value_name = "TEXT")]
    text: Vec<String>,
    #[command(flatten)]
    realm: RealmArg,
    #[command(flatten)]
    who: WhoArg,
    #[command(flatten)]
    data: DataArg,
    /// Print one CloudEvent in JSON per line
    #[arg(long)]
    json: bool,
    /// The model that shall answer
    #[arg(long, value_name = "ID", default_value = DEFAULT_MODEL)]
    model: String,
    /// Instructions that hold for the whole answer
    #[arg(long, value_name = "TEXT")]
    system: Option<String>,
    /// Most tokens to write [default: the realm's limit]
    #[arg(long, value_name = "N")]
    max_tokens: Option<u32>,
    /// 0 picks the likeliest word always, 2 is wild [default: the model's]
    #[arg(long, value_name = "T")]
    temperature: Option<f32>,
    /// The same seed gives the same answer, as far as the model allows
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The answer ends before this text; may be given up to four times
    #[arg(long, value_name = "TEXT")]
    stop: Vec<String>,
    /// How soon the answer is needed
    #[arg(long, value_enum, default_value_t)]
    class: Class,
    /// Whose workers may see the question
    #[arg(long, value_enum, default_value_t)]
    privacy: Visible,
    /// The most it may cost, in coins
    #[arg(long, value_name = "COINS")]
    max_price: Option<Micro>,
    /// Ask nothing: show what would be done, by which models, at which price and how soon
    #[arg(long)]
    dry_run: bool,
    /// Give up after so many seconds [default: the realm's limit]
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Class {
    Voice,
    #[default]
    Interactive,
    Batch,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Visible {
    /// Only workers of your own wallet, or of the realm itself
    Own,
    /// Any worker of this realm
    #[default]
    Realm,
    /// Trusted peer realms too
    Peers,
    /// Anybody
    Any,
}

impl AskArgs {
    /// The question: what was written, what was piped in, or both.
    ///
    /// # Errors
    /// When there is nothing to ask, or too much, or it can't be read.
    pub(crate) fn question(&self) -> anyhow::Result<String> {
        input::question(&self.text.join(" "))
    }

    fn submit(&self, question: String) -> Result<Submit, Fault> {
        let system = self.system.iter().map(|text| ChatMessage::new(Role::System, text));
        let user = ChatMessage::new(Role::User, question);
        let task = ChatTask {
            messages: system.chain([user]).collect(),
            max_tokens: self.max_tokens,
            temperature: self.temperature,
            seed: self.seed,
            stop: self.stop.clone(),
            ..ChatTask::default()
        };
        let task = Task::Chat(task.checked().map_err(|why| Fault::Usage(why.replace('_', "-")))?);
        let mut submit = Submit::new(Intent { model: self.model.clone(), task });
        submit.class = match self.class {
            Class::Voice => ServiceClass::Voice,
            Class::Interactive => ServiceClass::Interactive,
            Class::Batch => ServiceClass::Batch,
        };
        submit.privacy = match self.privacy {
            Visible::Own => Privacy::Own,
            Visible::Realm => Privacy::Realm,
            Visible::Peers => Privacy::Peers,
            Visible::Any => Privacy::Any,
        };
        submit.max_price = self.max_price;
        submit.timeout_ms = self.timeout.map(|seconds| seconds.saturating_mul(1_000));
        Ok(submit)
    }
}

/// Asks, and shows the answer until it ends.
pub(crate) async fn run(args: AskArgs, question: String) -> anyhow::Result<()> {
    let mut submit = args.submit(question)?;
    if args.dry_run {
        return dry_run::run(&args, &submit).await;
    }
    let job = JobId::generate();
    submit.id = Some(job);
    let who = args.who.who(&args.realm.realm, &args.data.folder()?)?;
    let interrupts = Interrupts::listen()?;
    let mut screen = Screen::new(args.json);
    let end = Follower::new(&args.realm.realm, &who, job, submit).run(&mut screen, &interrupts).await?;
    match end {
        End::Completed(completed) => screen.completed(&completed),
        End::Failed(Failed { problem, .. }) => {
            screen.broken_off()?;
            Err(problem.into())
        }
        End::Cancelled => {
            screen.broken_off()?;
            Err(Fault::Interrupted.into())
        }
    }
}
