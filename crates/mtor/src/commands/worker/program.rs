//! Which kinds of workers there are, and where their programs lie.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use mtor_protocol::CapabilityKind;

use crate::cli::slips;
use crate::data::DataFolder;
use crate::exit::Fault;

/// A kind of worker that this version can start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Writes the next message of a conversation.
    Chat,
    /// Writes down what is said.
    Ears,
    /// Speaks.
    Voice,
    /// Turns texts into vectors, by which the realm tells what somebody wants.
    Embed,
    /// Looks at pictures.
    Eyes,
    /// Calculates, tells time and weather, sets timers, reads news and pages, switches the house.
    Skills,
    /// Attaches services that run elsewhere.
    Gateway,
    /// Runs skills of strangers, as WebAssembly modules.
    Sandbox,
}

impl Kind {
    /// All kinds.
    pub(crate) const ALL: [Self; 8] = [
        Self::Chat,
        Self::Ears,
        Self::Voice,
        Self::Embed,
        Self::Eyes,
        Self::Skills,
        Self::Gateway,
        Self::Sandbox,
    ];

    /// The word for it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Ears => "ears",
            Self::Voice => "voice",
            Self::Embed => "embed",
            Self::Eyes => "eyes",
            Self::Skills => "skills",
            Self::Gateway => "gateway",
            Self::Sandbox => "sandbox",
        }
    }

    /// The capability that it offers first; what a gateway or a sandbox offers depends on what it attaches.
    pub(crate) fn capability(self) -> Option<CapabilityKind> {
        match self {
            Self::Chat => Some(CapabilityKind::CHAT),
            Self::Ears => Some(CapabilityKind::TRANSCRIBE),
            Self::Voice => Some(CapabilityKind::SPEAK),
            Self::Embed => Some(CapabilityKind::EMBED),
            Self::Eyes => Some(CapabilityKind::VISION),
            Self::Skills => CapabilityKind::new("tool.calculate"),
            Self::Gateway | Self::Sandbox => None,
        }
    }

    /// Whether a realm can start it by itself: all but those that have to be told what to attach.
    pub(crate) fn starts_by_itself(self) -> bool {
        self.capability().is_some()
    }

    /// The name of its program.
    pub(crate) const fn program(self) -> &'static str {
        match self {
            Self::Chat => "mtor-chat",
            Self::Ears => "mtor-ears",
            Self::Voice => "mtor-voice",
            Self::Embed => "mtor-embed",
            Self::Eyes => "mtor-eyes",
            Self::Skills => "mtor-skills",
            Self::Gateway => "mtor-gateway",
            Self::Sandbox => "mtor-sandbox",
        }
    }

    /// What it needs of the catalogue: the first model for each of these.
    pub(crate) const fn needs(self) -> &'static [&'static str] {
        match self {
            Self::Chat => &["chat"],
            Self::Ears => &["transcribe", "voice-activity", "wake"],
            Self::Voice => &["speak", "speak-config"],
            Self::Embed => &["embed", "embed-vocabulary"],
            Self::Eyes => &["objects", "text-lines", "text-letters", "picture-safety"],
            Self::Skills | Self::Gateway | Self::Sandbox => &[],
        }
    }

    /// The option that tells it where its settings lie, if it has any of its own.
    pub(crate) fn folder_option(self, folder: &DataFolder) -> Vec<OsString> {
        match self {
            Self::Skills => vec!["--data".into(), folder.path().into()],
            _ => Vec::new(),
        }
    }

    /// The kind of that name.
    ///
    /// # Errors
    /// Which kinds there are, and which one may have been meant.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if let Some(kind) = Self::ALL.into_iter().find(|kind| kind.name() == text) {
            return Ok(kind);
        }
        let all = Self::ALL.map(Self::name).join(", ");
        let near = Self::ALL.into_iter().find(|kind| slips(kind.name(), text) <= 2);
        let meant = near.map_or_else(String::new, |kind| format!("; did you mean {:?}?", kind.name()));
        Err(format!("there is no such kind of worker{meant} [kinds: {all}]"))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where the program of a kind lies: beside this program, else on the search path.
///
/// # Errors
/// [`Fault::Usage`] with what to do when it is nowhere.
pub(crate) fn find_program(kind: Kind) -> anyhow::Result<PathBuf> {
    let name = format!("{}{}", kind.program(), std::env::consts::EXE_SUFFIX);
    let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join(&name)));
    let on_path = std::env::var_os("PATH");
    let on_path = on_path.iter().flat_map(std::env::split_paths).map(|folder| folder.join(&name));
    beside.into_iter().chain(on_path).find(|path| path.is_file()).ok_or_else(|| {
        Fault::Usage(format!("the program {name} is neither beside mtor nor in PATH; `./mtor up` builds it, and so does `cargo build --release -p {}`", kind.program())).into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_answered_with_what_was_meant() {
        assert_eq!(Kind::parse("chat"), Ok(Kind::Chat));
        assert!(Kind::parse("ear").unwrap_err().contains("did you mean \"ears\"?"));
        assert!(Kind::parse("caht").unwrap_err().contains("did you mean \"chat\"?"));
        assert!(Kind::parse("Chat").unwrap_err().contains("did you mean"));
        let far = Kind::parse("telepathy").unwrap_err();
        assert!(
            far.contains("[kinds: chat, ears, voice, embed, eyes, skills, gateway, sandbox]")
                && !far.contains("did you mean"),
            "{far}"
        );
    }
}
