//! The engine's thread: continuous batching over all slots.
//!
//! Each step computes one batch: the newest token of every answer being written, and a chunk of the prompts being
//! read. The chunk is sized by measured speed, so that a step stays short: answers go on while somebody's long prompt
//! is read, and a cancelled one is gone within a step.
//!
//! llama.cpp's arithmetic differs in the last digits with the number of tokens computed together, and now and then that
//! tips the choice of a word. So the chunk stays the same for the engine's life, and memory is reused in whole chunks:
//! a prompt that is read alone is always cut at the same places, and the same question with the same seed gets the same
//! answer. In company it may get another; nothing can be done about that here.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Instant;

use llama_cpp_2::DecodeError;
use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_batch::{BatchAddError, LlamaBatch};
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::sampling::LlamaSampler;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::vocab::LlamaVocab;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::defaults;
use crate::error::{Failure, LoadError};
use crate::model::backend;
use crate::plan::{FreeSlot, choose_slot, share_reading};
use crate::request::Finish;
use crate::slot::{Answer, Job, Slot};
use crate::speed::SpeedMeter;

/// The context and its slots. Lives on one thread.
pub(crate) struct Runner<'model> {
    context: LlamaContext<'model>,
    vocabulary: LlamaVocab<'model>,
    batch: LlamaBatch<'static>,
    slots: Vec<Slot>,
    meter: Arc<SpeedMeter>,
    /// Most prompt tokens read in one step.
    chunk_tokens: usize,
    /// Requests taken so far.
    taken: u64,
}

/// What went wrong in a step.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    #[error("{0}")]
    Decode(#[from] DecodeError),
    #[error("the batch is too small: {0}")]
    Batch(#[from] BatchAddError),
}

/// A slot's part in the batch of a step.
struct Part {
    slot: usize,
    tokens: usize,
    /// Where in the batch the computation for the next token comes out; `None` while more of the prompt is unread.
    output: Option<i32>,
}

impl<'model> Runner<'model> {
    pub(crate) fn new(
        model: &'model LlamaModel,
        slots: u32,
        window: u32,
        threads: i32,
        meter: Arc<SpeedMeter>,
    ) -> Result<Self, LoadError> {
        let batch_tokens = defaults::CHUNK_TOKENS_MAX + slots as usize;
        let no_memory = || LoadError::NoMemory { slots, window };
        let context_tokens = slots.checked_mul(window).ok_or_else(no_memory)?;
        let parameters = LlamaContextParams::default()
            .with_n_ctx(NonZeroU32::new(context_tokens))
            .with_n_seq_max(slots)
            .with_n_batch(batch_tokens as u32)
            .with_n_ubatch(batch_tokens as u32)
            .with_n_threads(threads)
            .with_n_threads_batch(threads)
            .with_no_perf(true);
        let context = model.new_context(backend(), parameters).map_err(|_| no_memory())?;
        Ok(Self {
            context,
            vocabulary: model.vocab(),
            batch: LlamaBatch::new(batch_tokens, 1),
            slots: (0..slots).map(|_| Slot::default()).collect(),
            meter,
            chunk_tokens: defaults::CHUNK_TOKENS_MIN,
            taken: 0,
        })
    }

    /// Reads and writes a few tokens to see that it works and how fast, and sizes the chunk by that.
    pub(crate) fn warm_up(&mut self) -> Result<(), StepError> {
        let vocabulary_size = self.vocabulary.n_tokens().max(1);
        let some_token = |number: usize| LlamaToken::new((number as i32 * 97 + 11) % vocabulary_size);
        let mut position = 0;
        // The first pass reads the weights from disk and measures that; it doesn't count.
        let passes = [(1, false), (defaults::WARM_UP_PROMPT_TOKENS, true)];
        let writing = [(1, true); defaults::WARM_UP_ANSWER_TOKENS];
        for (tokens, counts) in passes.into_iter().chain(writing) {
            self.batch.clear();
            for number in 0..tokens {
                self.batch.add(some_token(position), position as i32, &[0], number + 1 == tokens)?;
                position += 1;
            }
            let began = Instant::now();
            self.context.decode(&mut self.batch)?;
            let _ = LlamaSampler::greedy().sample(&self.context, self.batch.n_tokens() - 1);
            if counts {
                let (writers, read) = if tokens == 1 { (1, 0) } else { (0, tokens) };
                self.meter.note_step(writers, read, began.elapsed());
            }
        }
        self.context.clear_kv_cache();
        self.chunk_tokens = chunk_for(self.meter.speed().reading);
        Ok(())
    }

    /// Works until the queue is closed and all is answered, or until `stop`, which cancels what is under way.
    pub(crate) fn run(&mut self, mut queue: mpsc::Receiver<Job>, stop: &CancellationToken) {
        loop {
            self.drop_unwanted(stop.is_cancelled());
            while self.slots.iter().any(|slot| slot.answer.is_none()) {
                let Ok(job) = queue.try_recv() else { break };
                self.take(job);
            }
            if self.slots.iter().any(|slot| slot.answer.is_some()) {
                self.step();
                continue;
            }
            // Nothing to do: sleep until there is.
            match queue.blocking_recv() {
                Some(job) => self.take(job),
                None => return,
            }
        }
    }

    fn drop_unwanted(&mut self, all: bool) {
        for slot in &mut self.slots {
            if let Some(answer) = slot.answer.take_if(|answer| all || answer.is_unwanted()) {
                answer.finish(Finish::Cancelled);
            }
        }
    }

    /// Gives a job to the slot that remembers most of its prompt.
    fn take(&mut self, job: Job) {
        let free = self.slots.iter().enumerate().filter(|(_, slot)| slot.answer.is_none());
        let free =
            free.map(|(index, slot)| FreeSlot { index, memory: &slot.memory, last_used: slot.last_used });
        let Some((index, remembered)) = choose_slot(free, &job.prompt.tokens) else {
            // The caller has seen a free slot; if it was wrong, the asker shall not wait in vain.
            job.tell(crate::request::Event::Failed(Failure::Engine("no slot was free".into())));
            return;
        };
        // The last token of the prompt is always computed, for what comes after it.
        let reused = remembered.min(job.prompt.tokens.len() - 1);
        let reused = reused - reused % self.chunk_tokens;
        let reused = self.forget_after(index, reused);
        self.taken += 1;
        let slot = &mut self.slots[index];
        slot.last_used = self.taken;
        slot.answer = Some(Answer::begin(job, reused));
    }

    /// Makes a slot forget all but its first `keep` tokens, or everything where the model can't forget a part.
    /// Returns what it still remembers.
    fn forget_after(&mut self, index: usize, keep: usize) -> usize {
        let slot = &mut self.slots[index];
        let removed = self.context.clear_kv_cache_seq(Some(index as u32), Some(keep as u32), None);
        let keep = if matches!(removed, Ok(true)) {
            keep
        } else {
            // A whole sequence can always be removed.
            let _ = self.context.clear_kv_cache_seq(Some(index as u32), None, None);
            0
        };
        slot.memory.truncate(keep);
        keep
    }

    /// Computes one batch and hands out what came of it.
    fn step(&mut self) {
        let began = Instant::now();
        let parts = match self.fill_batch() {
            Ok(parts) => parts,
            Err(error) => return self.fail_all(&error),
        };
        if let Err(error) = self.context.decode(&mut self.batch) {
            return self.fail_all(&error.into());
        }
        let mut writers = 0;
        let mut read = 0;
        for part in parts {
            let slot = &mut self.slots[part.slot];
            let Some(mut answer) = slot.answer.take() else { continue };
            if answer.is_reading() {
                read += part.tokens;
            } else {
                writers += 1;
            }
            slot.memory.extend_from_slice(&answer.pending(slot.memory.len())[..part.tokens]);
            let over = part.output.and_then(|output| {
                let token = answer.sampler().sample(&self.context, output);
                answer.write(token, &self.vocabulary)
            });
            match over {
                Some(finish) => answer.finish(finish),
                None => slot.answer = Some(answer),
            }
        }
        self.meter.note_step(writers, read, began.elapsed());
    }

    /// Puts the next tokens of all answers in the batch.
    fn fill_batch(&mut self) -> Result<Vec<Part>, StepError> {
        let unread = |slot: &Slot| match &slot.answer {
            Some(answer) if answer.is_reading() => answer.pending(slot.memory.len()).len(),
            _ => 0,
        };
        let unread: Vec<usize> = self.slots.iter().map(unread).collect();
        let shares = share_reading(self.chunk_tokens, &unread);

        self.batch.clear();
        let mut parts = Vec::with_capacity(self.slots.len());
        for (index, slot) in self.slots.iter().enumerate() {
            let Some(answer) = &slot.answer else { continue };
            let tokens = if answer.is_reading() { shares[index] } else { 1 };
            let pending = answer.pending(slot.memory.len());
            let mut output = None;
            for (offset, token) in pending.iter().take(tokens).enumerate() {
                let is_last = offset + 1 == pending.len();
                if is_last {
                    output = Some(self.batch.n_tokens());
                }
                self.batch.add(*token, (slot.memory.len() + offset) as i32, &[index as i32], is_last)?;
            }
            if tokens > 0 {
                parts.push(Part { slot: index, tokens, output });
            }
        }
        Ok(parts)
    }

    /// After a failed step nobody knows what the context holds: everybody in it is told, and it starts afresh.
    fn fail_all(&mut self, error: &StepError) {
        tracing::error!(%error, "a step of the engine failed");
        self.context.clear_kv_cache();
        for slot in &mut self.slots {
            slot.memory.clear();
            if let Some(answer) = slot.answer.take() {
                answer.fail(Failure::Engine(error.to_string()));
            }
        }
    }
}

/// How many prompt tokens to read in one step on a machine that reads `tokens_per_s`: whole multiples of the least, so
/// that a small change of speed from one start to the next changes nothing.
fn chunk_for(tokens_per_s: f64) -> usize {
    let fitting = (tokens_per_s * defaults::CHUNK_S) as usize;
    let rounded = fitting - fitting % defaults::CHUNK_TOKENS_MIN;
    rounded.clamp(defaults::CHUNK_TOKENS_MIN, defaults::CHUNK_TOKENS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chunk_follows_the_speed_in_coarse_steps_within_bounds() {
        let chunks = [0.0, 90.0, 300.0, 330.0, 479.0, 480.0, 1e9, f64::NAN].map(chunk_for);
        assert_eq!(chunks, [16, 16, 16, 32, 32, 48, 64, 16]);
    }
}
