//! Who works: honest machines, and those that have other plans.

use mtor_core::trust::Record;

use super::EconomyOptions;
use super::defaults::*;
use crate::dice::Dice;

/// What a worker is up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Does its work.
    Honest,
    /// Writes garbage, twenty times as fast as it could write an answer, and always.
    Garbage,
    /// Gives out what the others of its ring have answered, five times as fast as it could.
    Copier,
    /// Honest until it is trusted most, then cheats; honest again when it was caught.
    Sleeper,
    /// Its circle asks itself small questions all the time, so that it is soon trusted most; then it cheats others. Honest again when it
    /// was caught.
    Colluder,
    /// Works honestly, and leaves with half of its machines in the evening, to push prices up.
    Cartel,
    /// Works honestly, and belongs to those who have the thousand keys with starter coins.
    Ring,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Honest, Self::Garbage, Self::Copier, Self::Sleeper, Self::Colluder, Self::Cartel, Self::Ring];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Honest => "honest",
            Self::Garbage => "garbage",
            Self::Copier => "copier",
            Self::Sleeper => "sleeper",
            Self::Colluder => "colluder",
            Self::Cartel => "cartel",
            Self::Ring => "ring",
        }
    }

    /// Whether its answers are not to be trusted: a fifth of all workers.
    pub fn cheats(self) -> bool {
        matches!(self, Self::Garbage | Self::Copier | Self::Sleeper | Self::Colluder)
    }

    /// Of how many percent.
    fn percent(self) -> u32 {
        match self {
            Self::Honest => 0,
            Self::Garbage | Self::Copier => 5,
            Self::Colluder => 4,
            Self::Sleeper => 6,
            Self::Cartel => 8,
            Self::Ring => 2,
        }
    }
}

/// What an answer says, as far as comparing it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Right,
    /// Like no other one.
    Alone,
    /// What this ring says to this question.
    Ring(u32),
}

impl Answer {
    pub(super) fn agrees(self, other: Self) -> bool {
        self != Self::Alone && self == other
    }
}

/// A machine and its owner's account.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) kind: Kind,
    /// Tokens per second of honest work.
    pub(super) speed: f64,
    announced: f64,
    /// Its ring of copiers or circle of colluders.
    ring: u32,
    /// Comes back under a new key when it was caught.
    pub(super) renames: bool,
    pub(super) record: Record,
    pub(super) unjudged: u32,
    pub(super) owes_canary: bool,
    pub(super) attached: bool,
    pub(super) running: Option<super::world::Job>,
    /// Counts assignments, so that what was left behind is recognised.
    pub(super) lease: u32,
    /// Milliseconds per token, as seen here.
    measured: f64,
    /// Under which it stands among the free ones, if it does.
    pub(super) rank: Option<u32>,
    pub(super) jobs: u64,
    pub(super) keys: u32,
    pub(super) proofs: u32,
}

impl Worker {
    /// Milliseconds that an answer of so many tokens takes, and what it says.
    pub(super) fn work(&self, dice: &mut Dice, tokens: u16) -> (u64, Answer) {
        let (times, answer) = match self.kind {
            Kind::Garbage => (GARBAGE_TIMES, Answer::Alone),
            Kind::Copier => (COPIER_TIMES, Answer::Ring(self.ring)),
            // They know their own questions, and what the honest answer to them is.
            Kind::Colluder if tokens == CIRCLE_TOKENS => (COPIER_TIMES, Answer::Right),
            Kind::Colluder if self.record.run() >= SLEEPER_RUN => (COPIER_TIMES, Answer::Ring(self.ring)),
            Kind::Sleeper if self.record.run() >= SLEEPER_RUN => (SLEEPER_TIMES, Answer::Alone),
            _ if dice.range(0..1_000_000) < ODD_PPM => (1.0, Answer::Alone),
            _ => (1.0, Answer::Right),
        };
        let ms = f64::from(tokens) * 1_000.0 / (self.speed * times);
        (FIRST_TOKEN_MS + ms as u64, answer)
    }

    pub(super) fn announced(&self) -> f64 {
        self.announced
    }

    /// What the scheduler expects of a usual job, in milliseconds.
    pub(super) fn expected_ms(&self) -> u32 {
        (FIRST_TOKEN_MS as f64 + self.measured * OUTPUT_TOKENS_MEDIAN) as u32
    }

    pub(super) fn measure(&mut self, tokens: u16, ms: u64) {
        let each = ms.saturating_sub(FIRST_TOKEN_MS) as f64 / f64::from(tokens.max(1));
        self.measured += 0.3 * (each - self.measured);
    }
}

/// The workers of a world. Speeds are spread evenly over their distribution, and kinds over speeds by chance.
pub(super) fn workers(options: &EconomyOptions, dice: &mut Dice) -> Vec<Worker> {
    let count = options.workers;
    let mut kinds: Vec<Kind> = Vec::new();
    for kind in Kind::ALL {
        let share = (count * kind.percent()).div_ceil(100);
        kinds.extend((0..share).map(|_| kind));
    }
    kinds.resize(count as usize, Kind::Honest);
    for place in (1..kinds.len()).rev() {
        kinds.swap(place, dice.index(place + 1));
    }
    let (mut copiers, mut colluders) = (0, 0);
    let mut worker = |kind: Kind| {
        copiers += u32::from(kind == Kind::Copier);
        colluders += u32::from(kind == Kind::Colluder);
        let speed = (SPEED_MEDIAN * (SPEED_SIGMA * dice.normal()).exp()).clamp(5.0, 100.0);
        // Whoever is to look fast says so; garbage makers do it every second time, else they are found implausible.
        let announced = match kind {
            Kind::Copier | Kind::Colluder => speed * COPIER_TIMES,
            Kind::Garbage if dice.chance(500) => speed * GARBAGE_TIMES,
            _ => speed,
        };
        Worker {
            kind,
            speed,
            announced,
            // Rings have even numbers, circles odd ones.
            ring: match kind {
                Kind::Colluder => 2 * (colluders / CIRCLE) + 1,
                _ => 2 * (copiers / COPIER_RING),
            },
            renames: kind == Kind::Garbage && dice.chance(500),
            record: Record::default(),
            unjudged: 0,
            owes_canary: false,
            attached: true,
            running: None,
            lease: 0,
            measured: 1_000.0 / announced,
            rank: None,
            jobs: 0,
            keys: 1,
            proofs: 0,
        }
    };
    kinds.into_iter().map(&mut worker).collect()
}
