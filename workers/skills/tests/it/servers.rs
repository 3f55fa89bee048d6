//! Servers that are played, and skills that are asked.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use axum::Router;
use mtor_skills::settings::SkillsFile;
use mtor_skills::{Answer, Asked, Skill, SkillError};
use mtor_worker::CancellationToken;
use mtor_worker::protocol::JobId;
use serde_json::Value;

/// Serves on a free port of this machine; gives the address.
pub(crate) async fn serve(routes: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    url
}

/// A secret in a file.
pub(crate) fn secret(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// The skills of these settings.
pub(crate) fn skills(folder: &Path, settings: &str) -> Vec<Box<dyn Skill>> {
    let path = folder.join("skills.toml");
    std::fs::write(&path, settings).unwrap();
    SkillsFile::read(&path).unwrap().skills(folder, CancellationToken::new()).unwrap()
}

/// What a skill answers.
pub(crate) async fn ask(
    skills: &[Box<dyn Skill>],
    name: &str,
    arguments: Value,
) -> Result<String, SkillError> {
    let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
    let skill = skills.iter().find(|skill| skill.name() == name).unwrap();
    let asked = Asked {
        job: JobId::generate(),
        arguments,
        attachment: Vec::new(),
        cancelled: CancellationToken::new(),
    };
    let mut text = String::new();
    skill.run(asked, &mut Answer::text(&mut text, "")).await?;
    Ok(text)
}
