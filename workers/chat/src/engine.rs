//! The engine's door: starts the thread that owns the model's context, and hands requests to it.

use std::sync::Arc;
use std::thread::JoinHandle;

use llama_cpp_2::model::LlamaModel;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::defaults;
use crate::error::{Failure, LoadError};
use crate::model::{self, EngineOptions, ModelFacts};
use crate::prompt::PromptMaker;
use crate::request::{ChatRequest, Generation};
use crate::runner::Runner;
use crate::slot::Job;
use crate::speed::{Speed, SpeedMeter};
use crate::template::CHATML_END;
use crate::text::TextStream;

/// A model at work. Dropping it cancels what is under way and waits for the thread to end.
#[derive(Debug)]
pub struct Engine {
    facts: ModelFacts,
    vocabulary_size: i32,
    prompts: PromptMaker,
    meter: Arc<SpeedMeter>,
    stop: CancellationToken,
    /// `None` only while the engine is being dropped.
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    /// Loads the model and measures the machine's speed with it. Takes as long as reading the file, and a second or
    /// two.
    ///
    /// # Errors
    /// [`LoadError`], which says what the user can do.
    pub fn start(options: &EngineOptions) -> Result<Self, LoadError> {
        let model = model::load(&options.model)?;
        let prompts = PromptMaker::new(Arc::clone(&model))
            .map_err(|why| LoadError::Engine(format!("the model's chat template can't be used: {why}")))?;
        let facts = ModelFacts {
            name: model::name_of(&model, &options.model),
            parameters: model.n_params(),
            bytes: model.size(),
            window: options.window_for(&model),
            slots: options.slots,
            template_is_fallback: prompts.uses_fallback(),
        };
        let vocabulary_size = model.n_vocab();
        let meter = Arc::new(SpeedMeter::default());
        let stop = CancellationToken::new();
        let (jobs, queue) = mpsc::channel(defaults::WAITING_MAX);
        let thread =
            start_thread(model, &facts, options.thread_count(), Arc::clone(&meter), queue, stop.clone())?;
        Ok(Self { facts, vocabulary_size, prompts, meter, stop, jobs: Some(jobs), thread: Some(thread) })
    }

    /// What is known of the model.
    pub fn facts(&self) -> &ModelFacts {
        &self.facts
    }

    /// How fast it has been of late.
    pub fn speed(&self) -> Speed {
        self.meter.speed()
    }

    /// Steps taken since the start: each computes some tokens for everybody who waits for some.
    pub fn steps(&self) -> u64 {
        self.meter.steps()
    }

    /// Waits until the engine's thread has ended, which it never should while this lives.
    pub async fn ended(&self) {
        if let Some(jobs) = &self.jobs {
            jobs.closed().await;
        }
    }

    /// Takes a request. The prompt is made here, on the caller's thread, which takes milliseconds for long texts.
    ///
    /// # Errors
    /// When the request makes no sense, doesn't fit the model's window, or too many are waiting.
    pub fn submit(&self, request: ChatRequest) -> Result<Generation, Failure> {
        request.sampling.check()?;
        check_stops(&request.stop)?;
        let prompt = self.prompts.make(&request.turns, &request.tools, &request.prefix)?;
        let window = self.facts.window as usize;
        // The answer needs room for one token at least.
        if prompt.tokens.len() >= window {
            return Err(Failure::ContextExceeded { have: prompt.tokens.len(), limit: window });
        }
        let wanted = request.max_tokens.unwrap_or(defaults::ANSWER_TOKENS) as usize;
        if wanted == 0 {
            return Err(Failure::BadRequest("max_tokens is 0, it has to be at least 1".into()));
        }
        let max_tokens = wanted.min(window - prompt.tokens.len());

        let written = &prompt.tokens[prompt.conversation_tokens..];
        let shape = self.prompts.shape_sampler(&request.shape, &request.tools, written)?;
        let mut stops = request.stop;
        if self.facts.template_is_fallback {
            // A model that was never taught ChatML writes its end marker as text.
            stops.push(CHATML_END.to_string());
        }
        // At most: started, a text for every token, the text held back, done.
        let (reply, events) = mpsc::channel(max_tokens + 3);
        let cancel = CancellationToken::new();
        let job = Job {
            prompt,
            max_tokens,
            sampler: request.sampling.sampler(self.vocabulary_size, shape),
            text: TextStream::new(stops),
            reply,
            cancel: cancel.clone(),
        };
        let Some(jobs) = &self.jobs else { return Err(ended()) };
        jobs.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Failure::Busy { waiting: defaults::WAITING_MAX },
            mpsc::error::TrySendError::Closed(_) => ended(),
        })?;
        Ok(Generation { events, cancel })
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop.cancel();
        self.jobs = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the engine's thread had panicked");
        }
    }
}

/// Starts the thread and waits until the engine has shown that it works.
fn start_thread(
    model: Arc<LlamaModel>,
    facts: &ModelFacts,
    threads: i32,
    meter: Arc<SpeedMeter>,
    queue: mpsc::Receiver<Job>,
    stop: CancellationToken,
) -> Result<JoinHandle<()>, LoadError> {
    let (slots, window) = (facts.slots, facts.window);
    let (ready, is_ready) = std::sync::mpsc::sync_channel(1);
    let work = move || {
        let started = Runner::new(&model, slots, window, threads, meter).and_then(|mut runner| {
            runner.warm_up().map_err(|error| LoadError::Engine(error.to_string()))?;
            Ok(runner)
        });
        match started {
            Ok(mut runner) => {
                // Nobody waits any more only if the starter has panicked; the queue is closed then.
                let _ = ready.send(Ok(()));
                runner.run(queue, &stop);
            }
            Err(error) => {
                let _ = ready.send(Err(error));
            }
        }
    };
    let thread = std::thread::Builder::new()
        .name("mtor-engine".into())
        .spawn(work)
        .map_err(|error| LoadError::Engine(format!("no thread for it: {error}")))?;
    is_ready.recv().unwrap_or_else(|_| Err(LoadError::Engine("its thread panicked".into())))?;
    Ok(thread)
}

fn check_stops(stops: &[String]) -> Result<(), Failure> {
    if stops.len() > defaults::STOPS_MAX {
        let text = format!("{} stop strings, at most {} are possible", stops.len(), defaults::STOPS_MAX);
        return Err(Failure::BadRequest(text));
    }
    if let Some(stop) = stops.iter().find(|stop| stop.len() > defaults::STOP_BYTES_MAX) {
        let text = format!(
            "a stop string of {} bytes, at most {} are possible",
            stop.len(),
            defaults::STOP_BYTES_MAX
        );
        return Err(Failure::BadRequest(text));
    }
    Ok(())
}

fn ended() -> Failure {
    Failure::Engine("it has ended".into())
}
