//! The world: what is on its way, to whom, and when. One event at a time, in virtual time.

mod faults;

use std::collections::{BTreeMap, BTreeSet};

use mtor_core::WorkerId;
use mtor_protocol::{JobId, Timestamp};

use crate::client::Client;
use crate::defaults::{self, BEAT_MS, CLIENTS, EPOCH_MS, SAVE_MS, WORKERS_MAX};
use crate::dice::Dice;
use crate::journal::{Journal, MemoryJournal, RealJournal, Recovered};
use crate::promises::{Checked, Observer, Promise, Violation, beginning, ensure};
use crate::run::{Options, Report as RunReport};
use crate::shell::{Ask, Died, Order, Out, Reply, Report, Shell};
use crate::worker::{Deed, Worker};

/// Something that happens.
#[derive(Debug)]
enum Event {
    /// A client does something.
    Client(usize),
    /// A client looks at its answers.
    Read(usize),
    /// A request reaches the broker, if it still lives.
    Ask { life: u64, number: u64, ask: Ask },
    /// An answer reaches a client.
    Reply(u64, Reply),
    /// The shell handles what has come.
    Turn(u64),
    /// Time matters to the realm.
    Tick(u64),
    /// The shell saves the running text.
    Save(u64),
    /// The disk gets round to what it was given.
    Disk(u64),
    /// A worker's word reaches the broker.
    Report(Session, Report),
    /// The broker's word reaches a worker.
    Order(Session, usize, Order),
    /// A worker works on a job.
    Work(usize, Session, JobId, u64),
    /// A worker says that it is alive.
    Beat(usize, Session),
    /// A worker connects.
    Join(usize),
    /// Something goes wrong.
    Fault,
    /// The disk has room again.
    DiskFreed,
    /// The broker is started again.
    Restart,
}

/// A worker's session: in which life of the broker, and its number there.
type Session = (u64, WorkerId);

/// A broker, its workers, its clients, and all that lies between them.
pub struct World {
    dice: Dice,
    time_ms: u64,
    /// How wrong the broker's clock is.
    skew_ms: i64,
    events: BTreeMap<(u64, u64), Event>,
    order: u64,
    journal: Box<dyn Journal>,
    shell: Option<Shell>,
    recovered: Option<Recovered>,
    life: u64,
    observer: Observer,
    clients: Vec<Client>,
    workers: Vec<Worker>,
    sessions: u64,
    /// When the last word over each link arrives: the next one comes later.
    arrivals: BTreeMap<Session, u64>,
    /// Requests that the living shell has taken in and not answered.
    unanswered: BTreeSet<u64>,
    requests: u64,
    turn_due: bool,
    tick_due: Option<u64>,
    disk_slow_until: u64,
    faults: bool,
    options: Options,
    crashes: u64,
    steps: u32,
}

impl World {
    /// A realm that has just been founded.
    ///
    /// # Errors
    /// The real ledger's, when it can't be opened.
    pub fn new(seed: u64, options: Options) -> Result<Self, String> {
        let mut dice = Dice::new(seed);
        let real = options.real_ledger.unwrap_or(seed.is_multiple_of(defaults::REAL_LEDGER_EVERY));
        let journal: Box<dyn Journal> = match real && options.sabotage.is_none() {
            true => Box::new(RealJournal::new()?),
            false => Box::new(MemoryJournal::default()),
        };
        let workers = (0..WORKERS_MAX).map(|index| Worker::new(index, &mut dice)).collect();
        let mut world = Self {
            dice,
            time_ms: 0,
            skew_ms: 0,
            events: BTreeMap::new(),
            order: 0,
            journal,
            shell: None,
            recovered: None,
            life: 0,
            observer: Observer::default(),
            clients: (0..CLIENTS).map(Client::new).collect(),
            workers,
            sessions: 0,
            arrivals: BTreeMap::new(),
            unanswered: BTreeSet::new(),
            requests: 0,
            turn_due: false,
            tick_due: None,
            disk_slow_until: 0,
            faults: true,
            options,
            crashes: 0,
            steps: 0,
        };
        for client in 0..CLIENTS {
            world.soon(500, Event::Client(client));
            world.soon(500, Event::Read(client));
        }
        for worker in 0..WORKERS_MAX {
            world.soon(2_000, Event::Join(worker));
        }
        world.soon(2_000, Event::Fault);
        Ok(world)
    }

    /// Runs until the faults have stopped and everything has come to rest, checking the promises after every step.
    ///
    /// # Errors
    /// The step and the promise that was broken.
    pub fn run(&mut self) -> Result<RunReport, (u32, Violation)> {
        self.run_checked().map_err(|violation| (self.steps, violation))
    }

    fn run_checked(&mut self) -> Result<RunReport, Violation> {
        self.found()?;
        while self.steps < self.options.steps {
            self.step()?;
        }
        self.heal();
        let limit = self.steps + defaults::HEALING_STEPS_MAX;
        while !self.is_at_rest() && self.steps < limit {
            self.step()?;
        }
        self.check_rest()?;
        Ok(RunReport {
            steps: self.steps,
            crashes: self.crashes,
            acknowledged: self.observer.acks,
            ended: self.observer.ends,
            key_changes: self.observer.keys.changes,
            recoveries: self.observer.keys.recoveries,
            virtual_ms: self.time_ms,
        })
    }

    fn found(&mut self) -> Checked {
        let mut shell = Shell::start(Shell::nothing(), self.wall(), self.options.sabotage);
        let (now, mut outs) = (self.wall(), Vec::new());
        let owner = defaults::wallet(0);
        shell.found(now, owner, &mut *self.journal, &mut self.observer, &mut outs)?;
        // A realm that dies before it was ever there is another one the next time: let it be there first.
        let batches = self.journal.flush();
        let _ = shell.durable(batches, &*self.journal, &mut self.observer, &mut outs)?;
        self.shell = Some(shell);
        self.soon(SAVE_MS, Event::Save(self.life));
        Ok(())
    }

    /// The broker's clock.
    fn wall(&self) -> Timestamp {
        Timestamp((EPOCH_MS + self.time_ms).saturating_add_signed(self.skew_ms))
    }

    fn at(&mut self, time_ms: u64, event: Event) {
        self.order += 1;
        self.events.insert((time_ms, self.order), event);
    }

    fn soon(&mut self, within_ms: u64, event: Event) {
        let delay = self.dice.range(0..within_ms + 1);
        self.at(self.time_ms + delay, event);
    }

    /// The next thing happens.
    fn step(&mut self) -> Checked {
        let Some(((time_ms, _), event)) = self.events.pop_first() else { return Ok(()) };
        self.time_ms = self.time_ms.max(time_ms);
        self.steps += 1;
        if self.options.verbose {
            println!("{:>6} {:>9} ms  {event:?}", self.steps, self.time_ms);
        }
        self.happen(event)?;
        self.schedule();
        match &self.shell {
            Some(shell) => {
                let slots_max = (WORKERS_MAX * 2 * 3) as u32;
                self.observer.realm(&shell.realm, shell.realm.config(), slots_max)
            }
            None => Ok(()),
        }
    }

    fn happen(&mut self, event: Event) -> Checked {
        match event {
            Event::Client(index) => self.client(index),
            Event::Read(index) => return self.read(index),
            Event::Ask { life, number, ask } => {
                if let Some(shell) = self.shell.as_mut().filter(|_| life == self.life) {
                    self.unanswered.insert(number);
                    shell.ask(number, ask);
                }
            }
            Event::Reply(number, reply) => self.clients[number as usize % CLIENTS].told(&reply),
            Event::Turn(life) if life == self.life => return self.turn(),
            Event::Tick(life) if life == self.life && self.tick_due == Some(self.time_ms) => {
                if let Some(shell) = &mut self.shell {
                    shell.tick();
                }
            }
            Event::Save(life) if life == self.life => {
                let mut outs = Vec::new();
                if let Some(shell) = &mut self.shell {
                    shell.save(&mut *self.journal, &mut outs);
                    self.at(self.time_ms + SAVE_MS, Event::Save(life));
                }
                self.send(outs);
            }
            Event::Disk(life) if life == self.life => return self.disk(),
            Event::Turn(_) | Event::Tick(_) | Event::Save(_) | Event::Disk(_) => {}
            Event::Report(session, report) => return self.hear(session, report),
            Event::Order(session, index, order) => self.order(session, index, &order),
            Event::Work(index, session, job, lease) => self.work(index, session, job, lease),
            Event::Beat(index, session) => {
                if self.workers[index].session == Some(session.1) && session.0 == self.life {
                    if !(self.faults && self.dice.chance(100)) {
                        self.say(session, Report::Beat);
                    }
                    self.soon(BEAT_MS, Event::Beat(index, session));
                }
            }
            Event::Join(index) => self.join(index),
            Event::Fault => return self.fault(),
            Event::DiskFreed => self.journal.set_full(false),
            Event::Restart => self.restart(),
        }
        Ok(())
    }

    /// What follows from what has happened: a turn when something waits, a tick when one is due.
    fn schedule(&mut self) {
        let Some(shell) = &self.shell else { return };
        if shell.has_work() && !self.turn_due {
            self.turn_due = true;
            // Now and then the broker is busy, and much comes together.
            let busy = self.dice.pick(&[1, 1, 3, 100]);
            self.soon(busy, Event::Turn(self.life));
        }
        let Some(due) = self.shell.as_ref().and_then(|shell| shell.realm.next_tick()) else { return };
        let due_ms = self.time_ms + due.since_ms(self.wall());
        if self.tick_due.is_none_or(|tick| tick > due_ms) {
            self.tick_due = Some(due_ms);
            self.at(due_ms, Event::Tick(self.life));
        }
    }

    fn turn(&mut self) -> Checked {
        (self.turn_due, self.tick_due) = (false, None);
        let now = self.wall();
        let Some(shell) = &mut self.shell else { return Ok(()) };
        let mut outs = Vec::new();
        let lived = shell.turn(now, &mut *self.journal, &mut self.observer, &mut outs)?;
        self.send(outs);
        self.bury(lived)
    }

    /// The disk gets round to what it was given.
    fn disk(&mut self) -> Checked {
        let batches = self.journal.flush();
        if batches == 0 && self.journal.pending() > 0 {
            self.soon(400, Event::Disk(self.life));
        }
        let Some(shell) = &mut self.shell else { return Ok(()) };
        let mut outs = Vec::new();
        let lived = shell.durable(batches, &*self.journal, &mut self.observer, &mut outs)?;
        self.send(outs);
        self.bury(lived)
    }

    fn bury(&mut self, lived: Result<(), Died>) -> Checked {
        match lived {
            Ok(()) => Ok(()),
            Err(Died) => self.crash(),
        }
    }

    /// Puts on its way what leaves the shell.
    fn send(&mut self, outs: Vec<Out>) {
        for out in outs {
            match out {
                Out::ToClient(number, reply) => {
                    self.unanswered.remove(&number);
                    if !(self.faults && self.dice.chance(50)) {
                        self.soon(30, Event::Reply(number, reply));
                    }
                }
                Out::ToWorker(worker, order) => {
                    let session = (self.life, worker);
                    let index = self.workers.iter().position(|known| known.session == Some(worker));
                    if let Some(index) = index {
                        self.soon(20, Event::Order(session, index, order));
                    }
                }
                Out::Committing => {
                    let slow = self.time_ms < self.disk_slow_until;
                    self.soon(if slow { 3_000 } else { 4 }, Event::Disk(self.life));
                }
            }
        }
    }

    fn client(&mut self, index: usize) {
        if !self.faults {
            return;
        }
        let now = self.wall();
        if let Some(ask) = self.clients[index].act(now, &mut self.dice) {
            self.requests += 1;
            let (life, number) = (self.life, self.requests * CLIENTS as u64 + index as u64);
            let copies = match self.dice.range(0..20) {
                0 => 0,
                1 => 2,
                _ => 1,
            };
            for _ in 0..copies {
                self.soon(30, Event::Ask { life, number, ask: ask.clone() });
            }
        }
        let pause = self.dice.pick(&[50, 500, 3_000]);
        self.soon(pause, Event::Client(index));
    }

    fn read(&mut self, index: usize) -> Checked {
        self.soon(2_000, Event::Read(index));
        self.read_now(index)
    }

    fn read_now(&mut self, index: usize) -> Checked {
        let Some(shell) = &self.shell else { return Ok(()) };
        for question in &mut self.clients[index].jobs {
            let id = question.job.id;
            match shell.streams.jobs.get(&id) {
                Some(stream) => question.read(self.life, stream)?,
                None if question.ended.is_none() && self.observer.is_acknowledged(id) => {
                    let result = self.journal.result(id);
                    ensure(result.is_some(), Promise::Readable, || format!("{id} can't be found"))?;
                    if let Some((ended, text)) = result {
                        question.read_again(ended, text)?;
                    }
                }
                None => {}
            }
        }
        Ok(())
    }

    /// A worker's word reaches the broker.
    fn hear(&mut self, session: Session, report: Report) -> Checked {
        let Some(shell) = self.shell.as_mut().filter(|_| session.0 == self.life) else { return Ok(()) };
        let about = match &report {
            Report::Chunk { job, .. } => Some(*job),
            _ => None,
        };
        shell.report(session.1, report);
        match about.and_then(|job| Some((job, shell.streams.jobs.get(&job)?))) {
            Some((job, stream)) => beginning(job, &stream.text),
            None => Ok(()),
        }
    }

    /// A worker says something over its link, where words keep their order.
    fn say(&mut self, session: Session, report: Report) {
        let delay = self.dice.range(0..20);
        let last = self.arrivals.get(&session).copied().unwrap_or(0);
        let arrival = (self.time_ms + delay).max(last);
        self.arrivals.insert(session, arrival);
        self.at(arrival, Event::Report(session, report));
    }

    fn join(&mut self, index: usize) {
        if self.workers[index].session.is_some() {
            return;
        }
        if self.shell.is_none() {
            self.soon(2_000, Event::Join(index));
            return;
        }
        self.sessions += 1;
        let session = (self.life, WorkerId(self.sessions));
        self.workers[index].session = Some(session.1);
        self.announce(index, session);
        self.soon(BEAT_MS, Event::Beat(index, session));
    }

    fn announce(&mut self, index: usize, session: Session) {
        let worker = &self.workers[index];
        let (house, announcement) = (worker.house, Box::new(worker.announcement.clone()));
        self.say(session, Report::Announce { worker: index, house, announcement });
    }

    fn order(&mut self, session: Session, index: usize, order: &Order) {
        let worker = &mut self.workers[index];
        if session.0 != self.life || worker.session != Some(session.1) {
            return;
        }
        if matches!(order, Order::Dismissed) {
            worker.disconnected();
            self.soon(5_000, Event::Join(index));
            return;
        }
        if let Some((job, lease)) = worker.obey(order, &mut self.dice) {
            let pace = worker.pace_ms;
            self.soon(pace, Event::Work(index, session, job, lease));
        }
    }

    fn work(&mut self, index: usize, session: Session, job: JobId, lease: u64) {
        let worker = &mut self.workers[index];
        if session.0 != self.life || worker.session != Some(session.1) {
            return;
        }
        let pace = worker.pace_ms;
        match worker.work(job, lease, self.faults, &mut self.dice) {
            Deed::Say(report) => {
                self.say(session, report);
                self.soon(pace, Event::Work(index, session, job, lease));
            }
            Deed::End(reports) => reports.into_iter().for_each(|report| self.say(session, report)),
            Deed::Stall => {}
        }
    }

    fn restart(&mut self) {
        let Some(recovered) = self.recovered.take() else { return };
        let now = self.wall();
        self.shell = Some(Shell::start(recovered, now, self.options.sabotage));
        self.soon(SAVE_MS, Event::Save(self.life));
        (self.turn_due, self.tick_due) = (false, None);
    }

    fn is_at_rest(&self) -> bool {
        let rests = |shell: &Shell| shell.is_settled() && shell.realm.state().open().is_empty();
        self.shell.as_ref().is_some_and(rests)
            && self.journal.pending() == 0
            && !self.events.values().any(|event| matches!(event, Event::Ask { .. }))
    }

    /// At the end nothing is missing.
    fn check_rest(&mut self) -> Checked {
        self.observer.at_rest()?;
        ensure(self.is_at_rest(), Promise::Bounded, || "the world does not come to rest".to_owned())?;
        let unanswered = &self.unanswered;
        ensure(unanswered.is_empty(), Promise::Bounded, || {
            format!("requests {unanswered:?} were never answered")
        })?;
        if let Some(shell) = &self.shell {
            let running = shell.realm.queue_info(Timestamp::default()).running;
            ensure(running == 0 && shell.unanswered() == 0, Promise::Bounded, || {
                format!(
                    "{running} slots are taken, {} requests wait, and there is no job",
                    shell.unanswered()
                )
            })?;
        }
        for index in 0..CLIENTS {
            self.read_now(index)?;
            let unread = self.clients[index].jobs.iter().find(|question| {
                (question.taken || self.observer.is_acknowledged(question.job.id)) && question.ended.is_none()
            });
            ensure(unread.is_none(), Promise::Readable, || {
                format!("the end of {:?} was never seen", unread.map(|question| question.job.id))
            })?;
        }
        let entries = self.journal.entries().map_err(|error| Violation::new(Promise::Money, error))?;
        if let Some(shell) = &self.shell {
            self.observer.restarted(shell.realm.state(), &entries)?;
        }
        self.journal.verify().map_err(|error| Violation::new(Promise::Money, error))
    }
}
