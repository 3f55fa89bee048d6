//! One session with the broker, from the welcome to the end of the link.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::SplitStream;
use mtor_protocol::body::Welcome;
use mtor_protocol::worker::{Beat, Drain};
use mtor_protocol::{Announcement, Body, Event, Frame, FrameKind, JobId, ProblemKind};
use tokio::task::JoinError;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep, timeout};
use tokio_tungstenite::tungstenite::{self, Bytes, Message};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::clock;
use crate::defaults::{BEAT_MAX, BEAT_MIN, CLOSE_TIMEOUT, RUN_BYTES_MAX, SILENT_BEATS_MAX, STOP_GRACE};
use crate::error::WorkerError;
use crate::jobs::Jobs;
use crate::link::{self, LinkError, Socket, Voice};
use crate::settings::Settings;
use crate::worker::{JobError, Worker};

/// How a session ended without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// This worker was asked to shut down, and has.
    Shutdown,
    /// The realm is going down; it may come back.
    RealmDrained,
}

/// What this worker announces, if it is valid.
pub(crate) fn announcement<W: Worker>(worker: &W, settings: &Settings) -> Result<Announcement, WorkerError> {
    let mut announcement = worker.announcement();
    if announcement.software.is_empty() {
        announcement.software.clone_from(&settings.software);
    }
    match announcement.fault() {
        Some(fault) => Err(WorkerError::Announcement(fault)),
        None => Ok(announcement),
    }
}

/// Serves the realm at the other end of `socket` until the link or the worker ends. No job outlives it.
pub(crate) async fn run<W: Worker>(
    worker: &Arc<W>,
    socket: Socket,
    welcome: &Welcome,
    settings: &Settings,
    shutdown: &CancellationToken,
) -> Result<End, LinkError> {
    let (sink, mut stream) = socket.split();
    let (voice, frames) = Voice::new(settings.keypair.clone());
    let mut writer = AbortOnDropHandle::new(tokio::spawn(link::write(sink, frames)));
    let jobs = Jobs::new(worker.clone(), voice.clone(), STOP_GRACE);
    let beat = beats(welcome.beat_ms);
    let mut session = Session { worker, settings, jobs, voice, beat, silent_beats: 0, leaving: None };

    let end = session.serve(&mut stream, &mut writer, shutdown).await;
    if end.is_ok() {
        // With the last speaker gone, the writer sends what is left, says goodbye and ends. What the broker still has to
        // say is read: closing on unread bytes would reset the connection under the last frames.
        drop(session);
        let goodbye = async {
            let _ = writer.await;
            while let Some(Ok(message)) = stream.next().await
                && !message.is_close()
            {}
        };
        let _ = timeout(CLOSE_TIMEOUT, goodbye).await;
    } else {
        // Without the writer the queue is closed, so that no job waits for a place in it.
        drop(writer);
        session.jobs.cancel_all();
        let _ = timeout(2 * STOP_GRACE, session.jobs.all_ended()).await;
    }
    end
}

fn beats(beat_ms: u64) -> Interval {
    let period = Duration::from_millis(beat_ms).clamp(BEAT_MIN, BEAT_MAX);
    let mut beat = interval_at(Instant::now() + period, period);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beat
}

struct Session<'a, W> {
    worker: &'a Arc<W>,
    settings: &'a Settings,
    jobs: Jobs<W>,
    voice: Voice,
    beat: Interval,
    /// Beats since the broker was last heard.
    silent_beats: u32,
    /// How this session will end, once it is to: when its last job does.
    leaving: Option<End>,
}

impl<W: Worker> Session<'_, W> {
    async fn serve(
        &mut self,
        stream: &mut SplitStream<Socket>,
        writer: &mut AbortOnDropHandle<Result<(), tungstenite::Error>>,
        shutdown: &CancellationToken,
    ) -> Result<End, LinkError> {
        let settings = self.settings;
        self.announce().await?;
        // Made once and polled again and again: making them anew for each frame would cost a lock each.
        let mut announce_again = pin!(settings.handle.asked());
        let mut shutdown_asked = pin!(shutdown.cancelled());
        let mut patience = pin!(sleep(Duration::MAX));
        loop {
            if let Some(end) = self.leaving.filter(|_| self.jobs.is_empty()) {
                return Ok(end);
            }
            let shutting_down = self.leaving == Some(End::Shutdown);
            tokio::select! {
                message = stream.next() => self.hear(message).await?,
                ended = self.jobs.next_ended() => self.jobs.ended(ended?),
                _ = self.beat.tick() => self.on_beat()?,
                // Not while leaving: an announcement is an offer to take jobs.
                () = &mut announce_again, if self.leaving.is_none() => {
                    announce_again.set(settings.handle.asked());
                    self.announce().await?;
                }
                () = &mut shutdown_asked, if !shutting_down => {
                    self.drain().await?;
                    patience.as_mut().reset(Instant::now() + settings.grace);
                }
                () = &mut patience, if shutting_down => {
                    if self.jobs.cancel_all() {
                        tracing::warn!(grace = ?settings.grace, "jobs still run; they are cancelled and go to other workers");
                        patience.as_mut().reset(Instant::now() + 2 * STOP_GRACE);
                    } else {
                        tracing::error!("a job blocks its thread and can't be cancelled; leaving without it");
                        return Ok(End::Shutdown);
                    }
                }
                written = &mut *writer => return Err(LinkError::Lost(write_fault(written))),
            }
        }
    }

    async fn announce(&mut self) -> Result<(), LinkError> {
        let announcement = announcement(&**self.worker, self.settings)?;
        self.jobs.announced(&announcement);
        self.voice.say(None, Body::WorkerAnnounce(announcement)).await
    }

    /// Still here. And still there? A broker that says nothing is asked.
    fn on_beat(&mut self) -> Result<(), LinkError> {
        if self.silent_beats >= SILENT_BEATS_MAX {
            let silent = self.beat.period() * SILENT_BEATS_MAX;
            return Err(LinkError::Lost(format!("nothing heard of the broker for more than {silent:?}")));
        }
        let beat = Body::WorkerBeat(Beat { tokens_per_s: self.worker.tokens_per_s() });
        let beat = self.voice.frame(JobId::generate().to_string(), None, beat);
        // A full queue keeps the link busy without a beat.
        let _ = self.voice.queue.try_send(beat);
        if self.silent_beats > 0 {
            let _ = self.voice.queue.try_send(Message::Ping(Bytes::new()));
        }
        self.silent_beats += 1;
        Ok(())
    }

    /// No new jobs; those that run may finish.
    async fn drain(&mut self) -> Result<(), LinkError> {
        tracing::info!(grace = ?self.settings.grace, "shutting down: no new jobs, running ones may finish");
        self.leaving = Some(End::Shutdown);
        self.jobs.close("this worker is shutting down");
        self.voice.say(None, Body::WorkerDrain(Drain { reason: "shutting down".to_owned() })).await
    }

    async fn hear(&mut self, message: Option<Result<Message, tungstenite::Error>>) -> Result<(), LinkError> {
        self.silent_beats = 0;
        match message {
            Some(Ok(Message::Text(text))) => self.on_text(&text).await,
            Some(Ok(Message::Close(frame))) => Err(LinkError::Lost(link::closed(frame.as_ref()))),
            Some(Ok(Message::Binary(bytes))) => {
                self.on_frame(bytes);
                Ok(())
            }
            Some(Ok(_)) => Ok(()),
            Some(Err(error)) => Err(LinkError::lost(error)),
            None => Err(LinkError::Lost(link::closed(None))),
        }
    }

    fn on_frame(&mut self, bytes: Bytes) {
        match Frame::decode(&bytes) {
            Ok(frame) if frame.kind == FrameKind::Input => {
                self.jobs.input(frame.lease, bytes.slice_ref(frame.payload));
            }
            Ok(_) => tracing::warn!("an output frame from the broker is ignored"),
            Err(error) => tracing::warn!(%error, "a binary frame from the broker is ignored"),
        }
    }

    async fn on_text(&mut self, text: &str) -> Result<(), LinkError> {
        let event = match Event::parse(text) {
            Ok(event) => event,
            Err(error) => {
                tracing::warn!(%error, "a frame from the broker is ignored");
                return Ok(());
            }
        };
        match (event.body, event.subject) {
            (Body::WorkerRun(run), Some(job)) if text.len() > RUN_BYTES_MAX => {
                let detail = format!(
                    "a job has at most {RUN_BYTES_MAX} bytes on its way to a worker, not {}",
                    text.len()
                );
                self.jobs.refuse(job, run.lease, JobError::refused(ProblemKind::TooLarge, detail)).await
            }
            (Body::WorkerRun(mut run), Some(job)) => {
                run.deadline = clock::here(run.deadline, event.time);
                self.jobs.run(job, run).await
            }
            (Body::WorkerStop(stop), _) => self.jobs.stop(stop.lease).await,
            (Body::WorkerDrain(drain), _) => {
                tracing::info!(reason = drain.reason, "the realm is going down: running jobs may finish");
                self.jobs.close("the realm is going down");
                self.leaving.get_or_insert(End::RealmDrained);
                Ok(())
            }
            (Body::Error(problem), None) if link::shuts_out(problem.known_kind()) => {
                Err(WorkerError::Refused(problem).into())
            }
            (Body::Error(problem), job) => {
                tracing::warn!(job = job.map(tracing::field::display), %problem, "the broker reports a problem");
                Ok(())
            }
            (body, _) => {
                tracing::warn!(kind = body.kind(), "an event that means nothing to a worker is ignored");
                Ok(())
            }
        }
    }
}

fn write_fault(written: Result<Result<(), tungstenite::Error>, JoinError>) -> String {
    match written {
        Ok(Ok(())) => "the link was closed".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(error) => format!("the writer broke: {error}"),
    }
}
