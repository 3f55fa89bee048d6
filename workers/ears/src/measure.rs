//! `mtor-ears wer`: the measurement as a table or as JSON.

use std::io::Write;
use std::sync::Arc;

use mtor_ears::Engine;
use mtor_ears::wer::{self, Noise, Row};
use serde::Serialize;

use crate::cli::WerOptions;

/// The report as JSON.
#[derive(Serialize)]
struct Report<'a> {
    model: &'a str,
    threads: usize,
    recordings: usize,
    seed: u64,
    rows: &'a [Row],
}

/// Measures and prints.
pub(crate) async fn run(
    engine: Arc<Engine>,
    model: &str,
    threads: usize,
    options: &WerOptions,
) -> anyhow::Result<()> {
    let mut recordings = Vec::new();
    for folder in &options.folders {
        recordings.extend(wer::read_folder(folder)?);
    }
    let language = options.engine.language.as_deref();
    let mut plan = vec![(Noise::Quiet, 0.0)];
    for noise in [Noise::White, Noise::Babble] {
        plan.extend(options.snr.iter().map(|snr_db| (noise, *snr_db)));
    }
    // Whoever reads may stop reading, which ends the measurement.
    let mut out = std::io::stdout();
    if !options.json {
        writeln!(out, "{model}, {threads} threads, {} recordings\n", recordings.len())?;
        writeln!(out, "noise    SNR dB   words  errors     WER   real time   processor time")?;
    }
    let mut rows = Vec::new();
    for (noise, snr_db) in plan {
        let row = wer::measure(&engine, &recordings, noise, snr_db, options.seed, language).await?;
        if !options.json {
            writeln!(out, "{}", line(&row))?;
        }
        rows.push(row);
    }
    if options.json {
        let report = Report { model, threads, recordings: recordings.len(), seed: options.seed, rows: &rows };
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        writeln!(
            out,
            "\nreal time, processor time: seconds for each second of sound; below one is faster than speech"
        )?;
    }
    Ok(())
}

fn line(row: &Row) -> String {
    let noise = match row.noise {
        Noise::Quiet => "quiet",
        Noise::White => "white",
        Noise::Babble => "babble",
    };
    let snr = row.snr_db.map_or_else(|| "-".to_owned(), |snr| format!("{snr:.0}"));
    let processor = row.processor_time.map_or_else(|| "-".to_owned(), |time| format!("{time:.2}"));
    format!(
        "{noise:<8} {snr:>6}  {:>6}  {:>6}  {:>5.1}%      {:>6.2}           {processor:>6}",
        row.words,
        row.errors,
        row.wer * 100.0,
        row.real_time
    )
}
