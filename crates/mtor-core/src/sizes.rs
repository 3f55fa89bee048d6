//! Which models are small, medium and large, and what that does to a price.

use mtor_protocol::ModelSize;

/// A billion.
const BILLION: u64 = 1_000_000_000;

/// How the size of a model is told: by its name, if a rule names it; else by how many parameters it has, as its worker says, or
/// as its name does (`qwen3-1.7b`). One of which nothing is known is small, so that nobody pays more for a mystery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SizeRules {
    /// Names, with `*` for any part of one, and what size such a model is. The first that fits decides.
    pub named: Vec<(String, ModelSize)>,
    /// The most parameters of a small model.
    pub small_parameters_max: u64,
    /// The most parameters of a medium one.
    pub medium_parameters_max: u64,
    /// What a medium model costs where it has no price of its own, in percent of the capability's.
    pub medium_percent: u32,
    /// What a large one does.
    pub large_percent: u32,
}

impl Default for SizeRules {
    fn default() -> Self {
        Self {
            named: Vec::new(),
            small_parameters_max: 4 * BILLION,
            medium_parameters_max: 15 * BILLION,
            medium_percent: 250,
            large_percent: 800,
        }
    }
}

impl SizeRules {
    /// The size of a model of this name, with so many parameters, if that is known.
    pub fn size(&self, model: &str, parameters: Option<u64>) -> ModelSize {
        let model = model.to_lowercase();
        if let Some((_, size)) = self.named.iter().find(|(pattern, _)| fits(&pattern.to_lowercase(), &model))
        {
            return *size;
        }
        match parameters.or_else(|| parameters_in(&model)) {
            Some(many) if many > self.medium_parameters_max => ModelSize::Large,
            Some(some) if some > self.small_parameters_max => ModelSize::Medium,
            _ => ModelSize::Small,
        }
    }

    /// What a model of this size costs, in percent of a small one.
    pub const fn percent(&self, size: ModelSize) -> u32 {
        match size {
            ModelSize::Small => 100,
            ModelSize::Medium => self.medium_percent,
            ModelSize::Large => self.large_percent,
        }
    }
}

/// Whether a name fits a pattern, in which each `*` stands for any part of it.
fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        // The earliest place leaves the most room for what follows.
        match rest.find(part) {
            Some(place) => rest = &rest[place + part.len()..],
            None => return false,
        }
    }
    true
}

/// How many parameters the name of a model says that it has: `1.7b`, `135m`, `8x7b`. In lower case.
fn parameters_in(name: &str) -> Option<u64> {
    let words = name.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.'));
    words.filter_map(parameters_of).next()
}

fn parameters_of(word: &str) -> Option<u64> {
    let (number, unit) = match word.strip_suffix('b') {
        Some(number) => (number, 1_000_000_000.0),
        None => (word.strip_suffix('m')?, 1_000_000.0),
    };
    let (times, each) = number.split_once('x').unwrap_or(("1", number));
    let digits = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    let (times, each) = (digits(times).then_some(times)?, digits(each).then_some(each)?);
    let parameters = times.parse::<f64>().ok()? * each.parse::<f64>().ok()? * unit;
    // Beyond what a number holds it is as large as can be.
    Some(parameters as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_how_large_a_model_is() {
        let size = |name: &str| SizeRules::default().size(name, None);
        for small in
            ["qwen3-1.7b-q4_k_m", "Qwen3-0.6B", "smollm2:135m", "whisper-base", "default", "llama-4b", "q8_0"]
        {
            assert_eq!(size(small), ModelSize::Small, "{small}");
        }
        for medium in ["Llama-3.1-8B-Instruct", "qwen2.5-14b"] {
            assert_eq!(size(medium), ModelSize::Medium, "{medium}");
        }
        for large in ["Qwen3-30B-A3B", "mixtral-8x7b", "deepseek-r1:671b", "big-99999999999999999999999b"] {
            assert_eq!(size(large), ModelSize::Large, "{large}");
        }
    }

    #[test]
    fn what_the_sysop_says_goes_before_what_the_worker_says_and_that_before_the_name() {
        let named = [("*coder*", ModelSize::Large), ("house-model", ModelSize::Medium)];
        let named = named.map(|(pattern, size)| (pattern.to_owned(), size)).to_vec();
        let rules = SizeRules { named, ..SizeRules::default() };
        assert_eq!(rules.size("Qwen-Coder-1.5b", Some(1)), ModelSize::Large);
        assert_eq!(rules.size("house-model", None), ModelSize::Medium);
        assert_eq!(rules.size("house-model-2", None), ModelSize::Small);
        assert_eq!(rules.size("tiny-70b", Some(1_000_000)), ModelSize::Small);
    }

    #[test]
    fn patterns_fit_what_they_say() {
        for (pattern, name) in
            [("*", ""), ("a*", "a"), ("*b", "ab"), ("a*b*c", "a--b-c"), ("*-70b*", "x-70b"), ("ab", "ab")]
        {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("a*", "ba"), ("*b", "bc"), ("a*a", "a"), ("a*b*c", "acb"), ("", "x"), ("ab", "abc")]
        {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }
}
