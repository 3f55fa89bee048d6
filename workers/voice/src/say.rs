//! `mtor-voice say` and `mtor-voice voices`: the engine without a realm.

use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use mtor_audio::encode::{Encoder, Format};
use mtor_audio::{SPOKEN_HZ, pcm};
use mtor_voice::{Engine, Speaker, defaults, speech};

use crate::cli::SayOptions;

/// Says a text into a file, and tells how long it took.
pub(crate) async fn say(engine: &Engine, options: &SayOptions, voice: Option<&str>) -> anyhow::Result<()> {
    let format = format_of(&options.out)?;
    let text = text(&options.text)?;
    let speaker = engine.speaker(voice, options.language.as_deref(), options.speed)?;
    let begun = Instant::now();
    let (samples, first) = spoken(speaker, &text, begun).await?;
    let file = match format {
        // Its length is known here.
        Format::Wav => pcm::wav(&samples, SPOKEN_HZ),
        _ => {
            let mut encoder = Encoder::new(format)?;
            let mut file = encoder.push(&samples)?;
            file.extend(encoder.finish()?);
            file
        }
    };
    std::fs::write(&options.out, file).with_context(|| format!("cannot write {}", options.out.display()))?;
    let sound_s = samples.len() as f64 / f64::from(SPOKEN_HZ);
    println!(
        "{:.1} s of speech in {:.2} s, the first sound after {} ms: {}",
        sound_s,
        begun.elapsed().as_secs_f64(),
        first.unwrap_or_default().as_millis(),
        options.out.display()
    );
    Ok(())
}

/// The whole sound of a text, and when its first clause was ready.
async fn spoken(
    speaker: Speaker,
    text: &str,
    begun: Instant,
) -> anyhow::Result<(Vec<f32>, Option<Duration>)> {
    let (mut script, mut speech) = speech::begin(speaker, "");
    let write = async {
        script.push(text.as_bytes()).await?;
        script.finish().await
    };
    let listen = async {
        let (mut samples, mut first) = (Vec::new(), None);
        while let Some(spoken) = speech.next().await? {
            if !spoken.samples.is_empty() {
                first.get_or_insert_with(|| begun.elapsed());
            }
            samples.extend(spoken.samples);
        }
        anyhow::Ok((samples, first))
    };
    // When the voice fails, the text has nobody left to listen; why is what counts.
    let (_, heard) = tokio::join!(write, listen);
    heard
}

/// Lists the voices.
pub(crate) fn list(engine: &Engine) {
    for voice in engine.voices() {
        let kind = if voice.is_neural { "neural" } else { "espeak-ng" };
        println!("{:<28} {:<18} {:<10} {}", voice.id, voice.language, kind, voice.name);
    }
}

fn text(argument: &str) -> anyhow::Result<String> {
    let mut text = argument.to_owned();
    if argument == "-" {
        text.clear();
        std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
    }
    if text.len() > defaults::TEXT_BYTES_MAX {
        bail!("the text has {} bytes; {} are spoken at most", text.len(), defaults::TEXT_BYTES_MAX);
    }
    Ok(text)
}

fn format_of(path: &Path) -> anyhow::Result<Format> {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    let known = Format::ALL.into_iter().find(|format| format.extension() == extension);
    let other = (extension == "ogg").then_some(Format::Opus);
    known.or(other).with_context(|| {
        format!(
            "{} should end in .wav, .mp3, .flac, .opus or .pcm, which says how to write it",
            path.display()
        )
    })
}
