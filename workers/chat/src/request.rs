//! What goes into the engine and what comes out of it.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::error::Failure;
use crate::sampling::Sampling;
use crate::shape::{Call, Shape, Tool};

/// Who says a turn of a conversation. A closed set, so that nobody can smuggle markers in as a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// Instructions for the model.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// What a tool returned.
    Tool,
}

impl Speaker {
    /// The name that chat templates know it by.
    pub(crate) fn role(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }
}

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Who says it.
    pub speaker: Speaker,
    /// What is said. Always plain text: markers of the model typed in here stay text.
    pub content: String,
    /// The tools that the model called in it.
    pub calls: Vec<Call>,
}

impl Turn {
    /// A turn of `speaker`.
    pub fn new(speaker: Speaker, content: impl Into<String>) -> Self {
        Self { speaker, content: content.into(), calls: Vec::new() }
    }
}

/// A question to the model.
#[derive(Debug, Clone, Default)]
pub struct ChatRequest {
    /// The conversation so far; the model writes the next turn.
    pub turns: Vec<Turn>,
    /// Text of that next turn which somebody else has written and delivered already. The answer goes on from there
    /// and its events carry only what is new.
    pub prefix: String,
    /// What the model may call.
    pub tools: Vec<Tool>,
    /// What the answer may look like.
    pub shape: Shape,
    /// How to choose among likely words.
    pub sampling: Sampling,
    /// Most new tokens to write; less where the model's window ends before.
    pub max_tokens: Option<u32>,
    /// The answer ends before the first of these.
    pub stop: Vec<String>,
}

/// An answer under way. Dropping it ends the work at the engine's next step, as [`cancel`](Self::cancel) does.
#[derive(Debug)]
pub struct Generation {
    pub(crate) events: mpsc::Receiver<Event>,
    pub(crate) cancel: CancellationToken,
}

impl Generation {
    /// The next event; `None` after [`Event::Done`] or [`Event::Failed`], or when the engine is gone.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// As [`next`](Self::next), for threads outside an async runtime.
    ///
    /// # Panics
    /// Inside an async runtime.
    pub fn next_blocking(&mut self) -> Option<Event> {
        self.events.blocking_recv()
    }

    /// Asks the engine to stop. [`Event::Done`] follows, with what was used.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }
}

/// What happens to a request, in order: `Started`, any number of `Text`, then `Done`; or `Failed` at any point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A slot has taken the request and reads the prompt.
    Started {
        /// Tokens of the conversation with the model's markers, without the request's `prefix`.
        prompt_tokens: usize,
        /// Of all that has to be read, how many tokens were remembered from an earlier request.
        reused_tokens: usize,
    },
    /// A piece of the answer: whole characters, never part of a stop string.
    Text {
        /// The new text, not empty.
        text: String,
        /// Tokens written since the last event.
        tokens: usize,
    },
    /// The answer is over.
    Done {
        /// Why.
        finish: Finish,
        /// As in `Started`.
        prompt_tokens: usize,
        /// Tokens written, those in the request's `prefix` not counted.
        completion_tokens: usize,
    },
    /// No answer, or no more of it.
    Failed(Failure),
}

/// Why an answer is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The model ended it, or a stop string was written.
    Stop,
    /// The request's limit or the model's window was reached.
    Length,
    /// The asker cancelled it.
    Cancelled,
}
