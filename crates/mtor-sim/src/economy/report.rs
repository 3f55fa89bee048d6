//! What a run has shown, in numbers, words and pictures.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use mtor_protocol::Micro;
use serde_json::json;

use super::EconomyOptions;
use super::cast::Kind;
use super::defaults::{DAY_MS, HOUR_MS, MINUTE_MS};
use super::measure::{Minute, Phase, Waits, gini, minute};
use super::plot::{self, Line};
use super::world::Economics;

/// Honest workers next in speed, on each side, that another one is compared with.
const NEIGHBOURS: usize = 5;
/// How long after the surge its price is looked for, in hours.
const AFTER_HOURS: u64 = 4;
/// A price has come back when it is at most so many times that of the same hour of the day before.
const BACK_TIMES: f64 = 1.25;
/// Points of a line in a plot, about.
const POINTS: usize = 700;

/// How one kind of worker fared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KindReport {
    /// Which.
    pub kind: Kind,
    /// How many.
    pub workers: usize,
    /// What one of them earned on average.
    pub earned: Micro,
    /// What all of them earned beside what honest workers of the same speed did; 1 is the same.
    pub beside_honest: f64,
    /// How often one of them was found guilty.
    pub proofs: u32,
    /// Under how many keys they worked.
    pub keys: u32,
}

/// How it went with starter coins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StarterReport {
    /// People who got some.
    pub claims: u64,
    /// People who had none yet at the end.
    pub claims_open: u64,
    /// The longest that anybody waited for them, in seconds.
    pub longest_wait_s: f64,
    /// Keys of the ring that got some.
    pub ring_claims: u64,
    /// Answers that the ring had for them.
    pub ring_answers: u64,
    /// What the ring's own workers were paid by it, in coins that can't be sent.
    pub ring_paid_itself: Micro,
    /// What it could withdraw beyond what others paid it for work.
    pub ring_extracted: Micro,
}

/// How it went with circles that ask themselves for trust.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CircleReport {
    /// Small questions that they asked, and those of them that came to their own workers.
    pub jobs: u64,
    /// See [`jobs`](Self::jobs).
    pub own_jobs: u64,
    /// What that cost them.
    pub spent: Micro,
    /// What was left of what all their workers earned, beside what honest workers of the same speed earned. Less than nothing when
    /// they have spent more.
    pub net_beside_honest: f64,
    /// The validated results in a row that one of their workers had at the end, on average.
    pub run: f64,
}

/// The whole report.
#[derive(Debug, Clone)]
pub struct Economy {
    /// What was played.
    pub options: EconomyOptions,
    /// From accepted to begun, by when they were accepted.
    pub waits: BTreeMap<Phase, Waits>,
    /// Things that people wanted.
    pub wishes: u64,
    /// Jobs that were accepted.
    pub accepted: u64,
    /// Jobs that were done.
    pub completed: u64,
    /// Accepted jobs that had not ended when all was over. None may be.
    pub unfinished: usize,
    /// Accepted jobs whose deadline passed while they waited.
    pub lost_to_waiting: u64,
    /// Accepted jobs that too many workers left behind.
    pub lost_to_outage: u64,
    /// Jobs that went to another worker in the outage.
    pub moved: u64,
    /// Tries that were put off because it was too dear then, and because the queue was full.
    pub too_dear: u64,
    /// See [`too_dear`](Self::too_dear).
    pub queue_full: u64,
    /// Wishes that were given up after six tries.
    pub given_up: u64,
    /// Tries that were refused at once for the balance.
    pub at_zero: u64,
    /// The price, in times the list price: in the hour before the surge, at its highest, four hours after, and in the same
    /// hour of the day before.
    pub price_before: f64,
    /// See [`price_before`](Self::price_before).
    pub price_surge: f64,
    /// See [`price_before`](Self::price_before).
    pub price_after: f64,
    /// See [`price_before`](Self::price_before).
    pub price_day_before: f64,
    /// Hours from the end of the surge until the price was that of the day before again, or a quarter more; `None` when it
    /// was not to the end.
    pub price_back_h: Option<u64>,
    /// The highest price in the outage.
    pub price_outage: f64,
    /// How unequal the earnings of all workers are, and of honest ones per token of speed.
    pub gini: f64,
    /// See [`gini`](Self::gini).
    pub gini_by_speed: f64,
    /// How each kind of worker fared.
    pub kinds: Vec<KindReport>,
    /// How often an honest worker was found guilty, for an answer that was right but odd, and what that took from them all,
    /// in percent of what they earned.
    pub honest_proofs: u32,
    /// See [`honest_proofs`](Self::honest_proofs).
    pub honest_forfeited_percent: f64,
    /// Bad answers that clients were given, and those of them and of replicas that a comparison called valid.
    pub bad_answers: u64,
    /// See [`bad_answers`](Self::bad_answers).
    pub bad_called_valid: u64,
    /// Comparisons in which no two agreed, counted by answers.
    pub undecided: u64,
    /// Replicas and canaries.
    pub audit_jobs: u64,
    /// What they cost, in percent of what clients paid.
    pub audit_percent: f64,
    /// Audits for which the treasury had no coins.
    pub audits_unpaid: u64,
    /// What clients paid.
    pub paid: Micro,
    /// What was forfeited.
    pub forfeited: Micro,
    /// Starter coins.
    pub starter: StarterReport,
    /// Circles that ask themselves.
    pub circles: CircleReport,
    /// Coins that are nowhere, or came from nowhere. None may.
    pub coins_astray: i128,
    minutes: Vec<Minute>,
    earnings: Vec<u64>,
    marked: [(&'static str, f64, f64); 2],
}

impl Economy {
    pub(super) fn of(world: &Economics) -> Self {
        let (tally, calendar) = (&world.tally, &world.calendar);
        let earned: Vec<u64> = (0..world.workers.len()).map(|id| world.earned(id)).collect();
        let kinds: Vec<KindReport> =
            Kind::ALL.into_iter().map(|kind| kind_report(world, &earned, kind)).collect();
        let colluders = kind_report(world, &earned, Kind::Colluder);
        let factors = |from: u64, to: u64| {
            let last = world.minutes.len();
            world.minutes[minute(from).min(last)..minute(to).min(last)]
                .iter()
                .map(|minute| f64::from(minute.factor) / 1_000.0)
        };
        let mean = |from: u64| {
            let hour: Vec<f64> = factors(from, from + HOUR_MS).collect();
            hour.iter().sum::<f64>() / hour.len().max(1) as f64
        };
        let is_back = |hours: &u64| {
            let hour = calendar.surge.end + hours * HOUR_MS;
            hour < calendar.end && mean(hour) <= BACK_TIMES * mean(hour.saturating_sub(DAY_MS))
        };
        let after = calendar.surge.end + AFTER_HOURS * HOUR_MS;
        let highest = |range: &std::ops::Range<u64>| factors(range.start, range.end).fold(0.0, f64::max);
        let by_speed = |id: usize| (earned[id] as f64 / world.workers[id].speed) as u64;
        let honest = (0..earned.len()).filter(|id| world.workers[*id].kind == Kind::Honest);
        let day = |time: u64| time as f64 / DAY_MS as f64;
        Self {
            options: world.options,
            waits: world.waits.clone(),
            wishes: tally.wishes,
            accepted: tally.accepted,
            completed: tally.completed,
            unfinished: world.open_jobs(),
            lost_to_waiting: tally.lost_to_waiting,
            lost_to_outage: tally.lost_to_outage,
            moved: tally.moved,
            too_dear: tally.too_dear,
            queue_full: tally.queue_full,
            given_up: tally.given_up,
            at_zero: tally.at_zero,
            price_before: mean(calendar.surge.start.saturating_sub(HOUR_MS)),
            price_surge: highest(&calendar.surge),
            price_after: mean(after),
            price_day_before: mean(after.saturating_sub(DAY_MS)),
            price_back_h: (0..24).find(is_back),
            price_outage: highest(&calendar.outage),
            gini: gini(earned.clone()),
            gini_by_speed: gini(honest.map(by_speed).collect()),
            honest_proofs: kinds.iter().filter(|kind| !kind.kind.cheats()).map(|kind| kind.proofs).sum(),
            honest_forfeited_percent: tally.honest_forfeited as f64 * 100.0
                / (kinds.iter().filter(|kind| !kind.kind.cheats()))
                    .map(|kind| kind.earned.0 as f64 * kind.workers as f64)
                    .sum::<f64>()
                    .max(1.0),
            kinds,
            bad_answers: tally.bad_answers,
            bad_called_valid: tally.bad_called_valid,
            undecided: tally.undecided,
            audit_jobs: tally.audit_jobs,
            audit_percent: tally.audit_paid as f64 * 100.0 / (tally.paid as f64).max(1.0),
            audits_unpaid: tally.audits_unpaid,
            paid: Micro(tally.paid),
            forfeited: Micro(tally.forfeited),
            starter: StarterReport {
                claims: tally.claims,
                claims_open: tally.claims_open,
                longest_wait_s: tally.claim_wait_ms_max as f64 / 1_000.0,
                ring_claims: tally.ring_claims,
                ring_answers: tally.ring_answers,
                ring_paid_itself: Micro(tally.ring_own_paid),
                ring_extracted: world.ring_extracted(),
            },
            circles: circle_report(world, &earned, colluders),
            coins_astray: tally.issued as i128 - world.coins() as i128,
            minutes: world.minutes.clone(),
            earnings: earned,
            marked: [
                ("surge", day(calendar.surge.start), day(calendar.surge.end)),
                ("outage", day(calendar.outage.start), day(calendar.outage.end)),
            ],
        }
    }

    /// All waits together.
    pub fn waits_of_all(&self) -> Waits {
        let mut all = Waits::default();
        self.waits.values().for_each(|waits| all.merge(waits));
        all
    }

    /// How a kind fared.
    pub fn kind(&self, kind: Kind) -> Option<&KindReport> {
        self.kinds.iter().find(|report| report.kind == kind)
    }

    /// The report as one JSON object.
    pub fn json(&self) -> String {
        let waits = |waits: &Waits| {
            json!({
                "jobs": waits.count(), "p50_s": waits.quantile_s(500), "p95_s": waits.quantile_s(950),
                "p99_s": waits.quantile_s(990), "longest_s": waits.longest_s(),
            })
        };
        let mut by_phase: BTreeMap<&str, _> =
            self.waits.iter().map(|(phase, of)| (phase.name(), waits(of))).collect();
        by_phase.insert("all", waits(&self.waits_of_all()));
        let kinds: BTreeMap<&str, _> = self.kinds.iter().map(|of| {
            let value = json!({
                "workers": of.workers, "earned": of.earned, "beside_honest": of.beside_honest, "proofs": of.proofs,
                "keys": of.keys,
            });
            (of.kind.name(), value)
        }).collect();
        let starter = &self.starter;
        let value = json!({
            "options": {
                "users": self.options.users, "workers": self.options.workers, "days": self.options.days,
                "seed": self.options.seed,
            },
            "waits": by_phase,
            "jobs": {
                "wishes": self.wishes, "accepted": self.accepted, "completed": self.completed, "unfinished": self.unfinished,
                "lost_to_waiting": self.lost_to_waiting, "lost_to_outage": self.lost_to_outage, "moved": self.moved,
                "too_dear": self.too_dear, "queue_full": self.queue_full, "given_up": self.given_up, "at_zero": self.at_zero,
            },
            "price": {
                "before_surge": self.price_before, "surge": self.price_surge, "after_surge": self.price_after,
                "day_before": self.price_day_before, "outage": self.price_outage, "back_h": self.price_back_h,
            },
            "earnings": { "gini": self.gini, "gini_by_speed": self.gini_by_speed, "kinds": kinds },
            "trust": {
                "bad_answers": self.bad_answers, "bad_called_valid": self.bad_called_valid, "undecided": self.undecided,
                "audit_jobs": self.audit_jobs, "audit_percent": self.audit_percent, "audits_unpaid": self.audits_unpaid,
                "paid": self.paid, "forfeited": self.forfeited, "honest_proofs": self.honest_proofs,
                "honest_forfeited_percent": self.honest_forfeited_percent,
            },
            "circles": {
                "jobs": self.circles.jobs, "own_jobs": self.circles.own_jobs, "spent": self.circles.spent,
                "net_beside_honest": self.circles.net_beside_honest, "run": self.circles.run,
            },
            "starter": {
                "claims": starter.claims, "claims_open": starter.claims_open, "longest_wait_s": starter.longest_wait_s,
                "ring_claims": starter.ring_claims, "ring_answers": starter.ring_answers,
                "ring_paid_itself": starter.ring_paid_itself, "ring_extracted": starter.ring_extracted,
            },
            "coins_astray": self.coins_astray as i64,
        });
        format!("{value:#}\n")
    }

    /// The report in Markdown; with the plots beside it, or alone.
    pub fn markdown(&self, with_plots: bool) -> String {
        let mut text = String::new();
        let EconomyOptions { users, workers, days, seed } = self.options;
        line(&mut text, format_args!("# {users} users, {workers} workers, {days} days, seed {seed}\n"));
        self.write_jobs(&mut text);
        self.write_prices(&mut text);
        self.write_workers(&mut text);
        self.write_circles(&mut text);
        self.write_starter(&mut text);
        if with_plots {
            for (name, _) in self.plots() {
                let title = name.trim_end_matches(".svg");
                line(&mut text, format_args!("![{title}]({name})\n"));
            }
        }
        text.trim_end().to_owned() + "\n"
    }

    fn write_jobs(&self, text: &mut String) {
        line(
            text,
            format_args!(
                "## Waiting\n\n| accepted | jobs | p50 | p95 | p99 | longest |\n| --- | ---: | ---: | ---: | ---: | ---: |"
            ),
        );
        let all = self.waits_of_all();
        let phases = self.waits.iter().map(|(phase, waits)| (phase.name(), waits)).chain([("all", &all)]);
        for (name, waits) in phases {
            let [p50, p95, p99] = [500, 950, 990].map(|permille| waits.quantile_s(permille));
            let (count, longest) = (waits.count(), waits.longest_s());
            line(
                text,
                format_args!("| {name} | {count} | {p50:.1} s | {p95:.1} s | {p99:.1} s | {longest:.1} s |"),
            );
        }
        line(text, format_args!("\n## Jobs\n\n| | |\n| --- | ---: |"));
        let counts = [
            ("wishes", self.wishes),
            ("accepted", self.accepted),
            ("completed", self.completed),
            ("accepted and never ended", self.unfinished as u64),
            ("lost to waiting", self.lost_to_waiting),
            ("lost to the outage", self.lost_to_outage),
            ("given to another worker in the outage", self.moved),
            ("tries put off, too dear then", self.too_dear),
            ("tries put off, the queue was full", self.queue_full),
            ("wishes given up after six tries", self.given_up),
            ("refused at once for the balance", self.at_zero),
        ];
        counts.iter().for_each(|(name, count)| line(text, format_args!("| {name} | {count} |")));
    }

    fn write_prices(&self, text: &mut String) {
        line(text, format_args!("\n## Prices, in times the list price\n\n| when | price |\n| --- | ---: |"));
        let prices = [
            ("the hour before the surge", self.price_before),
            ("highest in the surge", self.price_surge),
            ("four hours after it", self.price_after),
            ("the same hour of the day before", self.price_day_before),
            ("highest in the outage", self.price_outage),
        ];
        prices.iter().for_each(|(name, price)| line(text, format_args!("| {name} | {price:.2} |")));
        match self.price_back_h {
            Some(hours) => line(
                text,
                format_args!("\nAs on the day before, or a quarter more, {hours} hours after the surge."),
            ),
            None => {
                line(text, format_args!("\nIt did not come back to that of the day before within a day."))
            }
        }
    }

    fn write_workers(&self, text: &mut String) {
        line(
            text,
            format_args!(
                "\n## Workers\n\n\
                 | kind | workers | earned each, coins | beside honest ones of the same speed | found guilty | keys |\n\
                 | --- | ---: | ---: | ---: | ---: | ---: |"
            ),
        );
        for of in &self.kinds {
            let (name, coins) = (of.kind.name(), of.earned.0 as f64 / 1_000_000.0);
            let KindReport { workers, beside_honest, proofs, keys, .. } = of;
            line(
                text,
                format_args!("| {name} | {workers} | {coins:.3} | {beside_honest:.3} | {proofs} | {keys} |"),
            );
        }
        line(
            text,
            format_args!(
                "\nGini of all earnings {:.2}, of honest ones per token of speed {:.2}.",
                self.gini, self.gini_by_speed
            ),
        );
        let bad_percent = self.bad_answers as f64 * 100.0 / (self.completed as f64).max(1.0);
        line(
            text,
            format_args!(
                "Bad answers: {} ({bad_percent:.2} % of all); called valid by a comparison: {}; answers without a verdict: {}.",
                self.bad_answers, self.bad_called_valid, self.undecided
            ),
        );
        line(
            text,
            format_args!(
                "Audits: {} jobs, {:.2} % of what clients paid; {} were not asked for lack of coins. \
                 Clients paid {} coins; {} were forfeited, of which honest workers lost {:.2} % of their earnings.",
                self.audit_jobs,
                self.audit_percent,
                self.audits_unpaid,
                self.paid,
                self.forfeited,
                self.honest_forfeited_percent
            ),
        );
    }

    fn write_starter(&self, text: &mut String) {
        let of = &self.starter;
        let waited = of.longest_wait_s * 1_000.0 / MINUTE_MS as f64;
        line(
            text,
            format_args!(
                "\n## Starter coins\n\nPeople: {} claims, and {} open at the end; the longest waited {waited:.0} min.",
                of.claims, of.claims_open
            ),
        );
        line(
            text,
            format_args!(
                "The ring: {} keys got coins, and {} answers for them. It paid its own workers {} coins that can't be sent; \
                 beyond what others paid it for work it could withdraw {} coins.\n",
                of.ring_claims, of.ring_answers, of.ring_paid_itself, of.ring_extracted
            ),
        );
    }

    fn write_circles(&self, text: &mut String) {
        let of = &self.circles;
        line(
            text,
            format_args!(
                "\n## Circles\n\nThose who ask themselves for trust: {} questions for {} coins, of which {} came to their own workers. \
                 What is left of their earnings is {:.3} of what honest workers of the same speed earned; at the end one of them \
                 had {:.0} validated results in a row.\n",
                of.jobs, of.spent, of.own_jobs, of.net_beside_honest, of.run
            ),
        );
    }

    /// The plots, with the names of their files.
    pub fn plots(&self) -> Vec<(&'static str, String)> {
        let every = (self.minutes.len() / POINTS).max(5);
        let series = |of: &dyn Fn(&Minute) -> f64| -> Vec<(f64, f64)> {
            let days = |place: usize| (place * every) as f64 * MINUTE_MS as f64 / DAY_MS as f64;
            let highest = |minutes: &[Minute]| minutes.iter().map(of).fold(0.0, f64::max);
            self.minutes
                .chunks(every)
                .enumerate()
                .map(|(place, minutes)| (days(place), highest(minutes)))
                .collect()
        };
        let price = Line { name: "price", points: series(&|minute| f64::from(minute.factor) / 1_000.0) };
        let busy = Line { name: "busy", points: series(&|minute| f64::from(minute.busy)) };
        let attached = Line { name: "attached", points: series(&|minute| f64::from(minute.attached)) };
        let waits = Line { name: "longest wait", points: series(&|minute| minute.wait_ms as f64 / 1_000.0) };
        let beside: Vec<(&str, f64)> =
            self.kinds.iter().map(|of| (of.kind.name(), of.beside_honest)).collect();
        let days = "days";
        vec![
            ("prices.svg", plot::lines("Price", (days, "times the list price"), &[price], &self.marked)),
            ("workers.svg", plot::lines("Workers", (days, "workers"), &[busy, attached], &self.marked)),
            ("waits.svg", plot::lines("The longest wait", (days, "seconds"), &[waits], &self.marked)),
            (
                "earnings.svg",
                plot::lines(
                    "Earnings: how much the poorest have together",
                    ("share of the workers", "share of the earnings"),
                    &self.lorenz(),
                    &[],
                ),
            ),
            ("cheats.svg", plot::bars("Earned beside honest workers of the same speed", "times", &beside)),
        ]
    }

    fn lorenz(&self) -> [Line<'static>; 2] {
        let mut earned = self.earnings.clone();
        earned.sort_unstable();
        let all = earned.iter().map(|micro| *micro as f64).sum::<f64>().max(1.0);
        let mut sum = 0.0;
        let mut points = vec![(0.0, 0.0)];
        for (rank, micro) in earned.iter().enumerate() {
            sum += *micro as f64;
            points.push(((rank + 1) as f64 / earned.len() as f64, sum / all));
        }
        [
            Line { name: "workers", points },
            Line { name: "all the same", points: vec![(0.0, 0.0), (1.0, 1.0)] },
        ]
    }
}

fn kind_report(world: &Economics, earned: &[u64], kind: Kind) -> KindReport {
    let mut honest: Vec<usize> =
        (0..earned.len()).filter(|id| world.workers[*id].kind == Kind::Honest).collect();
    honest.sort_by(|a, b| world.workers[*a].speed.total_cmp(&world.workers[*b].speed));
    let beside = |id: usize| {
        let place = honest.partition_point(|other| world.workers[*other].speed < world.workers[id].speed);
        let near = &honest[place.saturating_sub(NEIGHBOURS)..(place + NEIGHBOURS).min(honest.len())];
        near.iter().map(|other| earned[*other] as f64).sum::<f64>() / near.len().max(1) as f64
    };
    let of: Vec<usize> = (0..earned.len()).filter(|id| world.workers[*id].kind == kind).collect();
    let sum: u64 = of.iter().map(|id| earned[*id]).sum();
    let honest_sum: f64 = of.iter().map(|id| beside(*id)).sum();
    KindReport {
        kind,
        workers: of.len(),
        earned: Micro(sum / of.len().max(1) as u64),
        beside_honest: sum as f64 / honest_sum.max(1.0),
        proofs: of.iter().map(|id| world.workers[*id].proofs).sum(),
        keys: of.iter().map(|id| world.workers[*id].keys).sum(),
    }
}

fn circle_report(world: &Economics, earned: &[u64], colluders: KindReport) -> CircleReport {
    let of: Vec<usize> = (0..earned.len()).filter(|id| world.workers[*id].kind == Kind::Colluder).collect();
    let (sum, spent) = (of.iter().map(|id| earned[*id]).sum::<u64>(), world.circles_spent());
    let net = (sum as f64 - spent as f64) / (sum as f64).max(1.0);
    let runs: f64 = of.iter().map(|id| f64::from(world.workers[*id].record.run())).sum();
    CircleReport {
        jobs: world.tally.circle_jobs,
        own_jobs: world.tally.circle_own_jobs,
        spent: Micro(spent),
        net_beside_honest: colluders.beside_honest * net,
        run: runs / of.len().max(1) as f64,
    }
}

fn line(text: &mut String, words: std::fmt::Arguments<'_>) {
    // Writing to a string can't fail.
    let _ = writeln!(text, "{words}");
}
