//! The book's reference tables that follow from this crate: problems, routes, events, limits. A test fails when one has
//! drifted, and `MTOR_BLESS=1 cargo test -p mtor-protocol --test docs` writes them anew.

#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop where it is")]

mod links;
mod page;

use std::path::Path;

use mtor_protocol::body::{Body, Way};
use mtor_protocol::http::{Access, ROUTES};
use mtor_protocol::openai::ErrorBody;
use mtor_protocol::{Problem, ProblemKind, limits};
use page::{Page, table};
use serde_json::Value;

/// The doc comments of an enum's variants, in their order, as its schema carries them.
fn variant_docs<T: schemars::JsonSchema>() -> Vec<String> {
    let schema = schemars::schema_for!(T).to_value();
    let variants = ["oneOf", "anyOf"].iter().find_map(|name| schema.get(name)).and_then(Value::as_array);
    let doc = |variant: &Value| {
        let text = variant.get("description").and_then(Value::as_str).unwrap_or_default();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    variants.expect("an enum whose variants are documented").iter().map(doc).collect()
}

#[test]
fn problems() {
    let docs = variant_docs::<ProblemKind>();
    assert_eq!(docs.len(), ProblemKind::ALL.len(), "every kind has a doc comment");
    let row = |(kind, doc): (&ProblemKind, String)| {
        let openai = ErrorBody::from(&Problem::new(*kind, "")).error.code.unwrap_or_default();
        vec![
            format!("`{}`", kind.slug()),
            kind.status().to_string(),
            kind.title().to_owned(),
            doc,
            format!("`{openai}`"),
        ]
    };
    let columns = ["type", "status", "title", "when", "`code` in OpenAI's routes"];
    let rows = ProblemKind::ALL.iter().zip(docs).map(row);
    Page::open("reference/problems.md").with("problems", &table(&columns, rows)).check();
}

#[test]
fn routes() {
    let rows = ROUTES.iter().map(|route| {
        let access = match route.access {
            Access::Public => "anybody",
            Access::Wallet => "the wallet",
        };
        let query = route.query.iter().map(|(name, meaning)| format!("`{name}`: {meaning}"));
        let summary = std::iter::once(route.summary.to_owned()).chain(query).collect::<Vec<_>>().join("<br>");
        vec![
            format!("`{} {}`", route.method, route.path),
            access.to_owned(),
            route.request.map_or_else(String::new, |name| format!("`{name}`")),
            format!("`{}`", route.response),
            summary,
        ]
    });
    let columns = ["route", "who may ask", "body", "answer", "what it does"];
    Page::open("reference/http.md").with("routes", &table(&columns, rows)).check();
}

#[test]
fn events_and_limits() {
    Page::open("reference/websocket.md")
        .with("events", &events())
        .with("limits", &limits_of_the_wire())
        .check();
}

fn events() -> String {
    let docs = variant_docs::<Body>();
    assert_eq!(docs.len(), Body::KINDS.len(), "every type of event has a doc comment");
    let rows = Body::KINDS.iter().zip(docs).map(|((kind, way), doc)| {
        let way = match way {
            Way::ClientToBroker => "client → broker",
            Way::BrokerToClient => "broker → client",
            Way::WorkerToBroker => "worker → broker",
            Way::BrokerToWorker => "broker → worker",
            Way::AnyToBroker => "client or worker → broker",
            Way::BrokerToAny => "broker → client or worker",
        };
        vec![format!("`{kind}`"), way.to_owned(), doc]
    });
    table(&["type", "way", "what it says"], rows)
}

fn limits_of_the_wire() -> String {
    let rows = [
        ("text frame, or JSON body of a request", bytes(limits::TEXT_BYTES_MAX)),
        ("binary frame, header included", bytes(limits::FRAME_BYTES_MAX)),
        ("messages in one chat request", limits::MESSAGES_MAX.to_string()),
        ("inputs in one embedding request", limits::EMBED_INPUTS_MAX.to_string()),
        ("stop strings in one chat request", limits::STOPS_MAX.to_string()),
        ("one stop string", bytes(limits::STOP_BYTES_MAX)),
        ("name of a model, worker or capability", bytes(limits::NAME_BYTES_MAX)),
        ("capabilities that one worker announces", limits::OFFERS_MAX.to_string()),
        ("slots that a worker grants for one capability", limits::SLOTS_MAX.to_string()),
        ("time that a job may ask to live", format!("{} h", limits::TIMEOUT_MS_MAX / 3_600_000)),
    ];
    table(&["what", "at most"], rows.into_iter().map(|(what, most)| vec![what.to_owned(), most]))
}

fn bytes(count: usize) -> String {
    match count {
        mib if mib % (1 << 20) == 0 => format!("{} MiB", mib >> 20),
        _ => format!("{count} bytes"),
    }
}

/// The worker in the how-to page is the one in the SDK's README, which the SDK's documentation tests compile.
#[test]
fn worker_example() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mtor-worker/README.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let (_, rest) = text.split_once("```rust,no_run\n").unwrap();
    let (code, _) = rest.split_once("```").unwrap();
    let block = format!("```rust\n{}\n```", code.trim());
    Page::open("how-to/write-a-worker.md").with("example", &block).check();
}

/// The file that a realm finds in its data folder at the first start stands in the book as it is. What the settings are
/// is checked where the file is.
#[test]
fn settings() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mtor/src/commands/realm_file/realm.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let block = format!("```toml\n{}\n```", text.trim());
    Page::open("reference/settings.md").with("realm.toml", &block).check();
}
