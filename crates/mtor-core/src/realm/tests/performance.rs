//! How well goals are kept can be seen, also while everybody wants something at once.

use mtor_protocol::ServiceClass;
use mtor_protocol::http::{ClassInfo, WalletShare};

use super::harness::*;
use crate::config::Config;
use crate::entry::NewJob;
use crate::goals::Goals;
use crate::{Input, WorkerId};

fn of(class: ServiceClass, id: u128) -> NewJob {
    for_ever(NewJob { class, ..job(id) })
}

fn class(world: &World, class: ServiceClass) -> ClassInfo {
    world.realm.queue_info(world.now).classes.remove(class as usize)
}

#[test]
fn the_first_word_is_what_counts() {
    let mut world = World::with(Config {
        goals: Goals { interactive_ms: 1_000, ..Goals::default() },
        ..Config::default()
    });
    world.join(1, [chat("small", 1)]);
    world.submit(of(ServiceClass::Interactive, 1));
    world.wait_ms(500);
    let (worker, lease) = world.assignment(1);
    world.handle(Input::Progressed { worker, job: mtor_protocol::JobId(1), lease });
    world.wait_ms(60_000);
    world.finish(1, 10);
    let info = class(&world, ServiceClass::Interactive);
    assert_eq!(
        (info.goal_ms, info.jobs, info.within_percent, info.index_permille),
        (1_000, 1, Some(100), Some(500))
    );
    // One without pieces has answered when it is done, here three times too late.
    world.submit(of(ServiceClass::Interactive, 2));
    world.wait_ms(3_500);
    let info = class(&world, ServiceClass::Interactive);
    assert_eq!((info.running, info.late, info.oldest_ms), (1, 1, Some(3_500)));
    world.finish(2, 10);
    let info = class(&world, ServiceClass::Interactive);
    assert_eq!((info.jobs, info.late, info.oldest_ms), (2, 0, None));
    // The first one is a minute old, and counts a little less.
    assert!((45..50).contains(&info.within_percent.unwrap()), "{info:?}");
    assert!((2_000..2_150).contains(&info.index_permille.unwrap()), "{info:?}");
}

#[test]
fn who_gives_up_before_the_goal_was_not_kept_waiting_and_who_gives_up_after_it_was() {
    let mut world = World::new();
    world.join(1, [chat("small", 1)]);
    world.submit(of(ServiceClass::Voice, 1));
    world.submit(of(ServiceClass::Voice, 2));
    world.submit(of(ServiceClass::Voice, 3));
    world.wait_ms(400);
    world.cancel(2, ALICE);
    assert_eq!(class(&world, ServiceClass::Voice).jobs, 0);
    world.wait_ms(400);
    world.cancel(3, ALICE);
    assert_eq!(class(&world, ServiceClass::Voice).within_percent, Some(0));
}

#[test]
fn at_mixed_load_everybody_is_served_and_the_shares_can_be_seen() {
    let mut world = World::new();
    world.join(1, [chat("small", 1)]);
    // Alice floods the realm, and Bob has a few jobs of each class.
    for id in 0..60 {
        world.submit(of(ServiceClass::Batch, 1_000 + id));
        world.submit(of(ServiceClass::Interactive, 2_000 + id));
    }
    for id in 0..4 {
        let bobs = |class, id| NewJob { account: BOB, ..of(class, id) };
        world.submit(bobs(ServiceClass::Batch, 3_000 + id));
        world.submit(bobs(ServiceClass::Interactive, 4_000 + id));
    }
    let shares = world.realm.queue_info(world.now).wallets;
    let share = |account, queued, running| WalletShare { account, queued, running };
    assert_eq!(shares, [share(ALICE, 119, 1), share(BOB, 8, 0)]);

    // One slot, a second for each job, and a voice job every three seconds.
    let (mut order, mut voices) = (Vec::new(), 0);
    while world.realm.queue_info(world.now).running > 0 {
        world.wait_ms(1_000);
        world.handle(Input::WorkerBeat { worker: WorkerId(1), tokens_per_s: None });
        if (world.now.0 / 1_000).is_multiple_of(3) && voices < 80 {
            world.submit(of(ServiceClass::Voice, 5_000 + voices));
            voices += 1;
        }
        let running: Vec<u128> =
            world.realm.jobs.keys().map(|job| job.0).filter(|job| world.worker_of(*job).is_some()).collect();
        world.finish(running[0], 10);
        order.push(running[0]);
    }
    assert_eq!(order.len(), 128 + voices as usize, "nobody is left behind");
    let place = |id| order.iter().position(|served| *served == id).unwrap();
    // Bob's four come long before the last of Alice's sixty, although hers were there first.
    assert!(place(4_003) < place(2_030), "{} and {}", place(4_003), place(2_030));
    assert!(place(3_003) < place(1_030), "{} and {}", place(3_003), place(1_030));
    let voice = class(&world, ServiceClass::Voice);
    let interactive = class(&world, ServiceClass::Interactive);
    let mean_ms = |info: &ClassInfo| u64::from(info.index_permille.unwrap()) * info.goal_ms / 1_000;
    assert!(mean_ms(&voice) * 4 < mean_ms(&interactive), "{voice:?} {interactive:?}");
    assert!(
        interactive.within_percent < Some(50),
        "a minute's work for one slot can't be done in five seconds"
    );
    assert_eq!(class(&world, ServiceClass::Batch).within_percent, Some(100));
}
