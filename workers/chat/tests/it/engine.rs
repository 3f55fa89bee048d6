//! The engine with a real model.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::model;
use mtor_chat::{
    ChatRequest, Engine, EngineOptions, Event, Failure, Finish, Generation, LoadError, Sampling, Shape,
    Speaker, Tool, Turn,
};

const CAPITAL: &str = "What is the capital of France?";
/// A question that no model answers in a few words.
const STORY: &str = "Tell me a long story about a cloud that wanted to see the sea.";

fn engine_with(slots: u32, window: u32) -> Engine {
    // One thread each: tests run side by side, and threads of an engine that wait for each other do so busily.
    let options =
        EngineOptions { slots, window: Some(window), threads: Some(1), ..EngineOptions::new(model()) };
    Engine::start(&options).unwrap()
}

fn engine() -> Engine {
    engine_with(2, 1_024)
}

fn ask(question: &str, max_tokens: u32) -> ChatRequest {
    ChatRequest {
        turns: vec![Turn::new(Speaker::User, question)],
        sampling: Sampling::greedy(),
        max_tokens: Some(max_tokens),
        ..ChatRequest::default()
    }
}

/// A whole answer.
#[derive(Debug, PartialEq)]
struct Answer {
    text: String,
    pieces: Vec<String>,
    reused: usize,
    finish: Finish,
    prompt_tokens: usize,
    completion_tokens: usize,
}

fn collect(mut generation: Generation) -> Answer {
    let Some(Event::Started { prompt_tokens, reused_tokens }) = generation.next_blocking() else {
        panic!("an answer begins with Started")
    };
    let mut pieces = Vec::new();
    let mut tokens_sent = 0;
    loop {
        match generation.next_blocking() {
            Some(Event::Text { text, tokens }) => {
                assert!(!text.is_empty());
                pieces.push(text);
                tokens_sent += tokens;
            }
            Some(Event::Done { finish, prompt_tokens: again, completion_tokens }) => {
                assert_eq!(again, prompt_tokens);
                assert!(tokens_sent <= completion_tokens);
                assert_eq!(generation.next_blocking(), None, "nothing comes after Done");
                let text = pieces.concat();
                return Answer {
                    text,
                    pieces,
                    reused: reused_tokens,
                    finish,
                    prompt_tokens,
                    completion_tokens,
                };
            }
            other => panic!("in the middle of an answer: {other:?}"),
        }
    }
}

fn answer(engine: &Engine, request: ChatRequest) -> Answer {
    collect(engine.submit(request).unwrap())
}

#[test]
fn the_likeliest_answer_is_always_the_same() {
    let engine = engine();
    let first = answer(&engine, ask(CAPITAL, 24));
    assert!(!first.text.is_empty());
    assert!(first.completion_tokens > 0 && first.prompt_tokens > 0);
    assert_eq!(answer(&engine_with(2, 1_024), ask(CAPITAL, 24)), first);
    assert_eq!(answer(&engine, ask(CAPITAL, 24)).text, first.text);
}

#[test]
fn two_at_once_answer_as_each_alone() {
    // Where a model is sure of every word: see `runner` for why a close call may go the other way in company.
    let questions = [CAPITAL, "What is 2+2?"];
    let alone = questions.map(|question| answer(&engine(), ask(question, 8)).text);
    let engine = engine();
    let together = questions.map(|question| engine.submit(ask(question, 8)).unwrap());
    assert_eq!(together.map(|generation| collect(generation).text), alone);
}

#[test]
fn a_cancelled_answer_is_over_within_a_step_and_its_slot_is_free() {
    let engine = engine_with(1, 1_024);
    let mut long = engine.submit(ask(STORY, 900)).unwrap();
    assert!(matches!(long.next_blocking(), Some(Event::Started { .. })));
    assert!(matches!(long.next_blocking(), Some(Event::Text { .. })));

    let step = engine.steps();
    long.cancel();
    let done = std::iter::from_fn(|| long.next_blocking()).last();
    assert!(matches!(done, Some(Event::Done { finish: Finish::Cancelled, .. })), "{done:?}");
    // The one that ran and the one that may have begun before the cancellation was seen.
    assert!(engine.steps() - step <= 2, "{} steps", engine.steps() - step);
    assert_eq!(answer(&engine, ask(CAPITAL, 4)).completion_tokens, 4);
}

#[test]
fn an_answer_is_cancelled_while_its_prompt_is_read() {
    let engine = engine_with(1, 2_048);
    let mut long = engine.submit(ask(&"All work and no play. ".repeat(200), 10)).unwrap();
    let Some(Event::Started { prompt_tokens, .. }) = long.next_blocking() else { panic!("not started") };
    assert!(prompt_tokens > 1_000);
    let step = engine.steps();
    long.cancel();
    let done = std::iter::from_fn(|| long.next_blocking()).last();
    assert_eq!(done, Some(Event::Done { finish: Finish::Cancelled, prompt_tokens, completion_tokens: 0 }));
    assert!(engine.steps() - step <= 2, "{} steps", engine.steps() - step);
}

#[test]
fn an_answer_that_nobody_reads_frees_its_slot() {
    let engine = engine_with(1, 1_024);
    let unread = engine.submit(ask(STORY, 900)).unwrap();
    drop(unread);
    assert_eq!(answer(&engine, ask(CAPITAL, 4)).completion_tokens, 4);
    assert!(engine.steps() < 200, "the unread answer was written all the same");
}

#[test]
fn others_go_on_while_a_long_prompt_is_read() {
    /// The engine's step count at every event of an answer.
    fn watch(engine: Arc<Engine>, request: ChatRequest) -> std::thread::JoinHandle<Vec<u64>> {
        let mut generation = engine.submit(request).unwrap();
        std::thread::spawn(move || {
            std::iter::from_fn(|| generation.next_blocking().map(|_| engine.steps())).collect()
        })
    }
    let engine = Arc::new(engine_with(2, 1_024));
    let writing = watch(Arc::clone(&engine), ask(STORY, 60));
    let reading = watch(Arc::clone(&engine), ask(&"All work and no play. ".repeat(80), 2));
    let (writing, reading) = (writing.join().unwrap(), reading.join().unwrap());
    let (started, first_text) = (reading[0], reading[1]);
    let meanwhile = writing.iter().filter(|step| (started..first_text).contains(*step)).count();
    assert!(meanwhile >= 5, "{meanwhile} events between steps {started} and {first_text}");
}

#[test]
fn a_prompt_that_does_not_fit_is_refused_in_numbers() {
    let engine = engine_with(1, 256);
    let failure = engine.submit(ask(&"one two three four five ".repeat(100), 10)).unwrap_err();
    let Failure::ContextExceeded { have, limit: 256 } = failure else { panic!("{failure:?}") };
    assert!(have > 500);
    assert!(failure.to_string().ends_with("tokens, this model's window is 256"), "{failure}");
}

#[test]
fn an_answer_ends_at_its_limit_or_the_windows() {
    let engine = engine_with(1, 256);
    let limited = answer(&engine, ask(STORY, 5));
    assert_eq!((limited.finish, limited.completion_tokens), (Finish::Length, 5));

    // The longest beginning of an answer that leaves any room leaves almost none.
    let counted = |last: u32| (1..=last).map(|number| format!("{number}, ")).collect::<String>();
    let with_prefix = |last| ChatRequest { prefix: counted(last), ..ask("Count to 1000.", 100_000) };
    let fits = |last| match engine.submit(with_prefix(last)) {
        Ok(generation) => {
            generation.cancel();
            collect(generation).finish == Finish::Cancelled
        }
        Err(failure) => !matches!(failure, Failure::ContextExceeded { .. }),
    };
    let last = (40..).find(|last| !fits(last + 1)).unwrap();
    let clipped = answer(&engine, with_prefix(last));
    assert_eq!(clipped.finish, Finish::Length);
    assert!((1..8).contains(&clipped.completion_tokens), "{clipped:?}");
}

#[test]
fn a_stop_string_ends_the_answer_before_it() {
    let engine = engine();
    let whole = answer(&engine, ask(STORY, 40)).text;
    let stop: String = whole.chars().skip(whole.chars().count() / 2).take(3).collect();
    let before = &whole[..whole.find(&stop).unwrap()];
    let stopped = answer(&engine, ChatRequest { stop: vec!["never".into(), stop.clone()], ..ask(STORY, 40) });
    assert_eq!((stopped.text.as_str(), stopped.finish), (before, Finish::Stop));
}

#[test]
fn a_seed_repeats_an_answer_and_others_differ() {
    let engine = engine();
    let with_seed = |seed| {
        let sampling = Sampling { temperature: 1.5, top_p: 1.0, seed: Some(seed), ..Sampling::default() };
        ChatRequest { sampling, ..ask(STORY, 20) }
    };
    let stories: Vec<String> = (1..=3).map(|seed| answer(&engine, with_seed(seed)).text).collect();
    assert!(stories[0] != stories[1] || stories[0] != stories[2], "{stories:?}");

    // On the memory that the first time left, and on none.
    assert_eq!(answer(&engine, with_seed(1)).text, stories[0]);
    assert_eq!(answer(&engine_with(1, 512), with_seed(2)).text, stories[1]);
}

#[test]
fn an_answer_goes_on_where_another_worker_left_it() {
    let engine = engine();
    let whole = answer(&engine, ask(STORY, 40));
    let delivered = whole.pieces[..whole.pieces.len() / 2].concat();
    let tokens_left = 40 - whole.pieces.len() as u32 / 2;
    let rest = answer(&engine, ChatRequest { prefix: delivered.clone(), ..ask(STORY, tokens_left) });
    assert_eq!(delivered + &rest.text, whole.text);
    assert_eq!(rest.prompt_tokens, whole.prompt_tokens);
}

#[test]
fn the_next_turn_of_a_conversation_reads_only_what_is_new() {
    let engine = engine();
    let question = format!("{} What is the sea?", "The sea is blue. ".repeat(40));
    let first = answer(&engine, ask(&question, 8));
    let other = answer(&engine, ask("Name a colour.", 8));
    assert!(other.reused < 64);

    let mut next = ask(&question, 8);
    next.turns.push(Turn::new(Speaker::Assistant, first.text.as_str()));
    next.turns.push(Turn::new(Speaker::User, "And the sky?"));
    let second = answer(&engine, next);
    // Memory is reused in chunks of at most this many tokens.
    assert!(second.reused + 64 > first.prompt_tokens, "{} of {}", second.reused, second.prompt_tokens);
}

#[test]
fn requests_that_make_no_sense_are_refused_by_name() {
    let engine = engine_with(1, 256);
    let refused = |request: ChatRequest| match engine.submit(request).unwrap_err() {
        Failure::BadRequest(text) => text,
        other => panic!("{other:?}"),
    };
    assert!(refused(ChatRequest { turns: vec![], ..ask("", 1) }).contains("message"));
    assert!(refused(ask("Hi", 0)).contains("max_tokens"));
    assert!(refused(ChatRequest { stop: vec!["x".repeat(10_000)], ..ask("Hi", 1) }).contains("stop"));
    let sampling = Sampling { temperature: 9.0, ..Sampling::default() };
    assert!(refused(ChatRequest { sampling, ..ask("Hi", 1) }).contains("temperature"));
    assert_eq!(answer(&engine, ask("Hi", 1)).completion_tokens, 1, "the engine is unharmed");
}

#[test]
fn more_requests_than_slots_wait_and_are_answered() {
    let engine = engine_with(2, 512);
    let generations: Vec<Generation> = (0..6).map(|_| engine.submit(ask(CAPITAL, 6)).unwrap()).collect();
    let texts: Vec<String> = generations.into_iter().map(|generation| collect(generation).text).collect();
    assert_eq!(texts.len(), 6);
    assert!(texts.iter().all(|text| !text.is_empty()));
}

#[test]
fn dropping_the_engine_ends_what_is_under_way() {
    let engine = engine_with(1, 1_024);
    let mut generation = engine.submit(ask(STORY, 900)).unwrap();
    assert!(matches!(generation.next_blocking(), Some(Event::Started { .. })));
    drop(engine);
    let last = std::iter::from_fn(|| generation.next_blocking()).last();
    assert!(matches!(last, Some(Event::Done { finish: Finish::Cancelled, .. })), "{last:?}");
}

#[test]
fn speed_is_known_from_the_start() {
    let speed = engine_with(1, 256).speed();
    assert!(speed.writing > 0.0 && speed.writing_all > 0.0 && speed.reading > 0.0, "{speed:?}");
}

#[test]
fn a_file_that_is_no_model_is_refused_with_the_reason() {
    let start = |path: PathBuf| Engine::start(&EngineOptions::new(path)).unwrap_err();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::File::create(&path).unwrap().write_all(bytes).unwrap();
        path
    };
    let is_file_error = |error: &LoadError| matches!(error, LoadError::File(_));
    for path in [
        folder.path().join("absent.gguf"),
        folder.path().to_path_buf(),
        write("empty.gguf", b""),
        write("text.gguf", b"Hello, I am no model at all"),
    ] {
        let error = start(path.clone());
        assert!(is_file_error(&error), "{error:?}");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }

    let whole = std::fs::read(model()).unwrap();
    for length in [4, 24, 10_000, whole.len() / 2, whole.len() - 1] {
        let cut = start(write("cut.gguf", &whole[..length]));
        assert!(is_file_error(&cut), "{length} bytes: {cut:?}");
    }
}

#[tokio::test]
async fn an_answer_can_be_awaited() {
    let engine = engine_with(1, 256);
    let mut generation = engine.submit(ask("Hi", 3)).unwrap();
    let mut last = None;
    let all = async {
        while let Some(event) = generation.next().await {
            last = Some(event);
        }
    };
    tokio::time::timeout(Duration::from_secs(180), all).await.unwrap();
    assert!(matches!(last, Some(Event::Done { completion_tokens: 1..=3, .. })), "{last:?}");
}

fn weather() -> Tool {
    let parameters = serde_json::json!({
        "properties": { "city": { "type": "string", "maxLength": 12 }, "days": { "enum": [1, 2, 3] } },
        "required": ["city", "days"],
    });
    let serde_json::Value::Object(parameters) = parameters else { panic!() };
    Tool { name: "weather".into(), description: "The weather of a city.".into(), parameters }
}

#[test]
fn an_answer_keeps_to_a_schema_whatever_the_model_would_say() {
    let engine = engine();
    let schema = serde_json::json!({
        "type": "object",
        "properties": { "capital": { "enum": ["Paris", "Rome"] }, "sure": { "type": "boolean" } },
        "required": ["capital", "sure"],
        "additionalProperties": false,
    });
    let request = ChatRequest { shape: Shape::Json(schema), ..ask(CAPITAL, 40) };
    let answer = collect(engine.submit(request.clone()).unwrap());
    let json: serde_json::Value = serde_json::from_str(&answer.text).unwrap();
    assert!(json["capital"].is_string() && json["sure"].is_boolean(), "{json}");
    assert_eq!(answer.finish, Finish::Stop);
    // Whoever goes on after a part of it comes to an answer of the same shape.
    let prefix = answer.text[..answer.text.find(':').unwrap() + 1].to_owned();
    let rest = collect(engine.submit(ChatRequest { prefix: prefix.clone(), ..request.clone() }).unwrap());
    assert!(serde_json::from_str::<serde_json::Value>(&(prefix + &rest.text)).is_ok(), "{}", rest.text);
    let other = engine.submit(ChatRequest { prefix: "Well, ".into(), ..request });
    assert!(matches!(other, Err(Failure::Engine(_))), "{other:?}");
}

#[test]
fn a_required_call_is_made_with_arguments_that_fit() {
    let engine = engine();
    let other = Tool { name: "news".into(), description: String::new(), parameters: serde_json::Map::new() };
    let asked =
        || ChatRequest { tools: vec![other.clone(), weather()], ..ask("How is the weather in Bonn?", 80) };
    let request = ChatRequest { shape: Shape::Call(Some("weather".into())), ..asked() };
    let answer = collect(engine.submit(request).unwrap());
    let json = answer.text.strip_prefix("<tool_call>\n").unwrap().strip_suffix("\n</tool_call>").unwrap();
    let call: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(call["name"], "weather");
    assert!(call["arguments"]["city"].is_string() && call["arguments"]["days"].is_u64(), "{call}");

    let any = collect(engine.submit(ChatRequest { shape: Shape::Call(None), ..asked() }).unwrap());
    assert!(any.text.starts_with("<tool_call>\n{\"name\""), "{}", any.text);
    // Free to choose, it answers; and no grammar stands in the way of its words.
    let free = collect(engine.submit(asked()).unwrap());
    assert!(!free.text.is_empty());
}

#[test]
fn a_schema_that_makes_no_sense_is_refused() {
    let schema = serde_json::json!({ "type": "object", "properties": { "a": { "$ref": "#/nowhere" } } });
    let refused = engine().submit(ChatRequest { shape: Shape::Json(schema), ..ask(CAPITAL, 4) });
    assert!(matches!(refused, Err(Failure::BadRequest(_))), "{refused:?}");
}
