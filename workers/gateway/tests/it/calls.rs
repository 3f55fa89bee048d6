//! Tools, answers of a given shape, and what services say of both.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use axum::{Json, Router};
use mtor_gateway::anthropic::Anthropic;
use mtor_gateway::openai::OpenAi;
use mtor_worker::protocol::calls::Said;
use mtor_worker::protocol::{
    AnswerFormat, CallMade, CallReader, CallableTool, ChatMessage, ChatTask, FinishReason, ProblemKind, Role,
    Task, ToolCall, ToolChoice,
};
use serde_json::{Map, Value, json};

use crate::realm::{Realm, Session};
use crate::web::{Served, offered, serve, sse, streamed};

fn object(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).unwrap()
}

fn tool(name: &str) -> CallableTool {
    let parameters = object(json!({"type": "object", "properties": {"city": {"type": "string"}}}));
    CallableTool { name: name.into(), description: "What it is like.".into(), parameters }
}

/// A conversation in which a tool was called before.
fn with_tools() -> ChatTask {
    let call = |id: &str| ToolCall {
        id: id.into(),
        name: "weather.now".into(),
        arguments: object(json!({"city": "Bonn"})),
    };
    let asked = ChatMessage::new(Role::User, "What is it like in Bonn?");
    let calls = ChatMessage {
        calls: vec![call("call_1.0"), call("call_1.1")],
        ..ChatMessage::new(Role::Assistant, "")
    };
    let gave = |id: &str| ChatMessage { call_id: Some(id.into()), ..ChatMessage::new(Role::Tool, "Rain.") };
    let messages = vec![asked, calls, gave("call_1.0"), gave("call_1.1")];
    ChatTask { messages, tools: vec![tool("weather.now"), tool("time")], ..ChatTask::default() }
}

fn shaped() -> ChatTask {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": false});
    ChatTask { format: Some(AnswerFormat::JsonSchema(object(schema))), ..ChatTask::question("Which city?") }
}

/// A service that answers each request with the next of these streams, and keeps what it was asked.
#[derive(Clone)]
struct Played {
    asked: Arc<Mutex<Vec<Value>>>,
    answers: Arc<Mutex<Vec<Vec<Value>>>>,
}

impl Played {
    async fn serve(path: &str, model: &str, mut answers: Vec<Vec<Value>>) -> (Self, Served) {
        answers.reverse();
        let played = Self { asked: Arc::default(), answers: Arc::new(Mutex::new(answers)) };
        let answer = |State(played): State<Self>, Json(ask): Json<Value>| async move {
            played.asked.lock().unwrap().push(ask);
            let next = played.answers.lock().unwrap().pop();
            match next {
                Some(events) => streamed(sse(events).into()),
                None => StatusCode::NOT_FOUND.into_response(),
            }
        };
        let models = json!({"data": [{"id": model, "object": "model"}]});
        let router = Router::new()
            .route("/v1/models", get(move || async { Json(models) }))
            .route(path, post(answer))
            .with_state(played.clone());
        (played, serve(router).await)
    }

    fn last(&self) -> Value {
        self.asked.lock().unwrap().last().unwrap().clone()
    }
}

fn delta(delta: Value, reason: Option<&str>) -> Value {
    json!({"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})
}

fn fragment(index: u64, id: Option<&str>, name: Option<&str>, arguments: &str) -> Value {
    let mut call = json!({"index": index, "function": {"arguments": arguments}});
    if let (Some(id), Some(name)) = (id, name) {
        call["id"] = json!(id);
        call["type"] = json!("function");
        call["function"]["name"] = json!(name);
    }
    delta(json!({"tool_calls": [call]}), None)
}

fn said(text: &str) -> Vec<Said> {
    let blank = |said: &Said| matches!(said, Said::Text(text) if text.trim().is_empty());
    CallReader::read(text).into_iter().filter(|said| !blank(said)).collect()
}

fn made(name: &str, city: &str) -> Said {
    Said::Call(CallMade { name: name.into(), arguments: object(json!({"city": city})) })
}

async fn openai(served: &Served) -> (Realm, Session) {
    let realm = Realm::attached(OpenAi::new(served.url.clone(), None, offered()).unwrap()).await;
    let session = realm.session().await;
    (realm, session)
}

#[tokio::test]
async fn tools_and_shapes_are_handed_on_to_what_speaks_like_openai() {
    let calls = vec![
        delta(json!({"role": "assistant", "content": "I look."}), None),
        fragment(0, Some("a"), Some("weather_now"), ""),
        fragment(0, None, None, "{\"city\":"),
        fragment(0, None, None, "\"Bonn\"}"),
        // As some servers do: the same place, and another name.
        fragment(0, Some("b"), Some("time"), "{\"city\":\"Rome\"}"),
        fragment(1, Some("c"), Some("time"), ""),
        delta(json!({}), Some("tool_calls")),
    ];
    let cut = vec![fragment(0, Some("a"), Some("time"), "{\"ci"), delta(json!({}), Some("length"))];
    let broken = vec![fragment(0, Some("a"), Some("time"), "{\"ci"), delta(json!({}), Some("tool_calls"))];
    let json = vec![delta(json!({"content": "{\"city\":\"Bonn\"}"}), Some("stop"))];
    let answers = vec![calls, cut, broken, json.clone(), json];
    let (played, served) = Played::serve("/v1/chat/completions", "gpt-4o-mini", answers).await;
    let (_realm, mut session) = openai(&served).await;
    let can = session.announcement.offers[0].can;
    assert!(can.tools && can.json);

    session.run(1, Task::Chat(with_tools()), "").await;
    let outcome = session.outcome().await;
    let none = Said::Call(CallMade { name: "time".into(), arguments: Map::new() });
    let expected = [Said::Text("I look.".into()), made("weather.now", "Bonn"), made("time", "Rome"), none];
    assert_eq!(said(&outcome.text), expected);
    assert_eq!(outcome.end.unwrap().finish, FinishReason::Stop);
    let ask = played.last();
    assert_eq!(ask["tools"][0]["function"]["name"], "weather_now", "no dots");
    assert_eq!(ask["tools"][1]["function"]["parameters"]["properties"]["city"]["type"], "string");
    assert!(ask.get("tool_choice").is_none());
    let call = &ask["messages"][1]["tool_calls"][0];
    assert_eq!((&call["id"], &call["function"]["name"]), (&json!("call_1.0"), &json!("weather_now")));
    assert_eq!(call["function"]["arguments"], "{\"city\":\"Bonn\"}");
    assert_eq!(ask["messages"][3], json!({"role": "tool", "tool_call_id": "call_1.1", "content": "Rain."}));

    // A call that the bound has cut off is none; one that makes no sense is the service's fault.
    let task = ChatTask { tool_choice: ToolChoice::Named("time".into()), ..with_tools() };
    session.run(2, Task::Chat(task), "").await;
    let outcome = session.outcome().await;
    assert_eq!((outcome.text.as_str(), outcome.end.unwrap().finish), ("", FinishReason::Length));
    assert_eq!(played.last()["tool_choice"], json!({"type": "function", "function": {"name": "time"}}));
    session.run(3, Task::Chat(with_tools()), "").await;
    let failed = session.outcome().await.end.unwrap_err();
    assert!(failed.retry && failed.problem.detail.contains("no JSON object"), "{failed:?}");

    session.run(4, Task::Chat(shaped()), "").await;
    assert_eq!(session.outcome().await.text, "{\"city\":\"Bonn\"}");
    let format = &played.last()["response_format"];
    assert_eq!((&format["type"], &format["json_schema"]["strict"]), (&json!("json_schema"), &json!(true)));
    assert_eq!(format["json_schema"]["schema"]["required"], json!(["city"]));

    let any = ChatTask { format: Some(AnswerFormat::JsonObject), ..ChatTask::question("Which?") };
    session.run(5, Task::Chat(any), "").await;
    session.outcome().await.end.unwrap();
    let ask = played.last();
    assert_eq!(ask["response_format"], json!({"type": "json_object"}));
    assert!(ask["messages"][0]["content"].as_str().unwrap().contains("JSON"), "they want to hear it twice");
}

#[tokio::test]
async fn what_another_worker_has_begun_is_gone_on_with_only_where_that_can_be() {
    let (played, served) = Played::serve("/v1/chat/completions", "gpt-4o-mini", Vec::new()).await;
    let (_realm, mut session) = openai(&served).await;
    let whole = CallMade { name: "time".into(), arguments: Map::new() }.to_text();
    session.run(1, Task::Chat(with_tools()), &whole).await;
    let outcome = session.outcome().await;
    assert_eq!((outcome.text.as_str(), outcome.end.unwrap().finish), ("", FinishReason::Stop));
    for (lease, task, prefix) in [(2, with_tools(), &whole[..20]), (3, shaped(), "{\"ci")] {
        session.run(lease, Task::Chat(task), prefix).await;
        let failed = session.outcome().await.end.unwrap_err();
        assert_eq!((failed.problem.known_kind(), failed.retry), (Some(ProblemKind::Infeasible), true));
    }
    assert!(played.asked.lock().unwrap().is_empty(), "nobody was asked");
}

#[tokio::test]
async fn without_tools_old_calls_are_words() {
    let end = delta(json!({"content": "Wet."}), Some("stop"));
    let (played, served) = Played::serve("/v1/chat/completions", "some-model", vec![vec![end]]).await;
    let (_realm, mut session) = openai(&served).await;
    assert!(session.announcement.offers[0].can.is_none(), "nobody knows");
    session.run(1, Task::Chat(ChatTask { tools: Vec::new(), ..with_tools() }), "").await;
    assert_eq!(session.outcome().await.text, "Wet.");
    let messages = &played.last()["messages"];
    assert!(messages[1]["content"].as_str().unwrap().contains("\"name\":\"weather.now\""));
    assert_eq!(messages[2], json!({"role": "user", "content": "Rain."}));
}

#[tokio::test]
async fn tools_and_shapes_are_handed_on_to_anthropic() {
    let start = |index: u64, block: Value| json!({"type": "content_block_start", "index": index, "content_block": block});
    let more = |index: u64, json: &str| json!({"type": "content_block_delta", "index": index, "delta": {"type": "input_json_delta", "partial_json": json}});
    let calls = |name: &str| {
        vec![
            json!({"type": "message_start", "message": {"usage": {"input_tokens": 7, "output_tokens": 1}}}),
            start(0, json!({"type": "text", "text": ""})),
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "I look."}}),
            json!({"type": "content_block_stop", "index": 0}),
            start(1, json!({"type": "tool_use", "id": "toolu_1", "name": name, "input": {}})),
            more(1, ""),
            more(1, "{\"city\": \"Bo"),
            more(1, "nn\"}"),
            json!({"type": "content_block_stop", "index": 1}),
            json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 30}}),
            json!({"type": "message_stop"}),
        ]
    };
    let answers = vec![calls("weather_now"), calls("answer")];
    let (played, served) = Played::serve("/v1/messages", "claude-test", answers).await;
    let realm = Realm::attached(Anthropic::new(served.url.clone(), None, offered()).unwrap()).await;
    let mut session = realm.session().await;
    let can = session.announcement.offers[0].can;
    assert!(can.tools && can.json);

    session.run(1, Task::Chat(ChatTask { tool_choice: ToolChoice::Required, ..with_tools() }), "").await;
    let outcome = session.outcome().await;
    assert_eq!(said(&outcome.text), [Said::Text("I look.".into()), made("weather.now", "Bonn")]);
    let ask = played.last();
    assert_eq!(
        (&ask["tools"][0]["name"], &ask["tool_choice"]["type"]),
        (&json!("weather_now"), &json!("any"))
    );
    assert_eq!(ask["tools"][0]["input_schema"]["type"], "object");
    let messages = ask["messages"].as_array().unwrap();
    let roles: Vec<&str> = messages.iter().map(|message| message["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["user", "assistant", "user"]);
    let call =
        json!({"type": "tool_use", "id": "call_1_0", "name": "weather_now", "input": {"city": "Bonn"}});
    assert_eq!(messages[1]["content"][0], call, "no empty text, and no letters that are refused");
    let gave = json!({"type": "tool_result", "tool_use_id": "call_1_1", "content": "Rain."});
    assert_eq!(messages[2]["content"][1], gave, "all that they gave in one turn");

    session.run(2, Task::Chat(shaped()), "").await;
    let outcome = session.outcome().await;
    assert_eq!(outcome.text, "{\"city\": \"Bonn\"}");
    assert_eq!(played.last()["tool_choice"], json!({"type": "tool", "name": "answer"}));
}

#[tokio::test]
async fn servers_say_what_their_models_can_do() {
    let list = |model: Value| {
        let list = json!({"object": "list", "data": [model]});
        Router::new().route("/v1/models", get(move || async { Json(list) }))
    };
    let also =
        |router: Router, path: &str, answer: Value| router.route(path, get(move || async { Json(answer) }));
    let vllm = list(json!({"id": "m", "owned_by": "vllm", "max_model_len": 8_192}));
    let lm_studio = {
        let model =
            json!({"id": "m", "type": "vlm", "capabilities": ["tool_use"], "loaded_context_length": 4_096});
        also(list(json!({"id": "m"})), "/api/v0/models", json!({"data": [model]}))
    };
    let llama_cpp = {
        let props = json!({"default_generation_settings": {"n_ctx": 2_048}, "modalities": {"vision": true},
                           "chat_template": "{% if tools %}", "chat_template_caps": {"supports_tools": true}});
        also(list(json!({"id": "m"})), "/props", props)
    };
    let mistral =
        list(json!({"id": "m", "capabilities": {"completion_chat": true, "function_calling": true}}));
    let router =
        json!({"id": "m", "context_length": 16_384, "supported_parameters": ["tools", "structured_outputs"]});
    for (name, server, kinds, tools, window) in [
        ("vLLM", vllm, "chat", false, Some(8_192)),
        ("LM Studio", lm_studio, "chat vision", true, Some(4_096)),
        ("llama.cpp", llama_cpp, "chat vision", true, Some(2_048)),
        ("Mistral", mistral, "chat", true, None),
        ("OpenRouter", list(router), "chat", true, Some(16_384)),
    ] {
        let served = serve(server).await;
        let (_realm, session) = openai(&served).await;
        let offers = &session.announcement.offers;
        let found: Vec<&str> = offers.iter().map(|offer| offer.capability.as_str()).collect();
        assert_eq!(found.join(" "), kinds, "{name}");
        for offer in offers {
            assert_eq!((offer.can.tools, offer.can.json), (tools, true), "{name}");
            assert_eq!(offer.limits.context_tokens, window, "{name}");
        }
    }
}
