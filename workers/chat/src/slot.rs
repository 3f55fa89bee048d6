//! One conversation's place in the engine: what it remembers, and the answer it writes.

use llama_cpp_2::sampling::LlamaSampler;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::vocab::LlamaVocab;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::prompt::Prompt;
use crate::request::{Event, Finish};
use crate::text::TextStream;

/// A request, ready to be worked on.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) prompt: Prompt,
    /// Most tokens to write; prompt and answer together fit the window.
    pub(crate) max_tokens: usize,
    pub(crate) sampler: LlamaSampler,
    pub(crate) text: TextStream,
    /// Holds every event that this job can have, so sending never waits.
    pub(crate) reply: mpsc::Sender<Event>,
    pub(crate) cancel: CancellationToken,
}

impl Job {
    /// Whether nobody wants the answer any more.
    pub(crate) fn is_unwanted(&self) -> bool {
        self.cancel.is_cancelled() || self.reply.is_closed()
    }

    /// Tells the asker. One who has left is noticed by [`is_unwanted`](Self::is_unwanted).
    pub(crate) fn tell(&self, event: Event) {
        if let Err(mpsc::error::TrySendError::Full(event)) = self.reply.try_send(event) {
            tracing::error!(?event, "an answer had more events than there was room for");
        }
    }
}

/// A sequence of the context.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    /// The tokens that the context has computed for this sequence, in order. They outlive the answer.
    pub(crate) memory: Vec<LlamaToken>,
    /// When a request took it last; larger is later.
    pub(crate) last_used: u64,
    /// The answer under way.
    pub(crate) answer: Option<Answer>,
}

/// An answer under way: first its prompt is read, then it is written.
#[derive(Debug)]
pub(crate) struct Answer {
    job: Job,
    /// The token that was written last and that the context hasn't computed yet. `None` while the prompt is read.
    newest: Option<LlamaToken>,
    written: usize,
    /// Tokens written since the last text was sent.
    unsent: usize,
}

impl Answer {
    /// Begins, with `reused` tokens of the prompt remembered.
    pub(crate) fn begin(job: Job, reused: usize) -> Self {
        job.tell(Event::Started { prompt_tokens: job.prompt.conversation_tokens, reused_tokens: reused });
        Self { job, newest: None, written: 0, unsent: 0 }
    }

    /// Whether nobody wants it any more.
    pub(crate) fn is_unwanted(&self) -> bool {
        self.job.is_unwanted()
    }

    /// The tokens to compute next: what is unread of the prompt, or the newest token of the answer.
    pub(crate) fn pending(&self, memory_len: usize) -> &[LlamaToken] {
        match &self.newest {
            Some(token) => std::slice::from_ref(token),
            None => &self.job.prompt.tokens[memory_len..],
        }
    }

    /// Whether the prompt is still being read.
    pub(crate) fn is_reading(&self) -> bool {
        self.newest.is_none()
    }

    /// Chooses the next token from what the context computed.
    pub(crate) fn sampler(&mut self) -> &mut LlamaSampler {
        &mut self.job.sampler
    }

    /// Takes the token that was chosen. Says why the answer is over if it is.
    pub(crate) fn write(&mut self, token: LlamaToken, vocabulary: &LlamaVocab<'_>) -> Option<Finish> {
        if vocabulary.is_eog(token) {
            return Some(Finish::Stop);
        }
        self.written += 1;
        self.unsent += 1;
        let freed = self.job.text.push(&vocabulary.token_to_piece(token, false, None));
        self.send(freed.text);
        if freed.stopped {
            return Some(Finish::Stop);
        }
        self.newest = Some(token);
        (self.written >= self.job.max_tokens).then_some(Finish::Length)
    }

    /// Ends it: sends what was held back, and the count.
    pub(crate) fn finish(mut self, finish: Finish) {
        let rest = std::mem::take(&mut self.job.text).finish();
        if finish != Finish::Cancelled {
            self.send(rest);
        }
        self.job.tell(Event::Done {
            finish,
            prompt_tokens: self.job.prompt.conversation_tokens,
            completion_tokens: self.written,
        });
    }

    /// Ends it for a reason that is not its own.
    pub(crate) fn fail(self, failure: crate::error::Failure) {
        self.job.tell(Event::Failed(failure));
    }

    fn send(&mut self, text: String) {
        if !text.is_empty() {
            let tokens = std::mem::take(&mut self.unsent);
            self.job.tell(Event::Text { text, tokens });
        }
    }
}
