//! Other realms as peers: who they are and on what terms, how they are invited and join, and what is lent to them.
//!
//! Toward a realm that borrows, a realm that lends is a worker: it dials out, as workers do, proves its realm's key, and is pushed
//! jobs. Toward the lender the borrower is a client with an account on credit. Who is a peer and on what terms stands in
//! `peers.json` in the data folder; what a peer may owe stands in the journal.

mod greet;
mod lend;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mtor_core::Input;
use mtor_identity::{PublicKey, random_nonce};
use mtor_protocol::peer::{
    PeerCode, PeerGreeting, PeerInfo, PeerInvite, PeerInviteRequest, PeerJoinRequest, PeerTerms, PeerWelcome,
};
use mtor_protocol::{AccountId, CapabilityKind, Did, Micro, Problem, ProblemKind, Timestamp, limits};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::app::{App, Wallet};
use crate::clock;
use crate::defaults::{PEER_INVITE_TTL_MS, PEER_INVITES_MAX, PEERS_MAX};

/// Where it stands in the data folder.
const FILE: &str = "peers.json";
/// What can be shared: what needs no input beside the request, and answers with text alone.
const SHAREABLE: [CapabilityKind; 2] = [CapabilityKind::CHAT, CapabilityKind::EMBED];
/// Longest address, and longest code, in bytes.
const TEXT_BYTES_MAX: usize = 1_024;

/// A peer, as the file has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    did: Did,
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    terms: PeerTerms,
}

/// An invitation that nobody has used yet.
#[derive(Debug)]
struct Invite {
    terms: PeerTerms,
    expires: Timestamp,
}

/// The realms that are peers of this one.
#[derive(Debug)]
pub struct Peers {
    file: PathBuf,
    known: Mutex<BTreeMap<AccountId, Known>>,
    invites: Mutex<HashMap<String, Invite>>,
    /// Ends what is lent to each.
    lent: Mutex<HashMap<AccountId, CancellationToken>>,
    /// One change at a time, from the journal to the file.
    changing: tokio::sync::Mutex<()>,
}

impl Peers {
    /// Reads who they are.
    ///
    /// # Errors
    /// When the file can't be read.
    pub(crate) fn load(folder: &Path) -> anyhow::Result<Self> {
        let file = folder.join(FILE);
        let known: Vec<Known> = match std::fs::read(&file) {
            Ok(json) => serde_json::from_slice(&json)
                .with_context(|| format!("{} is not what this realm has written", file.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error).with_context(|| format!("{} can't be read", file.display())),
        };
        let named = |peer: Known| Some((account(&peer.did).ok()?, peer));
        Ok(Self {
            file,
            known: Mutex::new(known.into_iter().filter_map(named).collect()),
            invites: Mutex::default(),
            lent: Mutex::default(),
            changing: tokio::sync::Mutex::default(),
        })
    }

    /// Whether this account is a peer's.
    pub(crate) fn has(&self, account: AccountId) -> bool {
        lock(&self.known).contains_key(&account)
    }

    async fn save(&self) -> Result<(), Problem> {
        let known: Vec<Known> = lock(&self.known).values().cloned().collect();
        let file = self.file.clone();
        let write = move || {
            let draft = file.with_extension("json.new");
            std::fs::write(&draft, serde_json::to_vec_pretty(&known)?)?;
            std::fs::File::open(&draft)?.sync_all()?;
            std::fs::rename(&draft, &file)
        };
        let written = tokio::task::spawn_blocking(write).await.map_err(std::io::Error::other).flatten();
        written.map_err(|error| {
            tracing::error!(%error, "who the peers are could not be written down");
            Problem::new(ProblemKind::Internal, "peers.json could not be written; see the realm's log")
        })
    }
}

// What is behind these locks is whole whatever panicked elsewhere.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The account of a realm: that of its key, which never changes.
fn account(did: &Did) -> Result<AccountId, Problem> {
    let key = PublicKey::from_did(did.as_str())
        .map_err(|error| Problem::new(ProblemKind::InvalidRequest, error.to_string()).param("did"))?;
    Ok(mtor_identity::guid(&key))
}

impl App {
    /// Goes on with the peers of an earlier life.
    pub(crate) async fn resume_peers(self: &Arc<Self>) {
        let known = lock(&self.peers.known).clone();
        for (account, peer) in known {
            // The journal knows it already, unless one of the two was restored from a backup.
            let limit = Some(peer.terms.limit);
            let asked = self.realm.ask(move |ticket| Input::Peer { ticket, account, limit }).await;
            match asked {
                Ok(()) => lend::start(self, account, &peer),
                Err(problem) => {
                    tracing::warn!(peer = peer.name, %problem, "it is no peer for now: its terms can't hold");
                    lock(&self.peers.known).remove(&account);
                }
            }
        }
    }

    /// Makes an invitation.
    ///
    /// # Errors
    /// What is wrong with the request, or that too many wait.
    pub(crate) fn invite_peer(&self, request: PeerInviteRequest) -> Result<PeerInvite, Problem> {
        let address = greet::address(&request.address)?;
        check_terms(&request.terms)?;
        let (now, secret) = (clock::now(), random_nonce().map_err(internal)?);
        let expires = now.plus_ms(PEER_INVITE_TTL_MS);
        let mut invites = lock(&self.peers.invites);
        invites.retain(|_, invite| now < invite.expires);
        if invites.len() >= PEER_INVITES_MAX {
            let detail = format!("{PEER_INVITES_MAX} invitations wait already; each ends after an hour");
            return Err(Problem::new(ProblemKind::TooManyRequests, detail).retry_after_s(60));
        }
        invites.insert(secret.clone(), Invite { terms: request.terms, expires });
        let code = PeerCode { realm: self.did.clone(), address, secret };
        let json = serde_json::to_vec(&code).map_err(internal)?;
        Ok(PeerInvite { code: URL_SAFE_NO_PAD.encode(json), expires })
    }

    /// Joins a realm that has invited this one.
    ///
    /// # Errors
    /// What is wrong with the code, or what the other realm says.
    pub(crate) async fn join_peer(self: &Arc<Self>, request: PeerJoinRequest) -> Result<PeerInfo, Problem> {
        let PeerJoinRequest { code, address, terms } = request;
        check_terms(&terms)?;
        let own_address = address.as_deref().map(greet::address).transpose()?;
        let wrong =
            || Problem::new(ProblemKind::InvalidRequest, "this is no invitation's code").param("code");
        let json = Some(code.trim()).filter(|code| code.len() <= TEXT_BYTES_MAX);
        let json = json.and_then(|code| URL_SAFE_NO_PAD.decode(code).ok()).ok_or_else(wrong)?;
        let PeerCode { realm, address, secret } = serde_json::from_slice(&json).map_err(|_| wrong())?;
        if realm == self.did {
            return Err(Problem::new(ProblemKind::InvalidRequest, "this invitation is this realm's own")
                .param("code"));
        }
        let account = account(&realm)?;
        let address = greet::address(&address)?;
        let changing = self.peers.changing.lock().await;
        self.check_room_for_peer(account)?;
        // First here, so that the other realm's workers are let in as soon as it knows of us.
        let limit = Some(terms.limit);
        self.realm.ask(move |ticket| Input::Peer { ticket, account, limit }).await?;
        let greeting = PeerGreeting { secret, name: self.settings.file.name.clone(), address: own_address };
        let welcome = greet::say(self, &address, &greeting).await;
        let welcome: PeerWelcome =
            match welcome.and_then(|welcome| check_name(&welcome.name).map(|()| welcome)) {
                Ok(welcome) => welcome,
                Err(problem) => {
                    if !self.peers.has(account) {
                        self.realm.ask(move |ticket| Input::Peer { ticket, account, limit: None }).await?;
                    }
                    return Err(problem);
                }
            };
        let peer = Known { did: realm.clone(), name: welcome.name, address: Some(address), terms };
        self.keep_peer(account, peer).await?;
        drop(changing);
        self.peer(&realm).await
    }

    /// A realm that was invited is here.
    ///
    /// # Errors
    /// When it was not, or its invitation is over.
    pub(crate) async fn greeted(
        self: &Arc<Self>,
        who: &Wallet,
        greeting: PeerGreeting,
    ) -> Result<PeerWelcome, Problem> {
        let PeerGreeting { secret, name, address } = greeting;
        check_name(&name)?;
        let address = address.as_deref().map(greet::address).transpose()?;
        let account = account(&who.did)?;
        if who.did == self.did || account != who.account || account == self.owner.account {
            let detail = "only another realm can be a peer, by the key that it was founded with";
            return Err(Problem::new(ProblemKind::Forbidden, detail));
        }
        let changing = self.peers.changing.lock().await;
        self.check_room_for_peer(account)?;
        let invite = lock(&self.peers.invites).remove(&secret);
        let Some(invite) = invite.filter(|invite| clock::now() < invite.expires) else {
            let detail = "there is no such invitation, or it is over, or was used; ask for another";
            return Err(Problem::new(ProblemKind::Forbidden, detail));
        };
        let limit = Some(invite.terms.limit);
        self.realm.ask(move |ticket| Input::Peer { ticket, account, limit }).await?;
        self.keep_peer(account, Known { did: who.did.clone(), name, address, terms: invite.terms }).await?;
        drop(changing);
        Ok(PeerWelcome { name: self.settings.file.name.clone() })
    }

    /// Changes the terms of a peer.
    ///
    /// # Errors
    /// When there is none, or its limit would be below what it owes.
    pub(crate) async fn change_peer(
        self: &Arc<Self>,
        did: &Did,
        terms: PeerTerms,
    ) -> Result<PeerInfo, Problem> {
        check_terms(&terms)?;
        let changing = self.peers.changing.lock().await;
        let (account, peer) = self.known_peer(did)?;
        let limit = Some(terms.limit);
        self.realm.ask(move |ticket| Input::Peer { ticket, account, limit }).await?;
        self.keep_peer(account, Known { terms, ..peer }).await?;
        drop(changing);
        self.peer(did).await
    }

    /// Parts with a peer: it is lent nothing more, its workers are sent away, and what it owes it owes still.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) async fn part_with_peer(&self, did: &Did) -> Result<(), Problem> {
        let _changing = self.peers.changing.lock().await;
        let (account, _) = self.known_peer(did)?;
        lend::stop(self, account);
        lock(&self.peers.known).remove(&account);
        self.peers.save().await?;
        self.realm.ask(move |ticket| Input::Peer { ticket, account, limit: None }).await?;
        let did = did.clone();
        let its = move |worker: &mtor_protocol::http::WorkerInfo| worker.did == did;
        let workers = self.realm.view(move |realm| {
            realm
                .worker_infos()
                .iter()
                .filter(|worker| its(worker))
                .map(|worker| worker.id)
                .collect::<Vec<_>>()
        });
        for worker in workers.await? {
            self.realm.input(Input::WorkerLeft { worker: mtor_core::WorkerId(worker) }).await?;
        }
        Ok(())
    }

    /// All peers, by name.
    ///
    /// # Errors
    /// When the realm is going down.
    pub(crate) async fn all_peers(&self) -> Result<Vec<PeerInfo>, Problem> {
        let known: Vec<(AccountId, Known)> =
            lock(&self.peers.known).iter().map(|(account, peer)| (*account, peer.clone())).collect();
        let look = move |realm: &mtor_core::Realm| {
            let workers = realm.worker_infos();
            let info = |(account, peer): (AccountId, Known)| {
                let books = realm.state().books().account(account);
                let worker = workers.iter().find(|worker| worker.did == peer.did);
                let offers = worker.into_iter().flat_map(|worker| &worker.offers);
                let mut offers: Vec<_> = offers.map(|offer| offer.capability.clone()).collect();
                offers.dedup();
                PeerInfo {
                    did: peer.did,
                    name: peer.name,
                    address: peer.address,
                    terms: peer.terms,
                    owes: books.owed(),
                    owed: books.owned(),
                    attached: worker.is_some(),
                    offers,
                }
            };
            let mut peers: Vec<PeerInfo> = known.into_iter().map(info).collect();
            peers.sort_by(|a, b| (&a.name, a.did.as_str()).cmp(&(&b.name, b.did.as_str())));
            peers
        };
        Ok(self.realm.view(look).await?)
    }

    async fn peer(&self, did: &Did) -> Result<PeerInfo, Problem> {
        self.all_peers().await?.into_iter().find(|peer| peer.did == *did).ok_or_else(no_peer)
    }

    fn known_peer(&self, did: &Did) -> Result<(AccountId, Known), Problem> {
        let account = account(did)?;
        let known = lock(&self.peers.known).get(&account).cloned();
        known.map(|peer| (account, peer)).ok_or_else(no_peer)
    }

    fn check_room_for_peer(&self, account: AccountId) -> Result<(), Problem> {
        let known = lock(&self.peers.known);
        match known.len() < PEERS_MAX || known.contains_key(&account) {
            true => Ok(()),
            false => {
                let detail = format!("a realm has at most {PEERS_MAX} peers");
                Err(Problem::new(ProblemKind::TooManyRequests, detail))
            }
        }
    }

    /// Writes a peer down, and lends it what its terms say.
    async fn keep_peer(self: &Arc<Self>, account: AccountId, peer: Known) -> Result<(), Problem> {
        lock(&self.peers.known).insert(account, peer.clone());
        self.peers.save().await?;
        lend::start(self, account, &peer);
        Ok(())
    }
}

fn no_peer() -> Problem {
    Problem::new(ProblemKind::NotFound, "there is no such peer; see: mtor peer list")
}

fn check_terms(terms: &PeerTerms) -> Result<(), Problem> {
    if let Some(kind) = terms.share.iter().find(|kind| !SHAREABLE.contains(kind)) {
        let detail = format!("{kind} can't be shared; these can: chat, embed");
        return Err(Problem::new(ProblemKind::InvalidRequest, detail).param("share"));
    }
    if terms.share.len() > SHAREABLE.len() || terms.limit > Micro(u64::MAX / 4) {
        let detail = "each capability once, and a limit that can be counted";
        return Err(Problem::new(ProblemKind::InvalidRequest, detail).param("terms"));
    }
    Ok(())
}

/// A name that can be shown.
fn check_name(name: &str) -> Result<(), Problem> {
    let fits = (1..=limits::NAME_BYTES_MAX).contains(&name.len()) && !name.chars().any(char::is_control);
    let detail = "a realm's name has 1 to 128 bytes, and no control characters";
    if fits { Ok(()) } else { Err(Problem::new(ProblemKind::InvalidRequest, detail).param("name")) }
}

fn internal(error: impl std::fmt::Display) -> Problem {
    tracing::error!(%error, "an invitation could not be made");
    Problem::new(ProblemKind::Internal, "see the realm's log")
}
