//! What was said lately, so that "and how old is it?" has an "it". Kept in this process's memory for some minutes, bounded,
//! and sent with each question again: the realm itself keeps no session. Pure: the time comes from outside.

use std::collections::VecDeque;

use mtor_protocol::{ChatMessage, JobId, Micro, Role};

use super::limits::{
    MEMORY_BYTES_MAX, MEMORY_MS, MEMORY_TURNS_MAX, SPEED_MAX, SPEED_MIN, VOLUME_MAX, VOLUME_MIN,
};

/// The turns of one satellite.
#[derive(Debug)]
pub(super) struct Memory {
    turns: VecDeque<Turn>,
    last_ms: u64,
    /// What waits for a yes, and when that was asked.
    asked: Option<(u64, Waiting)>,
    speed: f32,
    volume: f32,
}

/// What waits for somebody's yes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Waiting {
    /// A question that may cost more than may be spent unasked.
    Dear {
        question: String,
        /// What it may cost at most.
        most: Micro,
    },
    /// A plan that asks about one of its steps, or about all of it.
    Plan { plan: JobId, step: Option<u16> },
}

impl Default for Memory {
    fn default() -> Self {
        Self { turns: VecDeque::new(), last_ms: 0, asked: None, speed: 1.0, volume: 1.0 }
    }
}

#[derive(Debug)]
struct Turn {
    question: String,
    answer: String,
}

impl Turn {
    fn bytes(&self) -> usize {
        self.question.len() + self.answer.len()
    }
}

impl Memory {
    /// The conversation so far, oldest first, and this question at its end, after what the model is told of its part.
    pub(super) fn conversation(
        &mut self,
        now_ms: u64,
        instructions: &str,
        question: &str,
    ) -> Vec<ChatMessage> {
        self.forget_old(now_ms);
        let message = |role, content: &str| ChatMessage::new(role, content);
        let mut messages = vec![message(Role::System, instructions)];
        for turn in &self.turns {
            messages.push(message(Role::User, &turn.question));
            messages.push(message(Role::Assistant, &turn.answer));
        }
        messages.push(message(Role::User, question));
        messages
    }

    /// Keeps a turn. The oldest go when there are too many.
    pub(super) fn keep(&mut self, now_ms: u64, question: &str, answer: &str) {
        self.forget_old(now_ms);
        self.last_ms = now_ms;
        self.turns.push_back(Turn { question: question.to_owned(), answer: answer.to_owned() });
        while self.turns.len() > MEMORY_TURNS_MAX || self.bytes() > MEMORY_BYTES_MAX {
            self.turns.pop_front();
        }
    }

    /// Somebody was asked for a yes.
    pub(super) fn wait_for_yes(&mut self, now_ms: u64, waiting: Waiting) {
        self.asked = Some((now_ms, waiting));
    }

    /// What waits for a yes, if that was asked lately. It waits no more.
    pub(super) fn take_waiting(&mut self, now_ms: u64) -> Option<Waiting> {
        let (asked_ms, waiting) = self.asked.take()?;
        (now_ms.saturating_sub(asked_ms) <= MEMORY_MS).then_some(waiting)
    }

    /// What was answered last, if that is not long ago.
    pub(super) fn last_answer(&mut self, now_ms: u64) -> Option<&str> {
        self.forget_old(now_ms);
        self.turns.back().map(|turn| turn.answer.as_str())
    }

    /// How fast answers are spoken here, if not as usual.
    pub(super) fn speed(&self) -> Option<f32> {
        (self.speed != 1.0).then_some(self.speed)
    }

    /// From now on so much faster.
    pub(super) fn speed_up(&mut self, factor: f32) {
        self.speed = (self.speed * factor).clamp(SPEED_MIN, SPEED_MAX);
    }

    /// How loud answers are played here; 1 as they are spoken.
    pub(super) fn volume(&self) -> f32 {
        self.volume
    }

    /// From now on so much louder.
    pub(super) fn turn_up(&mut self, factor: f32) {
        self.volume = (self.volume * factor).clamp(VOLUME_MIN, VOLUME_MAX);
    }

    /// Forgets everything: the conversation is over.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    fn forget_old(&mut self, now_ms: u64) {
        if now_ms.saturating_sub(self.last_ms) > MEMORY_MS {
            self.turns.clear();
        }
    }

    fn bytes(&self) -> usize {
        self.turns.iter().map(Turn::bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(memory: &mut Memory, now_ms: u64) -> Vec<String> {
        memory.conversation(now_ms, "be brief", "and?").into_iter().map(|message| message.content).collect()
    }

    #[test]
    fn what_was_said_lately_goes_with_the_question() {
        let mut memory = Memory::default();
        assert_eq!(said(&mut memory, 5), ["be brief", "and?"]);
        memory.keep(10, "capital of France?", "Paris.");
        assert_eq!(said(&mut memory, 20), ["be brief", "capital of France?", "Paris.", "and?"]);
        assert_eq!(memory.last_answer(20), Some("Paris."));
        assert_eq!(said(&mut memory, 10 + MEMORY_MS + 1), ["be brief", "and?"], "too long ago");
        assert_eq!(memory.last_answer(10 + MEMORY_MS + 1), None);
    }

    #[test]
    fn it_is_bounded_in_turns_and_in_bytes() {
        let mut memory = Memory::default();
        for turn in 0..100 {
            memory.keep(turn, &format!("question {turn}"), "answer");
        }
        assert_eq!(said(&mut memory, 100).len(), 2 + 2 * MEMORY_TURNS_MAX);
        memory.keep(101, "q", &"a".repeat(MEMORY_BYTES_MAX - 100));
        assert!(memory.bytes() <= MEMORY_BYTES_MAX && memory.last_answer(102).is_some());
        memory.keep(103, "q", &"a".repeat(MEMORY_BYTES_MAX));
        assert_eq!(memory.bytes(), 0, "what is too long by itself is not kept");
        memory.keep(104, "q", "a");
        memory.speed_up(0.8);
        assert_eq!(memory.speed(), Some(0.8));
        (0..9).for_each(|_| memory.speed_up(0.8));
        assert_eq!(memory.speed(), Some(SPEED_MIN));
        memory.turn_up(2.0);
        assert_eq!(memory.volume(), 2.0);
        (0..9).for_each(|_| memory.turn_up(2.0));
        assert_eq!(memory.volume(), VOLUME_MAX);
        memory.clear();
        assert_eq!((memory.speed(), memory.volume()), (None, 1.0));
        assert_eq!(said(&mut memory, 105).len(), 2);
    }
}
