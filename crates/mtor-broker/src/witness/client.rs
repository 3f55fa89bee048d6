//! What is said to a witness over HTTP: `add-checkpoint`, and nothing else.

use anyhow::{Context as _, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mtor_ledger::Cosignature;
use reqwest::StatusCode;

use crate::defaults::{WITNESS_ANSWER_BYTES_MAX, WITNESS_TIMEOUT};
use crate::realm::RealmHandle;
use crate::settings::WitnessSection;

/// Characters of an answer that are repeated to the sysop.
const SAID_CHARS: usize = 200;

/// Speaks to witnesses.
pub(super) struct WitnessClient(reqwest::Client);

/// What a witness answers.
enum Answer {
    /// Signature lines.
    Cosigned(String),
    /// It has cosigned a checkpoint of another size than was said.
    Size(u64),
}

impl WitnessClient {
    /// Sets up TLS with the system's certificates, and the proxies of the environment.
    pub(super) fn new() -> Result<Self> {
        // Another part of the process may have chosen its cryptography already; then that choice is used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .timeout(WITNESS_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("mtor/", env!("CARGO_PKG_VERSION")))
            .build()
            .context("setting up the HTTP client for the log's witnesses")?;
        Ok(Self(client))
    }

    /// Shows a checkpoint over `size` entries to a witness that has cosigned `old` of them, as far as is known here. If it has
    /// cosigned another number, it says so, and is asked once more. Gives why not, in words, if it does not cosign.
    pub(super) async fn show(
        &self,
        realm: &RealmHandle,
        witness: &WitnessSection,
        note: &str,
        size: u64,
        old: u64,
    ) -> Result<Cosignature, String> {
        let lines = match self.add_checkpoint(realm, witness, note, size, old).await? {
            Answer::Cosigned(lines) => lines,
            Answer::Size(seen) if seen == old => {
                return Err(format!("it has cosigned another history of the first {seen} entries"));
            }
            Answer::Size(seen) if seen > size => {
                return Err(format!(
                    "it has cosigned {seen} entries, but the log has only {size}: was an older backup restored?"
                ));
            }
            Answer::Size(seen) => match self.add_checkpoint(realm, witness, note, size, seen).await? {
                Answer::Cosigned(lines) => lines,
                Answer::Size(other) => {
                    return Err(format!(
                        "it has cosigned {seen} entries, then {other}: it contradicts itself"
                    ));
                }
            },
        };
        witness.key.find(note, &lines).ok_or_else(|| {
            format!(
                "its answer has no signature by its key {}; does the key in realm.toml belong to it?",
                witness.key
            )
        })
    }

    async fn add_checkpoint(
        &self,
        realm: &RealmHandle,
        witness: &WitnessSection,
        note: &str,
        size: u64,
        old: u64,
    ) -> Result<Answer, String> {
        let proof = realm.ledger_read(move |ledger| ledger.consistency(old, size)).await;
        let proof = proof.map_err(|problem| problem.to_string())?;
        let mut body = format!("old {old}\n");
        for hash in proof {
            STANDARD.encode_string(hash, &mut body);
            body.push('\n');
        }
        body.push('\n');
        body.push_str(note);
        let request = self.0.post(format!("{}/add-checkpoint", witness.url)).body(body);
        let answer = request.send().await.map_err(|error| format!("no answer ({})", innermost(&error)))?;
        let status = answer.status();
        let text = read(answer).await?;
        match status {
            StatusCode::OK => Ok(Answer::Cosigned(text)),
            // A size is one line with a number, and nothing else.
            StatusCode::CONFLICT => match text.strip_suffix('\n').and_then(|size| size.parse().ok()) {
                Some(size) => Ok(Answer::Size(size)),
                None => Err(format!("it answers with {status}, but not with a size: {}", shortened(&text))),
            },
            StatusCode::NOT_FOUND => {
                let known = "ask its keeper to add this realm's log (`mtor ledger verify --json` has its verifier_key)";
                Err(format!(
                    "it answers with {status}: either the address is wrong, or it does not know this log; {known}"
                ))
            }
            _ => Err(format!("it answers with {status}: {}", shortened(&text))),
        }
    }
}

/// An answer's text, as long as it is short.
async fn read(mut answer: reqwest::Response) -> Result<String, String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| innermost(&error))? {
        if bytes.len() + chunk.len() > WITNESS_ANSWER_BYTES_MAX {
            return Err(format!("its answer is longer than {WITNESS_ANSWER_BYTES_MAX} bytes"));
        }
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes).map_err(|_| "its answer is no text".to_owned())
}

fn shortened(text: &str) -> String {
    text.trim().chars().filter(|char| !char.is_control()).take(SAID_CHARS).collect()
}

/// What the operating system said, without the layers above it.
fn innermost(error: &reqwest::Error) -> String {
    let mut error: &dyn std::error::Error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
