//! The realm, tested through its only door.

mod accepting;
mod audit;
mod balances;
mod failover;
mod granting;
mod harness;
mod hedging;
mod keying;
mod late;
mod money;
mod ordering;
mod peering;
mod performance;
mod pricing;
mod private;
mod random;
mod recalling;
mod refusing;
mod restart;
mod starting;
mod waiting;
mod working;
