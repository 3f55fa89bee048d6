//! `mtor ask`: one question, its answer as it comes.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use mtor_protocol::body::Failed;
use mtor_protocol::intent::DEFAULT_MODEL;
use mtor_protocol::{
    ChatMessage, ChatTask, Intent, JobId, Micro, Picture, Privacy, Role, ServiceClass, Submit, Task,
};

use crate::client::{RealmArg, WhoArg};
use crate::data::DataArg;
use crate::exit::Fault;
use crate::signals::Interrupts;

mod answer;
mod dry_run;
mod follow;
mod input;
mod pictures;
mod screen;

use follow::{End, Follower};
use screen::Screen;

const EXAMPLES: &str = "\
Examples:
  mtor ask \"What is the capital of France?\"
  git diff | mtor ask \"Explain this change\"
  mtor ask - < letter.txt
  mtor ask --picture photo.jpg \"What is in this picture?\"
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
    /// A picture that the question is about: JPEG, PNG, WebP or GIF. May be given several times
    #[arg(long, value_name = "FILE")]
    picture: Vec<PathBuf>,
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
    /// Have a worker answer, although the realm may remember the answer
    #[arg(long)]
    no_cache: bool,
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

    /// What is asked. `pictures` go with the question.
    fn submit(&self, question: String, pictures: Vec<Picture>) -> Result<Submit, Fault> {
        let system = self.system.iter().map(|text| ChatMessage::new(Role::System, text));
        let is_about_pictures = !pictures.is_empty();
        let user = ChatMessage { pictures, ..ChatMessage::new(Role::User, question) };
        let task = ChatTask {
            messages: system.chain([user]).collect(),
            max_tokens: self.max_tokens,
            temperature: self.temperature,
            seed: self.seed,
            stop: self.stop.clone(),
            ..ChatTask::default()
        };
        let task = task.checked().map_err(|why| Fault::Usage(why.replace('_', "-")))?;
        let task = if is_about_pictures { Task::Vision(task) } else { Task::Chat(task) };
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
        submit.fresh = self.no_cache;
        submit.timeout_ms = self.timeout.map(|seconds| seconds.saturating_mul(1_000));
        Ok(submit)
    }
}

/// Asks, and shows the answer until it ends.
pub(crate) async fn run(args: AskArgs, question: String) -> anyhow::Result<()> {
    let shown = pictures::read(&args.picture)?;
    let mut submit = args.submit(question, shown.iter().map(|(declared, _)| declared.clone()).collect())?;
    if args.dry_run {
        return dry_run::run(&args, &submit).await;
    }
    let shown = shown.into_iter().map(|(_, bytes)| bytes).collect();
    let job = JobId::generate();
    submit.id = Some(job);
    let who = args.who.who(&args.realm.realm, &args.data.folder()?)?;
    let interrupts = Interrupts::listen()?;
    let mut screen = Screen::new(args.json);
    let end =
        Follower::new(&args.realm.realm, &who, job, submit, shown).run(&mut screen, &interrupts).await?;
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
