//! What goes wrong.

use super::{Event, World};
use crate::defaults::WORKERS_MAX;
use crate::promises::{Checked, Promise, Violation};
use crate::sabotage::Sabotage;
use crate::shell::{CrashPoint, Report};

impl World {
    /// Something goes wrong.
    pub(super) fn fault(&mut self) -> Checked {
        if !self.faults {
            return Ok(());
        }
        let pause = self.dice.pick(&[20, 200, 1_500]);
        self.soon(pause, Event::Fault);
        let worker = self.dice.index(WORKERS_MAX);
        match self.dice.range(0..100) {
            0..18 => return self.strike(),
            18..34 => self.break_link(worker),
            34..40 => self.lose_link(worker),
            40..46 => self.say_as(worker, |_| Some(Report::Drain)),
            46..58 => {
                self.workers[worker].change(&mut self.dice);
                if let Some(session) = self.workers[worker].session {
                    self.announce(worker, (self.life, session));
                }
            }
            58..78 => {
                let open =
                    self.shell.as_ref().map(|shell| shell.realm.state().open().keys().copied().collect());
                let jobs: Vec<_> = open.unwrap_or_default();
                self.say_as(worker, |world| world.workers[worker].nonsense(&jobs, &mut world.dice));
            }
            78..84 => self.disk_slow_until = self.time_ms + self.dice.range(0..5_000),
            84..90 => {
                self.journal.set_full(true);
                self.soon(5_000, Event::DiskFreed);
            }
            90..95 => {
                let jump = self.dice.pick(&[100, 5_000, 60_000]) as i64;
                self.skew_ms += if self.dice.chance(500) { jump } else { -jump };
            }
            _ => {}
        }
        Ok(())
    }

    /// The broker dies: now, or at the next moment of a kind.
    fn strike(&mut self) -> Checked {
        let Some(shell) = &mut self.shell else { return Ok(()) };
        let points = [
            None,
            Some(CrashPoint::MidBatch),
            Some(CrashPoint::BeforeCommit),
            Some(CrashPoint::BeforeDelivery),
            Some(CrashPoint::MidDelivery),
        ];
        shell.crash_at = self.dice.pick(&points);
        if shell.crash_at.is_none() { self.crash() } else { Ok(()) }
    }

    /// The broker is dead. Whatever was on its way to it or from it is lost.
    pub(super) fn crash(&mut self) -> Checked {
        self.shell = None;
        self.life += 1;
        self.crashes += 1;
        self.unanswered.clear();
        self.arrivals.clear();
        self.sessions = 0;
        let lose = self.options.sabotage == Some(Sabotage::LoseCommitted);
        let recovered = self.journal.crash(&mut self.dice, lose).map_err(|error| {
            Violation::new(Promise::Survival, format!("the journal can't be read: {error}"))
        })?;
        let entries = self.journal.entries().map_err(|error| Violation::new(Promise::Survival, error))?;
        self.observer.restarted(&recovered.state, &entries)?;
        self.recovered = Some(recovered);
        for index in 0..WORKERS_MAX {
            if self.workers[index].session.is_some() {
                self.workers[index].disconnected();
                self.soon(4_000, Event::Join(index));
            }
        }
        if self.options.verbose {
            println!("       the broker is dead; {} entries survive", entries.len());
        }
        self.soon(3_000, Event::Restart);
        Ok(())
    }

    /// A worker is gone, and the broker hears of it. Its last words may be lost or not.
    fn break_link(&mut self, worker: usize) {
        let Some(session) = self.workers[worker].session else { return };
        let session = (self.life, session);
        if self.dice.chance(500) {
            self.events.retain(|_, event| !matches!(event, Event::Report(from, _) if *from == session));
            self.arrivals.remove(&session);
        }
        self.say(session, Report::Down);
        self.workers[worker].disconnected();
        self.soon(8_000, Event::Join(worker));
    }

    /// A worker is gone, and the broker hears nothing of it.
    fn lose_link(&mut self, worker: usize) {
        if self.workers[worker].session.is_some() {
            self.workers[worker].disconnected();
            self.soon(8_000, Event::Join(worker));
        }
    }

    fn say_as(&mut self, worker: usize, report: impl FnOnce(&mut Self) -> Option<Report>) {
        let Some(session) = self.workers[worker].session else { return };
        if let Some(report) = report(self) {
            self.say((self.life, session), report);
        }
    }

    /// Nothing more goes wrong: the broker comes up, the disk has room, workers come back, nobody asks for more.
    pub(super) fn heal(&mut self) {
        self.faults = false;
        self.disk_slow_until = 0;
        self.journal.set_full(false);
        if let Some(shell) = &mut self.shell {
            shell.crash_at = None;
        }
        for worker in 0..WORKERS_MAX {
            self.soon(1_000, Event::Join(worker));
        }
        // What was lost on the way of a full disk is asked for again.
        let life = self.life;
        self.soon(100, Event::Disk(life));
    }
}
