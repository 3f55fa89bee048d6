//! From which devices a wallet is used: whose sessions are open, and when those of before were last here.
//!
//! Kept in memory, for as long as the broker runs: it is news for the wallet's owner, and nobody's record. All devices of a wallet
//! have the same key, so this list opens no door and closes none; who finds a stranger in it changes the key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mtor_protocol::body::Device;
use mtor_protocol::http::DeviceInfo;
use mtor_protocol::{AccountId, Problem, ProblemKind};

use crate::clock;
use crate::defaults::{DEVICE_ID_BYTES_MAX, DEVICE_NAME_BYTES_MAX, DEVICE_WALLETS_MAX, DEVICES_MAX};

/// The devices of all wallets.
#[derive(Debug, Default)]
pub struct Devices {
    seen: Mutex<HashMap<AccountId, Vec<DeviceInfo>>>,
}

impl Devices {
    /// A device opens a session, which lasts as long as the visit.
    ///
    /// # Errors
    /// When its name or its id is none.
    pub(crate) fn visit(self: &Arc<Self>, account: AccountId, device: Device) -> Result<Visit, Problem> {
        check("device.id", &device.id, DEVICE_ID_BYTES_MAX)?;
        check("device.name", &device.name, DEVICE_NAME_BYTES_MAX)?;
        let now = clock::now();
        let mut seen = self.lock();
        if seen.len() >= DEVICE_WALLETS_MAX && !seen.contains_key(&account) {
            forget_longest_gone(&mut seen);
        }
        let devices = seen.entry(account).or_default();
        let id = device.id.clone();
        match devices.iter_mut().find(|known| known.id == id) {
            Some(known) => {
                known.name = device.name;
                known.sessions += 1;
                known.seen = now;
            }
            None => {
                if devices.len() >= DEVICES_MAX {
                    let gone = devices.iter().enumerate().min_by_key(|(_, one)| (one.sessions > 0, one.seen));
                    let place = gone.map_or(0, |(place, _)| place);
                    devices.swap_remove(place);
                }
                devices.push(DeviceInfo {
                    id: device.id,
                    name: device.name,
                    sessions: 1,
                    since: now,
                    seen: now,
                });
            }
        }
        Ok(Visit { devices: self.clone(), account, id })
    }

    /// Those of a wallet: who is here first, then who was here last.
    pub(crate) fn of(&self, account: AccountId) -> Vec<DeviceInfo> {
        let mut devices = self.lock().get(&account).cloned().unwrap_or_default();
        devices.sort_by_key(|one| (one.sessions == 0, std::cmp::Reverse(one.seen)));
        devices
    }

    fn left(&self, account: AccountId, id: &str) {
        let mut seen = self.lock();
        let known = seen.get_mut(&account).and_then(|devices| devices.iter_mut().find(|one| one.id == id));
        if let Some(known) = known {
            known.sessions = known.sessions.saturating_sub(1);
            known.seen = clock::now();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AccountId, Vec<DeviceInfo>>> {
        // The map is whole whatever panicked elsewhere.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session of a device; ends with the session.
#[derive(Debug)]
pub(crate) struct Visit {
    devices: Arc<Devices>,
    account: AccountId,
    id: String,
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.devices.left(self.account, &self.id);
    }
}

fn check(field: &'static str, text: &str, most: usize) -> Result<(), Problem> {
    if !text.trim().is_empty() && text.len() <= most && !text.chars().any(char::is_control) {
        return Ok(());
    }
    let detail = format!("{field} has 1 to {most} bytes, and no control characters");
    Err(Problem::new(ProblemKind::InvalidRequest, detail).param(field))
}

/// Makes room for another wallet: that of whose devices nobody was here for the longest time goes.
fn forget_longest_gone(seen: &mut HashMap<AccountId, Vec<DeviceInfo>>) {
    let last = |devices: &[DeviceInfo]| {
        let here = devices.iter().any(|one| one.sessions > 0);
        (here, devices.iter().map(|one| one.seen).max())
    };
    if let Some(account) = seen.iter().min_by_key(|(_, devices)| last(devices)).map(|(account, _)| *account) {
        seen.remove(&account);
    }
}

#[cfg(test)]
mod tests {
    use mtor_identity::{Keypair, guid};

    use super::*;

    fn account(number: u64) -> AccountId {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&number.to_le_bytes());
        guid(&Keypair::from_seed(seed).public())
    }

    fn device(id: usize) -> Device {
        Device { id: format!("device-{id}"), name: format!("Browser {id}") }
    }

    #[test]
    fn a_device_is_here_until_its_last_session_ends() {
        let devices = Arc::new(Devices::default());
        let first = devices.visit(account(1), device(1)).unwrap();
        let second = devices.visit(account(1), device(1)).unwrap();
        let other = devices.visit(account(1), device(2)).unwrap();
        let sessions = || {
            devices.of(account(1)).into_iter().map(|one| (one.id, one.sessions)).collect::<HashMap<_, _>>()
        };
        assert_eq!(sessions()["device-1"], 2);
        drop((first, other));
        assert_eq!((sessions()["device-1"], sessions()["device-2"]), (1, 0));
        assert_eq!(devices.of(account(1))[0].id, "device-1", "who is here comes first");
        drop(second);
        assert_eq!(sessions()["device-1"], 0);
        assert!(devices.of(account(2)).is_empty(), "and nobody else sees it");
    }

    #[test]
    fn there_is_room_for_so_many_and_who_is_here_keeps_its_place() {
        let devices = Arc::new(Devices::default());
        let here = devices.visit(account(1), device(0)).unwrap();
        for number in 1..DEVICES_MAX + 5 {
            drop(devices.visit(account(1), device(number)).unwrap());
        }
        let known = devices.of(account(1));
        assert_eq!(known.len(), DEVICES_MAX);
        assert_eq!(known[0].id, "device-0");
        for number in 2..DEVICE_WALLETS_MAX as u64 + 5 {
            drop(devices.visit(account(number), device(0)).unwrap());
        }
        assert_eq!(devices.lock().len(), DEVICE_WALLETS_MAX);
        assert_eq!(devices.of(account(1)).len(), DEVICES_MAX);
        drop(here);
    }

    #[test]
    fn a_name_is_a_name() {
        let devices = Arc::new(Devices::default());
        for name in ["", "  ", "line\nbreak", &"x".repeat(DEVICE_NAME_BYTES_MAX + 1)] {
            let device = Device { id: "device-1".to_owned(), name: name.to_owned() };
            let problem = devices.visit(account(1), device).unwrap_err();
            assert_eq!(problem.known_kind(), Some(ProblemKind::InvalidRequest), "{name:?}");
        }
        assert!(devices.of(account(1)).is_empty());
    }
}
