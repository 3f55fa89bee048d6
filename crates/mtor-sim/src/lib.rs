//! The simulator: the real core and the real ledger in a world where everything goes wrong.
//!
//! A [`World`] is a broker's shell round [`mtor_core::Realm`], a handful of workers and clients, and a network and a
//! disk between them, all in one thread and in virtual time. Every choice comes from one seed: the same seed gives the
//! same run, message for message. After every step the promises P1 to P6 of the design are checked ([`Promise`]); a
//! [`Violation`] says which was broken, when, and by which seed.
//!
//! The shell follows the broker's rules: assignments and stops go out at once, everything else when the journal entries
//! before it are durable; inputs are handled in batches, one commit for each. What the simulator does not have is the
//! broker's own code: sockets, sessions and HTTP are tested end to end.
//!
//! Beside that, [`run_economy`] plays a public realm for days, with users, workers, cheats and prices, on the rules of the core.
//!
//! What must not live here: anything that the realm needs in order to run.

mod answer;
mod client;
mod defaults;
mod dice;
mod economy;
mod journal;
mod judgement;
mod keys;
mod promises;
mod run;
mod sabotage;
mod shell;
mod stream;
mod worker;
mod world;

pub use economy::{
    CircleReport, Economy, EconomyOptions, Kind, KindReport, Phase, StarterReport, Waits, run_economy,
    write_economy,
};
pub use promises::{Promise, Violation};
pub use run::{Failure, Options, Report, run_seed};
pub use sabotage::Sabotage;
pub use world::World;
