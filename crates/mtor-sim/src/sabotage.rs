//! Faults that a shell must never have, built in on purpose: a check that does not find them is no check.

/// A way to break a promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Sabotage {
    /// The disk loses an entry that it had said was durable.
    LoseCommitted,
    /// Clients are told before the journal has it.
    AcknowledgeEarly,
    /// Old leases are taken for the present one.
    HearStaleLeases,
    /// After a restart the words delivered before are counted, but not kept.
    ForgetText,
    /// What was delivered is billed again for the next worker.
    BillTwice,
    /// A settled job's entry is written a second time, as if it had another number.
    SettleTwice,
    /// When a worker leaves, another one is taken to have left too.
    PunishBystanders,
    /// A request is dropped without a word when many come.
    DropSilently,
    /// Whoever had a wallet's key once is taken to have it still.
    BelieveOldKeys,
}

impl Sabotage {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::LoseCommitted,
        Self::AcknowledgeEarly,
        Self::HearStaleLeases,
        Self::ForgetText,
        Self::BillTwice,
        Self::SettleTwice,
        Self::PunishBystanders,
        Self::DropSilently,
        Self::BelieveOldKeys,
    ];
}
