//! Coins: held at the most, paid at the actual, the rest free again; divided between workers and treasury.

use mtor_protocol::{AccountId, Digest, JobId, Micro, ProblemKind};

use super::harness::*;
use crate::entry::{NewJob, Outcome};
use crate::{BURN, Config, ESCROW, ISSUER, Input, Output, Retry, Splits, TREASURY};

const WORKER: AccountId = AccountId(WORKERS + 1);

fn one_worker() -> World {
    let mut world = World::new();
    world.join(1, [chat("small", 1)]);
    world
}

fn minus(from: Micro, what: u64) -> Micro {
    Micro(from.0 - what)
}

#[test]
fn the_most_is_held_the_actual_is_paid_and_the_rest_is_free_again() {
    let mut world = one_worker();
    world.submit(job(1));
    assert_eq!(world.available(ALICE), minus(COINS, 600));
    assert_eq!(world.account(ESCROW).credits_pending, Micro(600));
    world.finish(1, 25);
    // 100 for the job, 10 for reading 10 tokens, 100 for writing 25; nine tenths are the worker's.
    assert_eq!(world.available(ALICE), minus(COINS, 210));
    assert_eq!(world.account(ESCROW).credits_pending, Micro::ZERO);
    assert_eq!((world.available(WORKER), world.available(TREASURY)), (Micro(189), Micro(21)));
    let info = &world.realm.worker_infos()[0];
    assert_eq!((info.jobs_done, info.earned), (1, Micro(189)));
}

#[test]
fn a_worker_can_not_bill_more_than_was_asked_for() {
    let mut world = one_worker();
    world.submit(job(1));
    let (worker, lease) = world.assignment(1);
    let outputs = world.handle(finished(worker, 1, lease, usage(u64::MAX, u64::MAX)));
    let (_, used, cost, _) = settled(&outputs, 1).unwrap();
    assert_eq!((used, cost), (usage(100, 100), Micro(600)));
    assert_eq!(world.available(ALICE), minus(COINS, 600));
}

#[test]
fn what_fails_costs_nothing_even_if_words_had_come() {
    let mut world = one_worker();
    world.submit(job(1));
    world.deliver(1, 50);
    let outputs = world.fail(1, Retry::No);
    let (outcome, used, cost, problem) = settled(&outputs, 1).unwrap();
    assert_eq!((outcome, used, cost), (Outcome::Failed, usage(0, 50), Micro::ZERO));
    assert_eq!(problem.unwrap().detail, "it broke");
    assert_eq!(world.available(ALICE), COINS);
}

#[test]
fn what_is_cancelled_costs_what_was_delivered() {
    let mut world = one_worker();
    world.submit(job(1));
    world.submit(job(2));
    world.deliver(1, 50);
    let lease = world.assignment(1).1;
    let outputs = world.cancel(1, ALICE);
    let (outcome, _, cost, problem) = settled(&outputs, 1).unwrap();
    assert_eq!((outcome, cost, problem), (Outcome::Cancelled, Micro(100 + 200), None));
    assert!(
        outputs
            .iter()
            .any(|output| matches!(output, Output::Stop { lease: stopped, .. } if *stopped == lease))
    );
    assert_eq!(assigned(&outputs), [(2, 1)], "its slot is free at once");
    let outputs = world.cancel(2, ALICE);
    assert_eq!(settled(&outputs, 2).unwrap().2, Micro::ZERO, "not a word had come");
    assert_eq!(world.available(ALICE), minus(COINS, 300));
    assert_eq!(world.available(WORKER), Micro(270));
}

#[test]
fn only_its_wallet_cancels_a_job_and_only_once() {
    let mut world = one_worker();
    world.submit(job(1));
    let refused = |outputs: Vec<Output>| match &outputs[..] {
        [Output::Refused { problem, .. }] => problem.known_kind(),
        other => panic!("not refused: {other:?}"),
    };
    assert_eq!(refused(world.cancel(1, BOB)), Some(ProblemKind::NotFound));
    assert!(matches!(world.cancel(1, ALICE).last(), Some(Output::Done { .. })));
    assert_eq!(refused(world.cancel(1, ALICE)), Some(ProblemKind::Conflict));
}

#[test]
fn a_waiting_job_is_cancelled_out_of_its_line() {
    let mut world = one_worker();
    world.submit(job(1));
    world.submit(job(2));
    let outputs = world.cancel(2, ALICE);
    assert!(!outputs.iter().any(|output| matches!(output, Output::Stop { .. })));
    assert_eq!(assigned(&world.finish(1, 1)), []);
}

#[test]
fn the_treasury_can_take_all_or_nothing() {
    for (permille, worker, treasury) in [(0, 0, 210), (1_000, 210, 0)] {
        let splits = Splits::new(permille, 1_000 - permille, 0).unwrap();
        let mut world = World::with(Config { splits, ..Config::default() });
        world.join(1, [chat("small", 1)]);
        world.submit(job(1));
        world.finish(1, 25);
        assert_eq!((world.available(WORKER), world.available(TREASURY)), (Micro(worker), Micro(treasury)));
    }
}

#[test]
fn what_is_burnt_is_gone_and_the_books_balance() {
    let splits = Splits::new(700, 200, 100).unwrap();
    let mut world = World::with(Config { splits, ..Config::default() });
    world.join(1, [chat("small", 1)]);
    world.submit(job(1));
    world.finish(1, 25);
    let had = [WORKER, TREASURY, BURN].map(|account| world.available(account));
    assert_eq!(had, [Micro(147), Micro(42), Micro(21)]);
    let books = world.realm.state().books();
    books.check().unwrap();
    // The realm owes nothing for it: the liabilities are those of wallets alone.
    let owed: u64 = books.lines().map(|line| line.available.0 + line.held.0).sum();
    assert_eq!(books.balances().liabilities, Micro(owed));
    assert!(books.lines().all(|line| line.account != BURN));
}

#[test]
fn ones_own_worker_is_paid_like_any_other() {
    let mut world = World::new();
    world.handle(joined(1, ALICE, false, [chat("small", 1)]));
    world.submit(job(1));
    world.finish(1, 25);
    assert_eq!(world.available(ALICE), minus(COINS, 21), "only the treasury's part has left");
}

#[test]
fn a_price_of_nothing_is_a_price() {
    let mut world = World::with(Config { price_otherwise: Default::default(), ..Config::default() });
    world.join(1, [chat("small", 1)]);
    let stranger = AccountId(777);
    world.submit(NewJob { account: stranger, ..job(1) });
    assert_eq!(settled(&world.finish(1, 25), 1).unwrap().2, Micro::ZERO);
}

struct Send(u128, AccountId, AccountId, u64);

impl World {
    fn send(&mut self, Send(id, from, to, amount): Send) -> Result<(), (ProblemKind, String)> {
        let (ticket, memo) = (self.ticket(), Digest([4; 32]));
        let amount = Micro(amount);
        let transfer = Input::Transfer { ticket, id: JobId(id), from, to, amount, memo };
        match &self.handle(transfer)[..] {
            [Output::Done { .. }] => Ok(()),
            [Output::Refused { problem, .. }] => Err((problem.known_kind().unwrap(), problem.detail.clone())),
            other => panic!("neither done nor refused: {other:?}"),
        }
    }
}

#[test]
fn coins_move_between_wallets_once_for_each_id() {
    let mut world = World::new();
    assert_eq!(world.send(Send(9, ALICE, BOB, 500)), Ok(()));
    assert_eq!(world.send(Send(9, ALICE, BOB, 500)), Ok(()), "the same again is the same transfer");
    assert_eq!(world.available(BOB), Micro(COINS.0 + 500));
    let kind = |result: Result<(), (ProblemKind, String)>| result.unwrap_err().0;
    assert_eq!(kind(world.send(Send(9, ALICE, BOB, 501))), ProblemKind::Conflict);
    assert_eq!(kind(world.send(Send(9, BOB, ALICE, 500))), ProblemKind::Conflict);
    assert_eq!(kind(world.send(Send(10, ALICE, BOB, 0))), ProblemKind::InvalidRequest);
    assert_eq!(kind(world.send(Send(10, ALICE, ALICE, 1))), ProblemKind::InvalidRequest);
    assert_eq!(kind(world.send(Send(10, ALICE, ESCROW, 1))), ProblemKind::Forbidden);
    assert_eq!(kind(world.send(Send(10, ALICE, ISSUER, 1))), ProblemKind::Forbidden);
    assert_eq!(kind(world.send(Send(10, ALICE, BURN, 1))), ProblemKind::Forbidden);
    assert_eq!(
        world.send(Send(10, ALICE, BOB, COINS.0)),
        Err((ProblemKind::InsufficientFunds, "99.9995 coins are available, not 100".to_owned()))
    );
    assert_eq!(world.send(Send(10, ALICE, BOB, COINS.0 - 500)), Ok(()), "a refused id is not used up");
    assert_eq!(world.available(ALICE), Micro::ZERO);
}

#[test]
fn a_jobs_id_is_no_transfers_id() {
    let mut world = one_worker();
    world.submit(job(9));
    assert_eq!(world.send(Send(9, ALICE, BOB, 1)).unwrap_err().0, ProblemKind::Conflict, "while it runs");
    world.finish(9, 1);
    assert_eq!(world.send(Send(9, ALICE, BOB, 1)).unwrap_err().0, ProblemKind::Conflict, "and after");
    assert_eq!(world.send(Send(10, ALICE, BOB, 1)), Ok(()));
    assert_eq!(world.refused(job(10)).known_kind(), Some(ProblemKind::Conflict));
}

#[test]
fn what_is_held_can_not_be_sent() {
    let mut world = one_worker();
    world.submit(job(1));
    let all_but_the_hold = COINS.0 - 600;
    assert!(world.send(Send(9, ALICE, BOB, all_but_the_hold + 1)).is_err());
    assert_eq!(world.send(Send(9, ALICE, BOB, all_but_the_hold)), Ok(()));
}
