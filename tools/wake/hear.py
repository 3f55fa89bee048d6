"""Second stage: put every training clip into scenes and compute what a head sees. Writes OUT/features.npz."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

import scenes
from features import Embedding
from voices import RATE, read_wav

# How many scenes for each clip of a kind and engine; natural voices are rarer and count for more.
SCENES = {
    "call": {"espeak": 1, "flite": 6, "festival": 8, "kokoro": 10},
    "breath": {"espeak": 1, "flite": 6, "festival": 8, "kokoro": 8},
    "near": {"espeak": 1, "flite": 2, "festival": 3, "kokoro": 5},
    "speech": {"espeak": 1, "flite": 1, "festival": 2, "kokoro": 4},
}
# A head should be sure from shortly after the word until so long after it.
SURE_FROM_S = 0.03
SURE_TO_S = 0.36
# Within the word it must not be sure until so long before its end; afterwards it must have forgotten it.
UNSURE_BEFORE_S = 0.3
UNSURE_AFTER_S = 1.3
STEP_S = 0.08
NOISE_SCENES = 150
REAL_SECONDS_MAX = 1_500


def lines_of(clips: Path, split: str) -> list[dict]:
    lines = [json.loads(line) for index in sorted(clips.glob("*.jsonl")) for line in index.read_text().splitlines()]
    return [line for line in lines if line["split"] == split]


class Stage:
    """Builds scenes round a clip: what was before it, what comes after."""

    def __init__(self, clips: Path, split: str, random: np.random.Generator) -> None:
        self.random = random
        self.lines = lines_of(clips, split)
        self.clips = clips
        self.speech = [self.read(line) for line in self.lines if line["kind"] == "speech"]

    def read(self, line: dict) -> np.ndarray:
        audio = read_wav(self.clips / line["file"])
        return audio / (np.abs(audio).max() + 1e-9) * 0.7

    def other_speech(self) -> np.ndarray:
        return self.speech[self.random.integers(len(self.speech))] * self.random.uniform(0.4, 1.2)

    def before(self) -> np.ndarray:
        random = self.random
        quiet = np.zeros(int(RATE * random.uniform(0.2, 2.2)), np.float32)
        if random.random() < 0.35 and self.speech:
            gap = np.zeros(int(RATE * random.uniform(0.1, 0.7)), np.float32)
            return np.concatenate([self.other_speech()[-2 * RATE :], gap])
        return quiet

    def after(self, more: bool) -> np.ndarray:
        random = self.random
        quiet = np.zeros(int(RATE * 0.7), np.float32)
        if more and random.random() < 0.6 and self.speech:
            gap = np.zeros(int(RATE * random.uniform(0, 0.4)), np.float32)
            return np.concatenate([gap, self.other_speech()[: 2 * RATE], quiet])
        return quiet

    def scene(self, line: dict) -> tuple[np.ndarray, float, float]:
        """The audio, and where in it the clip begins and ends (or, for the word, the word ends), in seconds."""
        audio = self.read(line)
        told = scenes.stretched(audio, self.random, 1.13)
        factor = len(told) / len(audio)
        before = self.before()
        begin = len(before) / RATE
        end = begin + line.get("word_end_s", len(audio) / RATE) * factor
        whole = np.concatenate([before, told, self.after(line["kind"] == "call")])
        return scenes.as_heard(whole, self.random, self.speech), begin, end


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--embedding", type=Path, required=True, help="embedding_model.onnx")
    parser.add_argument("--real", type=Path, nargs="*", default=[], help="folders of real speech without the word, for training")
    parser.add_argument("--share", type=float, default=1.0, help="of the scenes, for a quick try")
    parser.add_argument("--minutes", type=float, default=600, help="go on with what there is after so long")
    parser.add_argument("--seed", type=int, default=9000)
    given = parser.parse_args()
    random = np.random.default_rng(given.seed)
    stage = Stage(given.out / "clips", "train", random)
    embedding = Embedding(given.embedding)
    seen: list[np.ndarray] = []
    labels: list[np.ndarray] = []

    def add(heads: np.ndarray, label: int) -> None:
        seen.append(heads.astype(np.float16))
        labels.append(np.full(len(heads), label, np.int8))

    # In an order of chance, so that a run that is cut short by --minutes has some of everything.
    begun = time.monotonic()
    for number, line in enumerate(random.permutation(np.array(stage.lines, object))):
        if time.monotonic() - begun > 60 * given.minutes:
            print(f"time is up after {number} of {len(stage.lines)} clips")
            break
        wanted = SCENES[line["kind"]][line["engine"]] * given.share
        for _ in range(int(wanted) + (random.random() < wanted % 1)):
            audio, begin, end = stage.scene(line)
            jitter = random.uniform(0, STEP_S)
            if line["kind"] in ("call", "breath"):
                # One run over the scene: within the word, sure, and (with a request after it) forgotten.
                heads, at = embedding.heads(audio, begin + jitter, min(len(audio) / RATE, end + UNSURE_AFTER_S + 0.3))
                sure = (at >= end + SURE_FROM_S) & (at <= end + SURE_TO_S)
                add(heads[sure], 1)
                add(heads[(at < end - UNSURE_BEFORE_S) | (at > end + UNSURE_AFTER_S)], 0)
            else:
                heads, _ = embedding.heads(audio, begin + 0.2 + jitter, min(len(audio) / RATE, end + 0.5))
                add(heads, 0)
        if number % 200 == 0:
            print(f"{number} of {len(stage.lines)} clips, {sum(map(len, labels))} rows", flush=True)

    for _ in range(int(NOISE_SCENES * given.share)):
        audio = scenes.noise(3 * RATE, random, stage.speech).astype(np.float32)
        audio = scenes.at_level(audio, random.uniform(-50, -1))
        add(embedding.heads(audio, 0.5, 3.0)[0], 0)

    seconds = 0.0
    files = [file for folder in given.real for file in folder.rglob("*.wav")]
    for file in random.permutation(np.array(files, object)) if files else []:
        audio = read_wav(file)[: 10 * RATE]
        if len(audio) < RATE // 2:
            continue
        audio = np.concatenate([stage.before(), audio / (np.abs(audio).max() + 1e-9) * 0.7])
        add(embedding.heads(scenes.as_heard(audio, random, stage.speech), 0.5, len(audio) / RATE)[0], 0)
        seconds += len(audio) / RATE
        if seconds > REAL_SECONDS_MAX * given.share:
            break

    x, y = np.concatenate(seen), np.concatenate(labels)
    np.savez(given.out / "features.npz", x=x, y=y)
    print(f"{(y == 1).sum()} rows with the word, {(y == 0).sum()} without; {seconds:.0f} s of real speech")


if __name__ == "__main__":
    main()
