"""Fourth stage: misses and false wakes of a head, on voices and recordings that training never heard.

Decides as the page does: the mean of two scores passes the threshold, then 1.5 s of rest. (The page also asks whether
anybody spoke at all; `npm run wake:measure` in web/ runs the page's own code, slower.)
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import onnxruntime

import scenes
from features import Embedding
from hear import Stage
from voices import RATE, read_wav

THRESHOLDS = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95)
SNRS = (None, 20, 10, 5, 0)
REST_STEPS = 19
# A wake counts as a hit from so long before the word's end until so long after it.
HIT_FROM_S, HIT_TO_S = -0.3, 0.8


class Scorer:
    def __init__(self, embedding: Path, head: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._embedding = Embedding(embedding)
        self._head = onnxruntime.InferenceSession(str(head), options)

    def scores(self, audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The mean of two scores at each step, and the seconds of the steps."""
        heads, seconds = self._embedding.heads(audio, 0.08, len(audio) / RATE)
        raw = np.array([self._head.run(None, {"embeddings": row[None]})[0][0, 0] for row in heads])
        return (raw + np.concatenate([[0], raw[:-1]])) / 2, seconds


def wakes(scores: np.ndarray, threshold: float) -> list[int]:
    """The steps at which the page would wake."""
    found, rest_until = [], -1
    for step, score in enumerate(scores):
        if score >= threshold and step > rest_until:
            found.append(step)
            rest_until = step + REST_STEPS
    return found


def disturbed(audio: np.ndarray, snr: int | None, random: np.random.Generator, voices: list[np.ndarray]) -> np.ndarray:
    heard = audio if snr is None else scenes.mixed(audio, scenes.noise(len(audio), random, voices), snr)
    return scenes.at_level(heard, -12).astype(np.float32)


def misses(scorer: Scorer, stage: Stage, random: np.random.Generator, each: int) -> dict:
    table: dict = {}
    for snr in SNRS:
        found: dict[str, list[float]] = {}
        by_engine: dict[str, list[dict]] = {}
        for line in stage.lines:
            if line["kind"] in ("call", "breath"):
                by_engine.setdefault(line["engine"], []).append(line)
        for engine, lines in by_engine.items():
            for line in random.permutation(np.array(lines, object))[:each]:
                audio = np.concatenate([np.zeros(RATE), stage.read(line), np.zeros(RATE)]).astype(np.float32)
                scores, at = scorer.scores(disturbed(audio, snr, random, stage.speech))
                end = 1 + line["word_end_s"]
                near = scores[(at >= end + HIT_FROM_S) & (at <= end + HIT_TO_S)]
                found.setdefault(engine, []).append(float(near.max(initial=0)))
        for engine, best in found.items():
            table.setdefault(engine, {})[str(snr)] = {
                "clips": len(best), **{str(threshold): round(float((np.array(best) < threshold).mean()), 4) for threshold in THRESHOLDS},
            }
    return table


def false_wakes(scorer: Scorer, files: list[tuple[str, np.ndarray]], snr: int | None, random, voices, told: Path | None) -> dict:
    seconds = 0.0
    counts = {threshold: 0 for threshold in THRESHOLDS}
    which = []
    for name, audio in files:
        audio = np.concatenate([np.zeros(RATE // 4, np.float32), audio / (np.abs(audio).max() + 1e-9) * 0.7])
        scores, at = scorer.scores(disturbed(audio, snr, random, voices))
        seconds += len(audio) / RATE
        for threshold in THRESHOLDS:
            counts[threshold] += len(wakes(scores, threshold))
        if scores.max(initial=0) >= min(THRESHOLDS):
            which.append({"file": name, "score": round(float(scores.max()), 3), "at_s": round(float(at[scores.argmax()]), 2)})
    if told is not None:
        told.write_text("".join(json.dumps(line) + "\n" for line in sorted(which, key=lambda line: -line["score"])))
    hours = seconds / 3600
    rates = {str(threshold): [count, round(count / max(hours, 1e-9), 2)] for threshold, count in counts.items()}
    return {"files": len(files), "hours": round(hours, 3), "wakes, and per hour": rates}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--embedding", type=Path, required=True)
    parser.add_argument("--head", type=Path, required=True)
    parser.add_argument("--real", type=Path, nargs="*", default=[], help="folders of real recordings without the word")
    parser.add_argument("--real-snrs", default="None", help="comma-separated")
    parser.add_argument("--each", type=int, default=200, help="clips for each engine and noise level")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    random = np.random.default_rng(given.seed)
    scorer = Scorer(given.embedding, given.head)
    stage = Stage(given.out / "clips", "test", random)

    report: dict = {"misses": misses(scorer, stage, random, given.each)}
    for kind in ("near", "speech"):
        files = [(line["file"], stage.read(line)) for line in stage.lines if line["kind"] == kind]
        report[f"synthetic {kind}"] = false_wakes(scorer, files, None, random, stage.speech, given.out / f"false-{kind}.jsonl")
    for folder in given.real:
        files = [(file.name, read_wav(file)) for file in sorted(folder.rglob("*.wav"))]
        files = [(name, audio) for name, audio in files if len(audio) > RATE // 5]
        for snr in given.real_snrs.split(","):
            level = None if snr == "None" else int(snr)
            told = given.out / f"false-{folder.name}.jsonl" if level is None else None
            report[f"real {folder.name} snr {snr}"] = false_wakes(scorer, files, level, random, stage.speech, told)
    text = json.dumps(report, indent=1)
    (given.out / "report.json").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
