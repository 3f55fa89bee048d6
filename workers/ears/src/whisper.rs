//! The model itself: one window of sound in, words out. Used by the engine's thread alone.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;
use whisper_rs::{
    DtwParameters, FullParams, SamplingStrategy, WhisperContext, WhisperContextParameters, WhisperState,
};

use crate::defaults::{
    ENTROPY_MIN, LANGUAGE_SAMPLES_MAX, LOGPROB_MIN, NO_SPEECH_MAX, SAMPLES_MIN, STEP_SAMPLES, STEPS_BEYOND,
    STEPS_MIN, TEMPERATURE_STEP, TOKENS_EXTRA, TOKENS_PER_S_MAX,
};
use crate::error::{Failure, LoadError};
use crate::language;
use crate::model_file::Head;
use crate::transcript::Token;

/// One look at one window.
#[derive(Debug)]
pub(crate) struct Pass {
    pub(crate) samples: Vec<f32>,
    /// A code that [`language::code`] gave; `None` to have it told from the sound.
    pub(crate) language: Option<&'static str>,
    /// What the model reads before it listens: names, spellings, what was said before.
    pub(crate) hint: Option<Arc<str>>,
    /// Whether an unsure result is tried again with more freedom.
    pub(crate) thorough: bool,
    pub(crate) cancel: CancellationToken,
}

/// What one look gave.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    pub(crate) tokens: Vec<Token>,
    pub(crate) language: &'static str,
    pub(crate) no_speech: f32,
    /// Mean log probability of the tokens.
    pub(crate) logprob: f32,
}

/// What whisper.cpp asks between its steps: whether to stop.
type Asked = Box<dyn FnMut() -> bool>;

pub(crate) struct Whisper {
    context: WhisperContext,
    state: WhisperState,
    head: Head,
    threads: i32,
    /// Whose pass it is now, for whisper.cpp, which asks between its steps.
    current: Arc<Mutex<CancellationToken>>,
    /// Settings by language. Made once each, since whisper-rs gives strings and closures away for good.
    settings: HashMap<&'static str, FullParams<'static, 'static>>,
    /// Time steps that the last pass looked at. The telling of languages looks at as many.
    last_steps: usize,
}

impl Whisper {
    pub(crate) fn load(path: &Path, threads: usize) -> Result<Self, LoadError> {
        whisper_rs::install_logging_hooks();
        let head = Head::read(path)?;
        let refused = |_| LoadError::Refused { path: path.to_owned() };
        let mut parameters = WhisperContextParameters::new();
        parameters.dtw_parameters(DtwParameters { mode: head.alignment(), ..DtwParameters::default() });
        let context = WhisperContext::new_with_params(path, parameters).map_err(refused)?;
        let state = context.create_state().map_err(refused)?;
        Ok(Self {
            context,
            state,
            head,
            threads: i32::try_from(threads).unwrap_or(i32::MAX),
            current: Arc::default(),
            settings: HashMap::new(),
            last_steps: usize::MAX,
        })
    }

    pub(crate) fn is_multilingual(&self) -> bool {
        self.head.is_multilingual()
    }

    /// Looks at a window.
    pub(crate) fn hear(&mut self, pass: &Pass) -> Result<Heard, Failure> {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = pass.cancel.clone();
        let mut samples = pass.samples.clone();
        samples.resize(samples.len().max(SAMPLES_MIN), 0.0);
        let language = match pass.language {
            Some(language) => language,
            None if self.is_multilingual() => self.tell_language(&samples, &pass.cancel)?,
            None => language::ENGLISH,
        };
        let hint = match &pass.hint {
            Some(text) => self.tokens_of(text),
            None => Vec::new(),
        };
        let steps = self.steps_for(samples.len());
        let mut settings = self.settings_for(language);
        settings.set_audio_ctx(steps as i32);
        settings.set_max_tokens(
            (samples.len() * TOKENS_PER_S_MAX / mtor_audio::HEARD_HZ as usize + TOKENS_EXTRA) as i32,
        );
        settings.set_temperature_inc(if pass.thorough { TEMPERATURE_STEP } else { 0.0 });
        settings.set_tokens(&hint);
        self.run(settings, &samples, steps, &pass.cancel)?;
        Ok(self.collect(language))
    }

    /// The language of a sound's beginning.
    fn tell_language(
        &mut self,
        samples: &[f32],
        cancel: &CancellationToken,
    ) -> Result<&'static str, Failure> {
        let beginning = &samples[..samples.len().min(LANGUAGE_SAMPLES_MAX)];
        let steps = self.steps_for(beginning.len());
        if self.last_steps < steps || self.last_steps > steps * 2 {
            // whisper.cpp tells languages with as many steps as the last pass had: a pass of one token sets them.
            let mut settings = self.settings_for(language::ENGLISH);
            settings.set_audio_ctx(steps as i32);
            settings.set_max_tokens(1);
            settings.set_temperature_inc(0.0);
            self.run(settings, beginning, steps, cancel)?;
        }
        let threads = self.threads as usize;
        let failed = |error| Failure::Engine(format!("the language can't be told: {error}"));
        self.state.pcm_to_mel(beginning, threads).map_err(failed)?;
        let (id, _) = self.state.lang_detect(0, threads).map_err(failed)?;
        if cancel.is_cancelled() {
            return Err(Failure::Cancelled);
        }
        Ok(whisper_rs::get_lang_str(id).unwrap_or(language::ENGLISH))
    }

    fn run(
        &mut self,
        settings: FullParams<'_, '_>,
        samples: &[f32],
        steps: usize,
        cancel: &CancellationToken,
    ) -> Result<(), Failure> {
        if cancel.is_cancelled() {
            return Err(Failure::Cancelled);
        }
        let result = self.state.full(settings, samples);
        self.last_steps = steps;
        if cancel.is_cancelled() {
            return Err(Failure::Cancelled);
        }
        result.map_err(|error| Failure::Engine(error.to_string()))
    }

    fn steps_for(&self, samples: usize) -> usize {
        (samples.div_ceil(STEP_SAMPLES) + STEPS_BEYOND)
            .next_multiple_of(32)
            .clamp(STEPS_MIN, STEPS_MIN.max(self.head.steps as usize))
            .min(self.head.steps as usize)
    }

    fn tokens_of(&self, text: &str) -> Vec<i32> {
        // Room for the longest text: a token has a byte at least.
        let mut tokens = self.context.tokenize(text, text.len() + 16).unwrap_or_default();
        let most = self.context.n_text_ctx() as usize / 2 - 1;
        tokens.drain(..tokens.len().saturating_sub(most));
        tokens
    }

    /// Settings for a language, to be finished for one pass.
    fn settings_for<'t>(&mut self, language: &'static str) -> FullParams<'static, 't> {
        let (current, threads) = (&self.current, self.threads);
        self.settings
            .entry(language)
            .or_insert_with(|| {
                let mut settings = FullParams::new(SamplingStrategy::Greedy { best_of: 1 });
                settings.set_n_threads(threads);
                settings.set_language(Some(language));
                settings.set_no_context(true);
                settings.set_single_segment(true);
                settings.set_suppress_nst(true);
                settings.set_entropy_thold(ENTROPY_MIN);
                settings.set_logprob_thold(LOGPROB_MIN);
                settings.set_no_speech_thold(NO_SPEECH_MAX);
                settings.set_print_special(false);
                settings.set_print_progress(false);
                settings.set_print_realtime(false);
                settings.set_print_timestamps(false);
                let current = Arc::clone(current);
                // Boxed as it is, since whisper-rs 0.16 calls back what it was given as if it were of this very type.
                let asked: Asked =
                    Box::new(move || current.lock().unwrap_or_else(PoisonError::into_inner).is_cancelled());
                settings.set_abort_callback_safe::<_, Asked>(asked);
                settings
            })
            .clone()
    }

    /// The text tokens of the last pass.
    fn collect(&self, language: &'static str) -> Heard {
        let first_special = self.context.token_eot();
        let (mut tokens, mut logprobs, mut no_speech) = (Vec::new(), Vec::new(), 0.0_f32);
        for segment in self.state.as_iter() {
            no_speech = no_speech.max(segment.no_speech_probability());
            for token in (0..segment.n_tokens()).filter_map(|n| segment.get_token(n)) {
                let data = token.token_data();
                if data.id >= first_special {
                    continue;
                }
                logprobs.push(data.plog);
                tokens.push(Token {
                    bytes: token.to_bytes().unwrap_or_default().to_vec(),
                    at_ms: u64::try_from(data.t_dtw).ok().map(|hundredths| hundredths * 10),
                    probability: data.p,
                });
            }
        }
        let logprob =
            if logprobs.is_empty() { 0.0 } else { logprobs.iter().sum::<f32>() / logprobs.len() as f32 };
        Heard { tokens, language, no_speech, logprob }
    }
}
