//! What other programs ask for: calls of tools, answers of a given shape, and the realm as a server of tools.

use mtor_protocol::worker::Needs;
use mtor_protocol::{Announcement, CallMade, CapabilityKind, CapabilityOffer, FinishReason, Task, ToolInfo};
use mtor_worker::{Finished, Job, JobError, Output, Worker};
use serde_json::{Value, json};

use crate::harness::{Home, json as body};

/// Calls whatever tool it is told of, with its own arguments; and is a tool itself.
struct Caller;

impl Worker for Caller {
    fn announcement(&self) -> Announcement {
        let mut chat = CapabilityOffer::new(CapabilityKind::CHAT, "caller", 2);
        chat.can = Needs { tools: true, json: false };
        let mut tool = CapabilityOffer::new(CapabilityKind::new("tool.double").unwrap(), "arithmetic", 2);
        let info = json!({ "description": "Doubles a number.", "effect": "reads",
            "parameters": { "type": "object", "properties": { "n": { "type": "integer" } }, "required": ["n"] } });
        tool.tool = Some(std::sync::Arc::new(serde_json::from_value::<ToolInfo>(info).unwrap()));
        Announcement::new("caller", [chat, tool])
    }

    async fn run(&self, job: Job, output: &mut Output) -> Result<Finished, JobError> {
        let text = match &job.intent.task {
            Task::Tool(tool) => json!({ "doubled": tool.arguments["n"].as_i64().unwrap() * 2 }).to_string(),
            Task::Chat(chat) => match (chat.callable().first(), chat.messages.last()) {
                (_, Some(last)) if last.call_id.is_some() => format!("It gave {}.", last.content),
                (_, Some(last)) if last.content == "wait" => {
                    output.text("Well", 1).await?;
                    job.cancelled.cancelled().await;
                    return Err(mtor_worker::Stopped.into());
                }
                (Some(tool), _) => {
                    let arguments = serde_json::Map::from_iter([("n".to_owned(), 21.into())]);
                    format!("I ask.{}", CallMade { name: tool.name.clone(), arguments }.to_text())
                }
                (None, _) => "no tools".to_owned(),
            },
            _ => return Err(JobError::failed("not offered")),
        };
        // In small pieces, so that a call is cut anywhere.
        for piece in text.as_bytes().chunks(5) {
            output.text(std::str::from_utf8(piece).unwrap(), 1).await?;
        }
        Ok(Finished { usage: output.usage(3), finish: FinishReason::Stop })
    }
}

fn asked(more: Value) -> Value {
    let tool =
        json!({ "type": "function", "function": { "name": "double", "parameters": { "type": "object" } } });
    let mut request = json!({ "model": "default", "messages": [{ "role": "user", "content": "twice 21?" }], "tools": [tool] });
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    request
}

#[tokio::test]
async fn a_model_calls_tools_and_is_told_what_they_gave() {
    let home = Home::start().await;
    home.attach(Caller).await;
    let answer = body(home.post("/v1/chat/completions", &asked(json!({}))).await, 200).await;
    let choice = &answer["choices"][0];
    let call = &choice["message"]["tool_calls"][0];
    assert_eq!(
        (choice["finish_reason"].as_str(), choice["message"]["content"].as_str()),
        (Some("tool_calls"), Some("I ask."))
    );
    assert_eq!(
        (call["function"]["name"].as_str(), call["function"]["arguments"].as_str()),
        (Some("double"), Some("{\"n\":21}"))
    );

    let told = json!({ "messages": [{ "role": "user", "content": "twice 21?" }, choice["message"],
        { "role": "tool", "tool_call_id": call["id"], "content": "42" }] });
    let answer = body(home.post("/v1/chat/completions", &asked(told)).await, 200).await;
    assert_eq!(answer["choices"][0]["message"]["content"], "It gave 42.");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");

    let streamed =
        home.post("/v1/chat/completions", &asked(json!({ "stream": true }))).await.text().await.unwrap();
    let events =
        streamed.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
    let choices: Vec<Value> =
        events.map(|data| serde_json::from_str::<Value>(data).unwrap()["choices"][0].clone()).collect();
    let words: String = choices.iter().filter_map(|choice| choice["delta"]["content"].as_str()).collect();
    let calls: Vec<&Value> = choices.iter().filter_map(|choice| choice["delta"].get("tool_calls")).collect();
    assert_eq!((words.as_str(), calls.len(), &calls[0][0]["index"]), ("I ask.", 1, &json!(0)));
    assert_eq!(choices.last().unwrap()["finish_reason"], "tool_calls");

    let none =
        body(home.post("/v1/chat/completions", &asked(json!({ "tool_choice": "none" }))).await, 200).await;
    assert_eq!(none["choices"][0]["message"]["content"], "no tools");
    home.stop().await;
}

#[tokio::test]
async fn what_no_worker_can_do_is_refused_with_the_reason() {
    let home = Home::start().await;
    home.attach(Caller).await;
    let format = json!({ "tools": [], "response_format": { "type": "json_object" } });
    let refused = body(home.post("/v1/chat/completions", &asked(format)).await, 422).await;
    assert!(
        refused["error"]["message"].as_str().unwrap().contains("it keeps to no JSON schema"),
        "{refused}"
    );
    let image = json!({ "messages": [{ "role": "user", "content": [
        { "type": "image_url", "image_url": { "url": "http://127.0.0.1:1/a.png" } }] }] });
    let refused = body(home.post("/v1/chat/completions", &asked(image)).await, 400).await;
    assert!(refused["error"]["message"].as_str().unwrap().contains("not fetched"), "{refused}");
    let seen = json!({ "tools": [], "messages": [{ "role": "user", "content": [
        { "type": "image_url", "image_url": { "url": "data:image/png;base64,QUJD" } }] }] });
    let refused = body(home.post("/v1/chat/completions", &asked(seen)).await, 503).await;
    assert!(refused["error"]["message"].as_str().unwrap().contains("vision"), "{refused}");
    home.stop().await;
}

fn rpc(id: u32, method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

#[tokio::test]
async fn what_workers_offer_are_tools_whose_calls_are_paid_jobs() {
    let home = Home::start().await;
    home.attach(Caller).await;
    let listed = body(home.post("/mcp", &rpc(1, "tools/list", json!({}))).await, 200).await;
    let names: Vec<&str> = listed["result"]["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["ask", "double"]);
    let call = json!({ "name": "double", "arguments": { "n": 4 } });
    let answer = body(home.post("/mcp", &rpc(2, "tools/call", call)).await, 200).await;
    assert_eq!(answer["result"]["structuredContent"], json!({ "doubled": 8 }));
    let job = answer["result"]["_meta"]["mtor/job"].as_str().unwrap();
    let job = body(home.get(&format!("/api/jobs/{job}")).await, 200).await;
    assert_eq!(
        (job["state"].as_str(), job["intent"]["capability"].as_str()),
        (Some("completed"), Some("tool.double"))
    );
    let unknown = body(home.post("/mcp", &rpc(3, "server/discover", json!({}))).await, 200).await;
    assert_eq!(unknown["error"]["code"], -32601);
    home.stop().await;
}

#[tokio::test]
async fn a_call_streams_its_progress_and_ends_when_its_client_says_so() {
    let home = Home::start().await;
    home.attach(Caller).await;
    let client = reqwest::Client::new();
    let post = |session: &str, message: Value| {
        let request = client.post(format!("{}/mcp", home.url())).json(&message);
        let request = request.header("accept", "application/json, text/event-stream");
        request.header("mcp-session-id", session).send()
    };
    let begun = home.post("/mcp", &rpc(1, "initialize", json!({ "protocolVersion": "2025-06-18" }))).await;
    let session = begun.headers()["mcp-session-id"].to_str().unwrap().to_owned();
    assert_eq!(body(begun, 200).await["result"]["protocolVersion"], "2025-06-18");

    let call = json!({ "name": "ask", "arguments": { "prompt": "wait" }, "_meta": { "progressToken": "p" } });
    let mut streamed = post(&session, rpc(7, "tools/call", call)).await.unwrap();
    let mut heard = String::new();
    while !heard.contains("\"message\":\"Well\"") {
        heard.push_str(std::str::from_utf8(&streamed.chunk().await.unwrap().unwrap()).unwrap());
    }
    let cancelled =
        json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 7 } });
    assert_eq!(post(&session, cancelled).await.unwrap().status(), 202);
    while let Some(chunk) = streamed.chunk().await.unwrap() {
        heard.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    assert!(heard.contains("\"isError\":true") && heard.contains("cancelled"), "{heard}");

    assert_eq!(post("nobody", rpc(8, "ping", json!({}))).await.unwrap().status(), 404);
    let end =
        client.delete(format!("{}/mcp", home.url())).header("mcp-session-id", &session).send().await.unwrap();
    assert_eq!(end.status(), 204);
    home.stop().await;
}

/// Draws one picture, and says what it shows.
struct Painter;

impl Worker for Painter {
    fn announcement(&self) -> Announcement {
        Announcement::new("painter", vec![CapabilityOffer::new(CapabilityKind::IMAGINE, "oil", 1)])
    }

    async fn run(&self, _: Job, output: &mut Output) -> Result<Finished, JobError> {
        output.part("picture-1.png", "image/png", b"\x89PNG").await?;
        output.text("A cloud.", 1).await?;
        let usage = mtor_protocol::Usage { images: 1, ..output.usage(0) };
        Ok(Finished { usage, finish: FinishReason::Stop })
    }
}

#[tokio::test]
async fn pictures_are_drawn_and_long_calls_are_tasks() {
    let home = Home::start().await;
    home.attach(Caller).await;
    home.attach(Painter).await;
    let ask = async |id: u32, method: &str, params: Value| {
        body(home.post("/mcp", &rpc(id, method, params)).await, 200).await
    };
    for (version, tasks) in [("2025-11-25", true), ("2025-06-18", false)] {
        let begun = ask(1, "initialize", json!({ "protocolVersion": version })).await;
        let can = &begun["result"]["capabilities"];
        assert_eq!(can.pointer("/tasks/requests/tools/call").is_some(), tasks, "{version}: {can}");
    }
    let draw = json!({ "name": "imagine", "arguments": { "prompt": "a cloud" } });
    let drawn = ask(2, "tools/call", draw.clone()).await["result"].clone();
    let picture = json!({ "type": "image", "data": "iVBORw==", "mimeType": "image/png" });
    assert_eq!(drawn["content"], json!([picture, { "type": "text", "text": "A cloud." }]));

    let mut as_task = draw;
    as_task["task"] = json!({ "ttl": 60_000 });
    let begun = ask(3, "tools/call", as_task).await;
    let task = json!({ "taskId": begun["result"]["task"]["taskId"] });
    assert!(task["taskId"].is_string(), "{begun}");
    for id in [4, 5] {
        // Fetched again, it is the same.
        let result = ask(id, "tasks/result", task.clone()).await["result"].clone();
        assert_eq!(result["content"], drawn["content"]);
        let related = result["_meta"]["io.modelcontextprotocol/related-task"].clone();
        assert_eq!(related, task);
    }
    assert_eq!(ask(6, "tasks/get", task.clone()).await["result"]["status"], "completed");
    assert_eq!(ask(7, "tasks/cancel", task).await["error"]["code"], -32602, "it is over");

    let wait = json!({ "name": "ask", "arguments": { "prompt": "wait" }, "task": {} });
    let begun = ask(8, "tools/call", wait).await["result"]["task"].clone();
    assert_eq!(begun["status"], "working");
    let task = json!({ "taskId": begun["taskId"] });
    assert_eq!(ask(9, "tasks/cancel", task.clone()).await["result"]["status"], "cancelled");
    assert_eq!(ask(10, "tasks/result", task).await["result"]["isError"], true);
    for nothing in [json!({}), json!({ "taskId": mtor_protocol::JobId::generate() })] {
        assert_eq!(ask(11, "tasks/get", nothing).await["error"]["code"], -32602);
    }
    home.stop().await;
}
