//! What one job costs the core: submitted, assigned to the best of so many workers, and finished. DESIGN's budget: at
//! most 5 us, and at most three times as much with 10,000 workers as with 10.
//!
//! Run with `cargo bench -p mtor-core`.

use std::collections::VecDeque;

use mtor_core::{Config, Input, Meter, NewJob, Output, Realm, State, Ticket, WorkerId};
use mtor_protocol::worker::OfferLimits;
use mtor_protocol::{
    AccountId, Announcement, CapabilityKind, CapabilityOffer, Did, Digest, FinishReason, JobId, Micro, Price,
    Privacy, ServiceClass, Timestamp, Usage,
};

const SIZES: [u64; 4] = [10, 100, 1_000, 10_000];
const NOW: Timestamp = Timestamp(1_700_000_000_000);

fn main() {
    divan::main();
}

struct NothingDelivered;

impl Meter for NothingDelivered {
    fn delivered(&self, _: JobId) -> Usage {
        Usage::default()
    }

    fn carried(&self, _: JobId) -> u64 {
        0
    }
}

/// A realm where the time never passes, with a price of nothing, so that no wallet runs dry.
struct Bench {
    realm: Realm,
    outputs: Vec<Output>,
    jobs: u128,
    now: Timestamp,
}

impl Bench {
    /// `shapes` different combinations of limits among the workers.
    fn new(workers: u64, shapes: u64) -> Self {
        let config = Config { price_otherwise: Price::default(), ..Config::default() };
        let mut bench =
            Self { realm: Realm::new(config, State::default(), 1), outputs: Vec::new(), jobs: 0, now: NOW };
        bench.realm.found(NOW, AccountId(9), &mut bench.outputs).expect("it is new");
        for worker in 0..workers {
            let offer = CapabilityOffer {
                limits: OfferLimits {
                    input_bytes: Some(10_000 + (worker % shapes) as u32),
                    ..OfferLimits::default()
                },
                tokens_per_s: Some(5.0 + (worker * 7919 % 1_000) as f32),
                ..CapabilityOffer::new(CapabilityKind::CHAT, ["small", "big"][worker as usize % 2], 4)
            };
            bench.handle(Input::WorkerJoined {
                worker: WorkerId(worker),
                account: AccountId(1_000 + u128::from(worker)),
                did: Did(format!("did:key:z{worker}")),
                house: false,
                announcement: Announcement::new(format!("worker {worker}"), [offer]),
                link_us: worker * 31 % 2_000,
            });
        }
        bench
    }

    fn handle(&mut self, input: Input) {
        self.outputs.clear();
        let handled = self.realm.handle(self.now, input, &NothingDelivered, &mut self.outputs);
        handled.expect("the books take every decision");
    }

    fn submit(&mut self, privacy: Privacy, prefix: Option<u64>) -> (WorkerId, JobId, u64) {
        self.jobs += 1;
        let job = NewJob {
            id: JobId(u128::from(NOW.0) << 80 | self.jobs),
            account: AccountId(1_000 + self.jobs % 10),
            payer: None,
            capability: CapabilityKind::CHAT,
            model: "default".to_owned(),
            class: ServiceClass::Interactive,
            privacy,
            request: Digest([1; 32]),
            order: None,
            input_bytes: 100,
            input_tokens_max: 100,
            output_tokens_max: 100,
            audio_ms_max: 0,
            images_max: 0,
            needs: Default::default(),
            deadline: NOW.plus_ms(600_000),
            max_price: Some(Micro::coins(1)),
            prefix,
            hops: Vec::new(),
            quote: None,
            grant: None,
        };
        self.handle(Input::Submit { ticket: Ticket(0), job });
        match self.outputs.last() {
            Some(Output::Assign { worker, job, lease, .. }) => (*worker, *job, *lease),
            other => panic!("not assigned: {other:?}"),
        }
    }

    fn finish(&mut self, (worker, job, lease): (WorkerId, JobId, u64)) {
        let usage = Usage { input_tokens: 50, output_tokens: 50, ..Usage::default() };
        let (finish, output) = (FinishReason::Stop, Digest([2; 32]));
        // A job takes about as long as its worker is slow, so that measured and announced speeds stay alike.
        self.now = self.now.plus_ms(self.jobs as u64 % 3);
        self.handle(Input::Finished { worker, job, lease, usage, finish, output, receipt: None });
    }

    /// One job from submit to settled, while `running` others are under way.
    fn job(&mut self, running: &mut VecDeque<(WorkerId, JobId, u64)>, prefix: bool) {
        let prefix = prefix.then_some(self.jobs as u64 % 50);
        let job = self.submit(Privacy::Realm, prefix);
        running.push_back(job);
        if let Some(oldest) = running.pop_front() {
            self.finish(oldest);
        }
    }
}

/// Fills half of the slots, then measures one job in and one out.
fn run(bencher: divan::Bencher<'_, '_>, workers: u64, shapes: u64, prefix: bool) {
    let mut bench = Bench::new(workers, shapes);
    let mut running = VecDeque::new();
    for _ in 0..(workers * 2).min(200) {
        running.push_back(bench.submit(Privacy::Realm, None));
    }
    bencher.bench_local(|| bench.job(&mut running, prefix));
}

#[divan::bench(args = SIZES, sample_count = 200, sample_size = 50)]
fn submit_assign_finish(bencher: divan::Bencher<'_, '_>, workers: u64) {
    run(bencher, workers, 4, false);
}

#[divan::bench(args = SIZES, sample_count = 200, sample_size = 50)]
fn with_a_prefix(bencher: divan::Bencher<'_, '_>, workers: u64) {
    run(bencher, workers, 4, true);
}

#[divan::bench(args = SIZES, sample_count = 200, sample_size = 50)]
fn no_two_workers_alike(bencher: divan::Bencher<'_, '_>, workers: u64) {
    run(bencher, workers, workers, false);
}

#[divan::bench(args = SIZES, sample_count = 200, sample_size = 50)]
fn for_own_workers(bencher: divan::Bencher<'_, '_>, workers: u64) {
    let mut bench = Bench::new(workers, 4);
    bencher.bench_local(|| {
        let job = bench.submit(Privacy::Own, None);
        bench.finish(job);
    });
}

#[divan::bench(args = SIZES, sample_count = 200, sample_size = 50)]
fn a_beat(bencher: divan::Bencher<'_, '_>, workers: u64) {
    let mut bench = Bench::new(workers, 4);
    let mut turn = 0;
    bencher.bench_local(|| {
        turn += 1;
        let (worker, speed) = (WorkerId(turn % workers), 5.0 + (turn % 100) as f32);
        bench.handle(Input::WorkerBeat { worker, tokens_per_s: Some(speed) });
    });
}
