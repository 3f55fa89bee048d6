"""First stage: let every voice say the word, what sounds like it, and ordinary sentences.

Writes 16 kHz clips into OUT/clips and one line for each into OUT/clips/ENGINE.jsonl: file, text, kind, engine, voice,
split, and for the word where it begins and ends. What is there already is kept, so a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import soundfile

import voices as engines
from voices import RATE, Voice
from words import CALLS, NEAR, NEAR_SENTENCES, REQUESTS, SPEECH

# For each voice: calls of the word alone, calls with a request in one breath, words that sound alike, sentences.
PLAN = {
    ("kokoro", "train"): (3, 2, 4, 1), ("kokoro", "test"): (4, 3, 8, 2),
    ("espeak", "train"): (3, 2, 5, 1), ("espeak", "test"): (2, 1, 4, 1),
    ("flite", "train"): (12, 12, 60, 40), ("flite", "test"): (10, 10, 40, 30),
    ("festival", "train"): (8, 8, 25, 15), ("festival", "test"): (6, 6, 20, 15),
    ("piper", "test"): (40, 40, 97, 70),
}
KOKORO_MIXED = 12
SPEEDS = (0.75, 1.35)
# Below this share of the loudest 10 ms a clip counts as silent.
SILENT = 0.02


def loudness(audio: np.ndarray) -> np.ndarray:
    """Root mean square of each 10 ms."""
    step = RATE // 100
    frames = audio[: len(audio) // step * step].reshape(-1, step)
    return np.sqrt((frames**2).mean(axis=1))


def trimmed(audio: np.ndarray) -> np.ndarray:
    level = loudness(audio)
    heard = np.flatnonzero(level > SILENT * level.max())
    step = RATE // 100
    return audio[heard[0] * step : (heard[-1] + 1) * step]


def first_word_end(audio: np.ndarray, alone_s: float) -> float:
    """Where the first word ends in a sentence: the quietest place about where the word alone would end, in seconds."""
    level = np.convolve(loudness(audio), np.ones(3) / 3, "same")
    first, last = int(alone_s * 70), min(int(alone_s * 130), len(level) - 1)
    return float(first + np.argmin(level[first:last])) / 100


def jobs_of(voice: Voice, random: np.random.Generator) -> list[tuple[str, str, float]]:
    """What one voice says: kind, text, speed; the kinds in turn, so that a run that is cut short has some of each."""
    calls, breaths, near, sentences = PLAN[voice.engine, voice.split]
    kinds = [
        [("call", str(random.choice(CALLS))) for _ in range(calls)],
        [("near", str(text)) for text in random.permutation(NEAR)[:near]],
        [("breath", f"Computer, {random.choice(REQUESTS)}") for _ in range(breaths)],
        [("speech", str(text)) for text in random.permutation(SPEECH + NEAR_SENTENCES + REQUESTS)[:sentences]],
    ]
    turns = [kind[turn] for turn in range(max(map(len, kinds))) for kind in kinds if turn < len(kind)]
    return [(kind, text, float(random.uniform(*SPEEDS))) for kind, text in turns]


def say_one(voice: Voice, kind: str, text: str, speed: float, file: str, out: Path) -> dict | None:
    audio = voice.say(text, speed)
    if len(audio) < RATE // 10 or not np.isfinite(audio).all() or np.abs(audio).max() < 1e-3:
        return None
    audio = trimmed(audio)
    line = {"file": file, "text": text, "kind": kind, "engine": voice.engine, "voice": voice.name, "split": voice.split}
    if kind == "call":
        line["word_end_s"] = len(audio) / RATE
    if kind == "breath":
        line["word_end_s"] = first_word_end(audio, len(trimmed(voice.say("Computer,", speed))) / RATE)
    path = out / file
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(str(path), audio / max(1.0, np.abs(audio).max()), RATE, subtype="PCM_16")
    return line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True, help="kokoro.onnx, kokoro-voices/, piper.onnx(.json)")
    parser.add_argument("--engines", default="espeak,flite,festival,piper,kokoro")
    parser.add_argument("--seed", type=int, default=9000)
    given = parser.parse_args()
    clips = given.out / "clips"
    clips.mkdir(parents=True, exist_ok=True)
    for engine in given.engines.split(","):
        random = np.random.default_rng([given.seed, *engine.encode()])
        match engine:
            case "espeak":
                voices = engines.espeak_voices(random)
            case "flite":
                voices = engines.flite_voices()
            case "festival":
                voices = engines.festival_voices()
            case "piper":
                voices = engines.piper_voices(engines.Piper(given.models / "piper.onnx"))
            case "kokoro":
                kokoro = engines.Kokoro(given.models / "kokoro.onnx", given.models / "kokoro-voices")
                voices = engines.kokoro_voices(kokoro, random, KOKORO_MIXED)
            case _:
                parser.error(f"no engine {engine}")
        path = clips / f"{engine}.jsonl"
        done = {json.loads(line)["file"] for line in path.read_text().splitlines()} if path.exists() else set()
        with path.open("a") as index:
            # A stream of chance for each voice: a run that goes on says the same as one that was never stopped.
            plans = [
                (voice, jobs_of(voice, np.random.default_rng([given.seed, number, *engine.encode()])))
                for number, voice in enumerate(voices)
            ]
            for turn in range(max(len(jobs) for _, jobs in plans)):
                for voice, jobs in plans:
                    if turn >= len(jobs):
                        continue
                    kind, text, speed = jobs[turn]
                    file = f"{voice.engine}/{voice.name}-{turn}-{kind}.wav"
                    line = None if file in done else say_one(voice, kind, text, speed, file, clips)
                    if line is not None:
                        index.write(json.dumps(line) + "\n")
                        index.flush()


if __name__ == "__main__":
    main()
