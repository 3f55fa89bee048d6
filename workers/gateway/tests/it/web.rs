//! Services over HTTP, played with the shapes that their makers document.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::body::{Body as HttpBody, Bytes};
use axum::extract::ws::{Message as Frame, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt as _;
use futures_util::stream::{iter, pending, unfold};
use mtor_gateway::anthropic::Anthropic;
use mtor_gateway::automatic1111::Automatic1111;
use mtor_gateway::comfyui::ComfyUi;
use mtor_gateway::discover::{Kind, discover};
use mtor_gateway::http::{Key, parse_base};
use mtor_gateway::huggingface::HuggingFace;
use mtor_gateway::openai::OpenAi;
use mtor_gateway::probe::probe;
use mtor_gateway::{Offered, png};
use mtor_worker::protocol::worker::Stop;
use mtor_worker::protocol::{
    Body, ChatTask, Digest, EmbedTask, FinishReason, ImagineTask, JobId, Picture, ProblemKind, SpeakTask,
    Task, TranscribeTask,
};
use serde_json::{Value, json};
use tokio::sync::{Notify, broadcast};
use tokio::task::JoinHandle;

use crate::realm::{Realm, Session};
use crate::within;

/// A server that runs until it is dropped.
pub(crate) struct Served {
    pub(crate) url: reqwest::Url,
    server: JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.server.abort();
    }
}

pub(crate) async fn serve(router: Router) -> Served {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = parse_base(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    Served { url, server }
}

pub(crate) fn offered() -> Offered {
    Offered { slots: 2, ..Offered::default() }
}

fn offers(session: &Session) -> Vec<String> {
    session.announcement.offers.iter().map(|offer| format!("{}={}", offer.capability, offer.model)).collect()
}

/// The smallest PNG that is one.
fn picture() -> Vec<u8> {
    STANDARD
        .decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
        .unwrap()
}

pub(crate) fn sse(events: impl IntoIterator<Item = Value>) -> String {
    events.into_iter().map(|event| format!("data: {event}\n\n")).collect()
}

fn piece(text: &str) -> Value {
    json!({"id": "c", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]})
}

pub(crate) fn streamed(body: HttpBody) -> Response {
    ([("content-type", "text/event-stream")], body).into_response()
}

/// What a played OpenAI remembers.
#[derive(Default)]
struct Memory {
    /// How often it still says that it has too much to do, and for how many seconds.
    busy: AtomicU32,
    busy_s: AtomicU32,
    /// Told when the words before the death were heard.
    heard: Notify,
    /// Told when a client hangs up in mid-stream.
    hung_up: Arc<Notify>,
}

/// Tells when it is dropped, which is when the client has hung up.
struct Tell(Arc<Notify>);

impl Drop for Tell {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

async fn completions(
    State(memory): State<Arc<Memory>>,
    headers: HeaderMap,
    Json(ask): Json<Value>,
) -> Response {
    if headers.get("authorization").is_none_or(|value| value != "Bearer sk-test") {
        let error =
            json!({"error": {"message": "Incorrect API key provided", "type": "invalid_request_error"}});
        return (StatusCode::UNAUTHORIZED, Json(error)).into_response();
    }
    if memory.busy.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
        let after = memory.busy_s.load(Ordering::SeqCst).to_string();
        return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", after)], "slow down").into_response();
    }
    let last = ask["messages"].as_array().unwrap().last().unwrap().clone();
    let said = match &last["content"] {
        Value::Array(parts) => parts[1]["image_url"]["url"].as_str().unwrap().chars().take(22).collect(),
        content => content.as_str().unwrap().to_owned(),
    };
    match said.as_str() {
        "for ever" => {
            let tell = Tell(memory.hung_up.clone());
            let first = Bytes::from(sse([piece("on ")]));
            let words = iter([Ok::<_, Infallible>(first)]).chain(pending()).map(move |word| {
                let _ = &tell;
                word
            });
            streamed(HttpBody::from_stream(words))
        }
        "die" => {
            let words = unfold(0, move |told| {
                let memory = memory.clone();
                async move {
                    match told {
                        0 => Some((Ok(Bytes::from(sse([piece("Once "), piece("upon")]))), 1)),
                        // Not before the words were heard.
                        1 => {
                            memory.heard.notified().await;
                            Some((Err(std::io::Error::other("killed")), 2))
                        }
                        _ => None,
                    }
                }
            });
            streamed(HttpBody::from_stream(words))
        }
        "long" => {
            let message = "This model's maximum context length is 8 tokens.";
            (StatusCode::BAD_REQUEST, Json(json!({"error": {"message": message}}))).into_response()
        }
        said => {
            let end = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
            let usage = json!({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2}});
            let words = sse([piece("You said: "), piece(said), end, usage]) + "data: [DONE]\n\n";
            streamed(words.into())
        }
    }
}

fn openai(memory: Arc<Memory>) -> Router {
    let models = || async {
        let names = ["gpt-4o-mini", "text-embedding-3-small", "dall-e-3", "whisper-1", "tts-1"];
        let models: Vec<Value> = names.iter().map(|id| json!({"id": id, "object": "model"})).collect();
        Json(json!({"object": "list", "data": models}))
    };
    let embeddings = |Json(ask): Json<Value>| async move {
        let count = ask["input"].as_array().unwrap().len();
        // Not in order, which is allowed.
        let data = (0..count)
            .rev()
            .map(|index| json!({"index": index, "embedding": [index, 1.5]}))
            .collect::<Vec<_>>();
        Json(json!({"data": data, "usage": {"prompt_tokens": 5}}))
    };
    let images = |Json(ask): Json<Value>| async move {
        assert_eq!((&ask["size"], &ask["response_format"]), (&json!("512x512"), &json!("b64_json")));
        Json(json!({"created": 1, "data": [{"b64_json": STANDARD.encode(picture())}]}))
    };
    let transcriptions = |headers: HeaderMap, body: Bytes| async move {
        let kind = headers["content-type"].to_str().unwrap().to_owned();
        assert!(kind.starts_with("multipart/form-data; boundary="), "{kind}");
        let text = String::from_utf8_lossy(&body);
        assert!(text.contains("name=\"model\"\r\n\r\nwhisper-1\r\n") && text.contains("RIFF"));
        Json(json!({"text": " Hello there. "}))
    };
    let speech = |Json(ask): Json<Value>| async move {
        assert_eq!((&ask["response_format"], &ask["input"]), (&json!("pcm"), &json!("Hello")));
        vec![0_u8; 48_000]
    };
    Router::new()
        .route("/v1/models", get(models))
        .route("/v1/chat/completions", post(completions))
        .route("/v1/embeddings", post(embeddings))
        .route("/v1/images/generations", post(images))
        .route("/v1/audio/transcriptions", post(transcriptions))
        .route("/v1/audio/speech", post(speech))
        .with_state(memory)
}

async fn attached_openai(served: &Served) -> Realm {
    let key = Key::new("sk-test").unwrap();
    Realm::attached(OpenAi::new(served.url.clone(), Some(key), offered()).unwrap()).await
}

fn ask(text: &str) -> Task {
    Task::Chat(ChatTask::question(text))
}

#[tokio::test]
async fn what_speaks_like_openai_does_all_that_it_can() {
    let served = serve(openai(Arc::default())).await;
    let realm = attached_openai(&served).await;
    let mut session = realm.session().await;
    let expected = [
        "chat=gpt-4o-mini",
        "vision=gpt-4o-mini",
        "embed=text-embedding-3-small",
        "imagine=dall-e-3",
        "transcribe=whisper-1",
        "speak=tts-1",
    ];
    assert_eq!(offers(&session), expected);

    session.run(1, ask("Hi"), "").await;
    let outcome = session.outcome().await;
    let done = outcome.end.unwrap();
    assert_eq!((outcome.text.as_str(), done.finish), ("You said: Hi", FinishReason::Stop));
    assert_eq!((done.usage.input_tokens, done.usage.output_tokens), (9, 2));

    session.run(2, ask("Go on"), "Once upon").await;
    assert_eq!(session.outcome().await.text, "You said: Once upon", "what was said before comes last");

    let mut shown = ChatTask::question("What is this?");
    let bytes = picture();
    shown.messages[0].pictures = vec![Picture { bytes: bytes.len() as u32, sha256: Digest([0; 32]) }];
    session.run(3, Task::Vision(shown), "").await;
    session.whole_input(3, &bytes, 20).await;
    let outcome = session.outcome().await;
    assert_eq!(outcome.text, "You said: data:image/png;base64,");
    assert_eq!(outcome.end.unwrap().usage.images, 1);

    session.run(4, Task::Embed(EmbedTask { input: vec!["a".into(), "b".into()] }), "").await;
    assert_eq!(session.outcome().await.text, "[[0.0,1.5],[1.0,1.5]]");

    let cloud = ImagineTask { width: Some(512), count: 2, ..ImagineTask::of("a neon cloud") };
    session.run(5, Task::Imagine(cloud), "").await;
    let outcome = session.outcome().await;
    assert_eq!(outcome.end.unwrap().usage.images, 2);
    let names: Vec<&str> = outcome.parts.iter().map(|(part, _)| part.name.as_str()).collect();
    assert_eq!(names, ["picture-1.png", "picture-2.png"]);
    let record: Value = serde_json::from_str(&png::record(&outcome.parts[1].1).unwrap()).unwrap();
    assert_eq!((&record["prompt"], &record["model"]), (&json!("a neon cloud"), &json!("dall-e-3")));

    session.run(6, Task::Transcribe(TranscribeTask::default()), "").await;
    let wav = mtor_audio::pcm::wav(&vec![0.1; 16_000], 16_000);
    session.whole_input(6, &wav, 9_000).await;
    let outcome = session.outcome().await;
    assert_eq!((outcome.text.as_str(), outcome.end.unwrap().usage.audio_ms), ("Hello there.", 1_000));

    session.run(7, Task::Speak(SpeakTask::new("Hello")), "").await;
    let outcome = session.outcome().await;
    assert_eq!((outcome.text.as_str(), outcome.sound.len()), ("Hello", 48_000));
    assert_eq!(outcome.end.unwrap().usage.audio_ms, 1_000);
}

#[tokio::test]
async fn a_service_that_dies_in_mid_stream_leaves_the_rest_to_another_worker() {
    let memory = Arc::new(Memory::default());
    let served = serve(openai(memory.clone())).await;
    let realm = attached_openai(&served).await;
    let mut session = realm.session().await;
    session.run(1, ask("die"), "").await;
    for word in ["Once ", "upon"] {
        assert!(matches!(session.next().await, Body::WorkerChunk(piece) if piece.text == word));
    }
    memory.heard.notify_one();
    let failed = session.outcome().await.end.unwrap_err();
    assert!(failed.retry, "{failed:?}");
    assert!(failed.problem.detail.contains("was lost"), "{failed:?}");

    session.run(2, ask("long"), "").await;
    let failed = session.outcome().await.end.unwrap_err();
    assert_eq!(failed.problem.known_kind(), Some(ProblemKind::ContextExceeded));
}

#[tokio::test]
async fn a_cancelled_job_hangs_up_on_its_service() {
    let memory = Arc::new(Memory::default());
    let served = serve(openai(memory.clone())).await;
    let realm = attached_openai(&served).await;
    let mut session = realm.session().await;
    session.run(1, ask("for ever"), "").await;
    assert!(matches!(session.next().await, Body::WorkerChunk(piece) if piece.text == "on "));
    session.say(Some(JobId(1)), Body::WorkerStop(Stop { lease: 1 })).await;
    let failed = session.outcome().await.end.unwrap_err();
    assert_eq!(failed.problem.known_kind(), Some(ProblemKind::Cancelled));
    within("the end of the request", memory.hung_up.notified()).await;
}

#[tokio::test]
async fn a_service_that_has_too_much_to_do_is_left_alone_as_long_as_it_says() {
    let memory = Arc::new(Memory::default());
    let served = serve(openai(memory.clone())).await;
    let realm = attached_openai(&served).await;
    let mut session = realm.session().await;

    memory.busy.store(1, Ordering::SeqCst);
    memory.busy_s.store(1, Ordering::SeqCst);
    let begun = tokio::time::Instant::now();
    session.run(1, ask("Hi"), "").await;
    assert_eq!(session.outcome().await.text, "You said: Hi");
    assert!(begun.elapsed() >= Duration::from_secs(1));

    // An hour is too long to wait: the job goes elsewhere, and so does the next one, without asking again.
    memory.busy.store(1, Ordering::SeqCst);
    memory.busy_s.store(3_600, Ordering::SeqCst);
    for lease in [2, 3] {
        session.run(lease, ask("Hi"), "").await;
        let failed = session.outcome().await.end.unwrap_err();
        assert_eq!((failed.problem.known_kind(), failed.retry), (Some(ProblemKind::TooManyRequests), true));
        assert!(failed.problem.retry_after.is_some_and(|after| after > 3_000), "{failed:?}");
    }
    assert_eq!(memory.busy.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_wrong_key_is_said_and_not_shown() {
    let served = serve(openai(Arc::default())).await;
    let key = Key::new("sk-wrong").unwrap();
    let realm = Realm::attached(OpenAi::new(served.url.clone(), Some(key), offered()).unwrap()).await;
    let mut session = realm.session().await;
    session.run(1, ask("Hi"), "").await;
    let failed = session.outcome().await.end.unwrap_err();
    assert!(failed.problem.detail.contains("Incorrect API key") && failed.retry, "{failed:?}");
    assert!(!failed.problem.detail.contains("sk-wrong"));
}

#[tokio::test]
async fn while_a_service_is_gone_the_realm_is_offered_nothing() {
    let served = serve(openai(Arc::default())).await;
    let realm = attached_openai(&served).await;
    let mut session = realm.session().await;
    drop(served);
    // The next job finds out, and rings the bell.
    session.run(1, ask("Hi"), "").await;
    let (mut drained, mut failed) = (false, false);
    while !(drained && failed) {
        match session.next().await {
            Body::WorkerDrain(_) => drained = true,
            Body::WorkerFailed(fault) => failed = fault.retry,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn ollama_says_what_its_models_can_do() {
    let show = |Json(ask): Json<Value>| async move {
        let capabilities = match ask["model"].as_str().unwrap() {
            "llava:7b" => json!(["completion", "vision"]),
            "all-minilm" => json!(["embedding"]),
            _ => json!(["completion", "tools"]),
        };
        Json(json!({"capabilities": capabilities}))
    };
    let names = ["llama3.2:1b", "llava:7b", "all-minilm"];
    let models: Vec<Value> = names.iter().map(|id| json!({"id": id, "object": "model"})).collect();
    let (list, tags) = (json!({"object": "list", "data": models}), json!({"models": []}));
    let router = Router::new()
        .route("/v1/models", get(move || async { Json(list) }))
        .route("/api/version", get(|| async { Json(json!({"version": "0.12.0"})) }))
        .route("/api/tags", get(move || async { Json(tags) }))
        .route("/api/show", post(show));
    let served = serve(router).await;
    let realm = Realm::attached(OpenAi::new(served.url.clone(), None, offered()).unwrap()).await;
    let session = realm.session().await;
    assert_eq!(
        offers(&session),
        ["chat=llama3.2:1b", "chat=llava:7b", "vision=llava:7b", "embed=all-minilm"]
    );
    let tools: Vec<bool> = session.announcement.offers.iter().map(|offer| offer.can.tools).collect();
    assert_eq!(tools, [true, false, false, false]);

    let port = served.url.port().unwrap();
    let found =
        discover(&[(Kind::Ollama, port), (Kind::ComfyUi, port), (Kind::Automatic1111, 1)]).await.unwrap();
    assert_eq!(found.iter().map(|found| found.kind).collect::<Vec<_>>(), [Kind::Ollama]);
    // By its address, however it was pasted.
    let pasted = format!("127.0.0.1:{port}/v1");
    let probed = probe(&pasted).await.unwrap();
    assert_eq!((probed.service, probed.gateway), ("ollama", "openai"));
    assert_eq!(probed.address, format!("http://127.0.0.1:{port}"));
}

#[tokio::test]
async fn what_is_at_an_address_is_found_out_without_a_key() {
    async fn kind(path: &str, status: u16, answer: Value) -> Result<&'static str, String> {
        let answer = move || async move { (StatusCode::from_u16(status).unwrap(), Json(answer.clone())) };
        let served = serve(Router::new().route(path, get(answer.clone()).post(answer))).await;
        probe(served.url.as_str()).await.map(|probed| probed.gateway).map_err(|error| error.to_string())
    }
    let denied = json!({"type": "error", "error": {"type": "authentication_error", "message": "x-api-key header is required"}});
    assert_eq!(kind("/v1/models", 401, denied).await, Ok("anthropic"));
    let denied =
        json!({"error": {"message": "You didn't provide an API key.", "type": "invalid_request_error"}});
    assert_eq!(kind("/v1/models", 401, denied).await, Ok("openai"));
    assert_eq!(kind("/v1/models", 200, json!({"object": "list", "data": []})).await, Ok("openai"));
    assert_eq!(kind("/sdapi/v1/sd-models", 200, json!([])).await, Ok("automatic1111"));
    let system = json!({"system": {"comfyui_version": "0.3.60"}});
    assert_eq!(kind("/system_stats", 200, system).await, Ok("comfyui"));
    let began =
        json!({"jsonrpc": "2.0", "id": 1, "result": {"protocolVersion": "2025-06-18", "capabilities": {}}});
    assert_eq!(kind("/", 200, began).await, Ok("mcp"));
    let nothing = kind("/", 200, json!({"hello": "there"})).await.unwrap_err();
    assert!(
        nothing.contains("nothing at http://127.0.0.1:") && nothing.contains("tcp://HOST:PORT"),
        "{nothing}"
    );
    // A redirect is not followed: whoever is asked does not say who else is.
    let served =
        serve(Router::new().fallback(get(|| async { axum::response::Redirect::to("http://127.0.0.1:1/") })))
            .await;
    assert!(probe(served.url.as_str()).await.is_err());
}

#[tokio::test]
async fn anthropic_converses() {
    let messages = |headers: HeaderMap, Json(ask): Json<Value>| async move {
        assert!(headers["x-api-key"] == "sk-ant" && headers["anthropic-version"] == "2023-06-01");
        let said = ask["messages"][0]["content"][0]["text"].as_str().unwrap().to_owned();
        assert_eq!(ask["max_tokens"], 100);
        let start =
            json!({"type": "message_start", "message": {"usage": {"input_tokens": 7, "output_tokens": 1}}});
        let delta = |text: &str| json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}});
        let overloaded =
            json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
        let end = json!({"type": "message_delta", "delta": {"stop_reason": "max_tokens"}, "usage": {"output_tokens": 3}});
        let mut events = vec![start, json!({"type": "ping"}), delta("Hello, "), delta(&said)];
        match said.as_str() {
            "overload" => events.push(overloaded),
            "cut" => {}
            _ => events.extend([end, json!({"type": "message_stop"})]),
        }
        streamed(sse(events).into())
    };
    let router = Router::new()
        .route(
            "/v1/models",
            get(|| async { Json(json!({"data": [{"id": "claude-test", "type": "model"}]})) }),
        )
        .route("/v1/messages", post(messages));
    let served = serve(router).await;
    let key = Key::new("sk-ant").unwrap();
    let realm = Realm::attached(Anthropic::new(served.url.clone(), Some(key), offered()).unwrap()).await;
    let mut session = realm.session().await;
    assert_eq!(offers(&session), ["chat=claude-test", "vision=claude-test"]);
    session.run(1, ask("you"), "").await;
    let outcome = session.outcome().await;
    let done = outcome.end.unwrap();
    assert_eq!((outcome.text.as_str(), done.finish), ("Hello, you", FinishReason::Length));
    assert_eq!((done.usage.input_tokens, done.usage.output_tokens), (7, 3));
    for (lease, said) in [(2, "overload"), (3, "cut")] {
        session.run(lease, ask(said), "").await;
        let outcome = session.outcome().await;
        assert!(outcome.text.starts_with("Hello, ") && outcome.end.unwrap_err().retry, "{said}");
    }
}

/// What a played painter remembers.
struct Easel {
    interrupted: Notify,
    done: Notify,
    events: broadcast::Sender<Frame>,
}

fn easel() -> Arc<Easel> {
    Arc::new(Easel { interrupted: Notify::new(), done: Notify::new(), events: broadcast::channel(16).0 })
}

#[tokio::test]
async fn automatic1111_draws_shows_how_it_comes_on_and_stops_when_told() {
    let easel = easel();
    let draw = |State(easel): State<Arc<Easel>>, Json(ask): Json<Value>| async move {
        assert_eq!(ask["override_settings"]["sd_model_checkpoint"], "v1-5");
        if ask["prompt"] == "without end" {
            std::future::pending::<()>().await;
        }
        // Until it was seen that it is not done.
        easel.done.notified().await;
        let info = json!({"seed": ask["seed"]}).to_string();
        Json(json!({"images": [STANDARD.encode(picture())], "parameters": {}, "info": info}))
    };
    let progress = |State(easel): State<Arc<Easel>>| async move {
        easel.done.notify_one();
        Json(
            json!({"progress": 0.4, "eta_relative": 1.0, "state": {}, "current_image": STANDARD.encode(picture())}),
        )
    };
    let interrupt = |State(easel): State<Arc<Easel>>| async move {
        easel.interrupted.notify_one();
        Json(json!({}))
    };
    let models = json!([{"title": "v1-5.safetensors [6ce0161689]", "model_name": "v1-5"}]);
    let router = Router::new()
        .route("/sdapi/v1/sd-models", get(move || async { Json(models) }))
        .route("/sdapi/v1/txt2img", post(draw))
        .route("/sdapi/v1/progress", get(progress))
        .route("/sdapi/v1/interrupt", post(interrupt))
        .with_state(easel.clone());
    let served = serve(router).await;
    let realm = Realm::attached(Automatic1111::new(served.url.clone(), None, offered()).unwrap()).await;
    let mut session = realm.session().await;
    assert_eq!(
        (offers(&session), session.announcement.offers[0].slots),
        (vec!["imagine=v1-5".to_owned()], 1)
    );

    session.run(1, Task::Imagine(ImagineTask { seed: Some(11), ..ImagineTask::of("a cloud") }), "").await;
    let outcome = session.outcome().await;
    assert_eq!(outcome.end.unwrap().usage.images, 1);
    let (last, before) = outcome.parts.split_last().unwrap();
    let record: Value = serde_json::from_str(&png::record(&last.1).unwrap()).unwrap();
    assert_eq!((last.0.preview, &record["seed"]), (false, &json!(11)));
    // The picture may be there before anybody asked how it comes on.
    assert!(before.iter().all(|(part, _)| part.preview));
    assert!(outcome.partials.iter().all(|told| told == "40 %"), "{:?}", outcome.partials);

    session.run(2, Task::Imagine(ImagineTask::of("without end")), "").await;
    while !matches!(session.next().await, Body::WorkerPartial(_)) {}
    session.say(Some(JobId(2)), Body::WorkerStop(Stop { lease: 2 })).await;
    within("the end of the drawing", easel.interrupted.notified()).await;
}

#[tokio::test]
async fn stable_diffusion_cpp_is_found_and_draws_what_the_words_say_and_no_more() {
    let draw = |Json(ask): Json<Value>| async move {
        assert_eq!((&ask["steps"], &ask["seed"]), (&json!(4), &json!(11)));
        let settings = format!("{}{}", ask["prompt"], ask["negative_prompt"]).contains("<sd_cpp_extra_args>");
        assert!(!settings, "{ask}");
        Json(json!({"images": [STANDARD.encode(picture())], "parameters": ask, "info": ""}))
    };
    let models = json!([{"title": "sd15", "model_name": "sd15", "filename": "sd15.gguf", "config": null}]);
    let capabilities = json!({"model": {"name": "sd15", "stem": "sd15", "path": "sd15.gguf"}});
    let router = Router::new()
        .route("/sdcpp/v1/capabilities", get(move || async { Json(capabilities) }))
        .route("/sdapi/v1/sd-models", get(move || async { Json(models) }))
        .route("/sdapi/v1/txt2img", post(draw));
    let served = serve(router).await;
    let port = served.url.port().unwrap();
    let found = discover(&[(Kind::LmStudio, port), (Kind::StableDiffusionCpp, port)]).await.unwrap();
    assert_eq!(found.iter().map(|found| found.kind).collect::<Vec<_>>(), [Kind::StableDiffusionCpp]);
    let realm = Realm::attached(Automatic1111::new(served.url.clone(), None, offered()).unwrap()).await;
    let mut session = realm.session().await;
    assert_eq!(offers(&session), ["imagine=sd15"]);
    let hidden = "a cloud <sd_cpp_extra_args>{\"width\":8192}</sd_cpp_extra_args>";
    let task = ImagineTask { seed: Some(11), steps: Some(4), ..ImagineTask::of(hidden) };
    session.run(1, Task::Imagine(task), "").await;
    let outcome = session.outcome().await;
    assert_eq!((outcome.parts.len(), outcome.end.unwrap().usage.images), (1, 1));
}

#[tokio::test]
async fn comfyui_draws_shows_how_it_comes_on_and_stops_when_told() {
    async fn tell(mut socket: WebSocket, mut events: broadcast::Receiver<Frame>) {
        socket.send(Frame::text(json!({"type": "status", "data": {"sid": "x"}}).to_string())).await.unwrap();
        while let Ok(event) = events.recv().await {
            if socket.send(event).await.is_err() {
                return;
            }
        }
    }
    let easel = easel();
    let listen = |State(easel): State<Arc<Easel>>, upgrade: WebSocketUpgrade| async move {
        let events = easel.events.subscribe();
        upgrade.on_upgrade(|socket| tell(socket, events))
    };
    let prompt = |State(easel): State<Arc<Easel>>, Json(ask): Json<Value>| async move {
        assert!(ask["client_id"].is_string() && ask["prompt"]["5"]["inputs"]["seed"] == 11);
        let text = |kind: &str, data: Value| Frame::text(json!({"type": kind, "data": data}).to_string());
        let preview = [vec![0, 0, 0, 1, 0, 0, 0, 2], picture()].concat();
        let mut events = vec![
            text("progress", json!({"value": 5, "max": 20, "prompt_id": "p1", "node": "5"})),
            Frame::binary(preview),
            text("executing", json!({"node": null, "prompt_id": "another"})),
        ];
        if ask["prompt"]["2"]["inputs"]["text"] == "a cloud" {
            events.push(text("executing", json!({"node": null, "prompt_id": "p1"})));
        }
        events.into_iter().for_each(|event| drop(easel.events.send(event)));
        Json(json!({"prompt_id": "p1", "number": 1, "node_errors": {}}))
    };
    let history = || async {
        let image = json!({"filename": "mtor_00001_.png", "subfolder": "a b", "type": "output"});
        Json(json!({"p1": {"outputs": {"7": {"images": [image]}}}}))
    };
    let view = |Query(query): Query<std::collections::HashMap<String, String>>| async move {
        assert_eq!((query["filename"].as_str(), query["subfolder"].as_str()), ("mtor_00001_.png", "a b"));
        picture()
    };
    let interrupt = |State(easel): State<Arc<Easel>>, Json(ask): Json<Value>| async move {
        assert_eq!(ask["prompt_id"], "p1");
        easel.interrupted.notify_one();
    };
    let loader =
        json!({"CheckpointLoaderSimple": {"input": {"required": {"ckpt_name": [["sd15.safetensors"], {}]}}}});
    let router = Router::new()
        .route("/object_info/CheckpointLoaderSimple", get(move || async { Json(loader) }))
        .route("/ws", get(listen))
        .route("/prompt", post(prompt))
        .route("/history/p1", get(history))
        .route("/view", get(view))
        .route("/queue", post(|| async {}))
        .route("/interrupt", post(interrupt))
        .with_state(easel.clone());
    let served = serve(router).await;
    let realm = Realm::attached(ComfyUi::new(served.url.clone(), None, offered(), None).unwrap()).await;
    let mut session = realm.session().await;
    assert_eq!(offers(&session), ["imagine=sd15.safetensors"]);

    let draw = |prompt: &str| Task::Imagine(ImagineTask { seed: Some(11), ..ImagineTask::of(prompt) });
    session.run(1, draw("a cloud"), "").await;
    let outcome = session.outcome().await;
    assert_eq!(outcome.end.unwrap().usage.images, 1);
    assert_eq!(outcome.partials, ["25 %"]);
    let previews: Vec<bool> = outcome.parts.iter().map(|(part, _)| part.preview).collect();
    assert_eq!(previews, [true, false]);

    session.run(2, draw("without end"), "").await;
    while !matches!(session.next().await, Body::WorkerPartial(_)) {}
    session.say(Some(JobId(2)), Body::WorkerStop(Stop { lease: 2 })).await;
    within("the end of the drawing", easel.interrupted.notified()).await;
}

#[tokio::test]
async fn hugging_face_draws_and_embeds_what_was_named() {
    let draw = |Json(ask): Json<Value>| async move {
        assert_eq!(ask, json!({"inputs": "a cloud", "parameters": {"num_inference_steps": 4}}));
        picture()
    };
    let router = Router::new().route("/models/owner/flux", post(draw)).route(
        "/models/owner/minilm/pipeline/feature-extraction",
        post(|| async { Json(json!([[1.0, 2.0]])) }),
    );
    let served = serve(router).await;
    let named = ["imagine=owner/flux", "embed=owner/minilm"].map(|asked| asked.parse().unwrap()).to_vec();
    let hub = HuggingFace::new(served.url.clone(), None, &Offered { named, ..offered() }).unwrap();
    let realm = Realm::attached(hub).await;
    let mut session = realm.session().await;
    session.run(1, Task::Imagine(ImagineTask { steps: Some(4), ..ImagineTask::of("a cloud") }), "").await;
    assert_eq!(session.outcome().await.parts.len(), 1);
    session.run(2, Task::Embed(EmbedTask { input: vec!["a".into()] }), "").await;
    assert_eq!(session.outcome().await.text, "[[1.0,2.0]]");
    assert!(HuggingFace::new(served.url.clone(), None, &offered()).is_err(), "nothing is named");
}
