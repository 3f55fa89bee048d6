//! The progress bar of a download: a bar on a terminal, a line per tenth elsewhere.

use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use mtor_models::{Progress, human_of};

use crate::terminal;

/// Draws one download on standard error.
#[derive(Debug)]
pub(crate) struct Bar {
    name: String,
    bar: ProgressBar,
    /// Whether there is no terminal to draw a bar on.
    plain: bool,
    total_bytes: AtomicU64,
    position_bytes: AtomicU64,
}

impl Bar {
    /// A bar for the model of this name, not shown before the download starts.
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            bar: ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()),
            plain: !terminal::stderr_is_seen(),
            total_bytes: AtomicU64::new(0),
            position_bytes: AtomicU64::new(0),
        }
    }

    /// Writes a line above the bar, without tearing it.
    pub(crate) fn line(&self, text: &str) {
        if self.bar.is_hidden() {
            eprintln!("{text}");
        } else {
            self.bar.println(text);
        }
    }
}

impl Progress for Bar {
    fn started(&self, total_bytes: u64) {
        self.total_bytes.store(total_bytes, Ordering::Relaxed);
        self.position_bytes.store(0, Ordering::Relaxed);
        if self.plain {
            eprintln!("fetching {}", self.name);
            return;
        }
        // A template that does not parse costs the looks of the bar, not the download.
        if let Ok(style) = ProgressStyle::with_template(
            "{msg} {wide_bar} {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec} {eta}",
        ) {
            self.bar.set_style(style);
        }
        // Once: with a second target, the bar of a source that failed would stay on the screen.
        if self.bar.is_hidden() {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.set_message(self.name.clone());
        self.bar.set_length(total_bytes);
        self.bar.set_position(0);
        self.bar.reset_eta();
    }

    fn advanced(&self, bytes: u64) {
        let total = self.total_bytes.load(Ordering::Relaxed).max(1);
        let before = self.position_bytes.fetch_add(bytes, Ordering::Relaxed);
        if self.plain {
            if before * 10 / total != (before + bytes) * 10 / total {
                eprintln!("  {}", human_of(before + bytes, total));
            }
            return;
        }
        self.bar.inc(bytes);
    }

    fn note(&self, text: &str) {
        self.line(&format!("  {text}"));
    }

    fn done(&self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
