//! Which workers to start, and starting one: first its model, then the program.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use mtor_models::{Catalogue, human_bytes};
use tokio_util::sync::CancellationToken;

use super::chat_model::ChatModel;
use super::child_log::ChildLog;
use super::summary::Summary;
use super::supervisor::{Say, Supervisor};
use crate::commands::model::Bar;
use crate::commands::worker::{Kind, fetch_needs, find_program};
use crate::data::DataFolder;
use crate::exit::Fault;
use crate::log_file::LogFile;

/// The value of `--workers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Workers(Vec<Kind>);

impl Workers {
    /// Reads kinds separated by commas, or `none`.
    ///
    /// # Errors
    /// Which kinds there are.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(Vec::new()));
        }
        let mut kinds = Vec::new();
        for word in text.split(',').map(str::trim) {
            let kind = Kind::parse(word).map_err(|why| format!("{why}; `none` starts no worker"))?;
            if !kind.starts_by_itself() {
                return Err(format!(
                    "{kind} has to be told what to attach: `mtor worker {kind} -- --help` says how"
                ));
            }
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        Ok(Self(kinds))
    }

    /// The kinds.
    pub(super) fn kinds(&self) -> &[Kind] {
        &self.0
    }

    /// Each kind with its program.
    ///
    /// # Errors
    /// When a program is not installed.
    pub(super) fn programs(&self) -> anyhow::Result<Vec<(Kind, PathBuf)>> {
        self.0.iter().map(|kind| Ok((*kind, find_program(*kind)?))).collect()
    }
}

/// A worker to be started.
pub(super) struct Start {
    pub(super) kind: Kind,
    pub(super) program: PathBuf,
    pub(super) folder: DataFolder,
    pub(super) model: ChatModel,
    pub(super) summary: Summary,
    /// To be cancelled when the worker can't be started at all.
    pub(super) never_ready: CancellationToken,
}

impl Start {
    /// Fetches what the worker needs, then keeps it running until `stop`. After `draining` nothing is started any more.
    pub(super) async fn run(self, draining: CancellationToken, stop: CancellationToken) {
        let options = match self.options(&draining).await {
            Ok(options) => options,
            Err(error) if matches!(error.downcast_ref(), Some(Fault::Interrupted)) => return,
            Err(error) => {
                self.never_ready.cancel();
                self.summary.worker(self.kind.name(), &format!("not started: {error:#}"));
                self.summary.say(
                    "The realm is up and its console works, but nobody answers questions yet. Start `mtor up` again when \
                     the cause is gone, or attach a worker with `mtor worker`.",
                );
                return;
            }
        };
        let log = match LogFile::open(&self.folder.log(self.kind.name())) {
            Ok(file) => ChildLog::new(file),
            Err(error) => {
                return self
                    .summary
                    .worker(self.kind.name(), &format!("not started: its log can't be written: {error}"));
            }
        };
        let model = match self.kind {
            Kind::Chat => self.model.name(),
            Kind::Skills => "the settings in skills.toml".to_owned(),
            kind => first_name(kind),
        };
        self.summary.worker(self.kind.name(), &format!("starting with {model}"));
        let (summary, kind) = (self.summary.clone(), self.kind);
        let say: Say = Arc::new(move |line: &str| summary.worker(kind.name(), line));
        Supervisor { program: self.program, options, environment: Vec::new(), log, say }.run(stop).await;
    }

    async fn options(&self, cancel: &CancellationToken) -> anyhow::Result<Vec<OsString>> {
        let model = match self.kind {
            Kind::Chat => self.model.options(&Bar::new(&self.model.name()), cancel).await?,
            kind => {
                fetch_needs(kind, cancel).await?;
                Vec::new()
            }
        };
        let key = self.folder.worker_key(self.kind.name());
        let base = ["--realm".into(), self.summary.realm_address().into(), "--key".into(), key.into()];
        let own = self.kind.folder_option(&self.folder);
        Ok(base.into_iter().chain(own).chain(model).collect())
    }
}

/// What a person calls the catalogue's first model for a kind.
fn first_name(kind: Kind) -> String {
    let catalogue = Catalogue::builtin();
    let first = kind.needs().first().and_then(|need| catalogue.for_capability(need).next());
    first.map_or_else(
        || "no model".to_owned(),
        |model| format!("{}, {}", model.name, human_bytes(model.bytes)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_are_listed_or_none() {
        assert_eq!(Workers::parse("none"), Ok(Workers(Vec::new())));
        assert_eq!(Workers::parse("chat, chat"), Ok(Workers(vec![Kind::Chat])));
        assert_eq!(Workers::parse("ears,voice"), Ok(Workers(vec![Kind::Ears, Kind::Voice])));
        assert!(Workers::parse("gateway").unwrap_err().contains("told what to attach"));
        let error = Workers::parse("chat,caht").unwrap_err();
        assert!(
            error.contains("did you mean \"chat\"?") && error.contains("`none` starts no worker"),
            "{error}"
        );
    }
}
