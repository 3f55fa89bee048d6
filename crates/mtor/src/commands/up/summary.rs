//! What a person reads while the realm runs: who it is, how its ledger stands, how its workers are.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use mtor_protocol::http::{RealmInfo, WalletInfo, WorkerInfo};
use tokio::time::sleep;

use crate::client::{Api, RealmUrl, Who};
use crate::data::DataFolder;
use crate::defaults::{READY_LOOK_FIRST, READY_LOOK_MAX};
use crate::exit::Fault;

/// Speaks to the person, and asks the realm what to say.
#[derive(Debug, Clone)]
pub(super) struct Summary {
    api: Api,
    here: RealmUrl,
}

impl Summary {
    /// About the realm that listens here.
    ///
    /// # Errors
    /// When the HTTP client can't be set up.
    pub(super) fn new(listens: SocketAddr) -> anyhow::Result<Self> {
        let here = RealmUrl::parse(&reachable(listens).to_string()).map_err(Fault::Usage)?;
        Ok(Self { api: Api::new(&here, Who::Owner)?, here })
    }

    /// Where the console is.
    pub(super) fn console(&self) -> String {
        format!("{}/", self.here)
    }

    /// The address for programs on this machine.
    pub(super) fn realm_address(&self) -> String {
        self.here.to_string()
    }

    /// Says a line. A terminal that went away is no reason to end the realm.
    pub(super) fn say(&self, line: &str) {
        let _ = writeln!(std::io::stdout(), "{line}");
    }

    /// Says a line about a worker.
    pub(super) fn worker(&self, kind: &str, line: &str) {
        self.say(&format!("  {kind:<9} {line}"));
    }

    /// Says who the realm is and how its ledger stands.
    ///
    /// # Errors
    /// When the realm does not answer.
    pub(super) async fn realm(&self, folder: &DataFolder) -> anyhow::Result<()> {
        let realm: RealmInfo = self.api.get("/api/realm").await?;
        let wallet = self.api.get::<WalletInfo>(&format!("/api/wallets/{}", realm.owner)).await;
        let balance =
            wallet.map_or_else(|_| "unknown".to_owned(), |wallet| format!("{} coins", wallet.available));
        let root: String = realm.ledger.root.to_string().chars().take(16).collect();
        self.say(&format!("MTOR realm \"{}\"", realm.name));
        self.worker("address", &self.here.to_string());
        self.worker("key", realm.did.as_str());
        self.worker("wallet", &format!("{balance} (the owner's)"));
        self.worker("ledger", &format!("{} entries, root {root}...", realm.ledger.entries));
        self.worker("data", &folder.path().display().to_string());
        Ok(())
    }

    /// Waits until the realm can take jobs of every kind that it was told to.
    ///
    /// # Errors
    /// Never as long as the realm answers.
    pub(super) async fn until_ready(&self) -> anyhow::Result<()> {
        let mut pause = READY_LOOK_FIRST;
        while let Err(error) = self.api.get_bytes("/readyz").await {
            if matches!(error.downcast_ref(), Some(Fault::Unreachable { .. })) {
                return Err(error);
            }
            sleep(pause).await;
            pause = (pause * 2).min(READY_LOOK_MAX);
        }
        Ok(())
    }

    /// Says that the realm is ready, and what its workers offer.
    pub(super) async fn ready(&self) {
        // Who works here is said for interest; the realm is ready anyway.
        let workers: Vec<WorkerInfo> = self.api.get("/api/workers").await.unwrap_or_default();
        for worker in &workers {
            for offer in &worker.offers {
                let speed =
                    offer.tokens_per_s.map_or_else(String::new, |speed| format!(", {speed:.0} tokens/s"));
                let line = format!("{} is here: {}, {} slots{speed}", worker.name, offer.model, offer.slots);
                self.worker(offer.capability.as_str(), &line);
            }
        }
        self.say(&format!("Ready: {}   (Ctrl-C ends the realm in order)", self.console()));
    }
}

/// An address that listens everywhere is reached on this machine.
fn reachable(listens: SocketAddr) -> SocketAddr {
    let ip = match listens.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listens.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_realm_that_listens_everywhere_is_reached_here() {
        let reached = |text: &str| reachable(text.parse().unwrap()).to_string();
        assert_eq!(reached("0.0.0.0:9000"), "127.0.0.1:9000");
        assert_eq!(reached("[::]:9000"), "[::1]:9000");
        assert_eq!(reached("192.168.0.2:80"), "192.168.0.2:80");
    }
}
