//! What a realm can do by its skills: timers that outlive it, the news, the house; asked for at the page and by the API. The
//! servers behind the skills are played, on the wire as the real ones.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use mtor_e2e::{Realm, RealmOptions, scenario, sound, until};
use mtor_protocol::JobId;
use mtor_protocol::http::{JobInfo, JobState};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::plans::Hands;

#[tokio::test]
async fn a_timer_rings_although_the_realm_was_killed_meanwhile() {
    let mut realm = up("skills").await;
    let owner = realm.owner();
    let (id, pasta) = (JobId::generate(), json!({"seconds": 4, "label": "pasta"}));
    let intent = json!({"capability": "tool.timer", "params": pasta});
    let submit = json!({"id": id, "intent": intent, "timeout_ms": 60_000});
    let taken = owner.post("/api/jobs", serde_json::to_vec(&submit).unwrap()).await;
    assert!(taken.status < 300, "{}", taken.text());
    let set = "Your pasta timer is set for 4 seconds.\n\n";
    let job = async || owner.get(&format!("/api/jobs/{id}")).await.json::<JobInfo>();
    until("the timer to be set", async || {
        Some(job().await).filter(|job| job.text.as_deref() == Some(set) && job.state == JobState::Running)
    })
    .await;
    realm.kill();
    realm.restart().await;
    let rung =
        until("the timer to ring", async || Some(job().await).filter(|job| job.state.is_final())).await;
    assert_eq!(rung.state, JobState::Completed, "{rung:?}");
    assert_eq!(rung.text.unwrap(), format!("{set}Your pasta timer is up!"));

    // A drain does not wait for a timer, and what was asked of it is still there afterwards.
    let later = json!({"intent": {"capability": "tool.timer", "params": {"seconds": 3_600}}, "timeout_ms": 3_700_000});
    assert!(owner.post("/api/jobs", serde_json::to_vec(&later).unwrap()).await.status < 300);
    until("the timer to run", async || (realm.queue().await.running == 1).then_some(())).await;
    let asked = std::time::Instant::now();
    realm.terminate();
    assert_eq!(realm.wait().await.code(), Some(0), "{}", realm.process().said());
    assert!(asked.elapsed().as_secs() < 15, "the drain took {:?}", asked.elapsed());
    realm.restart().await;
    until("the timer to run again", async || (realm.queue().await.running == 1).then_some(())).await;
    realm.assert_unharmed().await;
}

#[tokio::test]
async fn what_a_house_is_told_in_a_day_at_the_page() {
    let realm = up("ears,voice").await;
    let house = House::open().await;
    let token = realm.data().join("home.token");
    std::fs::write(&token, House::TOKEN).unwrap();
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
    let settings = format!(
        "off = ['web']\n[news.feeds]\nen = ['{url}/feed.xml']\n[home]\nurl = '{url}'\ntoken_file = 'home.token'\n[home.entities]\n\
         'light.kitchen' = ['kitchen light']\n",
        url = house.url
    );
    std::fs::write(realm.data().join("skills.toml"), settings).unwrap();
    let mut skills = realm.start_beside(&["worker", "skills"], "skills.log");
    let mut eyes = realm.start_beside(&["worker", "eyes"], "eyes.log");
    let hands = Hands::attach(&realm).await;
    until("the skills to be there", async || realm.offers("tool.home").await.then_some(())).await;
    until("the eyes to be there", async || realm.offers("vision").await.then_some(())).await;
    scenario::play("skills.mjs", &realm.url(), async |words| {
        match words.splitn(3, ' ').collect::<Vec<_>>()[..] {
            ["record", file, rest] => {
                let (silence_s, words) = rest.split_once(' ').expect("seconds and words");
                sound::record(&realm, Path::new(file), silence_s.parse().unwrap(), words).await;
            }
            ["hear", file, words] => {
                let heard = sound::transcript(&realm, Path::new(file)).await;
                println!("heard: {heard}");
                assert!(heard.contains(words), "{words:?} is not in {heard:?}");
            }
            ["see", "the", "light"] => assert_eq!(house.light(), "on"),
            ["see", "no", "mail"] => assert!(hands.mails().is_empty(), "{:?}", hands.mails()),
            ["see", "the", "mail"] => {
                let mails = hands.mails();
                assert!(mails.len() == 1 && mails[0]["to"] == "me", "{mails:?}");
            }
            _ => panic!("nobody knows how to {words}"),
        }
    })
    .await;
    assert!(!skills.said().contains(House::TOKEN), "a secret is in the log");
    eyes.terminate();
    assert_eq!(eyes.wait().await.code(), Some(0), "{}", eyes.said());
    skills.terminate();
    assert_eq!(skills.wait().await.code(), Some(0), "{}", skills.said());
    realm.assert_unharmed().await;
    realm.verify_ledger();
}

/// A realm with these workers, all of them ready.
async fn up(workers: &str) -> Realm {
    let up = ["--workers", workers].map(str::to_owned).to_vec();
    Realm::with(RealmOptions { up, ..RealmOptions::default() }).await
}

/// A Home Assistant with one light, and a newspaper.
struct House {
    url: String,
    light: Arc<Mutex<String>>,
}

impl House {
    const TOKEN: &str = "a-long-lived-access-token";

    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let light = Arc::new(Mutex::new("off".to_owned()));
        let state = light.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = state.clone();
                tokio::spawn(async move { answer(stream, &state).await });
            }
        });
        Self { url, light }
    }

    fn light(&self) -> String {
        self.light.lock().unwrap().clone()
    }
}

/// Answers one request, and closes.
async fn answer(stream: TcpStream, light: &Mutex<String>) {
    let mut stream = BufReader::new(stream);
    let (mut head, mut length, mut allowed) = (String::new(), 0, false);
    stream.read_line(&mut head).await.unwrap();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        allowed |= line == format!("authorization: bearer {}", House::TOKEN);
        if let Some(bytes) = line.strip_prefix("content-length: ") {
            length = bytes.parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    let state = |state: &str| json!({"entity_id": "light.kitchen", "state": state, "attributes": {"friendly_name": "Kitchen"}});
    let (status, text) = match head.split(' ').take(2).collect::<Vec<_>>()[..] {
        ["GET", "/feed.xml"] => ("200 OK", FEED.to_owned()),
        _ if !allowed => ("401 Unauthorized", "401: Unauthorized".to_owned()),
        ["GET", "/api/states/light.kitchen"] => ("200 OK", state(&light.lock().unwrap()).to_string()),
        ["POST", "/api/services/light/turn_on"] => {
            let asked: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(asked, json!({"entity_id": "light.kitchen"}));
            *light.lock().unwrap() = "on".to_owned();
            ("200 OK", json!([state("on")]).to_string())
        }
        _ => ("404 Not Found", "404: Not Found".to_owned()),
    };
    let answer =
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}", text.len());
    let _ = stream.write_all(answer.as_bytes()).await;
}

const FEED: &str = r#"<?xml version="1.0"?><rss version="2.0"><channel><title>The Daily</title>
<item><title>A whale swims up the river</title><link>https://news.example/whale</link></item>
<item><title>The bridge is open again</title><link>https://news.example/bridge</link></item></channel></rss>"#;
