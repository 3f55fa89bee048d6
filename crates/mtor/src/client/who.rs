//! Who asks: the realm's owner, or the wallet of a key file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use mtor_identity::{KeyFile, KeyFileError, Keypair};
use mtor_protocol::Did;

use crate::client::RealmUrl;
use crate::data::DataFolder;
use crate::exit::Fault;

/// `--wallet FILE`, for the commands that pay or are asked who they are.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct WhoArg {
    /// The key file of the wallet to use [default: on this machine the realm owner's, elsewhere wallet.key in the data folder]
    #[arg(long, value_name = "FILE", env = "MTOR_WALLET", hide_env_values = true)]
    pub(crate) wallet: Option<PathBuf>,
}

impl WhoArg {
    /// Who asks this realm: the wallet that is named; else the owner, when the realm is on this machine; else the
    /// wallet of the data folder.
    ///
    /// # Errors
    /// When a key file is needed and can't be read.
    pub(crate) fn who(&self, realm: &RealmUrl, data: &DataFolder) -> anyhow::Result<Who> {
        match &self.wallet {
            Some(file) => Who::of_file(file),
            None if realm.is_loopback() => Ok(Who::Owner),
            None => Who::of_file(&data.wallet_key()),
        }
    }
}

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) enum Who {
    /// Nobody in particular: on the realm's own machine that is its owner.
    Owner,
    /// The holder of this key.
    Wallet(Arc<Keypair>),
}

impl Who {
    /// The holder of the key in this file.
    ///
    /// # Errors
    /// When it can't be read; says how to make one when there is none.
    pub(crate) fn of_file(file: &Path) -> anyhow::Result<Self> {
        Ok(Self::Wallet(Arc::new(load(file)?.into_keypair())))
    }

    /// The key, if there is one.
    pub(crate) fn keypair(&self) -> Option<&Arc<Keypair>> {
        match self {
            Self::Owner => None,
            Self::Wallet(keypair) => Some(keypair),
        }
    }

    /// The name that events are signed with; the owner without a key has none and says so.
    pub(crate) fn source(&self) -> String {
        self.keypair().map_or_else(|| "mtor".to_owned(), |keypair| keypair.did().0)
    }
}

/// Reads a wallet's key file; a missing one is a matter of usage, with the way out in the message.
///
/// # Errors
/// When it is missing, open to others, or damaged.
pub(crate) fn load(file: &Path) -> anyhow::Result<KeyFile> {
    match KeyFile::load(file) {
        Ok(key) => Ok(key),
        Err(KeyFileError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            let shown = file.display();
            Err(Fault::Usage(format!("there is no wallet at {shown}; make one with `mtor wallet new`, or bring one back with `mtor wallet restore`")).into())
        }
        Err(error) => Err(error).with_context(|| format!("the wallet {}", file.display())),
    }
}

/// The name that somebody else wrote, checked.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn did(text: &str) -> Result<Did, String> {
    mtor_identity::PublicKey::from_did(text).map(|key| key.to_did()).map_err(|error| error.to_string())
}
