//! A worker's session: it announces what it offers, beats, and is pushed jobs within its slots. What it writes goes
//! straight to the jobs' listeners; only the first and the last word of a job pass through the core.

use std::pin::pin;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::ws::{Message, close_code};
use futures_util::{FutureExt as _, SinkExt as _};
use mtor_core::{Input, Retry, WorkerId};
use mtor_identity::{PublicKey, Signature, key_id};
use mtor_protocol::body::{FlowStep, Way};
use mtor_protocol::worker::{Done, Piece, WorkFailed, WorkPart};
use mtor_protocol::{
    AccountId, Body, CapabilityKind, Did, Event, FrameKind, JobId, Problem, ProblemKind, Receipt, Usage,
    limits,
};
use tokio::sync::mpsc;

use super::worker_key::WorkerKey;
use super::{Closed, Heard, Said, Session, read_frame};
use crate::app::Wallet;
use crate::flow::Step;
use crate::key_ring::KeyWatch;
use crate::link::Link;
use crate::settings::Admit;
use crate::stream::{JobStream, Written};
use crate::{clock, defaults};

/// Frames that are written to the socket with one flush at most.
const FRAMES_PER_FLUSH: usize = 64;

/// What waits for a worker's connection.
struct Outgoing {
    events: mpsc::Receiver<String>,
    payloads: mpsc::Receiver<Bytes>,
}

impl Session {
    pub(super) async fn serve_worker(mut self, wallet: Wallet, link_us: u64) -> Result<(), Closed> {
        let Ok(key) = PublicKey::from_did(wallet.did.as_str()) else { return Err(Closed) };
        if let Err(problem) = self.admit(&wallet) {
            return self.refuse(problem).await;
        }
        let mut keys = self.app.keys.watch(&wallet, true);
        let (frames, events) = mpsc::channel(defaults::LINK_QUEUE_MAX);
        let (sound, payloads) = mpsc::channel(defaults::LINK_PAYLOADS_MAX);
        let link = Link::new(self.app.next_worker(), wallet.account, wallet.did.clone(), frames, sound);
        let worker = link.worker;
        let key = WorkerKey::new(key, self.app.prepared_keys.clone());
        let result = self.work(link, key, &mut keys, Outgoing { events, payloads }, link_us).await;
        // The realm may be going down; then it has no workers any more anyway.
        let _ = self.app.realm.input(Input::WorkerLeft { worker }).await;
        result
    }

    fn admit(&self, wallet: &Wallet) -> Result<(), Problem> {
        let rule = &self.app.settings.file.workers;
        if self.app.peers.has(wallet.account) {
            return Ok(());
        }
        let listed = self.is_one_of(wallet.account, &rule.listed) || wallet.account == self.app.owner.account;
        let admitted = match rule.admit {
            Admit::Anyone => true,
            Admit::Listed => listed || self.is_house(wallet.account),
            Admit::Local => listed || self.at_home,
        };
        let detail = || {
            format!(
                "this realm takes no workers of {}; its sysop can add the name to [workers] listed in realm.toml",
                wallet.did
            )
        };
        if admitted { Ok(()) } else { Err(Problem::new(ProblemKind::Forbidden, detail())) }
    }

    fn is_house(&self, account: AccountId) -> bool {
        self.is_one_of(account, &self.app.settings.house_workers) || account == self.app.owner.account
    }

    /// Whether a list names this wallet, by a key that it has or had.
    fn is_one_of(&self, account: AccountId, list: &[Did]) -> bool {
        let keys = list.iter().filter_map(|did| PublicKey::from_did(did.as_str()).ok());
        keys.into_iter().any(|key| self.app.keys.account_of(key_id(&key)) == account)
    }

    async fn work(
        &mut self,
        link: Link,
        mut key: WorkerKey,
        keys: &mut KeyWatch,
        mut outgoing: Outgoing,
        link_us: u64,
    ) -> Result<(), Closed> {
        // Made once: to begin to wait for these with every frame would cost more than to read it.
        let (closing, dismissed) = (self.app.closing.clone(), link.dismissed.clone());
        let mut closing = pin!(closing.cancelled());
        let mut dismissed = pin!(dismissed.cancelled());
        loop {
            tokio::select! {
                () = &mut closing => return self.close(close_code::AWAY, "the realm is going down".to_owned()).await,
                () = &mut dismissed => {
                    while let Ok(frame) = outgoing.events.try_recv() {
                        self.send(frame).await?;
                    }
                    return self.close(close_code::POLICY, "dismissed".to_owned()).await;
                }
                Some(frame) = outgoing.events.recv() => self.send_with_more(frame, &mut outgoing.events).await?,
                Some(frame) = outgoing.payloads.recv() => {
                    // The assignment that this is the input of stands there, if it was not sent before.
                    if let Some(Some(first)) = outgoing.events.recv().now_or_never() {
                        self.send_with_more(first, &mut outgoing.events).await?;
                    }
                    self.socket.send(Message::Binary(frame)).await.map_err(|_| Closed)?;
                }
                () = keys.changed() => {
                    if let Err(problem) = keys.check() {
                        return self.refuse(problem).await;
                    }
                }
                heard = self.hear() => match heard {
                    Ok(Said::Frame(bytes)) => {
                        if let Err(problem) = self.worker_payload(&link, &bytes).await? {
                            self.say(problem.job(), Body::Error(problem)).await?;
                        }
                    }
                    Ok(Said::Event(event)) => {
                        let job = event.subject;
                        if let Err(problem) = self.worker_event(&link, &mut key, event, link_us).await? {
                            self.say(job, Body::Error(problem)).await?;
                        }
                    }
                    Err(Heard::Wrong(problem)) => self.say(None, Body::Error(problem)).await?,
                    Err(Heard::Fatal(problem)) => return self.refuse(problem).await,
                    Err(Heard::Gone) => return Ok(()),
                },
            }
        }
    }

    /// Writes a frame and whatever else is ready, with one flush.
    async fn send_with_more(
        &mut self,
        frame: String,
        outgoing: &mut mpsc::Receiver<String>,
    ) -> Result<(), Closed> {
        self.socket.feed(Message::Text(frame.into())).await.map_err(|_| Closed)?;
        for _ in 1..FRAMES_PER_FLUSH {
            let Some(Some(more)) = outgoing.recv().now_or_never() else { break };
            self.socket.feed(Message::Text(more.into())).await.map_err(|_| Closed)?;
        }
        self.socket.flush().await.map_err(|_| Closed)
    }

    /// Takes what the worker says. The inner error is for the worker, the outer one ends the session.
    async fn worker_event(
        &mut self,
        link: &Link,
        key: &mut WorkerKey,
        event: Event,
        link_us: u64,
    ) -> Result<Result<(), Problem>, Closed> {
        if !matches!(event.body.way(), Way::WorkerToBroker | Way::AnyToBroker) {
            let detail = format!("a worker does not send {}", event.body.kind());
            return Ok(Err(Problem::new(ProblemKind::InvalidRequest, detail)));
        }
        let worker = link.worker;
        let input = match event.body {
            Body::WorkerChunk(piece) => {
                let Some(job) = event.subject else { return Ok(Err(need_subject())) };
                match self.piece(worker, job, piece) {
                    Some(input) => input,
                    None => return Ok(Ok(())),
                }
            }
            Body::WorkerPartial(partial) => {
                let Some(job) = event.subject else { return Ok(Err(need_subject())) };
                let Some(stream) = self.stream(worker, job, partial.lease) else { return Ok(Ok(())) };
                let written = stream.write_partial(clock::now(), partial.lease, partial.text);
                match self.note(&stream, worker, partial.lease, written) {
                    Some(input) => input,
                    None => return Ok(Ok(())),
                }
            }
            Body::WorkerPart(WorkPart { lease, part }) => {
                let Some(job) = event.subject else { return Ok(Err(need_subject())) };
                let Some(stream) = self.stream(worker, job, lease) else { return Ok(Ok(())) };
                let written = stream.announce_part(lease, part);
                match self.note(&stream, worker, lease, written) {
                    Some(input) => input,
                    None => return Ok(Ok(())),
                }
            }
            Body::WorkerDone(done) => {
                let Some(job) = event.subject else { return Ok(Err(need_subject())) };
                match self.done(link, key, job, done) {
                    Ok(Some(input)) => input,
                    Ok(None) => return Ok(Ok(())),
                    Err(problem) => return Ok(Err(problem)),
                }
            }
            Body::WorkerFailed(failed) => {
                let Some(job) = event.subject else { return Ok(Err(need_subject())) };
                failure(worker, job, failed)
            }
            Body::WorkerBeat(beat) => Input::WorkerBeat { worker, tokens_per_s: beat.tokens_per_s },
            Body::WorkerDrain(_) => Input::WorkerDraining { worker },
            Body::WorkerAnnounce(announcement) => {
                // A peer may have been one when it came, and be one no more.
                let wallet = Wallet { did: link.did.clone(), account: link.account, grant: None };
                if let Err(problem) = self.admit(&wallet) {
                    link.dismissed.cancel();
                    return Ok(Err(problem));
                }
                if let Some(fault) = announcement.fault() {
                    return Ok(Err(Problem::new(ProblemKind::InvalidRequest, fault)));
                }
                let house = self.is_house(link.account);
                let (account, did) = (link.account, link.did.clone());
                let embeds =
                    announcement.offers.iter().any(|offer| offer.capability == CapabilityKind::EMBED);
                let joined = Input::WorkerJoined { worker, account, did, house, announcement, link_us };
                self.app.realm.join(link.clone(), joined).await.map_err(|_| Closed)?;
                if embeds {
                    self.app.learn_examples();
                }
                return Ok(Ok(()));
            }
            _ => return Ok(Ok(())),
        };
        self.app.realm.input(input).await.map(Ok).map_err(|_| Closed)
    }

    /// Where a worker writes for a job, if this lease was given to it and to nobody else.
    fn stream(&self, worker: WorkerId, job: JobId, lease: u64) -> Option<Arc<JobStream>> {
        self.app.realm.streams.get(job).filter(|stream| stream.is_held_by(lease, worker))
    }

    /// A piece of an answer goes to the job's listeners at once. Only the first one concerns the core.
    fn piece(&self, worker: WorkerId, job: JobId, piece: Piece) -> Option<Input> {
        let lease = piece.lease;
        let stream = self.stream(worker, job, lease)?;
        let written = stream.write(clock::now(), lease, piece.text, piece.tokens);
        self.note(&stream, worker, lease, written)
    }

    /// The same of a piece of sound, or of a part.
    async fn worker_payload(&mut self, link: &Link, bytes: &Bytes) -> Result<Result<(), Problem>, Closed> {
        let frame = match read_frame(bytes, FrameKind::Output) {
            Ok(frame) => frame,
            Err(problem) => return Ok(Err(problem)),
        };
        let (worker, lease) = (link.worker, frame.lease);
        let Some(stream) = self.stream(worker, frame.job, lease) else { return Ok(Ok(())) };
        let written = stream.write_payload(clock::now(), lease, bytes.slice_ref(frame.payload));
        let input = self.note(&stream, worker, lease, written);
        match input {
            Some(input) => self.app.realm.input(input).await.map(Ok).map_err(|_| Closed),
            None => Ok(Ok(())),
        }
    }

    /// What the core has to know of a piece that was written.
    fn note(&self, stream: &JobStream, worker: WorkerId, lease: u64, written: Written) -> Option<Input> {
        let job = stream.job;
        match written {
            Written::First => {
                let (account, capability) = (stream.account, stream.capability.clone());
                self.app.realm.tell(Step {
                    job,
                    account,
                    capability,
                    step: FlowStep::FirstChunk,
                    worker: None,
                });
                Some(Input::Progressed { worker, job, lease })
            }
            Written::More | Written::Stale => None,
            Written::TooMuch => {
                let detail = format!("more than {} bytes came out of it", limits::OUTPUT_BYTES_MAX);
                let problem = Problem::new(ProblemKind::WorkerFailed, detail).about(job);
                Some(Input::JobFailed { worker, job, lease, problem, retry: Retry::No })
            }
            Written::Broken => {
                let detail = "a part came that is not as it was announced, or that is too much for one job";
                let problem = Problem::new(ProblemKind::WorkerFailed, detail).about(job);
                tracing::warn!(worker = worker.0, %job, detail, "a part was refused");
                stream.silence();
                Some(Input::JobFailed { worker, job, lease, problem, retry: Retry::Elsewhere })
            }
        }
    }

    /// A worker says that the answer is whole: that is believed when its signature holds and the answer is the one that
    /// came through here.
    fn done(
        &self,
        link: &Link,
        key: &mut WorkerKey,
        job: JobId,
        done: Done,
    ) -> Result<Option<Input>, Problem> {
        let (worker, lease) = (link.worker, done.lease);
        let Some(stream) = self.stream(worker, job, lease) else { return Ok(None) };
        let Some(same_output) = stream.check_lease_output(lease, &done.output) else { return Ok(None) };
        let text = Done::signing_text(job, lease, &done.output, &done.usage);
        let signature: Result<Signature, _> = done.signature.parse();
        let signed = signature.is_ok_and(|signature| key.has_signed(text.as_bytes(), &signature));
        if !(signed && same_output) {
            let detail = match signed {
                false => "the signature does not hold for this result",
                true => "the result is not the text that was sent",
            };
            let problem = Problem::new(ProblemKind::WorkerFailed, detail).about(job);
            tracing::warn!(worker = worker.0, %job, detail, "a result was refused");
            stream.silence();
            return Ok(Some(Input::JobFailed { worker, job, lease, problem, retry: Retry::Elsewhere }));
        }
        let (text, whole) = stream.answer();
        // Words that did not come through here are not billed, whatever the worker counts.
        let counted = stream.delivered();
        let usage = Usage {
            output_tokens: done.usage.output_tokens.min(counted.output_tokens),
            audio_ms: done.usage.audio_ms.min(if stream.counts_audio() {
                counted.audio_ms
            } else {
                u64::MAX
            }),
            images: done.usage.images.min(if stream.counts_images() { counted.images } else { u64::MAX }),
            ..done.usage
        };
        let salt = mtor_ledger::salt(&self.app.key, job);
        let output = mtor_ledger::answer_commitment(&salt, &text, whole);
        let Done { usage: claimed, finish, output: written, signature, .. } = done;
        let receipt = Receipt { by: link.did.clone(), lease, output: written, usage: claimed, signature };
        let receipt = serde_json::to_string(&receipt).map_err(|error| {
            tracing::error!(%error, "a receipt could not be written down");
            Problem::new(ProblemKind::Internal, "the receipt could not be written down")
        })?;
        let committed = mtor_ledger::commitment(&salt, receipt.as_bytes());
        stream.seal(receipt, committed);
        Ok(Some(Input::Finished { worker, job, lease, usage, finish, output, receipt: Some(committed) }))
    }
}

fn failure(worker: WorkerId, job: JobId, failed: WorkFailed) -> Input {
    let retry = match (failed.problem.known_kind(), failed.retry) {
        (Some(ProblemKind::ContextExceeded), _) => Retry::LargerWindow,
        (_, true) => Retry::Elsewhere,
        (_, false) => Retry::No,
    };
    Input::JobFailed { worker, job, lease: failed.lease, problem: failed.problem, retry }
}

fn need_subject() -> Problem {
    Problem::new(ProblemKind::InvalidRequest, "the event's subject must name the job")
}
