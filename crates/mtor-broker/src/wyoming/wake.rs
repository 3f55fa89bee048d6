//! Waits for a wake word in what somebody's microphone hears, for clients and satellites that can't do it themselves. Sound may
//! come all day, and jobs are bounded: one listens for some minutes, and the next goes on a little before where it ended.

use std::pin::pin;

use mtor_audio::HEARD_HZ;
use mtor_audio::pcm::to_s16le;
use mtor_protocol::{CapabilityKind, Problem, ProblemKind, Task, WakeTask, Woken};
use mtor_wyoming::Message;
use tokio::time::timeout;

use super::ask::Ask;
use super::client::Feed;
use super::limits::{WAKE_IDLE, WAKE_MS, WAKE_RETRY, WAKE_TAIL_MS};
use super::sound::Ear;

const TAIL_SAMPLES: usize = (HEARD_HZ / 1_000 * WAKE_TAIL_MS) as usize;

/// The wake word was said.
#[derive(Debug, PartialEq)]
pub(super) struct Heard {
    /// Which.
    pub(super) phrase: String,
    /// What was heard since, as the realm hears.
    pub(super) after: Vec<f32>,
}

/// How one job ended.
enum Round {
    Heard(Heard),
    /// Nothing was said, and the sound goes on.
    Nothing,
    /// Nothing was said, and the sound has ended.
    Ended,
}

/// Listens until one of the words `names` is said (any, when there are none); `None` when the sound ends before.
///
/// # Errors
/// When nobody can listen for it.
pub(super) async fn wait<A: Ask>(
    ask: &A,
    names: Option<&[String]>,
    feed: &mut Feed,
) -> Result<Option<Heard>, Problem> {
    let model = wanted(ask, names).await?;
    let mut ear = Ear::new();
    let mut tail = Tail::default();
    // A job is only asked for when there is something to listen to.
    while let Some(Message::AudioChunk(chunk)) = feed.recv().await {
        ear.hear(&chunk, tail.room()).map_err(unusable)?;
        match listen(ask, model.clone(), &mut ear, &mut tail, feed).await? {
            Round::Heard(heard) => return Ok(Some(heard)),
            Round::Nothing => {}
            Round::Ended => break,
        }
    }
    Ok(None)
}

/// Hears nothing for some seconds, after a problem; whether the sound goes on.
pub(super) async fn rest(feed: &mut Feed) -> bool {
    let rest = async { while let Some(Message::AudioChunk(_)) = feed.recv().await {} };
    timeout(WAKE_RETRY, rest).await.is_err()
}

/// One job, from what `tail` holds on.
async fn listen<A: Ask>(
    ask: &A,
    model: Option<String>,
    ear: &mut Ear,
    tail: &mut Tail,
    feed: &mut Feed,
) -> Result<Round, Problem> {
    let job = ask.ask(model, Task::Wake(WakeTask { audio_ms_max: Some(WAKE_MS) }), None).await?;
    let feeder = job.feeder();
    let mut answer = pin!(job.text());
    tail.begin();
    feeder.push(to_s16le(tail.new_samples()).into())?;
    let mut ended = false;
    while !ended {
        let message = tokio::select! {
            biased;
            woken = &mut answer => return Ok(tail.judge(&parse(&woken?)?)),
            message = timeout(WAKE_IDLE, feed.recv()) => message,
        };
        match message {
            Ok(Some(Message::AudioChunk(chunk))) => ear.hear(&chunk, tail.room()).map_err(unusable)?,
            // Whoever sends nothing, not even silence, is not waited for with a worker's slot.
            Err(_) => return Ok(Round::Nothing),
            Ok(_) => {
                ear.end(tail.room());
                ended = true;
            }
        }
        feeder.push(to_s16le(tail.new_samples()).into())?;
    }
    feeder.end();
    match tail.judge(&parse(&answer.await?)?) {
        Round::Heard(heard) => Ok(Round::Heard(heard)),
        Round::Nothing | Round::Ended => Ok(Round::Ended),
    }
}

/// The end of what was heard: what may be the beginning of the word, and what was said since.
#[derive(Default)]
struct Tail {
    samples: Vec<f32>,
    /// How many of them the job at hand was given.
    given: usize,
    /// How many samples the job was given that are forgotten by now.
    forgotten: u64,
}

impl Tail {
    /// Another job begins: it gets all that is here.
    fn begin(&mut self) {
        (self.given, self.forgotten) = (0, 0);
    }

    /// Where more sound goes.
    fn room(&mut self) -> &mut Vec<f32> {
        let old = self.given.saturating_sub(TAIL_SAMPLES);
        self.samples.drain(..old);
        self.given -= old;
        self.forgotten += old as u64;
        &mut self.samples
    }

    /// What the job was not given yet.
    fn new_samples(&mut self) -> &[f32] {
        let from = std::mem::replace(&mut self.given, self.samples.len());
        &self.samples[from..]
    }

    /// What a job's answer means, with what was heard since.
    fn judge(&self, woken: &Woken) -> Round {
        let Some(phrase) = &woken.phrase else { return Round::Nothing };
        let at = woken.at_ms * u64::from(HEARD_HZ / 1_000);
        let from = usize::try_from(at.saturating_sub(self.forgotten)).unwrap_or(usize::MAX);
        let after = self.samples.get(from..).unwrap_or_default().to_vec();
        Round::Heard(Heard { phrase: phrase.clone(), after })
    }
}

/// The first of the words that a worker listens for; `None` for any.
async fn wanted(ask: &impl Ask, names: Option<&[String]>) -> Result<Option<String>, Problem> {
    let Some(names) = names.filter(|names| !names.is_empty()) else { return Ok(None) };
    let workers = ask.workers().await;
    let offered: Vec<_> = workers
        .iter()
        .filter(|worker| !worker.draining)
        .flat_map(|worker| &worker.offers)
        .filter(|offer| offer.capability == CapabilityKind::WAKE)
        .map(|offer| offer.model.as_str())
        .collect();
    match names.iter().find(|name| offered.contains(&name.as_str())) {
        Some(name) => Ok(Some(name.clone())),
        // The realm itself says that nobody listens for anything.
        None if offered.is_empty() => Ok(None),
        None => {
            let detail =
                format!("no worker listens for {}; there is {}", names.join(", "), offered.join(", "));
            Err(Problem::new(ProblemKind::UnknownModel, detail))
        }
    }
}

fn parse(answer: &str) -> Result<Woken, Problem> {
    serde_json::from_str(answer).map_err(|error| {
        Problem::new(ProblemKind::WorkerFailed, format!("the wake word's worker answered wrongly: {error}"))
    })
}

fn unusable(error: mtor_audio::resample::UnusableRate) -> Problem {
    Problem::new(ProblemKind::InvalidRequest, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn woken(at_ms: u64) -> Woken {
        Woken { phrase: Some("computer".into()), at_ms }
    }

    fn after(tail: &Tail, at_ms: u64) -> usize {
        match tail.judge(&woken(at_ms)) {
            Round::Heard(heard) => heard.after.len(),
            _ => panic!("not heard"),
        }
    }

    #[test]
    fn what_is_said_after_the_word_is_kept_however_long_one_waited() {
        let mut tail = Tail::default();
        tail.room().extend(vec![0.0; 1_600]);
        tail.begin();
        assert_eq!(tail.new_samples().len(), 1_600);
        let mut heard_ms = 100;
        for _ in 0..100 {
            tail.room().extend(vec![0.0; 1_600]);
            assert_eq!(tail.new_samples().len(), 1_600);
            heard_ms += 100;
        }
        assert!(tail.samples.len() <= TAIL_SAMPLES + 1_600, "bounded");
        assert_eq!(after(&tail, heard_ms), 0);
        assert_eq!(after(&tail, heard_ms - 300), 4_800);
        assert!(matches!(tail.judge(&Woken { phrase: None, at_ms: heard_ms }), Round::Nothing));
        // The next job begins with what may be the beginning of the word.
        tail.room();
        tail.begin();
        assert_eq!(tail.new_samples().len(), TAIL_SAMPLES);
        assert_eq!(after(&tail, u64::from(WAKE_TAIL_MS) - 500), 8_000);
    }
}
