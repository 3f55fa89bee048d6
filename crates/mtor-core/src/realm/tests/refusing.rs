//! What can't be done is refused at once, with the reason in numbers; nothing has changed then.

use insta::assert_snapshot;
use mtor_protocol::worker::{Needs, OfferLimits};
use mtor_protocol::{CapabilityKind, CapabilityOffer, Micro, Price, Privacy, ProblemKind};

use super::harness::*;
use crate::entry::NewJob;
use crate::{Config, Input, WorkerId};

/// The refusal's kind, status, field, retry time and detail.
fn refusal(world: &mut World, job: NewJob) -> String {
    let (entries, id) = (world.journal.len(), job.id);
    let problem = world.refused(job);
    assert_eq!(world.journal.len(), entries, "a refusal changes nothing");
    assert_eq!(problem.instance, Some(id.to_string()));
    let kind = problem.kind.rsplit(':').next().unwrap_or_default();
    let param = problem.param.map_or(String::new(), |param| format!(" [{param}]"));
    let retry = problem.retry_after.map_or(String::new(), |seconds| format!(" (again in {seconds} s)"));
    format!("{} {kind}{param}{retry}: {}", problem.status, problem.detail)
}

fn limited(limits: OfferLimits) -> CapabilityOffer {
    CapabilityOffer { limits, ..chat("small", 1) }
}

fn bytes(input_bytes: u32) -> CapabilityOffer {
    limited(OfferLimits { input_bytes: Some(input_bytes), ..OfferLimits::default() })
}

fn greedy() -> CapabilityOffer {
    CapabilityOffer { price: Price { job: Micro::coins(1), ..Price::default() }, ..chat("small", 1) }
}

#[test]
fn nobody_offers_it() {
    let mut world = World::new();
    assert_snapshot!(refusal(&mut world, job(7)), @"503 no-worker (again in 5 s): no attached worker offers chat; no worker is attached at all");
    let offer = |name| CapabilityOffer::new(CapabilityKind::new(name).unwrap(), "m", 1);
    world.join(1, [offer("tool.tea"), offer("embed")]);
    assert_snapshot!(refusal(&mut world, job(7)), @"503 no-worker (again in 5 s): no attached worker offers chat; attached workers offer: embed, tool.tea");
}

#[test]
fn nobody_runs_the_model() {
    let mut world = World::new();
    world.join(1, ('a'..='j').map(|name| chat(&name.to_string(), 1)).collect::<Vec<_>>());
    let wrong = NewJob { model: "huge".to_owned(), ..job(7) };
    assert_snapshot!(refusal(&mut world, wrong), @r#"404 unknown-model [model]: no attached worker offers chat with the model "huge"; there are: default, a, b, c, d, e, f, g, h and 2 more"#);
}

#[test]
fn nobody_calls_tools_or_keeps_to_a_schema() {
    let mut world = World::new();
    let (tools, json) = (Needs { tools: true, json: false }, Needs { tools: false, json: true });
    world.join(1, [chat("small", 1)]);
    let needing = |needs| NewJob { needs, ..job(7) };
    assert_snapshot!(refusal(&mut world, needing(tools)), @"422 infeasible: the only offer of chat can't take this: it calls no tools");
    world.join(2, [CapabilityOffer { can: tools, ..chat("small", 1) }]);
    assert_snapshot!(refusal(&mut world, needing(json)), @"422 infeasible: of 2 offers of chat none can take this: 2 keep to no JSON schema");
    world.submit(needing(tools));
    assert_eq!(world.worker_of(7).map(|(worker, _)| worker), Some(WorkerId(2)));
}

#[test]
fn nobody_can_take_it() {
    let mut world = World::new();
    world.join(1, [bytes(40)]);
    assert_snapshot!(refusal(&mut world, job(7)), @"422 infeasible: the only offer of chat can't take this: it takes at most 40 bytes of text, this has 50");
    world.join(2, [bytes(40)]);
    world.join(3, [bytes(49)]);
    world.join(4, [greedy()]);
    assert_snapshot!(refusal(&mut world, job(7)), @"422 infeasible: of 4 offers of chat none can take this: 2 take at most 40 bytes of text, this has 50; 1 takes at most 49 bytes of text, this has 50; 1 asks more than the realm's price");
    for worker in 5..9 {
        world.join(worker, [bytes(worker as u32)]);
    }
    assert_snapshot!(refusal(&mut world, job(7)), @"422 infeasible: of 8 offers of chat none can take this: 1 takes at most 5 bytes of text, this has 50; 1 takes at most 6 bytes of text, this has 50; 1 takes at most 7 bytes of text, this has 50; 1 takes at most 8 bytes of text, this has 50; and 3 more reasons");
}

#[test]
fn nobody_may_see_it() {
    let mut world = World::new();
    world.join(1, [chat("small", 1), chat("big", 1)]);
    let own = |id| NewJob { privacy: Privacy::Own, ..job(id) };
    assert_snapshot!(refusal(&mut world, own(7)), @"422 infeasible: of 2 offers of chat none can take this: 2 are not your own, and the job is for your own workers only");
    world.handle(joined(2, ALICE, false, [greedy()]));
    assert_snapshot!(refusal(&mut world, own(7)), @"422 infeasible: of 3 offers of chat none can take this: 1 asks more than the realm's price; 2 are not your own, and the job is for your own workers only");
}

#[test]
fn too_much_is_asked() {
    let mut world = World::new();
    world.join(1, [chat("small", 1)]);
    let long = NewJob { output_tokens_max: 32_769, ..job(7) };
    assert_snapshot!(refusal(&mut world, long), @"400 invalid-request [max_tokens]: at most 32768 tokens can be asked for, not 32769");
    let cheap = NewJob { max_price: Some(Micro(599)), ..job(7) };
    assert_snapshot!(refusal(&mut world, cheap), @"422 infeasible [max_price]: this can cost up to 0.0006 coins, and max_price allows 0.000599");
    assert_eq!(assigned(&world.submit(NewJob { max_price: Some(Micro(600)), ..job(7) })), [(7, 1)]);
}

#[test]
fn it_can_not_be_paid() {
    let price = Price { output_ktoken: Micro::coins(900), ..Price::default() };
    let mut world = World::with(Config { price_otherwise: price, ..Config::default() });
    world.join(1, [chat("small", 9)]);
    world.submit(job(6));
    assert_snapshot!(refusal(&mut world, job(7)), @"402 insufficient-funds: this can cost up to 90 coins, and 10 are available; ask for fewer tokens, or fill the wallet up");
    assert_eq!(assigned(&world.submit(NewJob { account: BOB, ..job(8) })), [(8, 1)], "Bob's coins are his");
}

#[test]
fn the_realm_goes_down() {
    let mut world = World::new();
    world.join(1, [chat("small", 1)]);
    world.submit(job(1));
    world.submit(job(2));
    assert_eq!(world.handle(Input::Drain), []);
    assert_snapshot!(refusal(&mut world, job(3)), @"503 draining (again in 10 s): the realm finishes what it has and takes no new jobs; ask again when it is back");
    let problem = world.realm.quote(world.now, &job(3)).unwrap_err();
    assert_eq!(problem.known_kind(), Some(ProblemKind::Draining));
    assert_eq!(assigned(&world.finish(1, 1)), [(2, 1)], "what it has is finished");
    assert!(world.realm.is_draining());
}

#[test]
fn the_lines_are_full() {
    let mut world = World::with(Config { waiting_per_capability_max: 2, ..Config::default() });
    world.join(1, [chat("small", 1)]);
    for id in 1..=3 {
        world.submit(job(id));
    }
    assert_snapshot!(refusal(&mut world, NewJob { account: BOB, ..job(4) }), @"429 too-many-requests (again in 5 s): 2 jobs wait for chat, the most that may wait");
    world.join(2, [chat("big", 1), CapabilityOffer::new(CapabilityKind::EMBED, "vectors", 1)]);
    world.submit(job(5));
    let big = |id| NewJob { model: "big".to_owned(), ..job(id) };
    world.submit(NewJob { model: "small".to_owned(), ..job(6) });
    assert_eq!(world.realm.queue_info(world.now).queued, 2);
    let embed = NewJob { capability: CapabilityKind::EMBED, ..job(7) };
    assert_eq!(assigned(&world.submit(embed)), [(7, 2)], "each capability has its own bound");
    world.finish(1, 1);
    world.finish(2, 1);
    world.wait_ms(60_000);
    for id in [3, 5, 6] {
        if world.worker_of(id).is_some() {
            world.finish(id, 1);
        }
    }
    assert_eq!(world.realm.queue_info(world.now).queued, 0);
    assert!(world.realm.quote(world.now, &big(8)).is_ok());
}

#[test]
fn a_full_line_turns_nobody_away_who_need_not_wait() {
    let mut world = World::with(Config { waiting_per_capability_max: 1, ..Config::default() });
    world.join(1, [chat("small", 1)]);
    world.join(2, [chat("big", 1)]);
    let small = |id| NewJob { model: "small".to_owned(), ..job(id) };
    world.submit(small(1));
    world.submit(small(2));
    assert_eq!(world.refused(small(3)).known_kind(), Some(ProblemKind::TooManyRequests));
    assert_eq!(assigned(&world.submit(job(4))), [(4, 2)], "its worker is free");
}

#[test]
fn the_wallet_has_too_many_open() {
    let mut world = World::with(Config { open_per_wallet_max: 2, ..Config::default() });
    world.join(1, [chat("small", 9)]);
    world.submit(job(1));
    world.submit(job(2));
    assert_snapshot!(refusal(&mut world, job(3)), @"429 too-many-requests (again in 5 s): this wallet has 2 open jobs, the most it may have; wait until some are done");
    world.submit(NewJob { account: BOB, ..job(4) });
    // Now it is known how long a job takes: 7 s in 9 slots.
    world.wait_ms(7_000);
    world.finish(4, 1);
    assert_snapshot!(refusal(&mut world, job(3)), @"429 too-many-requests (again in 1 s): this wallet has 2 open jobs, the most it may have; wait until some are done");
    world.finish(1, 1);
    assert_eq!(assigned(&world.submit(job(3))), [(3, 1)]);
}
