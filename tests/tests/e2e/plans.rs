//! Several steps in one sentence, pictures that are drawn, and services that are attached by their address: at the page.
//! What the person does there stands in `tests/browser`.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mtor_e2e::{Realm, RealmOptions, scenario, until};
use mtor_identity::Keypair;
use mtor_protocol::worker::CapabilityOffer;
use mtor_protocol::{Announcement, CapabilityKind, Effect, FinishReason, ImagineTask, Role, Task, ToolInfo};
use mtor_worker::{CancellationToken, Finished, Job, JobError, Output, Settings, Stopped, Worker, serve};
use reqwest::header::{HeaderMap, HeaderValue, ORIGIN};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// A worker that writes, draws, reads one page and sends mail, as far as one can see.
pub(super) struct Hands(Arc<Done>);

/// What its hands have done.
pub(super) struct Done {
    mails: Mutex<Vec<Value>>,
    /// Drawing waits for a permit, after its first preview.
    may_draw: Semaphore,
}

impl Hands {
    /// Attaches them to a realm, until the test ends.
    pub(super) async fn attach(realm: &Realm) -> Arc<Done> {
        let done = Arc::new(Done { mails: Mutex::default(), may_draw: Semaphore::new(0) });
        let settings = Settings::new(realm.url(), Arc::new(Keypair::generate().unwrap()));
        tokio::spawn(serve(Self(done.clone()), settings, CancellationToken::new()));
        until("the hands to be there", async || realm.offers("tool.mail.send").await.then_some(())).await;
        done
    }
}

impl Done {
    pub(super) fn mails(&self) -> Vec<Value> {
        self.mails.lock().unwrap().clone()
    }

    pub(super) fn let_draw(&self) {
        self.may_draw.add_permits(1);
    }
}

impl Worker for Hands {
    fn announcement(&self) -> Announcement {
        let text = json!({ "type": "string" });
        let mail = json!({ "type": "object", "required": ["to", "body"], "properties": {
            "to": text, "subject": text, "body": { "type": "string", "x-mtor-content": true },
        } });
        let page = json!({ "type": "object", "required": ["url"], "properties": { "url": text } });
        let offers = vec![
            CapabilityOffer::new(CapabilityKind::CHAT, "hands", 4),
            CapabilityOffer::new(CapabilityKind::IMAGINE, "hands", 1),
            tool("tool.mail.send", Effect::Sends, &mail),
            tool("tool.web", Effect::Reads, &page),
        ];
        Announcement::new("hands", offers)
    }

    async fn run(&self, job: Job, output: &mut Output) -> Result<Finished, JobError> {
        let mut usage = output.usage(1);
        let text = match &job.intent.task {
            Task::Chat(chat) => {
                let read = chat.messages.iter().rfind(|message| message.role == Role::User).unwrap();
                format!("In short: {}", read.content.lines().next().unwrap_or_default())
            }
            Task::Imagine(task) => {
                output.preview("coming.png", "image/png", &picture(task, 16)).await?;
                let may = job.cancelled.run_until_cancelled(self.0.may_draw.acquire()).await;
                may.ok_or(Stopped)?.unwrap().forget();
                output.part("picture-1.png", "image/png", &picture(task, 256)).await?;
                usage.images = 1;
                return Ok(Finished { usage, finish: FinishReason::Stop });
            }
            Task::Tool(tool) if tool.tool.bare() == "web" => {
                "Birds fly south when it gets cold.\nThey come back in spring.".to_owned()
            }
            Task::Tool(tool) => {
                self.0.mails.lock().unwrap().push(Value::Object(tool.arguments.clone()));
                "It is sent.".to_owned()
            }
            _ => return Err(JobError::failed("not here")),
        };
        output.text(&text, 1).await?;
        usage.output_tokens = 1;
        Ok(Finished { usage, finish: FinishReason::Stop })
    }
}

fn tool(name: &str, effect: Effect, parameters: &Value) -> CapabilityOffer {
    let parameters = parameters.as_object().unwrap().clone();
    let info = ToolInfo { description: name.to_owned(), parameters, effect, repeatable: false };
    let kind = CapabilityKind::new(name).unwrap();
    CapabilityOffer { tool: Some(info.into()), ..CapabilityOffer::new(kind, "hands", 4) }
}

/// A PNG of this side that is another one for each seed: rings of light.
fn picture(task: &ImagineTask, side: usize) -> Vec<u8> {
    let seed = task.seed.unwrap_or(1);
    let mut rows = Vec::new();
    for y in 0..side {
        rows.push(0);
        for x in 0..side {
            let (dx, dy) = (x as f64 / side as f64 - 0.5, y as f64 / side as f64 - 0.6);
            let wave = ((dx * dx + dy * dy).sqrt() * (20.0 + seed as f64)).sin() * 0.5 + 0.5;
            rows.extend([(wave * 255.0) as u8, (wave * wave * 90.0) as u8, (255.0 - wave * 120.0) as u8]);
        }
    }
    let side = u32::try_from(side).unwrap().to_be_bytes();
    let header = [&side[..], &side[..], &[8, 2, 0, 0, 0]].concat();
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [(b"IHDR", header), (b"IDAT", stored(&rows)), (b"IEND", Vec::new())] {
        let body = [&kind[..], &data[..]].concat();
        png.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
        png.extend(&body);
        png.extend(crc(&body).to_be_bytes());
    }
    png
}

/// Bytes in zlib's format, as they are.
fn stored(bytes: &[u8]) -> Vec<u8> {
    const BLOCK: usize = 0xffff;
    let blocks = bytes.chunks(BLOCK).enumerate().flat_map(|(at, block)| {
        let is_last = (at + 1) * BLOCK >= bytes.len();
        let length = u16::try_from(block.len()).unwrap();
        [&[u8::from(is_last)][..], &length.to_le_bytes(), &(!length).to_le_bytes(), block].concat()
    });
    let (a, b) = bytes.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    [0x78, 0x01].into_iter().chain(blocks).chain(((b << 16) | a).to_be_bytes()).collect()
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8)
            .fold(crc ^ u32::from(*byte), |crc: u32, _| crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
    })
}

#[tokio::test]
async fn a_plan_is_seen_asked_about_replayed_and_stopped_and_a_picture_drawn() {
    let realm = Realm::start().await;
    let mut hands = None;
    scenario::play("plans.mjs", &realm.url(), async |words| match words {
        "attach the hands" => hands = Some(Hands::attach(&realm).await),
        "let it draw" => hands.as_ref().unwrap().let_draw(),
        "see one mail" => {
            let mails = hands.as_ref().unwrap().mails();
            let sent = json!({ "to": "ada@example.org", "subject": "email it to ada@example.org",
                               "body": "In short: Birds fly south when it gets cold." });
            assert_eq!(mails, [sent], "just what was said yes to, once");
        }
        _ => panic!("nobody knows how to {words}"),
    })
    .await;
    realm.assert_unharmed().await;
    realm.verify_ledger();
}

#[tokio::test]
async fn a_service_is_attached_by_its_address_and_comes_back_with_the_realm() {
    let up = ["--workers", "none"].map(str::to_owned).to_vec();
    let mut realm = Realm::with(RealmOptions { up, ..RealmOptions::default() }).await;
    let ollama = Ollama::open().await;
    let secret = realm.data().join("workers/attached-ollama.secret");
    scenario::play("attaching.mjs", &realm.url(), async |words| {
        match words.split(' ').collect::<Vec<_>>()[..] {
            ["name", "the", "service", file] => std::fs::write(file, &ollama.url).unwrap(),
            ["see", "its", "key"] => {
                use std::os::unix::fs::PermissionsExt as _;
                assert_eq!(std::fs::read_to_string(&secret).unwrap(), Ollama::KEY);
                assert_eq!(std::fs::metadata(&secret).unwrap().permissions().mode() & 0o777, 0o600);
                until("it works for the realm", async || realm.offers("chat").await.then_some(())).await;
            }
            ["restart", "the", "realm"] => {
                realm.terminate();
                assert_eq!(realm.wait().await.code(), Some(0), "{}", realm.process().said());
                realm.restart().await;
                until("it is there again", async || realm.offers("chat").await.then_some(())).await;
            }
            ["see", "it", "gone"] => {
                assert!(!secret.exists(), "its key is forgotten");
                until("nobody works here", async || (!realm.offers("chat").await).then_some(())).await;
            }
            _ => panic!("nobody knows how to {words}"),
        }
    })
    .await;
    assert!(!realm.process().said().contains(Ollama::KEY), "a key is in the log");
    // The same from the command line, and from nobody else.
    let attached = realm.run_aside(&["worker", "attach", &ollama.url]).await;
    assert!(attached.status.success(), "{attached:?}");
    assert!(String::from_utf8_lossy(&attached.stdout).contains("ollama: Ollama at http://127.0.0.1:"));
    let detached = realm.run_aside(&["worker", "detach", "ollama"]).await;
    assert!(detached.status.success(), "{detached:?}");
    let somebody = realm.funded_wallet().await;
    let asked = json!({ "address": ollama.url });
    let refused = somebody.post("/api/attachments", serde_json::to_vec(&asked).unwrap()).await;
    assert_eq!(refused.status, 403, "{}", refused.text());
    let elsewhere = HeaderMap::from_iter([(ORIGIN, HeaderValue::from_static("https://evil.example"))]);
    let refused =
        realm.owner().send("POST", "/api/attachments", serde_json::to_vec(&asked).unwrap(), elsewhere).await;
    assert_eq!(refused.status, 403, "a page of another site: {}", refused.text());
    realm.assert_unharmed().await;
}

/// An Ollama that wants a key for its models.
struct Ollama {
    url: String,
}

impl Ollama {
    const KEY: &str = "sk-a-secret-of-the-service";

    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(Self::answer(stream));
            }
        });
        Self { url }
    }

    async fn answer(mut stream: TcpStream) {
        let mut head = Vec::new();
        let mut piece = [0; 4096];
        while !head.windows(4).any(|end| end == b"\r\n\r\n") {
            let read = tokio::time::timeout(Duration::from_secs(30), stream.read(&mut piece)).await;
            let Ok(Ok(length @ 1..)) = read else { return };
            head.extend_from_slice(&piece[..length]);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let body = match head.split(' ').nth(1).unwrap_or_default() {
            "/api/version" => json!({ "version": "0.12.0" }),
            "/api/tags" => json!({ "models": [] }),
            "/v1/models" => json!({ "object": "list", "data": [{ "id": "tiny:1b", "object": "model" }] }),
            "/api/show" => json!({ "capabilities": ["completion"] }),
            _ => Value::Null,
        };
        let status = if body.is_null() { "404 Not Found" } else { "200 OK" };
        let text = body.to_string();
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
            text.len()
        );
        let _ = stream.write_all(answer.as_bytes()).await;
    }
}
