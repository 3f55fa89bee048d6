//! The broker from outside: a real one on a port of its own, a real worker on the SDK, and plain HTTP.

#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop where it is")]

mod clients;
mod harness;
mod parts;
mod peers;
mod pictures;
mod plans;
mod prices;
mod sound;
mod witness;

use harness::{Home, json};
use mtor_protocol::http::{Access, ROUTES};
use serde_json::{Value, json};

#[tokio::test]
async fn a_question_is_answered_paid_and_remembered() {
    let home = Home::start().await;
    home.attach_worker("attic").await;
    let submit = json!({"intent": {"capability": "chat", "params": {"prompt": "one two three"}}});
    let job = json(home.post("/api/jobs?wait=30", &submit).await, 201).await;
    assert_eq!((&job["state"], &job["text"]), (&json!("completed"), &json!("three two one")));
    assert_eq!(job["workers"], json!(["attic"]));
    let cost: u64 = job["cost"].as_str().unwrap().parse().unwrap();
    assert!(cost > 0);

    let realm = json(home.get("/api/realm").await, 200).await;
    let owner = realm["owner"].as_str().unwrap();
    let wallet = json(home.get(&format!("/api/wallets/{owner}")).await, 200).await;
    assert_eq!(wallet["spent"], json!(cost.to_string()));
    assert_eq!(wallet["held"], json!("0"));
    let history = json(home.get(&format!("/api/wallets/{owner}/jobs?q=TWO")).await, 200).await;
    assert_eq!(history["jobs"][0]["answer"], json!("three two one"));

    let id = job["id"].as_str().unwrap();
    let events = home.get(&format!("/api/jobs/{id}/events?after=0")).await.text().await.unwrap();
    assert!(events.contains("three two one") && events.contains("mtor.job.completed"), "{events}");
    home.stop().await;
}

#[tokio::test]
async fn openai_clients_are_answered_in_their_own_shapes() {
    let home = Home::start().await;
    home.attach_worker("attic").await;
    let mut chat = json!({"model": "default", "messages": [{"role": "user", "content": "a b c"}]});
    let whole = json(home.post("/v1/chat/completions", &chat).await, 200).await;
    assert_eq!(whole["choices"][0]["message"], json!({"role": "assistant", "content": "c b a"}));
    assert_eq!((&whole["model"], &whole["usage"]["completion_tokens"]), (&json!("reverse"), &json!(3)));

    chat["stream"] = json!(true);
    chat["stream_options"] = json!({"include_usage": true});
    let text = home.post("/v1/chat/completions", &chat).await.text().await.unwrap();
    let events: Vec<&str> =
        text.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").unwrap()).collect();
    let (done, events) = events.split_last().unwrap();
    assert_eq!(*done, "[DONE]");
    let events: Vec<Value> = events.iter().map(|event| serde_json::from_str(event).unwrap()).collect();
    let said: String =
        events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(said, "c b a");
    assert_eq!(events.last().unwrap()["usage"]["completion_tokens"], json!(3));
    assert_eq!(events[events.len() - 2]["choices"][0]["finish_reason"], json!("stop"));

    chat["model"] = json!("gpt-9");
    let error = json(home.post("/v1/chat/completions", &chat).await, 404).await;
    assert_eq!(error["error"]["code"], json!("model_not_found"));
    let models = json(home.get("/v1/models").await, 200).await;
    assert_eq!((&models["data"][0]["id"], &models["data"][1]["id"]), (&json!("default"), &json!("reverse")));
    home.stop().await;
}

#[tokio::test]
async fn without_a_worker_the_reason_is_told_at_once() {
    let home = Home::start().await;
    let submit = json!({"intent": {"capability": "chat", "params": {"prompt": "Hi"}}});
    let problem = json(home.post("/api/jobs", &submit).await, 503).await;
    assert_eq!(problem["type"], json!("urn:mtor:problem:no-worker"));
    assert_eq!(problem["detail"], json!("no attached worker offers chat; no worker is attached at all"));
    home.stop().await;
}

#[tokio::test]
async fn jobs_money_and_keys_survive_a_restart() {
    let home = Home::start().await;
    home.attach_worker("attic").await;
    let submit = json!({"id": "0193a5a0-0000-7000-8000-000000000001", "intent": {"capability": "chat", "params": {"prompt": "x y"}}});
    let before = json(home.post("/api/jobs?wait=30", &submit).await, 201).await;
    let home = home.restart().await;
    let after = json(home.get("/api/jobs/0193a5a0-0000-7000-8000-000000000001").await, 200).await;
    assert_eq!(before, after);
    let again = json(home.post("/api/jobs", &submit).await, 200).await;
    assert_eq!(again["text"], json!("y x"), "the same job again is the same job");
    let mut other = submit.clone();
    other["intent"]["params"]["prompt"] = json!("something else");
    assert_eq!(
        json(home.post("/api/jobs", &other).await, 409).await["type"],
        json!("urn:mtor:problem:conflict")
    );
    home.stop().await;
}

#[tokio::test]
async fn what_is_handed_over_is_fetched_once() {
    let home = Home::start().await;
    for wrong in
        [json!({}), json!({"sealed": ""}), json!({"sealed": "a b"}), json!({"sealed": "a".repeat(513)})]
    {
        json(home.post("/api/handovers", &wrong).await, 400).await;
    }
    let left = json(home.post("/api/handovers", &json!({"sealed": "c2VhbGVk"})).await, 200).await;
    let take = format!("/api/handovers/{}/take", left["id"].as_str().unwrap());
    assert_eq!(json(home.post(&take, &json!({})).await, 200).await, json!({"sealed": "c2VhbGVk"}));
    let second = json(home.post(&take, &json!({})).await, 404).await;
    assert_eq!(second["type"], json!("urn:mtor:problem:not-found"));
    home.stop().await;
}

/// Every route of the table is there: none answers that there is no such route, or that it takes no such method.
#[tokio::test]
async fn every_route_of_the_table_is_served() {
    let home = Home::start().await;
    let owner = json(home.get("/api/realm").await, 200).await["owner"].as_str().unwrap().to_owned();
    for route in ROUTES {
        let path = route
            .path
            .replace("{did}", &owner)
            .replace("{path}", "0/000")
            .replace("{number}", "0")
            .replace("{id}", "0193a5a0-0000-7000-8000-00000000000f");
        let response = home.request(route.method, &path, Some(&json!({}))).await;
        let (status, text) = (response.status().as_u16(), response.text().await.unwrap());
        assert!(
            status != 405 && !text.contains("there is no /") && !text.contains("there is no route"),
            "{} {path}: {status} {text}",
            route.method
        );
        if route.access == Access::Wallet {
            let stranger = home.stranger(route.method, &path).await;
            assert!(
                [401, 403].contains(&stranger),
                "{} {path} answers {stranger} to a stranger",
                route.method
            );
        }
    }
    home.stop().await;
}
