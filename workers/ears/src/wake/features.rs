//! What a head looks at: the speech embeddings of the last two seconds, computed when somebody asks for them and not before.

use std::collections::VecDeque;

use rten_tensor::NdTensor;

use super::mel::{MEL_BANDS, MEL_SILENCE, Mel, Row};
use super::network::Network;
use crate::error::Failure;

/// Rows of the spectrum (10 ms each) that one embedding looks at.
const EMBEDDING_ROWS: usize = 76;
/// Rows from one embedding to the next: 80 ms.
const EMBEDDING_STEP: usize = 8;
/// Numbers in one embedding.
const EMBEDDING_SIZE: usize = 96;
/// Embeddings that a head looks at: 2 s of sound, of which the word is the last part.
const HEAD_EMBEDDINGS: usize = 16;
const ROWS_KEPT: usize = EMBEDDING_ROWS + (HEAD_EMBEDDINGS - 1) * EMBEDDING_STEP;

/// As after two seconds of silence, when it is new.
#[derive(Debug)]
pub(super) struct Features {
    mel: Mel,
    /// The last [`ROWS_KEPT`] rows of the spectrum.
    rows: VecDeque<Row>,
    /// The embeddings that are known, the newest last; at most [`HEAD_EMBEDDINGS`].
    embeddings: VecDeque<[f32; EMBEDDING_SIZE]>,
    /// Steps heard since the newest of them.
    behind: usize,
}

impl Features {
    pub(super) fn new() -> Self {
        Self {
            mel: Mel::new(),
            rows: vec![[MEL_SILENCE; MEL_BANDS]; ROWS_KEPT].into(),
            embeddings: VecDeque::with_capacity(HEAD_EMBEDDINGS),
            behind: 0,
        }
    }

    /// Takes one step of 80 ms.
    pub(super) fn push(&mut self, hop: &[f32]) {
        self.mel.push(hop, &mut self.rows);
        self.rows.drain(..self.rows.len() - ROWS_KEPT);
        self.behind += 1;
    }

    /// How much the sound so far ends with the word of `head`, from 0 to 1.
    pub(super) fn score(&mut self, embedding: &Network, head: &Network) -> Result<f32, Failure> {
        self.catch_up(embedding)?;
        let input: Vec<f32> = self.embeddings.iter().flatten().copied().collect();
        let scores = head.run(NdTensor::from_data([1, HEAD_EMBEDDINGS, EMBEDDING_SIZE], input))?;
        scores.first().copied().ok_or_else(|| Failure::Engine("wake word: the head gives no score".into()))
    }

    /// Computes the embeddings that are missing of the last [`HEAD_EMBEDDINGS`].
    fn catch_up(&mut self, embedding: &Network) -> Result<(), Failure> {
        // What is known and then a gap is of no use: the steps between are looked at anew, with all that are before them.
        let is_near = self.embeddings.len() + self.behind >= HEAD_EMBEDDINGS;
        let missing = if is_near { self.behind.min(HEAD_EMBEDDINGS) } else { HEAD_EMBEDDINGS };
        self.embeddings.drain(..self.embeddings.len().min(missing));
        let mut windows = Vec::with_capacity(missing * EMBEDDING_ROWS * MEL_BANDS);
        for later in (0..missing).rev() {
            let end = ROWS_KEPT - later * EMBEDDING_STEP;
            windows.extend(self.rows.range(end - EMBEDDING_ROWS..end).flatten());
        }
        if missing > 0 {
            let input = NdTensor::from_data([missing, EMBEDDING_ROWS, MEL_BANDS, 1], windows);
            let embedded = embedding.run(input)?;
            let (new, []) = embedded.as_chunks::<EMBEDDING_SIZE>() else {
                return Err(Failure::Engine("wake word: the embedding has another size".into()));
            };
            self.embeddings.extend(new);
        }
        self.behind = 0;
        match self.embeddings.len() {
            HEAD_EMBEDDINGS => Ok(()),
            other => {
                Err(Failure::Engine(format!("wake word: {other} embeddings instead of {HEAD_EMBEDDINGS}")))
            }
        }
    }
}
