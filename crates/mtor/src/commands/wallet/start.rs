//! `mtor wallet start`: the work that a new wallet does for its starter coins.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use mtor_identity::Work;
use mtor_protocol::http::{StarterChallenge, StarterClaim, WalletInfo};
use mtor_protocol::{Problem, ProblemKind, limits};
use tokio_util::sync::CancellationToken;

use super::Wallet;
use crate::client::Api;
use crate::defaults::{CLAIM_TRIES, CLAIM_WAIT_MAX, WORK_PROGRESS_PERIOD, WORK_THREADS_MAX};
use crate::exit::Fault;
use crate::signals::Interrupts;
use crate::terminal;

/// Works, claims, and says what there is; Ctrl-C ends it, and costs nothing but the work.
pub(super) async fn run(wallet: &Wallet) -> anyhow::Result<()> {
    let interrupts = Interrupts::listen()?;
    let started = interrupts.first.run_until_cancelled(start(wallet)).await;
    let info = started.ok_or(Fault::Interrupted)??;
    if wallet.json {
        return terminal::json(&info);
    }
    terminal::line(&format!(
        "{} coins are in the wallet; {} of them can be spent, not sent",
        info.available, info.bound
    ))
}

async fn start(wallet: &Wallet) -> anyhow::Result<WalletInfo> {
    let (api, did) = wallet.open().await?;
    let route = format!("/api/wallets/{did}/starter");
    for _ in 1..CLAIM_TRIES {
        match attempt(&api, &route).await {
            Err(error) if is_worth_working_anew(&error) => {
                eprintln!("{error:#}");
            }
            answer => return answer,
        }
    }
    attempt(&api, &route).await
}

/// Asks for work, does it, hands it in.
async fn attempt(api: &Api, route: &str) -> anyhow::Result<WalletInfo> {
    let challenge: StarterChallenge = api.get(route).await?;
    let number = solve(&challenge).await?;
    let claim = StarterClaim { challenge: challenge.challenge, number };
    for _ in 1..CLAIM_TRIES {
        match api.post(route, &claim).await {
            Err(error) => match soon(&error) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(error),
            },
            answer => return answer,
        }
    }
    api.post(route, &claim).await
}

/// Whether the work was in vain, but new work may not be: it had become harder meanwhile, or took too long.
fn is_worth_working_anew(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Problem>().is_some_and(|problem| problem.param.as_deref() == Some("challenge"))
}

/// How long to wait with the same claim, when the realm is busy for a moment only.
fn soon(error: &anyhow::Error) -> Option<Duration> {
    let problem = error.downcast_ref::<Problem>()?;
    let wait = Duration::from_secs(problem.retry_after?.into());
    (problem.known_kind() == Some(ProblemKind::TooManyRequests) && wait <= CLAIM_WAIT_MAX).then_some(wait)
}

/// Finds the number, on several cores; shows how it goes.
async fn solve(challenge: &StarterChallenge) -> anyhow::Result<u64> {
    if challenge.memory_kib > limits::WORK_MEMORY_KIB_MAX || challenge.zero_bits > limits::WORK_ZERO_BITS_MAX
    {
        anyhow::bail!(
            "the realm asks for {} zero bits with {} KiB for each try, more than anybody should work",
            challenge.zero_bits,
            challenge.memory_kib
        );
    }
    let tries = Arc::new(AtomicU64::new(0));
    let stop = CancellationToken::new();
    // Whatever ends this function ends the work.
    let _guard = stop.clone().drop_guard();
    let work = {
        let (challenge, tries) = (challenge.clone(), tries.clone());
        tokio::task::spawn_blocking(move || search(&challenge, &tries, &stop))
    };
    let bar = bar(challenge);
    tokio::pin!(work);
    let mut beat = tokio::time::interval(WORK_PROGRESS_PERIOD);
    let found = loop {
        tokio::select! {
            found = &mut work => break found,
            _ = beat.tick() => bar.set_position(tries.load(Ordering::Relaxed)),
        }
    };
    bar.finish_and_clear();
    found.context("the work broke off")??.ok_or_else(|| Fault::Interrupted.into())
}

/// The first number that any thread finds; `None` when it was stopped.
fn search(
    challenge: &StarterChallenge,
    tries: &AtomicU64,
    stop: &CancellationToken,
) -> anyhow::Result<Option<u64>> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = cores.min(WORK_THREADS_MAX) as u64;
    // The others end when one has found it.
    let over = stop.child_token();
    let (tell, told) = mpsc::channel();
    std::thread::scope(|scope| {
        for first in 0..threads {
            let (tell, over) = (tell.clone(), over.clone());
            scope.spawn(move || {
                let found = search_from(challenge, (first, threads), tries, &over);
                over.cancel();
                // Nobody listens any more when another thread was first.
                let _ = tell.send(found);
            });
        }
    });
    drop(tell);
    let mut found = None;
    for told in told {
        found = found.or(told?);
    }
    Ok(found)
}

fn search_from(
    challenge: &StarterChallenge,
    (first, step): (u64, u64),
    tries: &AtomicU64,
    over: &CancellationToken,
) -> anyhow::Result<Option<u64>> {
    let mut work = Work::new(&challenge.challenge, challenge.memory_kib, challenge.passes)?;
    let mut number = first;
    while !over.is_cancelled() {
        if work.zero_bits(number)? >= u32::from(challenge.zero_bits) {
            return Ok(Some(number));
        }
        tries.fetch_add(1, Ordering::Relaxed);
        number += step;
    }
    Ok(None)
}

/// A line on a terminal that grows with the tries; elsewhere one line that says what is done.
fn bar(challenge: &StarterChallenge) -> ProgressBar {
    let expected = 1_u64 << challenge.zero_bits;
    let mib = challenge.memory_kib.div_ceil(1024);
    if !terminal::stderr_is_seen() {
        eprintln!("working for {} coins: about {expected} tries with {mib} MiB each", challenge.coins);
        return ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    }
    let bar = ProgressBar::new(expected);
    // A template that does not parse costs the looks of the bar, not the work.
    if let Ok(style) = ProgressStyle::with_template("{msg} {bar:30} {pos} tries of about {len}, {elapsed}") {
        bar.set_style(style);
    }
    bar.set_message(format!("working for {} coins", challenge.coins));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;
    use mtor_protocol::{Micro, Timestamp};

    fn challenge(zero_bits: u8) -> StarterChallenge {
        let (expires, coins) = (Timestamp::MAX, Micro::coins(1));
        let challenge = "a challenge for tests".to_owned();
        StarterChallenge { challenge, zero_bits, memory_kib: 8, passes: 1, expires, coins }
    }

    #[test]
    fn what_is_found_is_a_solution_and_the_search_can_be_stopped() {
        let challenge = challenge(6);
        let found = search(&challenge, &AtomicU64::new(0), &CancellationToken::new()).unwrap().unwrap();
        let mut work = Work::new(&challenge.challenge, 8, 1).unwrap();
        assert!(work.zero_bits(found).unwrap() >= 6);
        let stopped = CancellationToken::new();
        stopped.cancel();
        let endless = StarterChallenge { zero_bits: 255, ..challenge };
        assert_eq!(search(&endless, &AtomicU64::new(0), &stopped).unwrap(), None);
    }

    #[tokio::test]
    async fn work_without_end_is_not_begun() {
        let error = solve(&challenge(limits::WORK_ZERO_BITS_MAX + 1)).await.unwrap_err();
        assert!(error.to_string().contains("more than anybody should work"), "{error}");
    }
}
