//! How the next token is chosen among the likely ones.

use llama_cpp_2::sampling::LlamaSampler;

use crate::defaults;
use crate::error::Failure;

/// A request's wishes. The default is what small instruct models answer sensibly with.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    /// Zero: always the likeliest token. One: as likely as the model says. At most two.
    pub temperature: f32,
    /// Choose among the likeliest tokens that together have this probability. One: among all.
    pub top_p: f32,
    /// Choose among this many likeliest tokens. Zero: among all.
    pub top_k: u32,
    /// Leave out tokens less likely than this share of the likeliest. Zero: none.
    pub min_p: f32,
    /// The same seed and the same request give the same answer on the same machine. `None`: chance.
    pub seed: Option<u64>,
    /// Above one, tokens written before become less likely, by division.
    pub repeat_penalty: f32,
    /// Above zero, tokens become less likely with each time they were written, by subtraction.
    pub frequency_penalty: f32,
    /// Above zero, tokens that were written at all become less likely, by subtraction.
    pub presence_penalty: f32,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: defaults::TEMPERATURE,
            top_p: defaults::TOP_P,
            top_k: defaults::TOP_K,
            min_p: defaults::MIN_P,
            seed: None,
            repeat_penalty: defaults::REPEAT_PENALTY,
            frequency_penalty: 0.0,
            presence_penalty: 0.0,
        }
    }
}

impl Sampling {
    /// Always the likeliest token, nothing penalised.
    pub fn greedy() -> Self {
        Self { temperature: 0.0, repeat_penalty: 1.0, ..Self::default() }
    }

    /// Refuses numbers that make no sense, naming them.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let in_range = [
            ("temperature", self.temperature, 0.0..=2.0),
            ("top_p", self.top_p, 0.0..=1.0),
            ("min_p", self.min_p, 0.0..=1.0),
            ("repeat_penalty", self.repeat_penalty, 0.1..=10.0),
            ("frequency_penalty", self.frequency_penalty, -2.0..=2.0),
            ("presence_penalty", self.presence_penalty, -2.0..=2.0),
        ];
        for (name, value, range) in in_range {
            if !range.contains(&value) {
                let (least, most) = range.into_inner();
                let text = format!("{name} is {value}, it has to be from {least} to {most}");
                return Err(Failure::BadRequest(text));
            }
        }
        Ok(())
    }

    /// The chain of llama.cpp's samplers that does all this, for one answer, among the tokens that `shape` leaves.
    pub(crate) fn sampler(&self, vocabulary_size: i32, shape: Option<LlamaSampler>) -> LlamaSampler {
        let mut chain: Vec<LlamaSampler> = shape.into_iter().collect();
        let penalises =
            self.repeat_penalty != 1.0 || self.frequency_penalty != 0.0 || self.presence_penalty != 0.0;
        if penalises {
            chain.push(LlamaSampler::penalties(
                vocabulary_size,
                defaults::PENALTY_TOKENS,
                self.repeat_penalty,
                self.frequency_penalty,
                self.presence_penalty,
            ));
        }
        if self.temperature == 0.0 {
            chain.push(LlamaSampler::greedy());
            return LlamaSampler::chain(chain, true);
        }
        if self.top_k > 0 {
            chain.push(LlamaSampler::top_k(i32::try_from(self.top_k).unwrap_or(i32::MAX)));
        }
        if self.top_p < 1.0 {
            chain.push(LlamaSampler::top_p(self.top_p, 1));
        }
        if self.min_p > 0.0 {
            chain.push(LlamaSampler::min_p(self.min_p, 1));
        }
        chain.push(LlamaSampler::temp(self.temperature));
        chain.push(LlamaSampler::dist(self.seed.map_or(CHANCE, fold)));
        LlamaSampler::chain(chain, true)
    }
}

/// The seed that makes llama.cpp roll one of its own.
const CHANCE: u32 = u32::MAX;

/// A 64-bit seed in the 32 bits that llama.cpp takes, never [`CHANCE`].
fn fold(seed: u64) -> u32 {
    let folded = (seed ^ (seed >> 32)) as u32;
    if folded == CHANCE { 0 } else { folded }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_in_range() {
        assert_eq!(Sampling::default().check(), Ok(()));
        assert_eq!(Sampling::greedy().check(), Ok(()));
    }

    #[test]
    fn numbers_out_of_range_are_refused_by_name() {
        for (sampling, name) in [
            (Sampling { temperature: -0.1, ..Sampling::default() }, "temperature"),
            (Sampling { temperature: f32::NAN, ..Sampling::default() }, "temperature"),
            (Sampling { top_p: 1.5, ..Sampling::default() }, "top_p"),
            (Sampling { repeat_penalty: 0.0, ..Sampling::default() }, "repeat_penalty"),
            (Sampling { presence_penalty: f32::INFINITY, ..Sampling::default() }, "presence_penalty"),
        ] {
            let failure = sampling.check().unwrap_err();
            assert!(failure.to_string().starts_with(name), "{failure}");
        }
    }

    #[test]
    fn no_seed_turns_into_chance() {
        assert_eq!(fold(7), 7);
        assert_ne!(fold(u64::from(u32::MAX)), CHANCE);
        assert_ne!(fold(1 << 32), fold(2 << 32));
    }
}
