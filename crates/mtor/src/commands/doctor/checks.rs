//! The checks, one function each.

use std::net::TcpListener;
use std::time::{SystemTime, UNIX_EPOCH};

use mtor_broker::Settings;
use mtor_models::{Catalogue, Model, Store, gguf, human_bytes};
use mtor_protocol::http::{ClassInfo, QueueInfo, RealmInfo};

use super::{Finding, system};
use crate::client::{Api, RealmUrl};
use crate::commands::top::index;
use crate::commands::worker::{Kind, find_program};
use crate::data::DataFolder;
use crate::exit::Fault;

/// What a ledger wants to be left on its disk, in bytes.
const FREE_BYTES_MIN: u64 = 200_000_000;

/// Up to this performance index a goal is met.
const INDEX_MET_PERMILLE: u32 = 1_000;

/// 2024-01-01: a clock that stands before it is wrong for sure.
const EARLIEST_UNIX_S: u64 = 1_704_067_200;

/// Can it be written to, and is there room?
pub(super) fn data_folder(folder: &DataFolder) -> Finding {
    const WHAT: &str = "data folder";
    let path = folder.path();
    let shown = path.display();
    let Some(existing) = path.ancestors().find(|ancestor| ancestor.exists()) else {
        return Finding::missing(WHAT, format!("{shown} can't be made"), "name another with --data");
    };
    if !existing.is_dir() {
        return Finding::missing(
            WHAT,
            format!("{} is no folder", existing.display()),
            "name another with --data",
        );
    }
    if let Err(error) = tempfile::tempfile_in(existing) {
        let advice = "give yourself the right to write there, or name another with --data";
        return Finding::missing(WHAT, format!("{shown} can't be written to: {error}"), advice);
    }
    match system::free_bytes(existing) {
        Some(free) if free < FREE_BYTES_MIN => {
            let seen = format!("{shown}: only {} are free", human_bytes(free));
            Finding::missing(WHAT, seen, "free some space, or name a folder on another disk with --data")
        }
        Some(free) => Finding::good(WHAT, format!("{shown}, {} free", human_bytes(free))),
        None => Finding::good(WHAT, shown.to_string()),
    }
}

/// Can `realm.toml` be read?
pub(super) fn settings(folder: &DataFolder) -> Finding {
    const WHAT: &str = "realm.toml";
    if !folder.settings_file().exists() {
        return Finding::good(WHAT, "not there yet; the first start writes it, with every default");
    }
    match Settings::load(folder.path()) {
        Ok(settings) => {
            Finding::good(WHAT, format!("realm \"{}\" at {}", settings.file.name, settings.file.listen))
        }
        Err(error) => {
            Finding::missing(WHAT, error.to_string(), "mend it, or move it away to go on with the defaults")
        }
    }
}

/// Is the record whole?
pub(super) fn ledger(folder: &DataFolder) -> Finding {
    const WHAT: &str = "ledger";
    if !folder.path().join("realm.key").exists() {
        return Finding::good(WHAT, "none yet; the first start makes it");
    }
    match mtor_ledger::verify(folder.path(), None) {
        Ok(verified) => Finding::good(WHAT, verified.to_string()),
        Err(error) => Finding::missing(
            WHAT,
            error.to_string(),
            "go back to a copy of the data folder; keep this one, it shows what happened",
        ),
    }
}

/// Does the realm answer? If not, is its port free?
pub(super) async fn realm(api: &Api, realm: &RealmUrl) -> Finding {
    const WHAT: &str = "realm";
    let error = match api.get::<RealmInfo>("/api/realm").await {
        Ok(info) if info.ledger.writable => {
            return match api.get_bytes("/readyz").await {
                Ok(_) => Finding::good(WHAT, format!("\"{}\" is ready at {realm}", info.name)),
                Err(why) => Finding::remark(
                    WHAT,
                    format!("\"{}\" at {realm} is not ready: {why}", info.name),
                    "give its workers a moment, or see their logs",
                ),
            };
        }
        Ok(info) => {
            let seen = format!("\"{}\" at {realm} can't write its ledger", info.name);
            return Finding::missing(
                WHAT,
                seen,
                "free some space on its disk; nothing that was acknowledged is lost",
            );
        }
        Err(error) => error,
    };
    if !matches!(error.downcast_ref(), Some(Fault::Unreachable { .. })) || !realm.is_loopback() {
        let advice = "check the address, and that a realm runs there";
        return Finding::missing(WHAT, format!("{error:#}"), advice);
    }
    match TcpListener::bind((realm.host(), realm.port())) {
        Ok(_) => Finding::good(WHAT, format!("none runs at {realm}; the port is free")),
        Err(error) => {
            let advice =
                format!("choose another: mtor up --listen 127.0.0.1:{}", realm.port().saturating_add(1));
            Finding::missing(WHAT, format!("the port of {realm} can't be used: {error}"), advice)
        }
    }
}

/// Are jobs answered as soon as they should be? Nothing is said of a realm that does not run, or had nothing to do.
pub(super) async fn goals(api: &Api) -> Option<Finding> {
    const WHAT: &str = "goals";
    let queue = api.get::<QueueInfo>("/api/queue").await.ok()?;
    let told = |class: &ClassInfo| {
        let index = index(class.index_permille?);
        Some(format!("{} {index} ({} % in time)", class.class.as_str(), class.within_percent?))
    };
    let seen: Vec<String> = queue.classes.iter().filter_map(told).collect();
    if seen.is_empty() {
        return None;
    }
    let seen = format!("index up to 1.00 is met: {}", seen.join(", "));
    let missed = |class: &ClassInfo| class.index_permille > Some(INDEX_MET_PERMILLE);
    Some(match queue.classes.iter().any(missed) {
        true => Finding::remark(
            WHAT,
            seen,
            "attach another worker, or set the goals in realm.toml; see `mtor top`",
        ),
        false => Finding::good(WHAT, seen),
    })
}

/// The kinds that `mtor up` starts unless it is told otherwise, with what their checks are called.
const KINDS: [(Kind, &str, &str); 5] = [
    (Kind::Chat, "chat worker", "chat model"),
    (Kind::Ears, "ears", "ears' model"),
    (Kind::Voice, "voice", "voice's model"),
    (Kind::Embed, "embed worker", "embed model"),
    (Kind::Skills, "skills", "skills' model"),
];

/// Are the workers' programs installed?
pub(super) fn worker_programs() -> impl Iterator<Item = Finding> {
    KINDS.into_iter().map(|(kind, what, _)| match find_program(kind) {
        Ok(path) => Finding::good(what, path.display().to_string()),
        Err(_) => Finding::missing(
            what,
            format!("the program {} is neither beside mtor nor in PATH", kind.program()),
            format!(
                "build it with `cargo build --release -p {}`; `./mtor up` does it by itself",
                kind.program()
            ),
        ),
    })
}

/// Are the models here, as pinned, and whole?
pub(super) fn models() -> Vec<Finding> {
    let catalogue = Catalogue::builtin();
    let store = match Store::open_default() {
        Ok(store) => store,
        Err(error) => {
            return vec![Finding::missing("models", error.to_string(), "set MTOR_MODELS to a folder")];
        }
    };
    let needs = |(kind, _, what): (Kind, _, _)| kind.needs().iter().map(move |need| (what, *need));
    KINDS
        .into_iter()
        .flat_map(needs)
        .filter_map(|(what, need)| Some(model(what, &store, catalogue.for_capability(need).next()?)))
        .collect()
}

fn model(what: &'static str, store: &Store, model: &Model) -> Finding {
    let Some(path) = store.path_if_present(model) else {
        let seen = format!("{} is not here", model.name);
        let advice = format!(
            "`mtor up` fetches it ({}), and so does `mtor model fetch {}`",
            human_bytes(model.bytes),
            model.id
        );
        return Finding::remark(what, seen, advice);
    };
    let is_gguf = path.extension().is_some_and(|extension| extension == "gguf");
    match gguf::inspect(&path) {
        Err(error) if is_gguf => Finding::missing(
            what,
            error.to_string(),
            format!("delete {} and run `mtor model fetch {}`", path.display(), model.id),
        ),
        _ if store.is_verified(model) => Finding::good(what, format!("{}, SHA-256 as pinned", model.name)),
        _ => Finding::remark(
            what,
            format!("{} is here, not verified yet", model.name),
            "`mtor model verify` does it; `mtor up` does too",
        ),
    }
}

/// Is there enough memory for the models?
pub(super) fn memory() -> Finding {
    const WHAT: &str = "memory";
    let catalogue = Catalogue::builtin();
    let needs = KINDS.into_iter().flat_map(|(kind, ..)| kind.needs());
    let needed =
        needs.filter_map(|need| catalogue.for_capability(need).next()).map(|model| model.memory_bytes).sum();
    match system::available_memory_bytes() {
        None => Finding::remark(
            WHAT,
            "this system does not say how much is free",
            format!("the workers need about {}", human_bytes(needed)),
        ),
        Some(free) if free < needed => Finding::missing(
            WHAT,
            format!("{} free; the workers need {}", human_bytes(free), human_bytes(needed)),
            "end other programs, or start fewer: --workers chat, or none",
        ),
        Some(free) => Finding::good(
            WHAT,
            format!("{} free; the workers need {}", human_bytes(free), human_bytes(needed)),
        ),
    }
}

/// Can the clock be right? Signed requests are refused when it is not.
pub(super) fn clock() -> Finding {
    const WHAT: &str = "clock";
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    if now < EARLIEST_UNIX_S {
        return Finding::missing(
            WHAT,
            "it stands before 2024",
            "set it: signed requests are refused otherwise",
        );
    }
    Finding::good(WHAT, "plausible")
}
