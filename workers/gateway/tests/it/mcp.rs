//! MCP servers, one that is a program and one over HTTP, played as the protocol says; and a real one, if there is one.

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, body::Body as HttpBody};
use mtor_gateway::mcp::{Mcp, ServerCommand};
use mtor_worker::protocol::worker::Stop;
use mtor_worker::protocol::{Body, Effect, JobId, Task, ToolName, ToolTask};
use serde_json::{Value, json};

use crate::realm::{Realm, Session};
use crate::web::{offered, serve};

/// A server in a few lines: `add` adds and tells how far it has come, `draw` gives a picture, `fail` fails, `wait` waits until
/// it is called off and then writes what it was told into a file, `die` ends the program.
const PLAYED: &str = r#"
import json, sys
def say(message): print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)
def text(text, error=False): return {"content": [{"type": "text", "text": text}], "isError": error}
tools = [
    {"name": "Add", "description": "Adds two numbers", "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": True}},
    {"name": "draw", "inputSchema": {"type": "object"}}, {"name": "fail", "inputSchema": {"type": "object"}},
    {"name": "wait", "inputSchema": {"type": "object"}}, {"name": "die", "inputSchema": {"type": "object"}},
]
told = None
for line in sys.stdin:
    ask = json.loads(line)
    method, id, params = ask.get("method"), ask.get("id"), ask.get("params", {})
    if method == "initialize":
        say({"id": id, "result": {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": {"name": "played", "version": "1"}}})
    elif method == "tools/list":
        page = {"tools": tools[3:]} if params.get("cursor") == "2" else {"tools": tools[:3], "nextCursor": "2"}
        say({"id": id, "result": page})
    elif method == "notifications/cancelled":
        open(told, "w").write(str(params["requestId"]))
    elif method == "tools/call":
        name, given = params["name"], params["arguments"]
        if name == "Add":
            say({"method": "notifications/progress", "params": {"progressToken": params["_meta"]["progressToken"], "progress": 1, "total": 2}})
            say({"id": id, "result": text(str(given["a"] + given["b"]))})
        elif name == "draw":
            say({"id": id, "result": {"content": [{"type": "image", "data": "iVBORw0KGgo=", "mimeType": "image/png"}, {"type": "text", "text": "Here."}]}})
        elif name == "fail":
            say({"id": id, "result": text("no such city", True)})
        elif name == "wait":
            told = given["told"]
            say({"method": "notifications/progress", "params": {"progressToken": params["_meta"]["progressToken"], "progress": 0, "message": "waiting"}})
        elif name == "die":
            sys.exit(1)
"#;

fn command(program: &str, arguments: &[&str]) -> ServerCommand {
    ServerCommand { program: program.into(), arguments: arguments.iter().map(Into::into).collect() }
}

async fn call(session: &mut Session, lease: u64, tool: &str, arguments: Value) {
    let Value::Object(arguments) = arguments else { panic!("no object") };
    session.run(lease, Task::Tool(ToolTask { tool: ToolName::new(tool).unwrap(), arguments }), "").await;
}

#[tokio::test]
async fn the_tools_of_a_program_become_capabilities() {
    let server = Mcp::over_stdio(command("python3", &["-c", PLAYED]), offered());
    let realm = Realm::attached(server).await;
    let mut session = realm.session().await;
    let offers = &session.announcement.offers;
    let names: Vec<&str> = offers.iter().map(|offer| offer.capability.as_str()).collect();
    assert_eq!(names, ["tool.add", "tool.draw", "tool.fail", "tool.wait", "tool.die"]);
    let add = offers[0].tool.as_ref().unwrap();
    assert_eq!((add.description.as_str(), add.effect), ("Adds two numbers", Effect::Reads));

    call(&mut session, 1, "tool.add", json!({"a": 2, "b": 3})).await;
    let outcome = session.outcome().await;
    assert_eq!((outcome.text.as_str(), outcome.partials), ("5", vec!["50 %".to_owned()]));
    assert!(outcome.end.is_ok());

    call(&mut session, 2, "tool.draw", json!({})).await;
    let outcome = session.outcome().await;
    assert_eq!((outcome.text.as_str(), outcome.parts[0].0.media_type.as_str()), ("Here.", "image/png"));

    call(&mut session, 3, "tool.fail", json!({})).await;
    let failed = session.outcome().await.end.unwrap_err();
    assert!(failed.problem.detail.contains("no such city") && !failed.retry, "{failed:?}");

    let folder = std::env::temp_dir().join(format!("mtor-gateway-{}", JobId::generate()));
    call(&mut session, 4, "tool.wait", json!({"told": folder})).await;
    assert!(matches!(session.next().await, Body::WorkerPartial(partial) if partial.text == "waiting"));
    session.say(Some(JobId(4)), Body::WorkerStop(Stop { lease: 4 })).await;
    assert!(session.outcome().await.end.is_err());
    // The server reads one line after the other: when it answers this, it has read that it was called off.
    call(&mut session, 5, "tool.add", json!({"a": 1, "b": 1})).await;
    assert_eq!(session.outcome().await.text, "2");
    assert!(!std::fs::read_to_string(&folder).unwrap().is_empty());
    std::fs::remove_file(folder).unwrap();

    // It is started again when it is needed again.
    call(&mut session, 6, "tool.die", json!({})).await;
    assert!(session.outcome().await.end.unwrap_err().retry);
    call(&mut session, 7, "tool.add", json!({"a": 1, "b": 2})).await;
    assert_eq!(session.outcome().await.text, "3");
}

#[tokio::test]
async fn a_server_over_http_keeps_its_session_and_may_stream() {
    async fn speak(headers: HeaderMap, Json(ask): Json<Value>) -> Response {
        let (id, method) = (&ask["id"], ask["method"].as_str().unwrap());
        if method == "initialize" {
            let result = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": {"name": "a", "version": "1"}});
            let answer = Json(json!({"jsonrpc": "2.0", "id": id, "result": result}));
            return ([("mcp-session-id", "s1")], answer).into_response();
        }
        if headers["mcp-session-id"] != "s1" || headers["mcp-protocol-version"] != "2025-06-18" {
            return StatusCode::BAD_REQUEST.into_response();
        }
        match method {
            "notifications/initialized" => StatusCode::ACCEPTED.into_response(),
            "tools/list" => {
                let tools = json!([{"name": "echo", "inputSchema": {"type": "object"}, "annotations": {"destructiveHint": true}}]);
                Json(json!({"jsonrpc": "2.0", "id": id, "result": {"tools": tools}})).into_response()
            }
            _ => {
                let progress = json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": id, "progress": 1, "total": 4}});
                let result =
                    json!({"content": [{"type": "text", "text": ask["params"]["arguments"]["said"]}]});
                let answer = json!({"jsonrpc": "2.0", "id": id, "result": result});
                let events = HttpBody::from(format!(
                    "event: message\ndata: {progress}\n\nevent: message\ndata: {answer}\n\n"
                ));
                ([("content-type", "text/event-stream")], events).into_response()
            }
        }
    }
    let served = serve(Router::new().route("/mcp", post(speak))).await;
    let mut url = served.url.clone();
    url.set_path("/mcp/");
    let realm = Realm::attached(Mcp::over_http(url, None, offered()).unwrap()).await;
    let mut session = realm.session().await;
    assert_eq!(session.announcement.offers[0].tool.as_ref().unwrap().effect, Effect::Switches);
    call(&mut session, 1, "tool.echo", json!({"said": "hello"})).await;
    let outcome = session.outcome().await;
    assert_eq!((outcome.text.as_str(), outcome.partials), ("hello", vec!["25 %".to_owned()]));
}
