//! A realm's history, made up: wallets with coins, questions and answers, and a ledger that takes them.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use mtor_core::{Entry, Fact, Leg, NewJob, Outcome, State, TREASURY};
use mtor_identity::{Keypair, sign_order};
use mtor_ledger::{
    Batch, GrantRecord, Ledger, PartRecord, Record, Recovered, RequestRecord, ResultRecord, Settings,
    answer_commitment, commitment, digest, salt,
};
use mtor_protocol::http::JobState;
use mtor_protocol::{
    AccountId, CapabilityKind, ChatTask, Digest, FinishReason, GrantTerms, Intent, JobId, Micro, Order,
    OrderSeal, Part, Period, Price, Privacy, Receipt, ServiceClass, Submit, Task, Timestamp, Usage,
};

pub(crate) const OWNER: AccountId = AccountId(100);
pub(crate) const ALICE: AccountId = AccountId(101);
pub(crate) const WORKER: AccountId = AccountId(102);
pub(crate) const HOLD: Micro = Micro(1_000);

/// Longer than any test waits when all is well.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn realm() -> Arc<Keypair> {
    Arc::new(Keypair::from_seed([42; 32]))
}

pub(crate) fn open(folder: &Path) -> (Ledger, Recovered) {
    open_with(folder, Settings::default())
}

pub(crate) fn open_with(folder: &Path, settings: Settings) -> (Ledger, Recovered) {
    Ledger::open(folder, settings, realm()).unwrap()
}

/// Waits until `condition` holds.
pub(crate) fn until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "{what}: it did not come to that");
        std::thread::yield_now();
    }
}

/// Commits and says when it is durable.
pub(crate) fn send(ledger: &Ledger, batch: Batch) -> Receiver<()> {
    let (sender, receiver) = channel();
    ledger
        .commit(
            batch,
            Box::new(move || {
                // Whoever does not wait any more has dropped the other end.
                let _ = sender.send(());
            }),
        )
        .unwrap();
    receiver
}

/// Commits and waits until it is durable.
pub(crate) fn commit(ledger: &Ledger, batch: Batch) {
    wait(&send(ledger, batch));
}

pub(crate) fn wait(durable: &Receiver<()>) {
    match durable.recv_timeout(PATIENCE) {
        Ok(()) => {}
        Err(RecvTimeoutError::Timeout) => panic!("it does not become durable"),
        Err(RecvTimeoutError::Disconnected) => panic!("it was dropped"),
    }
}

/// Makes up entries in order, and keeps the state that they give.
pub(crate) struct History {
    pub(crate) state: State,
    time: u64,
}

impl History {
    /// A realm that was founded a moment ago, whose Alice has coins: the history, and what must be committed for it.
    pub(crate) fn founded() -> (Self, Batch) {
        let mut history = Self { state: State::default(), time: 1_700_000_000_000 };
        let entries = vec![
            history.entry(Fact::Founded { owner: OWNER }),
            history.entry(Fact::Issued { id: JobId(1), to: OWNER, amount: Micro::coins(1_000_000) }),
            history.entry(Fact::Transferred {
                id: JobId(2),
                from: OWNER,
                to: ALICE,
                amount: Micro::coins(1_000),
                memo: digest(b"welcome"),
            }),
        ];
        (history, Batch { entries, records: vec![] })
    }

    pub(crate) fn entry(&mut self, fact: Fact) -> Entry {
        self.time += 1_000;
        let entry = Entry { seq: self.state.entries(), time: Timestamp(self.time), fact };
        self.state.apply(&entry).unwrap();
        entry
    }

    pub(crate) fn transfer(&mut self, id: u128) -> Entry {
        self.entry(Fact::Transferred {
            id: JobId(id),
            from: ALICE,
            to: WORKER,
            amount: Micro(1),
            memo: digest(b"memo"),
        })
    }

    /// Alice sets coins aside for others.
    pub(crate) fn grant(&mut self, id: u128, name: &str) -> Batch {
        let id = JobId(id);
        let (account, salt) = (mtor_core::grant_account(ALICE, id), mtor_ledger::salt(&realm(), id));
        let terms = GrantTerms {
            limit: Micro(500),
            period: Some(Period::Month),
            job_max: None,
            only: vec![],
            expires: None,
        };
        let about = mtor_ledger::commitment(&salt, name.as_bytes());
        let entries = vec![
            self.entry(Fact::Granted { id, from: ALICE, account, to: vec![OWNER], terms, about }),
            self.entry(Fact::Filled { grant: id, from: ALICE, to: account, amount: Micro(400) }),
        ];
        let record = GrantRecord { id, granter: ALICE, account, salt, about: name.to_owned() };
        Batch { entries, records: vec![Record::Grant(Box::new(record))] }
    }

    /// Alice takes it back.
    pub(crate) fn take_back(&mut self, id: u128, amount: u64) -> Batch {
        let from = mtor_core::grant_account(ALICE, JobId(id));
        let amount = Micro(amount);
        let entries = vec![self.entry(Fact::Revoked { grant: JobId(id), from, to: ALICE, amount })];
        Batch { entries, records: vec![] }
    }

    /// The balances are written down.
    pub(crate) fn balance(&mut self) -> Batch {
        let balances = self.state.books().balances();
        let prices = [(CapabilityKind::CHAT.into(), Price::default())].into();
        Batch { entries: vec![self.entry(Fact::Balanced { balances, prices })], records: vec![] }
    }

    /// Alice asks something.
    pub(crate) fn ask(&mut self, id: u128, question: &str) -> Batch {
        let intent = request_json(question);
        let salt = salt(&realm(), JobId(id));
        let order = order_json(&intent);
        let job = NewJob {
            id: JobId(id),
            account: ALICE,
            payer: None,
            capability: CapabilityKind::CHAT,
            model: "default".into(),
            class: ServiceClass::Interactive,
            privacy: Privacy::Realm,
            request: commitment(&salt, intent.as_bytes()),
            order: Some(commitment(&salt, order.as_bytes())),
            input_bytes: question.len() as u32,
            input_tokens_max: 100,
            output_tokens_max: 100,
            audio_ms_max: 0,
            images_max: 0,
            needs: Default::default(),
            deadline: Timestamp(self.time + 600_000),
            max_price: None,
            prefix: None,
            hops: Vec::new(),
            quote: None,
            grant: None,
        };
        let deadline = job.deadline;
        let entry = self.entry(Fact::Accepted { job, hold: HOLD, price: Price::default() });
        let request = RequestRecord {
            job: JobId(id),
            account: ALICE,
            did: realm().did(),
            capability: CapabilityKind::CHAT,
            model: "default".into(),
            class: ServiceClass::Interactive,
            privacy: Privacy::Realm,
            submitted: entry.time,
            deadline,
            hold: HOLD,
            request_json: intent,
            order_json: Some(order),
            question: question.chars().take(80).collect(),
            salt,
        };
        Batch { entries: vec![entry], records: vec![Record::Request(Box::new(request))] }
    }

    /// The worker has answered.
    pub(crate) fn answer(&mut self, id: u128, text: &str) -> Batch {
        self.answer_of(id, text, digest(text.as_bytes()))
    }

    /// The worker has answered with sound, which is not kept.
    pub(crate) fn spoken(&mut self, id: u128, sound: &[u8]) -> Batch {
        self.answer_of(id, "", digest(sound))
    }

    /// The worker has answered with pictures and with this text after them.
    pub(crate) fn drawn(&mut self, id: u128, pictures: &[&[u8]], text: &str) -> Batch {
        let whole = digest(&[pictures.concat(), text.as_bytes().to_vec()].concat());
        let part = |(number, picture): (u32, &&[u8])| PartRecord {
            part: Part {
                number,
                name: format!("picture-{number}.png"),
                media_type: "image/png".to_owned(),
                bytes: picture.len() as u32,
                sha256: digest(picture),
                preview: false,
            },
            data: picture.to_vec().into(),
            sequence: u64::from(number) + 3,
            offset: 0,
        };
        let parts = (0..).zip(pictures).map(part).collect();
        self.answer_with(id, text, whole, parts)
    }

    fn answer_of(&mut self, id: u128, text: &str, whole: Digest) -> Batch {
        self.answer_with(id, text, whole, Vec::new())
    }

    fn answer_with(&mut self, id: u128, text: &str, whole: Digest, parts: Vec<PartRecord>) -> Batch {
        let usage = Usage { input_tokens: 7, output_tokens: 9, ..Usage::default() };
        let salt = salt(&realm(), JobId(id));
        let receipt = receipt_json(id, whole, usage);
        let legs = vec![Leg::new(WORKER, Micro(90)), Leg::new(TREASURY, Micro(10))];
        let entry = self.entry(Fact::Settled {
            id: JobId(id),
            outcome: Outcome::Stop,
            usage,
            legs,
            output: Some(answer_commitment(&salt, text, whole)),
            receipt: Some(commitment(&salt, receipt.as_bytes())),
        });
        let result = ResultRecord {
            job: JobId(id),
            state: JobState::Completed,
            text: text.to_owned(),
            parts,
            output: Some(whole),
            finish: Some(FinishReason::Stop),
            usage,
            cost: Micro(100),
            problem: None,
            workers: vec!["worker one".into()],
            sequence: 12,
            settled: entry.time,
            receipt_json: Some(receipt),
            answer: text.chars().take(80).collect(),
        };
        Batch { entries: vec![entry], records: vec![Record::Result(Box::new(result))] }
    }

    /// Question and answer in one batch.
    pub(crate) fn exchange(&mut self, id: u128, question: &str, answer: &str) -> Batch {
        let mut batch = self.ask(id, question);
        let settled = self.answer(id, answer);
        batch.entries.extend(settled.entries);
        batch.records.extend(settled.records);
        batch
    }
}

/// A request that ends a conversation which began with the word "earlier".
pub(crate) fn request_json(question: &str) -> String {
    let mut chat = ChatTask::question("earlier");
    chat.messages.extend(ChatTask::question(question).messages);
    serde_json::to_string(&Submit::new(Intent::any_model(Task::Chat(chat)))).unwrap()
}

/// All files of a folder, as a crash at this moment would leave them.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_folder(&entry.path(), &target),
            // The shared-memory index is rebuilt after a crash; a copy of a live one would be torn.
            false if entry.file_name().to_string_lossy().ends_with("-shm") => {}
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// All leaves, as they are hashed.
pub(crate) fn leaves(ledger: &Ledger) -> Vec<Vec<u8>> {
    let entries = ledger.entries(0, 1_000).unwrap();
    entries.iter().map(|entry| serde_json::to_vec(entry).unwrap()).collect()
}

/// The key of Alice's wallet.
pub(crate) fn alice() -> Keypair {
    Keypair::from_seed([21; 32])
}

/// The key of the worker.
pub(crate) fn worker() -> Keypair {
    Keypair::from_seed([22; 32])
}

/// What Alice has signed.
fn order_json(order: &str) -> String {
    let Order { by, signature, .. } = sign_order(&alice(), realm().did().as_str(), order.to_owned());
    serde_json::to_string(&OrderSeal { by, signature }).unwrap()
}

/// What the worker has signed.
fn receipt_json(id: u128, output: Digest, usage: Usage) -> String {
    let mut receipt = Receipt { by: worker().did(), lease: 7, output, usage, signature: String::new() };
    receipt.signature = worker().sign(receipt.signing_text(JobId(id)).as_bytes()).to_string();
    serde_json::to_string(&receipt).unwrap()
}
