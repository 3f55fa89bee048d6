//! Who answers when several satellites hear the same words: the loudest alone. Pure: times and levels go in, verdicts come
//! out; all times are milliseconds of one clock.
//!
//! The first wake word opens a round. Satellites whose wake word comes within the window after it take part. Each brings how
//! loud the words after it are where it stands, as soon as there are some: a person may well pause between the two. When the
//! window is over, and the levels of all are known or have been waited for long enough, the loudest goes on and the others
//! are to be quiet. For a level nothing is waited when only one takes part, and for the window not when nobody else could.

use std::collections::BTreeMap;

/// A satellite, by its place in the settings.
pub(super) type SatelliteId = usize;

/// Decides rounds. At most one round is open.
#[derive(Debug)]
pub(super) struct Arbiter {
    window_ms: u64,
    patience_ms: u64,
    listen_ms: u64,
    /// Satellites that are connected: without two of them there is nothing to decide.
    present: usize,
    round: Option<Round>,
    next_round: u64,
}

#[derive(Debug)]
struct Round {
    number: u64,
    opened_ms: u64,
    /// The loudest level of each, when it is known.
    levels: BTreeMap<SatelliteId, Option<f32>>,
    /// When the first of them became known.
    known_ms: Option<u64>,
    winner: Option<SatelliteId>,
}

/// A satellite's part in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    round: u64,
    satellite: SatelliteId,
}

/// What a satellite is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Ask again at this time, or when there is news.
    Wait {
        /// When.
        until_ms: u64,
    },
    /// Go on.
    Go,
    /// Be quiet: another one was louder.
    Quiet,
}

impl Arbiter {
    /// Rounds with this window. Once one level is known the others are waited for as long as the window, since sound may be
    /// as late as a wake word, and for `patience_ms`. When there are no words for `listen_ms`, there won't be any.
    pub(super) fn new(window_ms: u64, patience_ms: u64, listen_ms: u64) -> Self {
        Self { window_ms, patience_ms, listen_ms, present: 0, round: None, next_round: 0 }
    }

    /// A satellite was connected.
    pub(super) fn join(&mut self) {
        self.present += 1;
    }

    /// A satellite was lost. What it had a part in goes on without it.
    pub(super) fn leave(&mut self, satellite: SatelliteId) {
        self.present = self.present.saturating_sub(1);
        if let Some(round) = self.round.as_mut().filter(|round| round.winner.is_none()) {
            round.levels.remove(&satellite);
        }
    }

    /// A satellite has heard the wake word.
    pub(super) fn heard(&mut self, now_ms: u64, satellite: SatelliteId) -> Ticket {
        let open = |round: &&mut Round| {
            round.winner.is_none() && now_ms <= round.opened_ms.saturating_add(self.window_ms)
        };
        match self.round.as_mut().filter(open) {
            Some(round) => {
                round.levels.insert(satellite, None);
                Ticket { round: round.number, satellite }
            }
            None => {
                let number = self.next_round;
                self.next_round += 1;
                let levels = BTreeMap::from([(satellite, None)]);
                self.round = Some(Round { number, opened_ms: now_ms, levels, known_ms: None, winner: None });
                Ticket { round: number, satellite }
            }
        }
    }

    /// How loud the words are at a satellite, from 0 to 1.
    pub(super) fn level(&mut self, now_ms: u64, ticket: Ticket, level: f32) {
        let Some(round) = self.open_round(ticket) else { return };
        if let Some(known) = round.levels.get_mut(&ticket.satellite) {
            *known = Some(level);
            round.known_ms.get_or_insert(now_ms);
        }
    }

    /// What a satellite is to do now.
    pub(super) fn verdict(&mut self, now_ms: u64, ticket: Ticket) -> Verdict {
        let present = self.present;
        let Some(round) = self.round.as_mut().filter(|round| round.number == ticket.round) else {
            // Another round began: this one was over long ago, and whoever has not asked since has lost.
            return Verdict::Quiet;
        };
        if round.winner.is_none() {
            let closes_ms = round.opened_ms.saturating_add(self.window_ms);
            let latest_ms = match round.known_ms {
                Some(known_ms) => known_ms.saturating_add(self.window_ms).saturating_add(self.patience_ms),
                None => round.opened_ms.saturating_add(self.listen_ms),
            };
            let all_here = now_ms >= closes_ms || present <= round.levels.len();
            let alone = round.levels.len() <= 1;
            let all_known = round.levels.values().all(Option::is_some);
            let decided = all_here && (alone || all_known || now_ms >= latest_ms);
            if !decided {
                let until_ms = if all_here { latest_ms } else { closes_ms };
                return Verdict::Wait { until_ms };
            }
            round.winner = loudest(&round.levels);
        }
        if round.winner == Some(ticket.satellite) { Verdict::Go } else { Verdict::Quiet }
    }

    fn open_round(&mut self, ticket: Ticket) -> Option<&mut Round> {
        self.round.as_mut().filter(|round| round.number == ticket.round && round.winner.is_none())
    }
}

/// The loudest; of equals the first in the settings. One of unknown level is taken only when nobody's is known.
fn loudest(levels: &BTreeMap<SatelliteId, Option<f32>>) -> Option<SatelliteId> {
    let known = |level: Option<f32>| level.filter(|level| level.is_finite()).unwrap_or(-1.0);
    let louder =
        |best: (SatelliteId, f32), next: (SatelliteId, f32)| if next.1 > best.1 { next } else { best };
    levels
        .iter()
        .map(|(satellite, level)| (*satellite, known(*level)))
        .reduce(louder)
        .map(|(satellite, _)| satellite)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW_MS: u64 = 300;
    const PATIENCE_MS: u64 = 200;
    const LISTEN_MS: u64 = 6_000;

    fn arbiter(present: usize) -> Arbiter {
        let mut arbiter = Arbiter::new(WINDOW_MS, PATIENCE_MS, LISTEN_MS);
        (0..present).for_each(|_| arbiter.join());
        arbiter
    }

    #[test]
    fn one_alone_waits_for_nothing() {
        let mut arbiter = arbiter(1);
        let ticket = arbiter.heard(1_000, 0);
        assert_eq!(arbiter.verdict(1_000, ticket), Verdict::Go);
    }

    #[test]
    fn the_loudest_alone_goes_on() {
        let mut arbiter = arbiter(4);
        let hall = arbiter.heard(1_000, 0);
        let kitchen = arbiter.heard(1_120, 1);
        let attic = arbiter.heard(1_290, 2);
        arbiter.level(1_298, hall, 0.10);
        arbiter.level(1_298, kitchen, 0.31);
        arbiter.level(1_298, attic, 0.05);
        assert_eq!(
            arbiter.verdict(1_299, kitchen),
            Verdict::Wait { until_ms: 1_300 },
            "a fourth may still hear it"
        );
        assert_eq!(arbiter.verdict(1_300, hall), Verdict::Quiet);
        assert_eq!(arbiter.verdict(1_301, kitchen), Verdict::Go);
        assert_eq!(arbiter.verdict(1_302, attic), Verdict::Quiet);
        assert_eq!(arbiter.verdict(9_999, kitchen), Verdict::Go, "what was decided stays");
    }

    #[test]
    fn when_all_have_heard_it_the_window_is_not_waited_for() {
        let mut arbiter = arbiter(2);
        let (hall, kitchen) = (arbiter.heard(1_000, 0), arbiter.heard(1_010, 1));
        arbiter.level(1_020, hall, 0.2);
        assert_eq!(arbiter.verdict(1_020, hall), Verdict::Wait { until_ms: 1_520 });
        arbiter.level(1_020, kitchen, 0.1);
        assert_eq!(arbiter.verdict(1_030, kitchen), Verdict::Quiet);
        assert_eq!(arbiter.verdict(1_030, hall), Verdict::Go);
    }

    #[test]
    fn one_that_alone_heard_it_needs_no_words_to_be_the_loudest() {
        let mut arbiter = arbiter(2);
        let hall = arbiter.heard(1_000, 0);
        assert_eq!(arbiter.verdict(1_000, hall), Verdict::Wait { until_ms: 1_300 });
        assert_eq!(arbiter.verdict(1_300, hall), Verdict::Go);
    }

    #[test]
    fn a_pause_after_the_wake_word_is_waited_out() {
        let mut arbiter = arbiter(3);
        let tickets = [0, 1, 2].map(|satellite| arbiter.heard(1_000, satellite));
        assert_eq!(arbiter.verdict(1_000, tickets[0]), Verdict::Wait { until_ms: 7_000 });
        for (ticket, level) in tickets.into_iter().zip([0.1, 0.3, 0.2]) {
            assert!(matches!(arbiter.verdict(3_000, ticket), Verdict::Wait { .. }));
            arbiter.level(3_000, ticket, level);
        }
        let verdicts = tickets.map(|ticket| arbiter.verdict(3_000, ticket));
        assert_eq!(verdicts, [Verdict::Quiet, Verdict::Go, Verdict::Quiet]);
    }

    #[test]
    fn when_nobody_says_anything_the_first_goes_on() {
        let mut arbiter = arbiter(2);
        let tickets = [0, 1].map(|satellite| arbiter.heard(1_000, satellite));
        assert_eq!(arbiter.verdict(6_999, tickets[1]), Verdict::Wait { until_ms: 7_000 });
        let verdicts = tickets.map(|ticket| arbiter.verdict(7_000, ticket));
        assert_eq!(verdicts, [Verdict::Go, Verdict::Quiet]);
    }

    #[test]
    fn a_level_that_does_not_come_is_waited_for_a_little() {
        let mut arbiter = arbiter(2);
        let (hall, kitchen) = (arbiter.heard(1_000, 0), arbiter.heard(1_010, 1));
        arbiter.level(2_000, kitchen, 0.01);
        assert_eq!(arbiter.verdict(2_000, kitchen), Verdict::Wait { until_ms: 2_500 });
        assert_eq!(arbiter.verdict(2_500, kitchen), Verdict::Go);
        assert_eq!(arbiter.verdict(2_500, hall), Verdict::Quiet);
        arbiter.level(2_500, hall, 0.9);
        assert_eq!(arbiter.verdict(2_501, hall), Verdict::Quiet, "too late");
    }

    #[test]
    fn what_comes_after_the_window_is_another_round() {
        let mut arbiter = arbiter(2);
        let hall = arbiter.heard(1_000, 0);
        arbiter.level(1_020, hall, 0.1);
        assert_eq!(arbiter.verdict(1_300, hall), Verdict::Go);
        let kitchen = arbiter.heard(1_301, 1);
        arbiter.level(1_310, kitchen, 0.01);
        assert_eq!(arbiter.verdict(1_601, kitchen), Verdict::Go);
        assert_eq!(arbiter.verdict(1_602, hall), Verdict::Quiet, "its round is over");
    }

    #[test]
    fn one_that_is_lost_keeps_nobody_waiting() {
        let mut arbiter = arbiter(2);
        let (hall, kitchen) = (arbiter.heard(1_000, 0), arbiter.heard(1_001, 1));
        arbiter.level(1_001, kitchen, 0.1);
        arbiter.leave(0);
        assert_eq!(arbiter.verdict(1_002, kitchen), Verdict::Go);
        assert_eq!(arbiter.verdict(1_003, hall), Verdict::Quiet);
    }

    #[test]
    fn of_equals_the_first_goes_on_and_no_number_is_no_level() {
        let mut arbiter = arbiter(3);
        let tickets = [0, 1, 2].map(|satellite| arbiter.heard(5, satellite));
        for (ticket, level) in tickets.into_iter().zip([f32::NAN, 0.2, 0.2]) {
            arbiter.level(6, ticket, level);
        }
        let verdicts = tickets.map(|ticket| arbiter.verdict(6, ticket));
        assert_eq!(verdicts, [Verdict::Quiet, Verdict::Go, Verdict::Quiet]);
    }

    #[test]
    fn in_every_round_exactly_one_goes_on() {
        // All orders of joining, all subsets that bring levels, all times of asking.
        for mask in 0..8_u32 {
            for at in [1_000, 1_250, 1_300, 1_499, 1_500, 2_000] {
                let mut arbiter = arbiter(3);
                let tickets = [2, 0, 1].map(|satellite| arbiter.heard(1_000, satellite));
                for (index, ticket) in tickets.into_iter().enumerate() {
                    if mask & (1 << index) != 0 {
                        arbiter.level(1_000, ticket, index as f32);
                    }
                }
                let verdicts = tickets.map(|ticket| arbiter.verdict(at, ticket));
                let going = verdicts.iter().filter(|verdict| **verdict == Verdict::Go).count();
                let waiting =
                    verdicts.iter().filter(|verdict| matches!(verdict, Verdict::Wait { .. })).count();
                assert!(
                    (going, waiting) == (1, 0) || (going, waiting) == (0, 3),
                    "{mask:03b} at {at}: {verdicts:?}"
                );
            }
        }
    }
}
