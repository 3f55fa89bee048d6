//! `tool.timer`: timers and alarms. The job of a timer lasts until it rings: so the realm keeps it, whoever asked can stop it
//! or come back to it, and after a restart it is given to a worker again. What this worker keeps itself, in a small file, is
//! when each of them rings.

mod store;
mod words;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::{Timestamp, ToSpan, Zoned};
use mtor_worker::CancellationToken;
use mtor_worker::protocol::{Effect, JobId, ToolInfo};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::defaults::{TIMER_S_MAX, TIMERS_MAX};
use crate::language::Language;
use crate::skill::{Answer, Asked, Skill, SkillError, info};
use store::Store;

/// The timers.
pub struct Timer {
    store: Store,
    running: Mutex<BTreeMap<JobId, Running>>,
    /// This program ends: the timers are given back, for whoever comes next.
    leaving: CancellationToken,
}

/// A timer that somebody waits for.
#[derive(Debug, Clone)]
struct Running {
    due: Timestamp,
    label: Option<String>,
    list: String,
    cancel: Arc<CancellationToken>,
}

/// What to do with timers.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// What to do; to set one when absent.
    #[serde(default)]
    action: Action,
    /// How long it runs, in seconds, at most a day.
    seconds: Option<u64>,
    /// When it rings, by the clock of the realm, as in `07:30`; instead of `seconds`.
    at: Option<String>,
    /// What it is for.
    label: Option<String>,
    /// The list that it stands in: who does not know its name neither sees nor cancels it.
    #[serde(default)]
    list: String,
    /// The language of the answer, as in `en`.
    #[serde(default)]
    language: Language,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Action {
    /// Sets one. The answer comes in two parts: that it is set at once, and that it rings when it does.
    #[default]
    Set,
    /// Says which there are, and how much time is left.
    Query,
    /// Cancels those of this label, or all.
    Cancel,
}

impl Timer {
    /// Timers that are kept in this folder, until `leaving`.
    ///
    /// # Errors
    /// When the file of timers can't be used.
    pub fn open(folder: &Path, leaving: CancellationToken) -> std::io::Result<Self> {
        Ok(Self { store: Store::open(folder)?, running: Mutex::default(), leaving })
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<JobId, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those of a list, the next one first; of a label, when there is one.
    fn of(&self, list: &str, label: Option<&str>) -> Vec<Running> {
        let same = |timer: &&Running| {
            let wanted = label.map(str::to_lowercase);
            let has = timer.label.as_deref().map(str::to_lowercase);
            timer.list == list && wanted.is_none_or(|wanted| has.is_some_and(|has| has == wanted))
        };
        let mut found: Vec<Running> = self.running().values().filter(same).cloned().collect();
        found.sort_by_key(|timer| timer.due);
        found
    }

    async fn set(
        &self,
        asked: Asked,
        arguments: Arguments,
        answer: &mut Answer<'_>,
    ) -> Result<(), SkillError> {
        let Arguments { label, list, language, .. } = &arguments;
        let now = Timestamp::now();
        let unkept = |error: std::io::Error| SkillError::Service(format!("the timer can't be kept: {error}"));
        // Given to this worker again: it rings when it was to ring.
        let due = match self.store.due(asked.job) {
            Some(due) => due,
            None => {
                let Some(due) = due(&arguments, now)? else {
                    return answer.whole(words::how_long(*language)).await;
                };
                self.store.keep(asked.job, due).map_err(unkept)?;
                due
            }
        };
        let cancel = Arc::new(CancellationToken::new());
        let timer = Running { due, label: label.clone(), list: list.clone(), cancel: cancel.clone() };
        let _entry = Entry::new(self, asked.job, timer);
        if answer.before().is_empty() {
            let set = match arguments.seconds {
                Some(seconds) => words::set(*language, seconds, label.as_deref()),
                None => words::set_for(*language, &local(due), label.as_deref()),
            };
            answer.more(&format!("{set}\n\n")).await?;
        }
        let text = tokio::select! {
            biased;
            () = asked.cancelled.cancelled() => return Err(mtor_worker::Stopped.into()),
            () = self.leaving.cancelled() => return Err(SkillError::Leaving),
            () = cancel.cancelled() => words::was_cancelled(*language, label.as_deref()),
            () = until(due) => words::rings(*language, label.as_deref()),
        };
        answer.more(&text).await?;
        self.store.forget(asked.job).map_err(unkept)
    }
}

impl Skill for Timer {
    fn name(&self) -> &'static str {
        "timer"
    }

    fn info(&self) -> ToolInfo {
        let description = "Sets timers and alarms, says how much time is left, and cancels them. A timer's job ends when it \
                           rings, so that it needs a deadline after that.";
        info::<Arguments>(description, Effect::Notes, false)
    }

    fn slots(&self) -> u32 {
        TIMERS_MAX
    }

    fn run<'a>(&'a self, asked: Asked, answer: &'a mut Answer<'_>) -> BoxFuture<'a, Result<(), SkillError>> {
        async move {
            let arguments: Arguments = asked.arguments()?;
            let label = arguments.label.as_deref().filter(|label| !label.trim().is_empty());
            match arguments.action {
                Action::Set => return self.set(asked, arguments, answer).await,
                Action::Query => {
                    let now = Timestamp::now();
                    let left = self.of(&arguments.list, label).into_iter();
                    let left: Vec<_> =
                        left.map(|timer| (seconds_until(timer.due, now), timer.label)).collect();
                    answer.whole(&words::left(arguments.language, &left)).await
                }
                Action::Cancel => {
                    let found = self.of(&arguments.list, label);
                    found.iter().for_each(|timer| timer.cancel.cancel());
                    answer.whole(&words::cancelled(arguments.language, found.len())).await
                }
            }
        }
        .boxed()
    }
}

/// A running timer's place in the table, for as long as its job is here.
struct Entry<'t>(&'t Timer, JobId);

impl<'t> Entry<'t> {
    fn new(timers: &'t Timer, job: JobId, timer: Running) -> Self {
        timers.running().insert(job, timer);
        Self(timers, job)
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        self.0.running().remove(&self.1);
    }
}

/// When a timer rings; nothing when nobody said.
fn due(arguments: &Arguments, now: Timestamp) -> Result<Option<Timestamp>, SkillError> {
    let wrong = |detail: String| SkillError::Arguments(detail);
    match (&arguments.at, arguments.seconds) {
        (Some(_), Some(_)) => Err(wrong("give seconds or at, not both".to_owned())),
        (Some(at), None) => next(at, &now.to_zoned(jiff::tz::TimeZone::system())).map(Some),
        (None, Some(seconds)) if (1..=TIMER_S_MAX).contains(&seconds) => {
            Ok(now.checked_add(Duration::from_secs(seconds)).ok())
        }
        (None, Some(seconds)) => Err(wrong(format!("seconds: 1 to {TIMER_S_MAX}, not {seconds}"))),
        (None, None) => Ok(None),
    }
}

/// The next time that a clock shows this.
fn next(at: &str, now: &Zoned) -> Result<Timestamp, SkillError> {
    let wrong = || SkillError::Arguments(format!("at: a time such as 07:30, not {at:?}"));
    let (hour, minute) = at.split_once(':').ok_or_else(wrong)?;
    let (hour, minute) = (hour.parse().map_err(|_| wrong())?, minute.parse().map_err(|_| wrong())?);
    let time = jiff::civil::Time::new(hour, minute, 0, 0).map_err(|_| wrong())?;
    let today = now.date().to_datetime(time).to_zoned(now.time_zone().clone()).map_err(|_| wrong())?;
    let due = if today > *now { today } else { today.checked_add(1.day()).map_err(|_| wrong())? };
    Ok(due.timestamp())
}

fn local(due: Timestamp) -> Zoned {
    due.to_zoned(jiff::tz::TimeZone::system())
}

fn seconds_until(due: Timestamp, now: Timestamp) -> u64 {
    let ms = (due.as_millisecond() - now.as_millisecond()).max(0).unsigned_abs();
    ms.div_ceil(1_000)
}

/// Waits for a time by the wall clock, which goes on while the machine sleeps and can be set.
async fn until(due: Timestamp) {
    const LOOK_AGAIN: Duration = Duration::from_secs(60);
    loop {
        let ms = due.as_millisecond() - Timestamp::now().as_millisecond();
        if ms <= 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(ms.unsigned_abs()).min(LOOK_AGAIN)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skill::testing::{ask, asked};
    use serde_json::json;

    fn timers(folder: &Path) -> Timer {
        Timer::open(folder, CancellationToken::new()).unwrap()
    }

    #[tokio::test]
    async fn a_timer_says_that_it_is_set_and_rings() {
        let folder = tempfile::tempdir().unwrap();
        let rung = ask(&timers(folder.path()), json!({"seconds": 1, "label": "pasta"})).await.unwrap();
        assert_eq!(rung, "Your pasta timer is set for 1 second.\n\nYour pasta timer is up!");
    }

    #[tokio::test]
    async fn a_timer_survives_a_restart_and_says_only_what_is_left_to_say() {
        let folder = tempfile::tempdir().unwrap();
        let asked = asked(json!({"seconds": 2}));
        let started = std::time::Instant::now();
        let first = timers(folder.path());
        let mut text = String::new();
        {
            let mut answer = Answer::text(&mut text, "");
            let run = first.run(asked.clone(), &mut answer);
            let leaving = first.leaving.clone();
            let (ended, ()) = tokio::join!(run, async move { leaving.cancel() });
            assert!(matches!(ended, Err(SkillError::Leaving)));
        }
        assert_eq!(text, "Your timer is set for 2 seconds.\n\n");
        let mut rest = String::new();
        timers(folder.path()).run(asked.clone(), &mut Answer::text(&mut rest, &text)).await.unwrap();
        assert_eq!(rest, "Your timer is up!");
        let took = started.elapsed().as_millis();
        assert!((1_900..3_500).contains(&took), "{took}");
        assert_eq!(timers(folder.path()).store.due(asked.job), None);
    }

    #[tokio::test]
    async fn only_who_knows_the_list_sees_and_cancels_its_timers() {
        let folder = tempfile::tempdir().unwrap();
        let timers = timers(folder.path());
        let set = ask(&timers, json!({"seconds": 90, "label": "tea", "list": "mine"}));
        let rest = async {
            while timers.running().is_empty() {
                tokio::task::yield_now().await;
            }
            let query = ask(&timers, json!({"action": "query", "list": "mine"})).await.unwrap();
            assert!(query.starts_with("Your tea timer has 1 minute and"), "{query}");
            assert_eq!(ask(&timers, json!({"action": "query"})).await.unwrap(), "No timer is running.");
            assert_eq!(ask(&timers, json!({"action": "cancel"})).await.unwrap(), "No timer is running.");
            let cancel = json!({"action": "cancel", "list": "mine", "label": "Tea"});
            assert_eq!(ask(&timers, cancel).await.unwrap(), "The timer is cancelled.");
        };
        let (set, ()) = tokio::join!(set, rest);
        assert!(set.unwrap().ends_with("Your tea timer was cancelled."));
    }

    #[tokio::test]
    async fn what_is_no_time_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let timers = timers(folder.path());
        for (wrong, why) in [
            (json!({"seconds": 0}), "1 to"),
            (json!({"seconds": 90_000}), "1 to"),
            (json!({"at": "noon"}), "such as 07:30"),
            (json!({"at": "24:00"}), "such as 07:30"),
            (json!({"at": "07:30", "seconds": 1}), "not both"),
            (json!({"seconds": "many"}), "invalid type"),
        ] {
            let error = ask(&timers, wrong.clone()).await.unwrap_err().to_string();
            assert!(error.contains(why), "{wrong}: {error}");
        }
        assert_eq!(ask(&timers, json!({})).await.unwrap(), "For how long?");
    }

    #[test]
    fn an_alarm_rings_the_next_time_that_the_clock_shows_it() {
        let now: Zoned = "2026-12-01T08:00:00+01:00[Europe/Berlin]".parse().unwrap();
        assert_eq!(next("08:30", &now).unwrap().to_string(), "2026-12-01T07:30:00Z");
        assert_eq!(next("07:30", &now).unwrap().to_string(), "2026-12-02T06:30:00Z");
    }
}
