//! `realm.toml` and the flags over it: what a broker is told when it starts.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::Context as _;
use clap::Args;
use mtor_broker::Settings;

use crate::data::{DataArg, DataFolder};

/// The file that is written at the first start: every setting with its default, commented out.
const TEMPLATE: &str = include_str!("realm_file/realm.toml");

/// The settings that can be given as flags, the same for every command that starts a broker.
#[derive(Debug, Clone, Args)]
pub(crate) struct BrokerArgs {
    #[command(flatten)]
    pub(crate) data: DataArg,
    /// Where to listen [default: what realm.toml says, else 127.0.0.1:9000]
    #[arg(long, value_name = "ADDRESS:PORT", env = "MTOR_LISTEN", hide_env_values = true, value_parser = listen)]
    pub(crate) listen: Option<SocketAddr>,
    /// What people call the realm [default: what realm.toml says, else home]
    #[arg(long, value_name = "NAME", env = "MTOR_NAME", hide_env_values = true)]
    pub(crate) name: Option<String>,
}

impl BrokerArgs {
    /// Reads `realm.toml`, writing it first where there is none, and puts the flags over it.
    ///
    /// # Errors
    /// When the folder can't be used, or the file says what is not known.
    pub(crate) fn settings(&self) -> anyhow::Result<(DataFolder, Settings)> {
        let folder = self.data.folder()?;
        write_template(&folder)?;
        let mut settings = Settings::load(folder.path())?;
        if let Some(listen) = self.listen {
            settings.file.listen = listen;
        }
        if let Some(name) = &self.name {
            settings.file.name.clone_from(name);
        }
        Ok((folder, settings))
    }
}

fn write_template(folder: &DataFolder) -> anyhow::Result<()> {
    make_private_folder(folder.path())
        .with_context(|| format!("the data folder {} can't be made", folder.path().display()))?;
    let path = folder.settings_file();
    match std::fs::File::create_new(&path) {
        Ok(mut file) => file.write_all(TEMPLATE.as_bytes()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
    .with_context(|| format!("{} can't be written", path.display()))
}

/// Makes a folder, and what is missing above it, for its owner alone: questions and answers will lie there.
fn make_private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Reads an address to listen on: `127.0.0.1:9001`, `[::1]:9001`, `localhost:9001`, or a port alone.
fn listen(text: &str) -> Result<SocketAddr, String> {
    let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let port = text.strip_prefix("localhost:").or_else(|| text.strip_prefix(':')).unwrap_or(text);
    port.parse().map(|port| SocketAddr::new(here, port)).map_err(|_| {
        "write an IP address and a port: 127.0.0.1:9001 for this machine alone, 0.0.0.0:9001 for the network".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mtor_broker::RealmFile;

    #[test]
    fn the_file_says_what_the_defaults_are() {
        assert_eq!(toml::from_str::<RealmFile>(TEMPLATE).unwrap(), RealmFile::default());
        let uncommented: Vec<&str> =
            TEMPLATE.lines().map(|line| if is_setting(line) { &line[1..] } else { line }).collect();
        assert_eq!(TEMPLATE.lines().filter(|line| is_setting(line)).count(), 48);
        assert_eq!(toml::from_str::<RealmFile>(&uncommented.join("\n")).unwrap(), RealmFile::default());
    }

    /// Whether the line is a setting that is commented out: `#name = value`.
    fn is_setting(line: &str) -> bool {
        let name = line.strip_prefix('#').and_then(|rest| rest.split_once(" = "));
        name.is_some_and(|(name, _)| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
    }

    #[cfg(unix)]
    #[test]
    fn a_new_data_folder_is_its_owner_s_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let above = tempfile::tempdir().unwrap();
        let folder = above.path().join("realms/home");
        make_private_folder(&folder).unwrap();
        assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        make_private_folder(&folder).unwrap();
    }

    #[test]
    fn a_port_alone_is_on_this_machine() {
        for text in ["9001", ":9001", "localhost:9001", "127.0.0.1:9001"] {
            assert_eq!(listen(text).unwrap().to_string(), "127.0.0.1:9001");
        }
        assert_eq!(listen("[::1]:9001").unwrap().to_string(), "[::1]:9001");
        assert!(listen("example.org:80").unwrap_err().contains("0.0.0.0"));
        assert!(listen("90000").is_err());
    }
}
