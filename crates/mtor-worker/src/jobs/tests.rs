use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::output::Output;
use crate::worker::Finished;
use mtor_protocol::{Body, CapabilityOffer, ChatTask, Event, FinishReason, Intent, Task, Timestamp};
use proptest::prelude::*;
use tokio::sync::{Semaphore, mpsc};
use tokio_tungstenite::tungstenite::Message;

/// Ends a job for each permit of its gate, whether the job was cancelled or not.
struct Gated {
    slots: u32,
    gate: Semaphore,
    running: AtomicU32,
    running_max: AtomicU32,
}

impl Gated {
    fn new(slots: u32) -> Arc<Self> {
        Arc::new(Self { slots, gate: Semaphore::new(0), running: 0.into(), running_max: 0.into() })
    }
}

impl Worker for Gated {
    fn announcement(&self) -> Announcement {
        Announcement::new("gated", [CapabilityOffer::new(CapabilityKind::CHAT, "gate", self.slots)])
    }

    async fn run(&self, _: Job, output: &mut Output) -> Result<Finished, JobError> {
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.running_max.fetch_max(running, Ordering::SeqCst);
        if let Ok(permit) = self.gate.acquire().await {
            permit.forget();
        }
        self.running.fetch_sub(1, Ordering::SeqCst);
        Ok(Finished { usage: output.usage(0), finish: FinishReason::Stop })
    }
}

fn jobs(worker: &Arc<Gated>, stop_grace: Duration) -> (Jobs<Gated>, mpsc::Receiver<Message>) {
    let (voice, frames) = Voice::new(Arc::new(mtor_identity::Keypair::from_seed([1; 32])));
    let mut jobs = Jobs::new(worker.clone(), voice, stop_grace);
    jobs.announced(&worker.announcement());
    (jobs, frames)
}

fn assignment(lease: u64) -> Run {
    let intent = Intent::any_model(Task::Chat(ChatTask::question("?"))).into();
    Run {
        lease,
        intent,
        prefix: String::new(),
        parts: 0,
        output_tokens_max: 1,
        deadline: Timestamp(0),
        hops: Vec::new(),
    }
}

fn heard(frames: &mut mpsc::Receiver<Message>) -> Vec<Body> {
    std::iter::from_fn(|| frames.try_recv().ok())
        .map(|frame| Event::parse(frame.to_text().unwrap()).unwrap().body)
        .collect()
}

#[tokio::test]
async fn a_job_that_does_not_stop_is_dropped() {
    let worker = Gated::new(1);
    let (mut jobs, mut frames) = jobs(&worker, Duration::from_millis(1));
    jobs.run(JobId(1), assignment(1)).await.unwrap();
    jobs.stop(1).await.unwrap();
    jobs.all_ended().await;
    match &heard(&mut frames)[..] {
        [Body::WorkerFailed(failed)] => assert!(!failed.retry),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn jobs_cancelled_together_never_start_if_they_waited() {
    let worker = Gated::new(1);
    let (mut jobs, mut frames) = jobs(&worker, Duration::from_millis(1));
    for lease in [1, 2] {
        jobs.run(JobId(lease.into()), assignment(lease)).await.unwrap();
        jobs.stop(1).await.unwrap();
    }
    assert!(jobs.cancel_all(), "the first time");
    assert!(!jobs.cancel_all(), "the second time");
    jobs.all_ended().await;
    assert_eq!(heard(&mut frames).len(), 2);
    assert!(worker.running_max.load(Ordering::SeqCst) <= 1);
}

#[derive(Debug, Clone)]
enum Step {
    Run,
    /// One of the leases given out so far.
    Stop(u64),
    /// One running job ends.
    Finish,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![Just(Step::Run), (0..30u64).prop_map(Step::Stop), Just(Step::Finish)];
    proptest::collection::vec(step, 0..60)
}

/// Takes the steps and says how often each lease was answered.
async fn answers(worker: &Arc<Gated>, steps: &[Step]) -> BTreeMap<u64, u32> {
    let (mut jobs, mut frames) = jobs(worker, Duration::from_secs(60));
    let mut answers = BTreeMap::new();
    let mut given = 0;
    for step in steps {
        match step {
            Step::Run => {
                given += 1;
                answers.insert(given, 0);
                jobs.run(JobId(given.into()), assignment(given)).await.unwrap();
            }
            Step::Stop(lease) => jobs.stop(*lease).await.unwrap(),
            Step::Finish if jobs.is_empty() => {}
            Step::Finish => {
                worker.gate.add_permits(1);
                let ended = jobs.next_ended().await.unwrap();
                jobs.ended(ended);
            }
        }
        count(heard(&mut frames), &mut answers);
    }
    worker.gate.close();
    jobs.all_ended().await;
    count(heard(&mut frames), &mut answers);
    answers
}

fn count(said: Vec<Body>, answers: &mut BTreeMap<u64, u32>) {
    for body in said {
        let lease = match body {
            Body::WorkerDone(done) => done.lease,
            Body::WorkerFailed(failed) => failed.lease,
            other => panic!("{other:?}"),
        };
        *answers.get_mut(&lease).expect("an answer to no assignment") += 1;
    }
}

proptest! {
    #[test]
    fn every_assignment_is_answered_once_and_the_slots_are_never_exceeded(slots in 1u32..4, steps in steps()) {
        let worker = Gated::new(slots);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let answers = runtime.block_on(answers(&worker, &steps));
        prop_assert!(answers.values().all(|times| *times == 1), "{answers:?}");
        prop_assert!(worker.running_max.load(Ordering::SeqCst) <= slots);
    }
}
