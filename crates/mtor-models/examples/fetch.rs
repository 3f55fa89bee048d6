//! Fetches a model of the catalogue and says what it is: `cargo run -p mtor-models --example fetch -- chat-tiny FOLDER`.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use mtor_models::{CancellationToken, Catalogue, Progress, Store, gguf, human_of};

/// One line per tenth of the way.
#[derive(Default)]
struct Tenths {
    total: AtomicU64,
    position: AtomicU64,
}

impl Progress for Tenths {
    fn started(&self, total_bytes: u64) {
        self.total.store(total_bytes, Ordering::Relaxed);
        self.position.store(0, Ordering::Relaxed);
    }

    fn advanced(&self, bytes: u64) {
        let total = self.total.load(Ordering::Relaxed).max(1);
        let before = self.position.fetch_add(bytes, Ordering::Relaxed);
        if before * 10 / total != (before + bytes) * 10 / total {
            println!("  {}", human_of(before + bytes, total));
        }
    }

    fn note(&self, text: &str) {
        println!("{text}");
    }

    fn done(&self) {
        println!("verified");
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let id = args.next().unwrap_or_else(|| "chat-tiny".to_owned());
    let store = args.next().map_or_else(Store::open_default, Store::open)?;
    let cancel = CancellationToken::new();
    let on_ctrl_c = cancel.clone();
    tokio::spawn(async move { tokio::signal::ctrl_c().await.map(|()| on_ctrl_c.cancel()) });
    let path = store.fetch(Catalogue::builtin().model(&id)?, &Tenths::default(), &cancel).await?;
    println!("{}\n{:#?}", path.display(), gguf::inspect(&path)?);
    Ok(())
}
