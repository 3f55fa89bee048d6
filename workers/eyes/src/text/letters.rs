//! What a line says: the network tells for each step from left to right which letter stands there, if any.

use std::path::Path;
use std::sync::Arc;

use image::RgbImage;
use image::imageops::{FilterType, resize};
use rten::ThreadPool;
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, Tensor};

use crate::defaults::{READ_HEIGHT, READ_WIDTHS};
use crate::error::{Failure, LoadError};
use crate::network::Network;

/// Where the network's maker has written its letters, one a line.
const LETTERS: &str = "character";

#[derive(Debug)]
pub(super) struct Letters {
    network: Network,
    /// What each number stands for: nothing, the letters, a space.
    letters: Vec<String>,
}

impl Letters {
    pub(super) fn load(path: &Path, pool: &Arc<ThreadPool>) -> Result<Self, LoadError> {
        let network = Network::load(path, pool)?;
        let own = network.note(LETTERS).ok_or_else(|| LoadError::Model {
            path: path.to_owned(),
            why: "it does not say which letters it knows".to_owned(),
        })?;
        let letters = std::iter::once("").chain(own.lines()).chain([" "]).map(str::to_owned).collect();
        Ok(Self { network, letters })
    }

    /// The text of a line, and how sure that is.
    pub(super) fn read(&self, line: &RgbImage) -> Result<(String, f32), Failure> {
        let (narrowest, widest) = READ_WIDTHS;
        let width = (line.width() * READ_HEIGHT / line.height().max(1)).clamp(1, widest);
        let sized = resize(line, width, READ_HEIGHT, FilterType::Triangle);
        let whole = width.max(narrowest) as usize;
        let input = NdTensor::from_fn([1, 3, READ_HEIGHT as usize, whole], |[_, channel, y, x]| match sized
            .get_pixel_checked(x as u32, y as u32)
        {
            Some(pixel) => f32::from(pixel.0[2 - channel]) / 127.5 - 1.0,
            None => 0.0,
        });
        let [output]: [Tensor<f32>; 1] = self.network.run(input)?;
        let steps = output.data().filter(|_| output.shape().last() == Some(&self.letters.len()));
        let steps = steps.ok_or_else(|| {
            Failure::Engine(format!("the network does not know {} letters", self.letters.len()))
        })?;
        Ok(spelled(steps, &self.letters))
    }
}

/// One letter for each run of the same one: what stands between two is nothing.
fn spelled(steps: &[f32], letters: &[String]) -> (String, f32) {
    let (mut text, mut sum, mut count, mut last) = (String::new(), 0.0, 0.0, 0);
    for step in steps.chunks_exact(letters.len()) {
        let likeliest = step.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
        let Some((letter, probability)) = likeliest else { continue };
        if letter != 0 && letter != last {
            text += &letters[letter];
            sum += probability;
            count += 1.0;
        }
        last = letter;
    }
    (text, if count > 0.0 { sum / count } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_that_goes_on_is_one_and_a_gap_makes_it_two() {
        let letters = ["", "a", "b"].map(str::to_owned);
        let step = |letter: usize| {
            let mut step = [0.1; 3];
            step[letter] = 0.8;
            step
        };
        let steps: Vec<f32> = [1, 1, 0, 1, 2, 2].into_iter().flat_map(step).collect();
        let (text, probability) = spelled(&steps, &letters);
        assert_eq!(text, "aab");
        assert!((probability - 0.8).abs() < 1e-6);
        assert_eq!(spelled(&[], &letters), (String::new(), 0.0));
    }
}
