//! What some words want: by rules, and, when a worker turns texts into vectors, by examples. The words are embedded by an
//! ordinary job of whoever asks; the examples once, by a job of the owner's.

use std::sync::Arc;
use std::time::Duration;

use mtor_intent::Resolver;
use mtor_protocol::resolve::{Resolve, Resolved};
use mtor_protocol::{
    Body, CapabilityKind, EmbedTask, Intent, Problem, ProblemKind, ServiceClass, Submit, Task, limits,
};
use tokio::sync::Mutex;

use crate::app::{App, Wallet};

/// How long the words' vector is waited for. Without it they are taken as a question, which is never wrong.
const EMBED_PATIENCE: Duration = Duration::from_secs(2);
/// How long the examples' vectors may take, once.
const EXAMPLES_PATIENCE: Duration = Duration::from_secs(60);

/// What the broker knows to resolve words with.
#[derive(Debug, Default)]
pub struct Resolving {
    rules: Resolver,
    /// With the vectors of the examples, by this model. Held while they are computed, so that it happens once.
    examples: Mutex<Option<(String, Arc<Resolver>)>>,
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
        let Resolve { text, language, wake_word } = asked;
        let rules = &self.resolving.rules;
        let own = wake_word.map(|phrase| rules.clone().with_wake_word(&phrase));
        let rules = own.as_ref().unwrap_or(rules);
        if let Some(resolved) = rules.rules(&text, &language) {
            return Ok(resolved);
        }
        let cleaned = rules.clean(&text, &language);
        match self.by_examples(wallet, &cleaned, &language).await {
            Ok(resolved) => Ok(resolved),
            Err(problem) => {
                tracing::debug!(%problem, "words are resolved without examples");
                Ok(rules.without_vector(&text, &language))
            }
        }
    }

    async fn by_examples(
        self: &Arc<Self>,
        wallet: &Wallet,
        text: &str,
        language: &str,
    ) -> Result<Resolved, Problem> {
        let resolver = self.resolver_with_examples().await?;
        let vectors = self.embed(wallet, vec![text.to_owned()], EMBED_PATIENCE).await?;
        let vector = vectors.1.into_iter().next().unwrap_or_default();
        Ok(resolver.nearest(text, language, &vector))
    }

    /// The resolver with the examples' vectors, as the model computes them that embeds now.
    async fn resolver_with_examples(self: &Arc<Self>) -> Result<Arc<Resolver>, Problem> {
        let model = self.embedding_model().await?;
        let mut known = self.resolving.examples.lock().await;
        if let Some((of, resolver)) = &*known
            && *of == model
        {
            return Ok(resolver.clone());
        }
        let texts: Vec<String> = Resolver::examples().iter().map(|example| example.text.to_owned()).collect();
        let mut vectors = Vec::with_capacity(texts.len());
        for batch in texts.chunks(limits::EMBED_INPUTS_MAX) {
            let (by, some) = self.embed(&self.owner, batch.to_vec(), EXAMPLES_PATIENCE).await?;
            if by != model {
                return Err(Problem::new(ProblemKind::WorkerFailed, "the models that embed are changing"));
            }
            vectors.extend(some);
        }
        let resolver = self.resolving.rules.clone().with_vectors(vectors);
        let resolver =
            resolver.map_err(|error| Problem::new(ProblemKind::WorkerFailed, error.to_string()))?;
        let resolver = Arc::new(resolver);
        *known = Some((model, resolver.clone()));
        Ok(resolver)
    }

    async fn embedding_model(&self) -> Result<String, Problem> {
        let workers = self.realm.view(mtor_core::Realm::worker_infos).await?;
        let offers = workers.into_iter().filter(|worker| !worker.draining).flat_map(|worker| worker.offers);
        let model =
            offers.filter(|offer| offer.capability == CapabilityKind::EMBED).map(|offer| offer.model).min();
        model.ok_or_else(|| Problem::new(ProblemKind::NoWorker, "no attached worker offers embed"))
    }

    /// Vectors of texts, and the model that made them.
    async fn embed(
        self: &Arc<Self>,
        wallet: &Wallet,
        input: Vec<String>,
        patience: Duration,
    ) -> Result<(String, Vec<Vec<f32>>), Problem> {
        let model = self.embedding_model().await?;
        let intent = Intent { model: model.clone(), task: Task::Embed(EmbedTask { input }) };
        let timeout_ms = Some(u64::try_from(patience.as_millis()).unwrap_or(u64::MAX));
        let submit = Submit { class: ServiceClass::Voice, timeout_ms, ..Submit::new(intent) };
        let taken = self.take(wallet, submit).await?;
        let stream =
            taken.stream.ok_or_else(|| Problem::new(ProblemKind::Internal, "the job has no events"))?;
        match stream.ended().await {
            Body::JobCompleted(_) => {}
            Body::JobFailed(failed) => return Err(failed.problem),
            _ => return Err(Problem::new(ProblemKind::Cancelled, "it was cancelled")),
        }
        let vectors = serde_json::from_str(&stream.answer().0).map_err(|error| {
            Problem::new(ProblemKind::WorkerFailed, format!("its answer is no list of vectors: {error}"))
        })?;
        Ok((model, vectors))
    }
}
