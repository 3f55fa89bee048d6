//! The events of one job, the sound that it speaks and the parts of its answer, as they come: written by the worker's link and the realm, read by any number of listeners at
//! their own pace. Listeners share one log and each keeps only a place in it, so a slow one costs nothing and loses
//! nothing.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use mtor_core::WorkerId;
use mtor_ledger::PartRecord;
use mtor_protocol::body::{Chunk, Partial};
use mtor_protocol::sound::{SPOKEN_RATE, raw_audio_ms};
use mtor_protocol::{
    AccountId, Body, CapabilityKind, Digest, Event, JobId, NewPart, Part, SpeechFormat, Task, Timestamp,
    Usage, limits,
};
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;

use crate::input::JobInput;
use crate::parts::{Broken, Parts, Received, pieces};

/// Holders of leases that are remembered: the present one, its rival, and those that have not heard yet that they lost it.
const HOLDERS_MAX: usize = 8;

/// A job's live events.
#[derive(Debug)]
pub struct JobStream {
    /// The job.
    pub job: JobId,
    /// Whose it is.
    pub account: AccountId,
    /// What is asked of.
    pub capability: CapabilityKind,
    /// What goes in as binary frames, for a task that takes any.
    pub input: Option<Arc<JobInput>>,
    /// Whether what comes out as binary frames is raw speech, whose length can be told.
    raw_speech: bool,
    /// The account of the worker that gave the whole answer, where that is to be compared.
    pub answered_by: OnceLock<AccountId>,
    log: Mutex<Log>,
    changed: Notify,
    /// Only the end, for those who are not interested in the words on the way.
    over: Notify,
}

#[derive(Debug, Default)]
struct Log {
    events: Vec<Heard>,
    /// The sequence of the last item, in `events` or before it.
    last: u64,
    /// The whole answer so far.
    text: String,
    hash: Sha256,
    /// What the present worker has written under its lease.
    lease: u64,
    /// The lease of a second worker that has the job too, until one of the two begins.
    rival: Option<u64>,
    lease_tokens: u64,
    lease_payload_bytes: u64,
    lease_hash: Sha256,
    /// Whether the present worker has sent anything yet.
    lease_begun: bool,
    payload_bytes: u64,
    parts: Parts,
    /// Pictures among the parts that came under this lease.
    lease_images: u64,
    /// The present worker's answer was taken as whole.
    sealed: bool,
    /// Who was given which lease, the latest last. A lease can be guessed, so that it alone lets nobody write.
    holders: VecDeque<(u64, WorkerId)>,
    /// What it has signed for it, and the commitment to that.
    receipt: Option<(Digest, String)>,
    /// Output tokens from before the realm was restarted.
    carried: u64,
    output_tokens: u64,
    saved_bytes: usize,
    /// Nobody sees anything before the job is in the ledger.
    open: bool,
    closed: bool,
    ended: bool,
}

/// What a listener is given, with its number among all that the job brings forth.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// Its number.
    pub sequence: u64,
    /// When it came.
    pub time: Timestamp,
    /// What it is.
    pub item: Item,
}

/// What a job brings forth.
#[expect(clippy::large_enum_variant, reason = "a box would cost an allocation for every event")]
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// What an event says.
    Event(Body),
    /// Sound, or a piece of the part that was told of before it.
    Payload(Bytes),
}

impl Heard {
    /// What it says, unless it is bytes.
    pub fn body(&self) -> Option<&Body> {
        match &self.item {
            Item::Event(body) => Some(body),
            Item::Payload(_) => None,
        }
    }

    /// The event of this job that it is, unless it is bytes.
    pub fn into_event(self, source: &str, job: JobId) -> Option<Event> {
        match self.item {
            Item::Event(body) => Some(Event::numbered(source, self.time, job, self.sequence, body)),
            Item::Payload(_) => None,
        }
    }

    /// Whether it is the job's last.
    pub fn is_end(&self) -> bool {
        self.body().is_some_and(is_end)
    }
}

/// Whether a job's event says that it has ended.
pub fn is_end(body: &Body) -> bool {
    matches!(body, Body::JobCompleted(_) | Body::JobFailed(_) | Body::JobCancelled(_))
}

/// What a worker's piece did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// The first words under this lease.
    First,
    /// More words.
    More,
    /// The lease is not the present one, or the job has ended: of no account.
    Stale,
    /// More than one job may bring forth.
    TooMuch,
    /// Not the part that was announced, or one that can't be taken.
    Broken,
}

/// What the write-behind has to save of a running answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsaved {
    /// The whole text so far.
    pub text: String,
    /// Its tokens.
    pub output_tokens: u64,
    /// The sequence of the last event.
    pub sequence: u64,
}

impl JobStream {
    /// The stream of a new job.
    pub fn new(job: JobId, account: AccountId, capability: CapabilityKind) -> Self {
        Self {
            job,
            account,
            capability,
            input: None,
            raw_speech: false,
            answered_by: OnceLock::new(),
            log: Mutex::default(),
            changed: Notify::new(),
            over: Notify::new(),
        }
    }

    /// The stream of a new job with this task, and with what goes into it as binary frames.
    pub fn of_task(job: JobId, account: AccountId, task: &Task, input: Option<Arc<JobInput>>) -> Self {
        let raw_speech = matches!(task, Task::Speak(speak) if speak.format == SpeechFormat::Pcm);
        Self { input, raw_speech, ..Self::new(job, account, task.kind()) }
    }

    /// The same, of a job that was open when the realm went down: with the text that was saved, and numbers that were
    /// never given before.
    pub fn resumed(self, now: Timestamp, text: String, tokens: u64, last_sequence: u64) -> Self {
        {
            let mut log = self.log();
            log.last = last_sequence;
            log.hash.update(&text);
            (log.carried, log.output_tokens, log.saved_bytes, log.open) = (tokens, tokens, text.len(), true);
            if !text.is_empty() {
                let tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
                log.push(now, Body::JobChunk(Chunk { offset: 0, text: text.clone(), tokens }));
            }
            log.text = text;
        }
        self
    }

    /// Adds an event.
    pub fn push(&self, now: Timestamp, body: Body) {
        self.log().push(now, body);
        self.changed.notify_waiters();
    }

    /// The whole answer is there already: the realm remembers it.
    pub fn recall(&self, now: Timestamp, text: &str, tokens: u64) {
        let mut log = self.log();
        log.hash.update(text);
        log.text.push_str(text);
        if !text.is_empty() {
            let tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
            log.push(now, Body::JobChunk(Chunk { offset: 0, text: text.to_owned(), tokens }));
        }
    }

    /// The job is in the ledger: listeners may see it.
    pub fn open(&self) {
        self.log().open = true;
        self.changed.notify_waiters();
    }

    /// Whether listeners may see it.
    pub fn is_open(&self) -> bool {
        self.log().open
    }

    /// Adds the last event.
    pub fn end(&self, now: Timestamp, body: Body) {
        {
            let mut log = self.log();
            log.drop_preview();
            log.push(now, body);
            (log.open, log.closed, log.ended) = (true, true, true);
        }
        self.changed.notify_waiters();
        self.over.notify_waiters();
    }

    /// The last event, when it has come.
    pub async fn ended(&self) -> Body {
        loop {
            let over = self.over.notified();
            tokio::pin!(over);
            over.as_mut().enable();
            {
                let log = self.log();
                if let Some(last) = log.events.last().and_then(Heard::body).filter(|_| log.ended) {
                    return last.clone();
                }
            }
            over.await;
        }
    }

    /// The model that the last worker to have the job runs.
    pub fn model(&self) -> Option<String> {
        self.log().events.iter().rev().find_map(|event| match event.body() {
            Some(Body::JobAssigned(assigned)) => Some(assigned.model.clone()),
            _ => None,
        })
    }

    /// From now on only pieces under this lease count. Gives back the text that the new worker goes on from.
    pub fn lease(&self, lease: u64) -> String {
        let mut log = self.log();
        log.begin_lease(lease);
        log.text.clone()
    }

    /// From now on pieces under this lease count too, until one of the two workers begins: that one has the job then.
    pub fn rival(&self, lease: u64) -> String {
        let mut log = self.log();
        // If the first one has begun in this moment, nothing of the second one's counts.
        log.rival = (!log.lease_begun && !log.sealed && !log.closed).then_some(lease);
        log.text.clone()
    }

    /// A worker is given a lease: what others say under it is of no account.
    pub fn give(&self, lease: u64, worker: WorkerId) {
        let mut log = self.log();
        if log.holders.len() == HOLDERS_MAX {
            log.holders.pop_front();
        }
        log.holders.push_back((lease, worker));
    }

    /// Whether a lease was given to this worker.
    pub fn is_held_by(&self, lease: u64, worker: WorkerId) -> bool {
        self.log().holders.contains(&(lease, worker))
    }

    /// Of two leases only this one counts from now on.
    pub fn alone(&self, lease: u64) {
        {
            let mut log = self.log();
            if log.lease != lease {
                log.begin_lease(lease);
            }
            log.rival = None;
        }
        self.changed.notify_waiters();
    }

    /// A piece of the answer has come.
    pub fn write(&self, now: Timestamp, lease: u64, text: String, tokens: u32) -> Written {
        let first = {
            let mut log = self.log();
            if !log.counts(lease) {
                return Written::Stale;
            }
            let first = !std::mem::replace(&mut log.lease_begun, true);
            log.lease_tokens += u64::from(tokens);
            log.output_tokens += u64::from(tokens);
            log.hash.update(&text);
            log.lease_hash.update(&text);
            let offset = log.text.len() as u64;
            log.text.push_str(&text);
            log.push(now, Body::JobChunk(Chunk { offset, text, tokens }));
            first
        };
        self.changed.notify_waiters();
        if first { Written::First } else { Written::More }
    }

    /// A worker says that a part comes.
    pub fn announce_part(&self, lease: u64, part: NewPart) -> Written {
        let mut log = self.log();
        if !log.counts(lease) {
            return Written::Stale;
        }
        // A job speaks, or has parts: its bytes could not be told apart.
        if self.raw_speech || log.payload_bytes > 0 {
            return Written::Broken;
        }
        match log.parts.announce(part) {
            Ok(()) if std::mem::replace(&mut log.lease_begun, true) => Written::More,
            Ok(()) => Written::First,
            Err(Broken) => Written::Broken,
        }
    }

    /// A piece of sound has come, or of a part.
    pub fn write_payload(&self, now: Timestamp, lease: u64, bytes: Bytes) -> Written {
        let first = {
            let mut log = self.log();
            if !log.counts(lease) {
                return Written::Stale;
            }
            match log.parts.receive(&bytes) {
                Ok(Received::Nothing) => {}
                Ok(Received::More) => return Written::More,
                Ok(Received::Whole(part, data)) => {
                    log.show_part(now, part, data);
                    drop(log);
                    self.changed.notify_waiters();
                    return Written::More;
                }
                Err(Broken) => return Written::Broken,
            }
            if log.parts.count() > 0 {
                return Written::Broken;
            }
            if log.payload_bytes + bytes.len() as u64 > limits::OUTPUT_BYTES_MAX as u64 {
                return Written::TooMuch;
            }
            let first = !std::mem::replace(&mut log.lease_begun, true);
            log.lease_payload_bytes += bytes.len() as u64;
            log.payload_bytes += bytes.len() as u64;
            log.hash.update(&bytes);
            log.lease_hash.update(&bytes);
            log.push_item(now, Item::Payload(bytes));
            first
        };
        self.changed.notify_waiters();
        if first { Written::First } else { Written::More }
    }

    /// What the answer looks like so far has come. It is told, and is no part of the answer.
    pub fn write_partial(&self, now: Timestamp, lease: u64, text: String) -> Written {
        let first = {
            let mut log = self.log();
            if !log.counts(lease) {
                return Written::Stale;
            }
            // Only the latest is of interest to those who come later.
            let is_partial = |event: &Heard| matches!(event.body(), Some(Body::JobPartial(_)));
            if log.events.last().is_some_and(is_partial) {
                log.events.pop();
            }
            let first = !std::mem::replace(&mut log.lease_begun, true);
            log.push(now, Body::JobPartial(Partial { text }));
            first
        };
        self.changed.notify_waiters();
        if first { Written::First } else { Written::More }
    }

    /// Whether what was written under this lease has this digest. `None` when the lease is not the present one.
    pub fn check_lease_output(&self, lease: u64, claimed: &Digest) -> Option<bool> {
        let mut log = self.log();
        // An answer without a word is one too.
        (log.counts(lease) || (log.lease == lease && !log.closed))
            .then(|| !log.parts.is_coming() && Digest(log.lease_hash.clone().finalize().into()) == *claimed)
    }

    /// The present worker's answer was taken as whole: what it says after that is no part of it. The worker has signed
    /// this receipt, to which the journal commits.
    pub fn seal(&self, receipt: String, commitment: Digest) {
        let mut log = self.log();
        log.sealed = true;
        log.receipt = Some((commitment, receipt));
    }

    /// What the present worker says from now on is no part of the answer: it was caught in a lie, or is done.
    pub fn silence(&self) {
        self.log().sealed = true;
    }

    /// The receipt that the journal commits to so.
    pub fn receipt(&self, commitment: Digest) -> Option<String> {
        let receipt = self.log().receipt.take();
        receipt.filter(|(committed, _)| *committed == commitment).map(|(_, receipt)| receipt)
    }

    /// Nobody has the job for now: no piece counts until there is a new lease.
    pub fn revoke(&self) {
        {
            let mut log = self.log();
            (log.lease, log.rival) = (0, None);
        }
        self.changed.notify_waiters();
    }

    /// The job is settled, and only its last event is missing, until the ledger has it: no piece counts any more.
    pub fn close(&self) {
        self.log().closed = true;
        self.changed.notify_waiters();
    }

    /// Waits until this lease is no longer the present one, or the job is settled.
    pub async fn left(&self, lease: u64) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            {
                let log = self.log();
                if (log.lease != lease && log.rival != Some(lease)) || log.closed || log.ended {
                    return;
                }
            }
            changed.await;
        }
    }

    /// What the present worker has delivered under its lease, as counted here.
    pub fn delivered(&self) -> Usage {
        self.counted(&self.log())
    }

    /// Whether the length of what it speaks can be counted here.
    pub fn counts_audio(&self) -> bool {
        self.raw_speech
    }

    /// Whether the pictures that it is paid for come out of it, so that they can be counted here.
    pub fn counts_images(&self) -> bool {
        self.capability == CapabilityKind::IMAGINE
    }

    fn counted(&self, log: &Log) -> Usage {
        let spoken = if self.raw_speech { log.lease_payload_bytes } else { 0 };
        Usage {
            output_tokens: log.lease_tokens,
            images: if self.counts_images() { log.lease_images } else { 0 },
            audio_ms: raw_audio_ms(spoken, SPOKEN_RATE),
            ..Usage::default()
        }
    }

    /// The same, but nothing unless this is the lease under which it was delivered.
    pub fn delivered_under(&self, lease: u64) -> Usage {
        let log = self.log();
        if log.lease == lease { self.counted(&log) } else { Usage::default() }
    }

    /// Output tokens from before the realm was restarted.
    pub fn carried(&self) -> u64 {
        self.log().carried
    }

    /// The whole answer so far, and its digest.
    pub fn answer(&self) -> (String, Digest) {
        let log = self.log();
        (log.text.clone(), Digest(log.hash.clone().finalize().into()))
    }

    /// The names of the workers that had the job, in order.
    pub fn workers(&self) -> Vec<String> {
        let name = |event: &Heard| match event.body() {
            Some(Body::JobAssigned(assigned)) => Some(assigned.worker.clone()),
            _ => None,
        };
        self.log().events.iter().filter_map(name).collect()
    }

    /// The sequence of the last event.
    pub fn last_sequence(&self) -> u64 {
        self.log().last
    }

    /// How many parts have come.
    pub fn parts_count(&self) -> u32 {
        self.log().parts.count()
    }

    /// The parts that have come.
    pub fn parts(&self) -> Vec<PartRecord> {
        self.log().parts.whole().to_vec()
    }

    /// What has been written since the last time this was asked, if anything.
    pub fn unsaved(&self) -> Option<Unsaved> {
        let mut log = self.log();
        if log.closed || log.text.len() == log.saved_bytes {
            return None;
        }
        log.saved_bytes = log.text.len();
        Some(Unsaved { text: log.text.clone(), output_tokens: log.output_tokens, sequence: log.last })
    }

    /// The events after a place. Waits until there are some; empty once the job has ended and all were read.
    pub async fn read_after(&self, after: u64, source: &str) -> Vec<Event> {
        let mut place = after;
        loop {
            let heard = self.hear_after(place).await;
            let Some(last) = heard.last() else { return Vec::new() };
            place = last.sequence;
            let events: Vec<Event> =
                heard.into_iter().filter_map(|heard| heard.into_event(source, self.job)).collect();
            // What came was sound alone: there will be more, were it only the end.
            if !events.is_empty() {
                return events;
            }
        }
    }

    /// The events and the sound after a place. Waits until there are some; empty once the job has ended and all were read.
    pub async fn hear_after(&self, after: u64) -> Vec<Heard> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Registered before looking, so that nothing is missed in between.
            changed.as_mut().enable();
            {
                let log = self.log();
                let heard = log.after(after);
                if !heard.is_empty() || log.ended {
                    return heard;
                }
            }
            changed.await;
        }
    }

    // A panic while the lock is held is impossible but for lack of memory; the log is whole either way.
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    fn begin_lease(&mut self, lease: u64) {
        (self.lease, self.rival) = (lease, None);
        (self.lease_tokens, self.lease_payload_bytes, self.lease_begun) = (0, 0, false);
        self.sealed = false;
        self.lease_hash = Sha256::new();
        self.lease_images = 0;
        self.parts.drop_coming();
    }

    /// A part is whole: it stands among the events, in the place of the preview that was shown of it.
    fn show_part(&mut self, now: Timestamp, part: Part, data: Bytes) {
        self.drop_preview();
        let preview = part.preview;
        if !preview {
            self.hash.update(&data);
            self.lease_hash.update(&data);
            self.lease_images += u64::from(part.media_type.starts_with("image/"));
            let (sequence, offset) = (self.last + 1, self.text.len() as u64);
            self.parts.keep(PartRecord { part: part.clone(), data: data.clone(), sequence, offset });
        }
        let first = self.last + 1;
        self.push(now, Body::JobPart(part));
        for piece in pieces(&data) {
            self.push_item(now, Item::Payload(piece));
        }
        self.parts.shown = preview.then_some((first, self.last));
    }

    /// Nobody needs a preview once there is something better.
    fn drop_preview(&mut self) {
        if let Some((first, last)) = self.parts.shown.take() {
            let start = self.events.partition_point(|event| event.sequence < first);
            let end = self.events.partition_point(|event| event.sequence <= last);
            self.events.drain(start..end);
        }
    }

    /// Whether what comes under this lease counts. Of two workers the one that begins has the job from then on.
    fn counts(&mut self, lease: u64) -> bool {
        if self.sealed || self.closed {
            return false;
        }
        if self.rival == Some(lease) && !self.lease_begun {
            self.begin_lease(lease);
        }
        if self.lease == lease {
            self.rival = None;
        }
        self.lease == lease
    }

    fn push(&mut self, time: Timestamp, body: Body) {
        self.push_item(time, Item::Event(body));
    }

    fn push_item(&mut self, time: Timestamp, item: Item) {
        self.last += 1;
        self.events.push(Heard { sequence: self.last, time, item });
    }

    fn after(&self, after: u64) -> Vec<Heard> {
        if !self.open {
            return Vec::new();
        }
        let start = self.events.partition_point(|event| event.sequence <= after);
        self.events[start..].to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mtor_protocol::Micro;
    use mtor_protocol::body::{Cancelled, Queued};

    fn texts(events: &[Event]) -> String {
        let text = |event: &Event| match &event.body {
            Body::JobChunk(chunk) => Some(chunk.text.clone()),
            _ => None,
        };
        events.iter().filter_map(text).collect()
    }

    #[tokio::test]
    async fn listeners_resume_from_any_place_and_see_the_end() {
        let stream = JobStream::new(JobId(1), AccountId(2), CapabilityKind::CHAT);
        stream.push(Timestamp(1), Body::JobQueued(Queued { position: 0, eta_ms: None }));
        stream.lease(7);
        assert_eq!(stream.write(Timestamp(2), 7, "Par".into(), 1), Written::First);
        assert_eq!(stream.write(Timestamp(2), 6, "nonsense".into(), 1), Written::Stale);
        assert_eq!(stream.write(Timestamp(3), 7, "is".into(), 1), Written::More);
        stream.open();
        let events = stream.read_after(0, "realm").await;
        assert_eq!((events.len(), texts(&events).as_str(), events[2].sequence), (3, "Paris", Some(3)));
        assert_eq!(texts(&stream.read_after(2, "realm").await), "is");
        stream.end(Timestamp(4), Body::JobCancelled(Cancelled { cost: Micro(1) }));
        assert_eq!(stream.read_after(3, "realm").await.len(), 1);
        assert!(stream.read_after(4, "realm").await.is_empty());
        assert_eq!(stream.delivered().output_tokens, 2);
    }

    #[test]
    fn of_two_workers_the_first_to_begin_has_the_job() {
        let stream = JobStream::new(JobId(1), AccountId(2), CapabilityKind::CHAT);
        stream.lease(7);
        stream.rival(8);
        assert_eq!(stream.write(Timestamp(1), 8, "Paris".into(), 1), Written::First);
        assert_eq!(stream.write(Timestamp(1), 7, "Lyon".into(), 1), Written::Stale);
        stream.alone(8);
        assert_eq!(stream.write(Timestamp(1), 8, ".".into(), 1), Written::More);
        assert_eq!((stream.answer().0.as_str(), stream.delivered().output_tokens), ("Paris.", 2));

        stream.lease(9);
        assert_eq!(stream.write(Timestamp(2), 9, " It".into(), 1), Written::First);
        stream.rival(10);
        assert_eq!(stream.write(Timestamp(2), 10, " That".into(), 1), Written::Stale, "it came too late");

        stream.lease(11);
        stream.rival(12);
        let nothing = Digest(Sha256::digest("").into());
        assert_eq!(stream.check_lease_output(12, &nothing), Some(true), "an answer without a word");
        stream.seal("{}".to_owned(), Digest([4; 32]));
        assert_eq!(stream.write(Timestamp(3), 11, "!".into(), 1), Written::Stale);
    }

    #[test]
    fn a_lease_is_of_use_to_its_holder_alone() {
        let stream = JobStream::new(JobId(1), AccountId(2), CapabilityKind::CHAT);
        let (one, other) = (WorkerId(1), WorkerId(2));
        stream.give(7, one);
        stream.give(8, other);
        assert!(stream.is_held_by(7, one) && stream.is_held_by(8, other));
        assert!(!stream.is_held_by(7, other) && !stream.is_held_by(9, one));
        (9..100).for_each(|lease| stream.give(lease, one));
        assert!(stream.is_held_by(99, one) && !stream.is_held_by(7, one), "the oldest are forgotten");
    }

    #[test]
    fn who_was_caught_in_a_lie_is_heard_no_more_and_the_next_one_is() {
        let stream = JobStream::new(JobId(1), AccountId(2), CapabilityKind::CHAT);
        stream.lease(7);
        assert_eq!(stream.write(Timestamp(1), 7, "Paris".into(), 1), Written::First);
        stream.silence();
        assert_eq!(stream.write(Timestamp(2), 7, ", or London".into(), 3), Written::Stale);
        assert_eq!(stream.delivered_under(7).output_tokens, 1, "what it said before counts");
        assert_eq!(stream.lease(8), "Paris");
        assert_eq!(stream.write(Timestamp(3), 8, ".".into(), 1), Written::First);
    }

    #[test]
    fn a_receipt_is_given_out_once_to_whom_the_journal_commits_to_it() {
        let stream = JobStream::new(JobId(1), AccountId(2), CapabilityKind::CHAT);
        stream.seal("one".to_owned(), Digest([4; 32]));
        stream.seal("two".to_owned(), Digest([5; 32]));
        assert_eq!(stream.receipt(Digest([5; 32])).as_deref(), Some("two"));
        assert_eq!(stream.receipt(Digest([5; 32])), None);
    }

    #[test]
    fn what_comes_after_the_whole_answer_is_no_part_of_it() {
        let stream = JobStream::new(JobId(1), AccountId(2), CapabilityKind::CHAT);
        stream.lease(7);
        assert_eq!(stream.write(Timestamp(1), 7, "Paris".into(), 1), Written::First);
        stream.seal("{}".to_owned(), Digest([4; 32]));
        assert_eq!(stream.write(Timestamp(2), 7, ", or London".into(), 3), Written::Stale);
        assert_eq!(stream.answer().0, "Paris");
        let delivered = [6, 7, 8].map(|lease| stream.delivered_under(lease).output_tokens);
        assert_eq!(delivered, [0, 1, 0], "the next worker has not written what this one has");
        stream.lease(8);
        assert_eq!(stream.write(Timestamp(3), 8, "!".into(), 1), Written::First);
    }

    #[tokio::test]
    async fn sound_stands_among_the_events_and_is_counted() {
        let task = Task::Speak(mtor_protocol::SpeakTask::new("Hello"));
        let stream = JobStream::of_task(JobId(1), AccountId(2), &task, None);
        stream.lease(7);
        stream.open();
        assert_eq!(stream.write_payload(Timestamp(1), 7, Bytes::from(vec![1; 48_000])), Written::First);
        assert_eq!(stream.write_payload(Timestamp(1), 6, Bytes::from_static(&[1])), Written::Stale);
        assert_eq!(stream.write(Timestamp(2), 7, "Hello".into(), 0), Written::More);
        assert_eq!(stream.delivered().audio_ms, 1_000);
        let heard = stream.hear_after(0).await;
        assert!(
            matches!(&heard[0], Heard { sequence: 1, item: Item::Payload(bytes), .. } if bytes.len() == 48_000)
        );
        assert_eq!(stream.read_after(0, "realm").await[0].sequence, Some(2), "text alone");
        let mut sent = vec![1; 48_000];
        sent.extend(b"Hello");
        assert_eq!(stream.check_lease_output(7, &Digest(Sha256::digest(&sent).into())), Some(true));
        let much = Bytes::from(vec![0; limits::OUTPUT_BYTES_MAX]);
        assert_eq!(stream.write_payload(Timestamp(2), 7, much), Written::TooMuch);
    }

    #[tokio::test]
    async fn parts_stand_among_the_events_and_previews_only_until_something_better_comes() {
        let task = Task::Imagine(mtor_protocol::ImagineTask::of("a cloud"));
        let stream = JobStream::of_task(JobId(1), AccountId(2), &task, None);
        stream.lease(7);
        stream.open();
        let part =
            |bytes, preview| NewPart { name: "a.png".into(), media_type: "image/png".into(), bytes, preview };
        let piece = |bytes| stream.write_payload(Timestamp(1), 7, Bytes::from_static(bytes));
        assert_eq!(stream.announce_part(7, part(3, true)), Written::First);
        assert_eq!(piece(b"pre"), Written::More);
        assert_eq!((stream.hear_after(0).await.len(), stream.parts_count()), (2, 0));
        assert_eq!(stream.announce_part(7, part(4, false)), Written::More);
        assert_eq!(piece(b"pic"), Written::More);
        assert_eq!(stream.hear_after(0).await.len(), 2, "half a part is not shown");
        assert_eq!(stream.check_lease_output(7, &Digest(Sha256::digest("pic").into())), Some(false));
        assert_eq!(piece(b"t"), Written::More);
        assert_eq!(stream.write(Timestamp(2), 7, "A cloud.".into(), 2), Written::More);
        assert_eq!(stream.check_lease_output(7, &Digest(Sha256::digest("pictA cloud.").into())), Some(true));
        let heard = stream.hear_after(0).await;
        assert!(matches!(
            heard[0].body(),
            Some(Body::JobPart(Part { number: 0, bytes: 4, preview: false, .. }))
        ));
        assert_eq!(heard[1].item, Item::Payload(Bytes::from_static(b"pict")));
        assert_eq!((stream.delivered().images, stream.delivered_under(6).images), (1, 0));
        assert_eq!((stream.parts()[0].sequence, stream.parts()[0].offset), (heard[0].sequence, 0));
        assert_eq!(piece(b"raw"), Written::Broken, "bytes of nothing");

        // The next worker goes on after what is whole.
        assert_eq!(stream.announce_part(7, part(9, false)), Written::More);
        piece(b"half");
        stream.lease(8);
        assert_eq!((stream.parts_count(), stream.delivered().images), (1, 0));
        assert_eq!(stream.announce_part(7, part(9, false)), Written::Stale);
        assert_eq!(stream.announce_part(8, part(1, true)), Written::First);
        stream.write_payload(Timestamp(3), 8, Bytes::from_static(b"p"));
        stream.end(Timestamp(4), Body::JobCancelled(Cancelled { cost: Micro(1) }));
        let last = stream.hear_after(heard[1].sequence).await;
        assert!(last.iter().all(|heard| !matches!(heard.body(), Some(Body::JobPart(_)))), "{last:?}");
    }

    #[tokio::test]
    async fn of_what_is_heard_so_far_only_the_latest_is_kept() {
        let stream = JobStream::new(JobId(1), AccountId(2), CapabilityKind::TRANSCRIBE);
        stream.lease(7);
        stream.open();
        for text in ["what", "what is", "what is the"] {
            stream.write_partial(Timestamp(1), 7, text.into());
        }
        let events = stream.read_after(0, "realm").await;
        let latest = Body::JobPartial(Partial { text: "what is the".into() });
        assert_eq!((events.len(), events[0].sequence, &events[0].body), (1, Some(3), &latest));
        assert_eq!(stream.answer().0, "");
    }

    #[tokio::test]
    async fn nothing_is_seen_before_the_job_is_durable() {
        let stream = std::sync::Arc::new(JobStream::new(JobId(1), AccountId(2), CapabilityKind::CHAT));
        stream.lease(1);
        stream.write(Timestamp(1), 1, "early".into(), 1);
        let reader = tokio::spawn({
            let stream = stream.clone();
            async move { stream.read_after(0, "realm").await }
        });
        tokio::task::yield_now().await;
        assert!(!reader.is_finished());
        stream.open();
        assert_eq!(texts(&reader.await.unwrap()), "early");
    }

    #[tokio::test]
    async fn a_resumed_stream_repeats_the_saved_text_and_never_a_number() {
        let stream = JobStream::new(JobId(1), AccountId(2), CapabilityKind::CHAT).resumed(
            Timestamp(9),
            "So far".into(),
            2,
            1_000,
        );
        let events = stream.read_after(3, "realm").await;
        assert_eq!((texts(&events).as_str(), events[0].sequence), ("So far", Some(1_001)));
        assert_eq!(stream.lease(5), "So far");
        stream.write(Timestamp(9), 5, " so good".into(), 2);
        assert_eq!(stream.answer().0, "So far so good");
        assert_eq!(stream.answer().1, Digest(Sha256::digest("So far so good").into()));
        assert_eq!(stream.check_lease_output(5, &Digest(Sha256::digest(" so good").into())), Some(true));
        assert_eq!(stream.check_lease_output(4, &Digest([0; 32])), None);
        assert_eq!(stream.unsaved().unwrap().output_tokens, 4);
        assert_eq!(stream.unsaved(), None);
    }
}
