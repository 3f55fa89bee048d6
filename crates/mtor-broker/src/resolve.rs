//! What some words want: by rules, and, when a worker turns texts into vectors, by examples. The words are embedded by an
//! ordinary job of whoever asks; the examples by jobs of the realm's own, which the treasury pays, when such a worker comes. Until they are known
//! nobody waits for them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mtor_intent::Resolver;
use mtor_protocol::resolve::{By, Resolve, Resolved, Understanding};
use mtor_protocol::{
    Body, CapabilityKind, EmbedTask, Intent, Problem, ProblemKind, ServiceClass, Submit, Task,
};

use sha2::{Digest as _, Sha256};

use crate::app::{App, Wallet};

/// How long the words' vector is waited for. Without it they are taken as a question, which is never wrong.
const EMBED_PATIENCE: Duration = Duration::from_secs(2);
/// How long one piece of the examples may take, and how many of them that is: few enough that words which somebody has
/// just said are not kept waiting behind it.
const EXAMPLES_PATIENCE: Duration = Duration::from_secs(60);
const EXAMPLES_AT_ONCE: usize = 64;

/// What the broker knows to resolve words with.
#[derive(Debug, Default)]
pub struct Resolving {
    rules: Resolver,
    examples: Mutex<Examples>,
}

#[derive(Debug, Default)]
struct Examples {
    /// The resolver with the examples' vectors, by this model.
    known: Option<(String, Arc<Resolver>)>,
    /// They are being computed.
    under_way: bool,
}

impl Resolving {
    fn examples(&self) -> std::sync::MutexGuard<'_, Examples> {
        self.examples.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, model: &str) -> Option<Arc<Resolver>> {
        self.examples().known.as_ref().filter(|(of, _)| of == model).map(|(_, resolver)| resolver.clone())
    }

    /// Whether whoever asks is the one to compute them: nobody does yet.
    fn begin(&self) -> bool {
        !std::mem::replace(&mut self.examples().under_way, true)
    }

    fn end(&self, known: Option<(String, Arc<Resolver>)>) {
        let mut examples = self.examples();
        examples.under_way = false;
        if known.is_some() {
            examples.known = known;
        }
    }
}

impl App {
    /// What some words want.
    ///
    /// # Errors
    /// When the words are too long.
    pub async fn resolve(self: &Arc<Self>, wallet: &Wallet, asked: Resolve) -> Result<Resolved, Problem> {
        if let Some((field, detail)) = asked.fault() {
            return Err(Problem::new(ProblemKind::InvalidRequest, detail).param(field));
        }
        let mut resolved = self.understood(wallet, asked).await;
        // What does it is the tool of the intent: mail is a wish, and to read it or to send some are two tools.
        let settle = |capability: &mut CapabilityKind, intent: &mut Intent| {
            self.name_list(wallet, intent);
            *capability = intent.task.kind();
        };
        if let Understanding::Act { capability, intent: Some(intent), .. } = &mut resolved.understanding {
            settle(capability, intent);
        }
        if let Understanding::Unsure { choices, .. } = &mut resolved.understanding {
            for choice in choices {
                if let Some(intent) = &mut choice.intent {
                    settle(&mut choice.capability, intent);
                }
            }
        }
        Ok(resolved)
    }

    /// Timers stand in lists that only those see who know the list's name. A wallet's is one that nobody can guess.
    pub(crate) fn name_list(&self, wallet: &Wallet, intent: &mut Intent) {
        if let Task::Tool(task) = &mut intent.task
            && task.tool.bare() == "timer"
        {
            let name = Sha256::new()
                .chain_update(b"mtor list of timers v1\n")
                .chain_update(self.key.seed().as_slice())
                .chain_update(wallet.did.as_str())
                .finalize();
            let name: String = name[..12].iter().map(|byte| format!("{byte:02x}")).collect();
            task.arguments.insert("list".to_owned(), name.into());
        }
    }

    async fn understood(self: &Arc<Self>, wallet: &Wallet, asked: Resolve) -> Resolved {
        let Resolve { text, language, wake_word } = asked;
        let rules = &self.resolving.rules;
        let own = wake_word.map(|phrase| rules.clone().with_wake_word(&phrase));
        let rules = own.as_ref().unwrap_or(rules);
        if let Some((steps, language)) = rules.steps(&text, &language) {
            let steps = steps.into_iter().map(|step| step.said).collect();
            let text = rules.clean(&text, language);
            let understanding = Understanding::Steps { steps };
            return Resolved { text, language: language.to_owned(), understanding, by: By::Rules };
        }
        if let Some(resolved) = rules.rules(&text, &language) {
            return resolved;
        }
        let cleaned = rules.clean(&text, &language);
        match self.by_examples(wallet, &cleaned, &language).await {
            Ok(resolved) => resolved,
            Err(problem) => {
                tracing::debug!(%problem, "words are resolved without examples");
                rules.without_vector(&text, &language)
            }
        }
    }

    async fn by_examples(
        self: &Arc<Self>,
        wallet: &Wallet,
        text: &str,
        language: &str,
    ) -> Result<Resolved, Problem> {
        let model = self.embedding_model().await?;
        let Some(resolver) = self.resolving.known(&model) else {
            self.learn_examples();
            return Err(Problem::new(ProblemKind::NoWorker, "the examples have no vectors yet"));
        };
        let texts = vec![text.to_owned()];
        let vectors = self.embed(wallet, model, texts, ServiceClass::Voice, EMBED_PATIENCE).await?;
        let vector = vectors.into_iter().next().unwrap_or_default();
        Ok(resolver.nearest(text, language, &vector))
    }

    /// Has the examples' vectors computed, in the background, unless they are known or it is under way.
    pub fn learn_examples(self: &Arc<Self>) {
        if !self.resolving.begin() {
            return;
        }
        let app = self.clone();
        self.tasks.spawn(async move {
            let known = match app.closing.run_until_cancelled(app.vectors_of_examples()).await {
                Some(Ok(known)) => known,
                Some(Err(problem)) => {
                    tracing::warn!(%problem, "the examples of what words want have no vectors; rules alone decide");
                    None
                }
                None => None,
            };
            app.resolving.end(known);
        });
    }

    /// The resolver with the examples' vectors, as the model computes them that embeds now; `None` when it is known.
    async fn vectors_of_examples(self: &Arc<Self>) -> Result<Option<(String, Arc<Resolver>)>, Problem> {
        let model = self.embedding_model().await?;
        if self.resolving.known(&model).is_some() {
            return Ok(None);
        }
        let texts: Vec<String> = Resolver::examples().iter().map(|example| example.text.to_owned()).collect();
        let mut vectors = Vec::with_capacity(texts.len());
        let treasury = self.treasury();
        for some in texts.chunks(EXAMPLES_AT_ONCE) {
            let some = some.to_vec();
            let some = self.embed(&treasury, model.clone(), some, ServiceClass::Batch, EXAMPLES_PATIENCE);
            vectors.extend(some.await?);
        }
        let resolver = self.resolving.rules.clone().with_vectors(vectors);
        let resolver =
            resolver.map_err(|error| Problem::new(ProblemKind::WorkerFailed, error.to_string()))?;
        Ok(Some((model, Arc::new(resolver))))
    }

    /// A model that turns texts into vectors.
    ///
    /// # Errors
    /// When no worker does.
    pub(crate) async fn embedding_model(&self) -> Result<String, Problem> {
        let workers = self.realm.view(mtor_core::Realm::worker_infos).await?;
        let offers = workers.into_iter().filter(|worker| !worker.draining).flat_map(|worker| worker.offers);
        let model =
            offers.filter(|offer| offer.capability == CapabilityKind::EMBED).map(|offer| offer.model).min();
        model.ok_or_else(|| Problem::new(ProblemKind::NoWorker, "no attached worker offers embed"))
    }

    /// Vectors of texts.
    ///
    /// # Errors
    /// Why there are none.
    pub(crate) async fn embed(
        &self,
        wallet: &Wallet,
        model: String,
        input: Vec<String>,
        class: ServiceClass,
        patience: Duration,
    ) -> Result<Vec<Vec<f32>>, Problem> {
        let intent = Intent { model, task: Task::Embed(EmbedTask { input }) };
        let timeout_ms = Some(u64::try_from(patience.as_millis()).unwrap_or(u64::MAX));
        let submit = Submit { class, timeout_ms, ..Submit::new(intent) };
        let taken = self.take(wallet, submit).await?;
        let stream =
            taken.stream.ok_or_else(|| Problem::new(ProblemKind::Internal, "the job has no events"))?;
        match stream.ended().await {
            Body::JobCompleted(_) => {}
            Body::JobFailed(failed) => return Err(failed.problem),
            _ => return Err(Problem::new(ProblemKind::Cancelled, "it was cancelled")),
        }
        serde_json::from_str(&stream.answer().0).map_err(|error| {
            Problem::new(ProblemKind::WorkerFailed, format!("its answer is no list of vectors: {error}"))
        })
    }
}
