//! From a wish to a job, and from a job to what is told of it. Shared by every way in: WebSocket, HTTP, OpenAI's routes.

use std::sync::Arc;

use bytes::Bytes;
use mtor_core::{NewJob, TREASURY};
use mtor_identity::{NotOrdered, verify_order};
use mtor_ledger::{StoredJob, StoredPart};
use mtor_protocol::body::{Cancelled, Chunk, Completed, Failed, Quote};
use mtor_protocol::http::{JobInfo, JobState};
use mtor_protocol::{
    AccountId, Body, CapabilityKind, Event, FinishReason, Intent, JobId, Micro, Order, OrderSeal, Part,
    Price, Problem, ProblemKind, Role, ServiceClass, Submit, Task, limits,
};

use crate::app::{App, Wallet};
use crate::clock;
use crate::defaults::PREVIEW_CHARS;
use crate::input::JobInput;
use crate::memory;
use crate::realm::{Asked, Submission, Taken, Told};
use crate::stream::JobStream;

/// Tokens that a chat template may add for each message, and once for the whole: an upper bound for what is held.
const TEMPLATE_TOKENS: u64 = 16;
/// Prompts shorter than this are not worth looking for a worker that remembers their beginning, in bytes.
const PREFIX_BYTES_MIN: usize = 512;

/// What a wallet wants, and what it has signed for it.
pub struct Wish {
    /// What is wanted.
    pub submit: Submit,
    /// The text that was signed, and the signature, if it has one.
    pub order: Option<(String, OrderSeal)>,
    /// Whether an answer that is remembered will not do, whatever the request itself says.
    pub fresh: bool,
}

/// What a peer realm says of a job that it hands on, beside what is wanted.
pub(crate) struct Borrowed {
    /// Where it has come through.
    pub(crate) hops: Vec<AccountId>,
    /// What others have written of the answer already.
    pub(crate) prefix: String,
    /// Most tokens to write from here on.
    pub(crate) output_tokens_max: u32,
    /// What was asked for it.
    pub(crate) ask: Price,
}

impl From<Submit> for Wish {
    fn from(submit: Submit) -> Self {
        Self { submit, order: None, fresh: false }
    }
}

/// A job that was taken, with its events.
pub struct TakenJob {
    /// Its id.
    pub id: JobId,
    /// Its events, when it is not settled; a known job that is settled has none.
    pub stream: Option<Arc<JobStream>>,
    /// New or known.
    pub taken: Taken,
}

impl App {
    /// Takes a job for a wallet: it is in the ledger when this returns.
    ///
    /// # Errors
    /// Why it is refused.
    pub async fn take(&self, wallet: &Wallet, wish: impl Into<Wish>) -> Result<TakenJob, Problem> {
        self.take_with(wallet, wish, None).await
    }

    /// The same, with what goes into the job as binary frames: all of it, or as it comes.
    ///
    /// # Errors
    /// Why it is refused.
    pub async fn take_with(
        &self,
        wallet: &Wallet,
        wish: impl Into<Wish>,
        input: Option<Arc<JobInput>>,
    ) -> Result<TakenJob, Problem> {
        let submission = self.submission(wallet, wish.into(), input).await?;
        let (id, stream) = (submission.job.id, submission.stream.clone());
        let taken = self.realm.submit(submission).await.map_err(with_advice(&stream.capability))?;
        let stream = match taken {
            Taken::New => Some(stream),
            Taken::Known => self.realm.streams.get(id),
        };
        Ok(TakenJob { id, stream, taken })
    }

    /// Takes a job, and comes back when it has ended.
    ///
    /// # Errors
    /// Why it is refused.
    pub(crate) async fn take_to_the_end(&self, submission: Submission) -> Result<Taken, Problem> {
        let advice = with_advice(&submission.stream.capability);
        self.realm.submit(Submission { told: Told::AtTheEnd, ..submission }).await.map_err(advice)
    }

    /// A wish as it goes into the realm, with the answer if that is in its memory.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) async fn submission(
        &self,
        wallet: &Wallet,
        wish: Wish,
        input: Option<Arc<JobInput>>,
    ) -> Result<Submission, Problem> {
        if wish.submit.intent.task.takes_input() && input.is_none() {
            let detail = "this job's input comes as binary frames, so ask for it over the WebSocket; a recording also goes to /v1/audio/transcriptions, pictures also come in a form beside the job, and a whole text needs no `more`";
            return Err(Problem::new(ProblemKind::InvalidRequest, detail));
        }
        let (fresh, is_text) = (wish.fresh || wish.submit.fresh, input.is_none());
        let mut submission = self.prepare(wallet, wish, input)?;
        if is_text {
            self.recall(&mut submission, fresh).await;
        }
        Ok(submission)
    }

    /// Asks once more, at the treasury's expense, what a client has asked of this model. To the worker it is a job like any
    /// other.
    ///
    /// # Errors
    /// Why it is refused: mostly because there is no such worker, or nothing in the treasury.
    pub(crate) async fn ask_again(
        &self,
        intent: &Intent,
        model: String,
        asked: Asked,
    ) -> Result<Arc<JobStream>, Problem> {
        let submit = Submit { class: ServiceClass::Batch, ..Submit::new(intent.clone()) };
        let mut submission = self.prepare(&self.treasury(), submit.into(), None)?;
        submission.job.model = model;
        submission.asked = asked;
        let stream = submission.stream.clone();
        self.realm.submit(submission).await?;
        Ok(stream)
    }

    /// Takes a job that a peer realm hands on, on the peer's account. Costs no more than was asked for it.
    ///
    /// # Errors
    /// Why it is refused.
    pub(crate) async fn take_for_peer(
        &self,
        peer: &Wallet,
        submit: Submit,
        borrowed: Borrowed,
    ) -> Result<Arc<JobStream>, Problem> {
        let Borrowed { hops, prefix, output_tokens_max, ask } = borrowed;
        if hops.is_empty() || hops.len() > limits::HOPS_MAX {
            let detail =
                format!("a job of a peer says where it has come through: 1 to {} realms", limits::HOPS_MAX);
            return Err(Problem::new(ProblemKind::InvalidRequest, detail));
        }
        let mut submission = self.prepare(peer, submit.into(), None)?;
        let job = &mut submission.job;
        job.hops = hops;
        job.output_tokens_max = job.output_tokens_max.min(output_tokens_max);
        job.max_price = Some(ask.cost(&job.bounds()));
        if !prefix.is_empty() {
            let stream = JobStream::of_task(job.id, job.account, &submission.intent.task, None);
            submission.stream = Arc::new(stream.resumed(clock::now(), prefix, 0, 0));
        }
        let stream = submission.stream.clone();
        self.realm.submit(submission).await?;
        Ok(stream)
    }

    /// The realm, as one that asks for itself.
    pub(crate) fn treasury(&self) -> Wallet {
        Wallet { did: self.did.clone(), account: TREASURY, grant: None }
    }

    /// What a job would cost and how long it would wait.
    ///
    /// # Errors
    /// Why it would be refused.
    pub async fn quote(&self, wallet: &Wallet, submit: Submit) -> Result<Quote, Problem> {
        let job = self.prepare(wallet, submit.into(), None)?.job;
        self.realm.view(move |realm| realm.quote(clock::now(), &job)).await?
    }

    /// The input of a job with this task, if it takes any, still empty.
    pub fn input_for(&self, task: &Task) -> Option<Arc<JobInput>> {
        task.takes_input().then(|| Arc::new(JobInput::new(self.input_room.clone(), task)))
    }

    /// The input of a job about these pictures, which its task names in this order.
    ///
    /// # Errors
    /// When they are not the ones that the task names, or there is no room for them now.
    pub fn input_of_pictures(&self, task: &Task, pictures: Vec<Bytes>) -> Result<Arc<JobInput>, Problem> {
        JobInput::whole(self.input_room.clone(), task, pictures).map(Arc::new)
    }

    /// What an order says, if its wallet has signed it. `subject` is the job's id where the order's envelope names it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn open_order(&self, wallet: &Wallet, order: Order, subject: Option<JobId>) -> Result<Wish, Problem> {
        let invalid =
            |param: &str, detail: &str| Problem::new(ProblemKind::InvalidRequest, detail).param(param);
        let submit: Submit =
            serde_json::from_str(&order.order).map_err(|error| invalid("order", &error.to_string()))?;
        let id = submit.id.ok_or_else(|| invalid("order.id", "an order names its job's id"))?;
        if submit.deadline.is_none() {
            return Err(invalid("order.deadline", "an order says when it ends: give it a deadline"));
        }
        if subject.is_some_and(|subject| subject != id) {
            return Err(invalid("order.id", "the event's subject and the order's id name different jobs"));
        }
        if order.by != wallet.did {
            let detail = "the order is signed by another wallet than the one that asks";
            return Err(Problem::new(ProblemKind::Forbidden, detail).param("by").about(id));
        }
        let refuse = |error: NotOrdered| {
            Problem::new(ProblemKind::Unauthorized, error.to_string()).param("signature").about(id)
        };
        let signer = verify_order(&order, self.did.as_str()).map_err(refuse)?;
        // An API key outlives the key that made it; that key signs nothing more.
        self.keys.wallet(&signer).map_err(|problem| problem.param("by").about(id))?;
        let Order { order, by, signature } = order;
        Ok(Wish { submit, order: Some((order, OrderSeal { by, signature })), fresh: false })
    }

    fn prepare(
        &self,
        wallet: &Wallet,
        wish: Wish,
        input: Option<Arc<JobInput>>,
    ) -> Result<Submission, Problem> {
        let Wish { mut submit, order, fresh: _ } = wish;
        let id = submit.id.take().unwrap_or_else(JobId::generate);
        check_limits(&submit)?;
        let intent = &submit.intent;
        let kind = intent.task.kind();
        let now = clock::now();
        let timeout_ms =
            submit.timeout_ms.unwrap_or(self.config.timeout_ms_default).min(limits::TIMEOUT_MS_MAX);
        let deadline = submit.deadline.unwrap_or_else(|| now.plus_ms(timeout_ms));
        if deadline.since_ms(now) > limits::TIMEOUT_MS_MAX {
            let detail = format!("a job lives at most {} ms", limits::TIMEOUT_MS_MAX);
            return Err(Problem::new(ProblemKind::InvalidRequest, detail).param("deadline"));
        }
        let (input_tokens_max, output_tokens_max) =
            token_bounds(&intent.task, self.config.output_tokens_default);
        let salt = mtor_ledger::salt(&self.key, id);
        let unwritten = |error: serde_json::Error| {
            tracing::error!(%error, "a request could not be written down");
            Problem::new(ProblemKind::Internal, "the request could not be written down")
        };
        // What was signed is kept to the byte.
        let (request_json, seal) = match order {
            Some((text, seal)) => (text, Some(serde_json::to_string(&seal).map_err(unwritten)?)),
            None => (serde_json::to_string(&submit).map_err(unwritten)?, None),
        };
        let job = NewJob {
            id,
            account: wallet.account,
            payer: None,
            capability: kind,
            model: intent.model.clone(),
            class: submit.class,
            privacy: submit.privacy,
            request: mtor_ledger::commitment(&salt, request_json.as_bytes()),
            order: seal.as_ref().map(|seal| mtor_ledger::commitment(&salt, seal.as_bytes())),
            input_bytes: u32::try_from(intent.task.input_bytes()).unwrap_or(u32::MAX),
            input_tokens_max,
            output_tokens_max,
            audio_ms_max: intent.task.audio_ms_bound(),
            images_max: intent.task.images_bound(),
            needs: intent.task.needs(),
            deadline,
            max_price: submit.max_price,
            prefix: prefix_hash(&intent.task),
            hops: Vec::new(),
            quote: submit.quote,
            grant: submit.grant,
        };
        Ok(Submission {
            not_forgotten: false,
            asked: Asked::Anybody,
            told: Told::WhenTaken,
            memory_key: None,
            remembered: None,
            stream: Arc::new(JobStream::of_task(id, wallet.account, &submit.intent.task, input)),
            question: intent.task.preview(PREVIEW_CHARS),
            intent: Arc::new(submit.intent),
            did: wallet.did.clone(),
            request_json,
            order_json: seal,
            salt,
            job,
        })
    }

    /// Everything about a job, for its wallet.
    ///
    /// # Errors
    /// When the wallet has no such job.
    pub async fn job_info(&self, wallet: &Wallet, id: JobId) -> Result<JobInfo, Problem> {
        let stored = self.stored_job(wallet, id).await?;
        let live = self.realm.view(move |realm| {
            realm.job(id).map(|view| (view.state, view.position, view.eta_ms, view.workers.to_vec()))
        });
        let mut info = info(stored);
        if let Some((state, position, eta_ms, workers)) = live.await?.filter(|_| !info.state.is_final()) {
            (info.state, info.position, info.eta_ms, info.workers) = (state, position, eta_ms, workers);
            if let Some(stream) = self.realm.streams.get(id) {
                info.text = Some(stream.answer().0);
                info.parts = stream.parts().into_iter().map(|kept| kept.part).collect();
                info.sequence = stream.last_sequence();
            }
        }
        Ok(info)
    }

    /// What the ledger has of a job, if it is this wallet's. Nobody learns of another wallet's jobs, not even that they
    /// are there.
    ///
    /// # Errors
    /// When the wallet has no such job.
    pub async fn stored_job(&self, wallet: &Wallet, id: JobId) -> Result<StoredJob, Problem> {
        let stored = self.realm.ledger_read(move |ledger| ledger.job(id)).await?;
        stored
            .filter(|job| job.account == wallet.account)
            .ok_or_else(|| Problem::new(ProblemKind::NotFound, "this wallet has no such job").about(id))
    }

    /// What the ledger has of a job that this wallet was paid for.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn worked_job(&self, wallet: &Wallet, id: JobId) -> Result<Option<StoredJob>, Problem> {
        let account = wallet.account;
        self.realm.ledger_read(move |ledger| ledger.worked_job(account, id)).await
    }

    /// A part of a job's answer, with its bytes.
    ///
    /// # Errors
    /// When the wallet has no such job, or the job no such part (any more).
    pub async fn part(&self, wallet: &Wallet, id: JobId, number: u32) -> Result<(Part, Bytes), Problem> {
        let live = self.realm.streams.get(id).filter(|stream| stream.account == wallet.account);
        if let Some(stream) = live {
            let kept = stream.parts().into_iter().find(|kept| kept.part.number == number);
            return kept.map(|kept| (kept.part, kept.data)).ok_or_else(|| no_part(id));
        }
        let stored = self.stored_job(wallet, id).await?.parts.into_iter();
        let part = stored.map(|stored| stored.part).find(|part| part.number == number);
        let part = part.ok_or_else(|| no_part(id))?;
        let data = self.part_bytes(&part).await?;
        Ok((part, data))
    }

    /// The bytes of a part that the ledger keeps.
    ///
    /// # Errors
    /// When they can't be read.
    pub async fn part_bytes(&self, part: &Part) -> Result<Bytes, Problem> {
        let part = part.clone();
        self.realm.ledger_read(move |ledger| ledger.part(&part)).await.map(Bytes::from)
    }

    /// The events of a settled job after a place, told from what the ledger has: the parts of the
    /// answer, its whole text, and the end. A part of which not all was heard comes again.
    pub fn past_events(&self, job: &StoredJob, after: u64) -> Vec<Event> {
        let Some(last) = ending(job).filter(|_| job.sequence > after) else { return Vec::new() };
        let time = job.settled.unwrap_or(job.submitted);
        let event = |sequence: u64, body| Event::numbered(self.did.as_str(), time, job.id, sequence, body);
        let mut events = Vec::with_capacity(2 + job.parts.len());
        for StoredPart { part, sequence, .. } in &job.parts {
            let frames = u64::from(part.bytes).div_ceil(limits::PART_FRAME_BYTES as u64);
            if sequence + frames > after {
                events.push(event(*sequence, Body::JobPart(part.clone())));
            }
        }
        if let Some(text) = job.text.clone().filter(|text| !text.is_empty() && job.sequence > after + 1) {
            let tokens = u32::try_from(job.output_tokens).unwrap_or(u32::MAX);
            events.push(event(job.sequence - 1, Body::JobChunk(Chunk { offset: 0, text, tokens })));
        }
        events.push(event(job.sequence, last));
        events
    }

    /// Cancels a job.
    ///
    /// # Errors
    /// When the wallet has no such job, or it has ended.
    pub async fn cancel(&self, wallet: &Wallet, job: JobId) -> Result<(), Problem> {
        self.stored_job(wallet, job).await?;
        let account = wallet.account;
        self.realm.ask(move |ticket| mtor_core::Input::Cancel { ticket, job, account }).await
    }
}

/// Nobody draws here from the start: whoever asks for it is told what to do.
fn with_advice(capability: &CapabilityKind) -> impl FnOnce(Problem) -> Problem + use<> {
    let is_imagine = *capability == CapabilityKind::IMAGINE;
    move |mut problem| {
        if is_imagine && problem.known_kind() == Some(ProblemKind::NoWorker) {
            problem.detail.push_str(
                "; attach one: `mtor worker discover` finds ComfyUI and Automatic1111 on this machine, and `mtor worker gateway -- --help` lists the rest",
            );
        }
        problem
    }
}

fn no_part(job: JobId) -> Problem {
    let detail = "this job has no such part, not yet or not any more";
    Problem::new(ProblemKind::NotFound, detail).about(job).param("number")
}

fn check_limits(submit: &Submit) -> Result<(), Problem> {
    let invalid =
        |param: &str, detail: String| Err(Problem::new(ProblemKind::InvalidRequest, detail).param(param));
    if submit.timeout_ms.is_some_and(|timeout| timeout == 0 || timeout > limits::TIMEOUT_MS_MAX) {
        return invalid("timeout_ms", format!("a job lives 1 to {} ms", limits::TIMEOUT_MS_MAX));
    }
    match &submit.intent.task {
        Task::Embed(embed) if embed.input.is_empty() || embed.input.len() > limits::EMBED_INPUTS_MAX => {
            invalid("input", format!("1 to {} texts, not {}", limits::EMBED_INPUTS_MAX, embed.input.len()))
        }
        _ => Ok(()),
    }
}

/// The most tokens that can go in and come out. A token stands for at least one byte, so that the bytes bound what has
/// to be held; the core bounds it further by the windows of the workers that could take the job.
fn token_bounds(task: &Task, output_default: u32) -> (u32, u32) {
    let (parts, output) = match task {
        Task::Chat(chat) | Task::Vision(chat) => {
            (chat.messages.len(), chat.max_tokens.unwrap_or(output_default))
        }
        Task::Embed(embed) => (embed.input.len(), 0),
        // Metered by the sound.
        Task::Transcribe(_) | Task::Speak(_) | Task::Wake(_) => return (0, 0),
        // Metered by the picture, or by the job.
        Task::Classify(_) | Task::Ocr(_) | Task::Imagine(_) | Task::Tool(_) => return (0, 0),
    };
    let input = task.input_bytes() as u64 + TEMPLATE_TOKENS * (parts as u64 + 1);
    (u32::try_from(input).unwrap_or(u32::MAX), output)
}

/// A hash of the conversation up to its last message: what a worker that had the turn before may still hold in memory.
fn prefix_hash(task: &Task) -> Option<u64> {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let Task::Chat(chat) = task else { return None };
    // The question differs from turn to turn; what stays the same is where the conversation began.
    let opening: Vec<_> = chat.messages.iter().take_while(|message| message.role == Role::System).collect();
    let first = chat.messages.get(opening.len())?;
    let bytes: usize =
        opening.iter().map(|message| message.content.len()).sum::<usize>() + first.content.len();
    if chat.messages.len() < 3 && bytes < PREFIX_BYTES_MIN {
        return None;
    }
    let mut hasher = DefaultHasher::new();
    opening.iter().for_each(|message| message.content.hash(&mut hasher));
    first.content.hash(&mut hasher);
    Some(hasher.finish())
}

fn info(job: StoredJob) -> JobInfo {
    let intent = job.request_json.as_deref().and_then(|json| serde_json::from_str::<Submit>(json).ok());
    JobInfo {
        from_memory: memory::is_from_it(job.state, &job.workers),
        id: job.id,
        state: job.state,
        intent: intent.map(|submit| submit.intent),
        class: job.class,
        privacy: job.privacy,
        submitted: job.submitted,
        deadline: job.deadline,
        settled: job.settled,
        hold: job.hold,
        cost: job.cost,
        usage: job.usage,
        finish: job.finish,
        text: job.text,
        parts: job.parts.into_iter().map(|stored| stored.part).collect(),
        output: job.output,
        problem: job.problem,
        workers: job.workers,
        sequence: job.sequence,
        position: None,
        eta_ms: None,
    }
}

/// The last event of a settled job.
fn ending(job: &StoredJob) -> Option<Body> {
    let cost = job.cost.unwrap_or(Micro::ZERO);
    let settled = job.settled.unwrap_or_default();
    match job.state {
        JobState::Completed => Some(Body::JobCompleted(Completed {
            usage: job.usage.unwrap_or_default(),
            cost,
            finish: job.finish.unwrap_or(FinishReason::Stop),
            output: job.output?,
            settled,
            from_memory: memory::is_from_it(job.state, &job.workers),
        })),
        JobState::Cancelled => Some(Body::JobCancelled(Cancelled { cost })),
        JobState::Failed => {
            let problem = job.problem.clone().unwrap_or_else(|| Problem::new(ProblemKind::WorkerFailed, ""));
            Some(Body::JobFailed(Failed { problem, cost }))
        }
        JobState::Queued | JobState::Running => None,
    }
}
