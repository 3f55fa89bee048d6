//! The book's reference tables that follow from this crate: problems, routes, events, limits. Each stands in its page
//! between two marks; a test fails when one has drifted, and `MTOR_BLESS=1 cargo test -p mtor-protocol --test docs`
//! writes them anew. What stands outside the marks is written by hand.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use mtor_protocol::body::{Body, Way};
use mtor_protocol::http::{Access, ROUTES};
use mtor_protocol::openai::ErrorBody;
use mtor_protocol::{Problem, ProblemKind, limits};
use serde_json::Value;

/// A page of the book, as it is and as it should be.
struct Page {
    path: PathBuf,
    is: String,
    should_be: String,
}

impl Page {
    fn open(page: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src").join(page);
        let is = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { should_be: is.clone(), path, is }
    }

    /// Puts `table` between the marks of that name.
    fn with(mut self, name: &str, table: &str) -> Self {
        let (begin, end) = (format!("<!-- {name}: generated -->\n"), format!("<!-- {name}: end -->"));
        let text = &self.should_be;
        let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("there is no mark {begin}"));
        let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("there is no mark {end}"));
        self.should_be = format!("{before}{begin}\n{}\n\n{end}{after}", table.trim());
        self
    }

    fn check(self) {
        if std::env::var_os("MTOR_BLESS").is_some() {
            std::fs::write(&self.path, &self.should_be).unwrap();
            return;
        }
        assert!(
            self.is == self.should_be,
            "{} is not what the code says; run MTOR_BLESS=1 cargo test -p mtor-protocol --test docs",
            self.path.display()
        );
    }
}

/// A Markdown table.
fn table(columns: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut text = format!("| {} |\n|{}\n", columns.join(" | "), " --- |".repeat(columns.len()));
    for row in rows {
        let cells: Vec<_> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

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

/// The file that a realm finds in its data folder at the first start stands in the book as it is. What the settings are
/// is checked where the file is.
#[test]
fn settings() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mtor/src/commands/realm_file/realm.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let block = format!("```toml\n{}\n```", text.trim());
    Page::open("reference/settings.md").with("realm.toml", &block).check();
}

/// Links between the pages lead somewhere, and every page is in the table of contents.
#[test]
fn links_and_contents() {
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut pages = Vec::new();
    markdown_files(&book, &mut pages);
    pages.extend(
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"].map(|name| root.join(name)),
    );
    let summary = std::fs::read_to_string(book.join("SUMMARY.md")).unwrap();
    let mut broken = Vec::new();
    for page in &pages {
        let text = std::fs::read_to_string(page).unwrap();
        for target in link_targets(&text) {
            let folder = page.parent().expect("a page lies in a folder");
            if !folder.join(target).exists() {
                broken.push(format!("{}: {target}", page.display()));
            }
        }
        if let Ok(name) = page.strip_prefix(&book) {
            let name = name.to_string_lossy().replace('\\', "/");
            if name != "SUMMARY.md" && !summary.contains(&format!("({name})")) {
                broken.push(format!("{name} is not in SUMMARY.md"));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

fn markdown_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            markdown_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

/// Where the links of a page lead, those to other sites and to places in the page itself left out. Code is no link.
fn link_targets(text: &str) -> impl Iterator<Item = &str> {
    let prose = text.split("```").step_by(2);
    let targets =
        prose.flat_map(|part| part.split("](").skip(1)).filter_map(|rest| rest.split([')', '#', ' ']).next());
    targets.filter(|target| !target.is_empty() && !target.contains("://"))
}
