//! The realm as a deterministic state machine: workers, jobs, scheduling, money with its grants and starter coins, keys that change, prices that
//! follow load, trust in workers' results, and the Merkle tree by which its journal is proven.
//!
//! [`Realm::handle`] is the only door: an [`Input`] goes in with the time, a list of [`Output`]s comes out. What must
//! survive a crash leaves as an [`Output::Journal`] entry; replaying the entries through [`State::apply`] rebuilds the
//! same state, byte for byte. The shell round it (mtor-broker, or mtor-sim with injected faults) does what the outputs
//! say.
//!
//! What must not live here: I/O, a clock, threads, randomness, text that people wrote. Of the realm's crates it knows
//! mtor-protocol alone.

mod balances;
mod books;
mod config;
mod entry;
mod goals;
mod grant;
mod keys;
mod late;
mod market;
pub mod merkle;
mod offers;
mod realm;
mod sizes;
mod splits;
mod starter;
mod state;
pub mod trust;
mod waiting;

pub use balances::{Balance, Balances};
pub use books::{Account, BURN, Books, BooksError, ESCROW, Hold, ISSUER, TREASURY, is_the_realms};
pub use config::{Config, MarketRules, PrivateMode};
pub use entry::{Entry, Fact, Leg, NewJob, Outcome};
pub use goals::Goals;
pub use grant::{Grant, grant_account};
pub use keys::{KeyDecision, Keys, Standing, WalletKeys};
pub use late::{Case, Cases, late_account};
pub use market::{Load, Market, PriceNote};
pub use realm::{Input, JobView, Meter, Output, Realm, Retry, Ticket, WorkerId};
pub use sizes::SizeRules;
pub use splits::{Parts, Splits, SplitsError};
pub use starter::{StarterRules, Starters};
pub use state::{Corrupt, OpenJob, State};
