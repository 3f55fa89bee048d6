//! Starter coins cost work, so that nobody gets them by the thousand: a challenge, dearer the more of today's coins are gone
//! and the more wallets of the same network had some today, and one hash to check that it was solved.
//!
//! Challenges are not remembered, only those that were spent: each says by itself, under the realm's seal, whose it is, until
//! when it is good and how hard. What is counted by network lives in memory and begins anew with the broker; how many coins
//! there are a day does not.

mod challenge;
mod networks;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use mtor_core::StarterRules;
use mtor_identity::{Keypair, NonceCache, NonceError, Work, WorkError};
use mtor_protocol::http::{StarterChallenge, StarterClaim};
use mtor_protocol::{Did, Micro, Problem, ProblemKind, Timestamp, limits};
use tokio::sync::Semaphore;

use crate::defaults;
use crate::rate::RateLimiter;
use crate::settings::StarterSection;
use challenge::{Challenge, Seal};
use networks::Networks;

/// What hands out challenges and checks what was found for them.
pub struct Starter {
    rules: StarterRules,
    /// How hard it is when nothing makes it harder, in zero bits.
    zero_bits: u8,
    memory_kib: u32,
    seal: Seal,
    spent: Mutex<NonceCache>,
    networks: Mutex<Networks>,
    rates: RateLimiter,
    checks: Arc<Semaphore>,
}

impl Starter {
    /// What these settings ask for.
    pub(crate) fn new(rules: StarterRules, section: &StarterSection, realm: &Keypair) -> Self {
        Self {
            rules,
            zero_bits: section.zero_bits,
            memory_kib: section.memory_kib,
            seal: Seal::new(realm),
            spent: Mutex::new(NonceCache::new(defaults::STARTER_SPENT_MAX)),
            networks: Mutex::default(),
            rates: RateLimiter::new(defaults::STARTER_CLAIMS_PER_S),
            checks: Arc::new(Semaphore::new(defaults::STARTER_CHECKS_MAX)),
        }
    }

    /// Work for a wallet; `given` is what went out today.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub(crate) fn challenge(
        &self,
        now: Timestamp,
        did: &Did,
        address: IpAddr,
        given: Micro,
    ) -> Result<StarterChallenge, Problem> {
        let nonce = mtor_identity::random::random_bytes()
            .map_err(|error| Problem::new(ProblemKind::Internal, error.to_string()))?;
        let expires = now.plus_ms(defaults::STARTER_CHALLENGE_MS);
        let challenge = Challenge {
            nonce,
            expires,
            zero_bits: self.difficulty(now, address, given),
            memory_kib: self.memory_kib,
        };
        Ok(StarterChallenge {
            challenge: self.seal.write(did, &challenge),
            zero_bits: challenge.zero_bits,
            memory_kib: challenge.memory_kib,
            passes: defaults::STARTER_PASSES,
            expires,
            coins: self.rules.coins,
        })
    }

    /// Whether this network may have something checked now. This machine is not limited.
    ///
    /// # Errors
    /// When it asks too often.
    pub(crate) fn admit(&self, address: IpAddr) -> Result<(), Problem> {
        let address = address.to_canonical();
        if address.is_loopback() || self.rates.admits(networks::network(address)) {
            return Ok(());
        }
        let detail =
            format!("at most {} claims in a second from one network", defaults::STARTER_CLAIMS_PER_S);
        Err(Problem::new(ProblemKind::TooManyRequests, detail).retry_after_s(1))
    }

    /// Checks that the work was done, by this wallet, in time, and for what it costs now. Uses the challenge up.
    ///
    /// # Errors
    /// What is wrong with it, and whether it is worth asking for another challenge.
    pub(crate) async fn check(
        &self,
        now: Timestamp,
        did: &Did,
        address: IpAddr,
        given: Micro,
        claim: &StarterClaim,
    ) -> Result<(), Problem> {
        let challenge = self.seal.read(did, &claim.challenge).ok_or_else(|| {
            anew("this challenge is none of this realm's for this wallet; ask for a new one".to_owned())
        })?;
        if challenge.expires <= now {
            return Err(anew(format!("this challenge ended at {}; ask for a new one", challenge.expires)));
        }
        // Whoever hoards challenges while they are cheap must not spend them when they are dear.
        let present = self.difficulty(now, address, given);
        if challenge.zero_bits.saturating_add(defaults::STARTER_SLACK_BITS) < present {
            return Err(anew(format!(
                "the work was for {} zero bits, and by now {present} are asked for; ask for a new challenge",
                challenge.zero_bits
            )));
        }
        let Ok(permit) = self.checks.clone().try_acquire_owned() else {
            let detail = "other claims are checked at this moment; send this one again";
            return Err(Problem::new(ProblemKind::TooManyRequests, detail).retry_after_s(1));
        };
        self.spend(now, &challenge)?;
        let (text, number) = (claim.challenge.clone(), claim.number);
        let found = tokio::task::spawn_blocking(move || {
            // Held by the hash, not by the request, which may go away before it is done.
            let _permit = permit;
            Work::new(&text, challenge.memory_kib, defaults::STARTER_PASSES)?.zero_bits(number)
        });
        let found: Result<u32, WorkError> = found.await.map_err(|error| {
            tracing::error!(%error, "a claim of starter coins could not be checked");
            Problem::new(ProblemKind::Internal, "this claim could not be checked")
        })?;
        let found = found.map_err(|error| Problem::new(ProblemKind::Internal, error.to_string()))?;
        if found < u32::from(challenge.zero_bits) {
            let detail = format!(
                "the hash of {number} begins with {found} zero bits, and {} were asked for; ask for a new challenge",
                challenge.zero_bits
            );
            return Err(Problem::new(ProblemKind::InvalidRequest, detail).param("number"));
        }
        Ok(())
    }

    /// Notes that a wallet of this network has got its coins: the next one works harder.
    pub(crate) fn note(&self, now: Timestamp, address: IpAddr) {
        self.networks().note(now, address);
    }

    /// Zero bits asked for now.
    fn difficulty(&self, now: Timestamp, address: IpAddr, given: Micro) -> u8 {
        let scarce = scarcity_bits(self.rules.daily, given);
        let network = self.networks().bits(now, address);
        self.zero_bits.saturating_add(scarce).saturating_add(network).min(limits::WORK_ZERO_BITS_MAX)
    }

    fn spend(&self, now: Timestamp, challenge: &Challenge) -> Result<(), Problem> {
        // The cache is whole whatever panicked elsewhere.
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let (now_s, expires_s) = (now.0 / 1_000, challenge.expires.0 / 1_000);
        spent.insert(&[0; 32], &challenge.nonce, expires_s, now_s).map_err(|error| match error {
            NonceError::Replayed | NonceError::Expired => {
                anew("this challenge was handed in before; ask for a new one".to_owned())
            }
            NonceError::Full { retry_after_s } => {
                let detail = "too many claims at this time; send this one again later";
                let seconds = u32::try_from(retry_after_s).unwrap_or(u32::MAX);
                Problem::new(ProblemKind::TooManyRequests, detail).retry_after_s(seconds)
            }
        })
    }

    fn networks(&self) -> std::sync::MutexGuard<'_, Networks> {
        // The table is whole whatever panicked elsewhere.
        self.networks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A challenge that is of no use any more.
fn anew(detail: String) -> Problem {
    Problem::new(ProblemKind::InvalidRequest, detail).param("challenge")
}

/// One bit more when half of today's coins are gone, another when half of the rest are, and so on.
fn scarcity_bits(daily: Micro, given: Micro) -> u8 {
    let left = daily.saturating_sub(given).0.max(1);
    let halvings = (daily.0 / left).checked_ilog2().unwrap_or(0);
    u8::try_from(halvings).unwrap_or(u8::MAX).min(defaults::STARTER_SCARCITY_BITS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000_000);

    fn starter() -> Starter {
        let rules = StarterRules { coins: Micro(10), daily: Micro(1_000) };
        let section = StarterSection { zero_bits: 2, memory_kib: 8, ..StarterSection::default() };
        Starter::new(rules, &section, &Keypair::from_seed([7; 32]))
    }

    fn here() -> IpAddr {
        "192.0.2.7".parse().unwrap()
    }

    fn dids() -> [Did; 2] {
        [1, 2].map(|seed| Keypair::from_seed([seed; 32]).did())
    }

    fn solve(of: &StarterChallenge) -> StarterClaim {
        let mut work = Work::new(&of.challenge, of.memory_kib, of.passes).unwrap();
        let solves = |number: &u64| work.zero_bits(*number).unwrap() >= u32::from(of.zero_bits);
        StarterClaim { challenge: of.challenge.clone(), number: (0..).find(solves).unwrap() }
    }

    async fn fault(starter: &Starter, now: Timestamp, did: &Did, claim: &StarterClaim) -> Problem {
        starter.check(now, did, here(), Micro::ZERO, claim).await.unwrap_err()
    }

    #[tokio::test]
    async fn work_counts_once_for_the_wallet_that_did_it() {
        let (starter, [mine, other]) = (starter(), dids());
        let claim = solve(&starter.challenge(NOW, &mine, here(), Micro::ZERO).unwrap());
        let for_another = fault(&starter, NOW, &other, &claim).await;
        assert_eq!(for_another.param.as_deref(), Some("challenge"));
        starter.check(NOW, &mine, here(), Micro::ZERO, &claim).await.unwrap();
        let again = fault(&starter, NOW, &mine, &claim).await;
        assert!(again.detail.contains("handed in before"), "{}", again.detail);
    }

    #[tokio::test]
    async fn old_forged_and_unsolved_challenges_are_refused() {
        let (starter, [mine, _]) = (starter(), dids());
        let asked = starter.challenge(NOW, &mine, here(), Micro::ZERO).unwrap();
        let claim = solve(&asked);
        let late = fault(&starter, asked.expires, &mine, &claim).await;
        assert!(late.detail.contains("ended at"), "{}", late.detail);
        for forged in ["", "AAAA", &claim.challenge[1..], &format!("{}A", claim.challenge)] {
            let forged = StarterClaim { challenge: forged.to_owned(), number: claim.number };
            assert_eq!(fault(&starter, NOW, &mine, &forged).await.param.as_deref(), Some("challenge"));
        }
        let mut work = Work::new(&asked.challenge, asked.memory_kib, asked.passes).unwrap();
        let wrong = (0..).find(|number| work.zero_bits(*number).unwrap() < 2).unwrap();
        let unsolved = StarterClaim { number: wrong, ..claim.clone() };
        assert_eq!(fault(&starter, NOW, &mine, &unsolved).await.param.as_deref(), Some("number"));
        let spent = fault(&starter, NOW, &mine, &claim).await;
        assert!(spent.detail.contains("handed in before"), "one hash for each challenge: {}", spent.detail);
    }

    #[tokio::test]
    async fn hoarded_challenges_lose_their_worth() {
        let (starter, [mine, other]) = (starter(), dids());
        let claims =
            [&mine, &other].map(|did| solve(&starter.challenge(NOW, did, here(), Micro::ZERO).unwrap()));
        starter.note(NOW, here());
        starter.check(NOW, &mine, here(), Micro::ZERO, &claims[0]).await.unwrap();
        starter.note(NOW, here());
        let hoarded = fault(&starter, NOW, &other, &claims[1]).await;
        assert!(hoarded.detail.contains("by now 4 are asked for"), "{}", hoarded.detail);
    }

    #[tokio::test]
    async fn no_more_than_so_many_are_checked_at_once() {
        let (starter, [mine, _]) = (starter(), dids());
        let claim = solve(&starter.challenge(NOW, &mine, here(), Micro::ZERO).unwrap());
        let all = u32::try_from(defaults::STARTER_CHECKS_MAX).unwrap();
        let busy = starter.checks.clone().try_acquire_many_owned(all).unwrap();
        let refused = fault(&starter, NOW, &mine, &claim).await;
        assert_eq!(
            (refused.known_kind(), refused.retry_after),
            (Some(ProblemKind::TooManyRequests), Some(1))
        );
        drop(busy);
        starter.check(NOW, &mine, here(), Micro::ZERO, &claim).await.unwrap();
    }

    #[test]
    fn a_network_is_admitted_so_often_and_this_machine_always() {
        let starter = starter();
        let admitted =
            |address: &str| (0..20).filter(|_| starter.admit(address.parse().unwrap()).is_ok()).count();
        let most = usize::try_from(defaults::STARTER_CLAIMS_PER_S).unwrap();
        assert!((most..20).contains(&admitted("192.0.2.1")));
        assert!(admitted("192.0.2.2") < most, "the same network");
        assert_eq!(admitted("127.0.0.1"), 20);
    }

    #[test]
    fn it_gets_dearer_as_coins_get_scarce() {
        let bits = |given| scarcity_bits(Micro(1_000), Micro(given));
        assert_eq!([0, 499, 500, 749, 750, 875, 999, 1_000].map(bits), [0, 0, 1, 1, 2, 3, 4, 4]);
    }
}
