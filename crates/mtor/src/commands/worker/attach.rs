//! `mtor worker attach` and `detach`: services that the realm itself keeps attached, by their address.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use mtor_protocol::{AttachRequest, Attachment};

use crate::client::{Api, RealmArg, Who};
use crate::terminal;

const EXAMPLES: &str = "\
Examples:
  mtor worker attach http://127.0.0.1:11434                 Ollama; what it is, the realm finds out
  mtor worker attach https://api.openai.com --key-file F    one that wants a key
  mtor worker attach                                        which are attached
  mtor worker detach ollama

The realm must have been started with `mtor up`, on this machine. It remembers the service, and starts its gateway again with
itself. A key is kept in a file of the realm's data folder, for its owner alone.";

/// Attaches a service by its address, or says which are attached.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct AttachArgs {
    /// Where the service is: http://HOST:PORT, https://HOST, or tcp://HOST:PORT for one that speaks Wyoming
    address: Option<String>,
    /// A file with the service's key
    #[arg(long, value_name = "FILE", requires = "address")]
    key_file: Option<PathBuf>,
}

/// Which one to detach.
#[derive(Debug, Args)]
pub(super) struct DetachArgs {
    /// Its name, as `mtor worker attach` says it
    id: String,
}

pub(super) async fn attach(args: &AttachArgs, realm: &RealmArg) -> anyhow::Result<()> {
    let api = Api::new(&realm.realm, Who::Owner)?;
    let Some(address) = &args.address else {
        let attached: Vec<Attachment> = api.get("/api/attachments").await?;
        return tell(&attached);
    };
    let key = args.key_file.as_ref().map(|file| {
        let text = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
        anyhow::Ok(text.trim().to_owned())
    });
    let request = AttachRequest { address: address.clone(), key: key.transpose()? };
    let made: Attachment = api.post("/api/attachments", &request).await?;
    tell(&[made])
}

pub(super) async fn detach(args: &DetachArgs, realm: &RealmArg) -> anyhow::Result<()> {
    let is_name =
        !args.id.is_empty() && args.id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    anyhow::ensure!(is_name, "{:?} is no name of an attached service", args.id);
    let left: Vec<Attachment> =
        Api::new(&realm.realm, Who::Owner)?.delete(&format!("/api/attachments/{}", args.id)).await?;
    terminal::line(&format!("{} is detached; {} are left", args.id, left.len()))
}

fn tell(attached: &[Attachment]) -> anyhow::Result<()> {
    if attached.is_empty() {
        return terminal::line(
            "no service is attached by its address; `mtor worker attach URL` attaches one",
        );
    }
    for Attachment { id, service, address, keyed, trouble } in attached {
        let keyed = if *keyed { ", with a key" } else { "" };
        let trouble = trouble.as_ref().map(|line| format!("; it says: {line}")).unwrap_or_default();
        terminal::line(&terminal::harmless(&format!("{id}: {service} at {address}{keyed}{trouble}")))?;
    }
    Ok(())
}
