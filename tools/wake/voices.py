"""Who says it: the speech engines that the training uses, each behind one call `say(text) -> 16 kHz float32`.

Voices are split here, once: a voice that is heard in training is never heard in the test, and one engine (Piper) is
heard in the test alone.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import numpy as np
import onnxruntime
import soundfile
from scipy.signal import resample_poly

RATE = 16_000

# Kokoro's voices that are kept for the test: men and women, three accents.
KOKORO_TEST = {"af_sky", "af_river", "am_puck", "am_onyx", "bf_lily", "bm_lewis", "jf_nezumi", "em_alex", "zf_xiaoni"}
# Of espeak-ng's timbres every eighth is kept for the test.
ESPEAK_TEST_EVERY = 8
FLITE_TRAIN, FLITE_TEST = ["kal16", "rms", "slt"], ["awb"]
FESTIVAL_TRAIN, FESTIVAL_TEST = ["cmu_us_slt_arctic_hts", "kal_diphone"], ["ked_diphone"]
ESPEAK_ACCENTS_EACH = 3
ESPEAK_ACCENTS = ["en-us", "en-gb", "en-gb-x-rp", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029", "en-us-nyc"]


@dataclass(frozen=True)
class Voice:
    engine: str
    name: str
    split: str
    """train or test"""
    say: Callable[[str, float], np.ndarray]
    """text, speed (1 is usual) -> samples at 16 kHz"""


def to_16k(samples: np.ndarray, rate: int) -> np.ndarray:
    samples = np.asarray(samples, np.float32)
    if samples.ndim > 1:
        samples = samples.mean(axis=1)
    if rate == RATE:
        return samples
    divisor = np.gcd(rate, RATE)
    return resample_poly(samples, RATE // divisor, rate // divisor).astype(np.float32)


def read_wav(path: str | Path) -> np.ndarray:
    samples, rate = soundfile.read(str(path), dtype="float32")
    return to_16k(samples, rate)


def _from_program(arguments: list[str], text: str | None = None) -> np.ndarray:
    with tempfile.NamedTemporaryFile(suffix=".wav") as wav:
        filled = [wav.name if argument == "{wav}" else argument for argument in arguments]
        subprocess.run(filled, input=text, text=True, check=True, capture_output=True)
        return read_wav(wav.name)


def phonemes(text: str, language: str) -> str:
    run = subprocess.run(["espeak-ng", "-q", "--ipa", "-v", language, text], check=True, capture_output=True, text=True)
    # espeak-ng swallows the marks that the neural voices take their melody from: the last one is put back.
    spoken = " ".join(line.strip() for line in run.stdout.splitlines() if line.strip())
    mark = re.search(r"[.,!?]$", text)
    if text.startswith("Computer, "):
        spoken = spoken.replace(" ", ", ", 1)
    return spoken + (mark.group() if mark else "")


class Kokoro:
    """Kokoro 82M, int8 ONNX: tokens, one row of a voice's style and a speed -> 24 kHz."""

    SYMBOLS = {
        ";": 1, ":": 2, ",": 3, ".": 4, "!": 5, "?": 6, "—": 9, "…": 10, '"': 11, "(": 12, ")": 13, " ": 16, "\u0303": 17,
        "ʣ": 18, "ʥ": 19, "ʦ": 20, "ʨ": 21, "A": 24, "I": 25, "O": 31, "Q": 33, "S": 35, "T": 36, "W": 39, "Y": 41, "ᵊ": 42,
        "a": 43, "b": 44, "c": 45, "d": 46, "e": 47, "f": 48, "h": 50, "i": 51, "j": 52, "k": 53, "l": 54, "m": 55, "n": 56,
        "o": 57, "p": 58, "q": 59, "r": 60, "s": 61, "t": 62, "u": 63, "v": 64, "w": 65, "x": 66, "y": 67, "z": 68, "ɑ": 69,
        "ɐ": 70, "ɒ": 71, "æ": 72, "β": 75, "ɔ": 76, "ɕ": 77, "ç": 78, "ɖ": 80, "ð": 81, "ʤ": 82, "ə": 83, "ɚ": 85, "ɛ": 86,
        "ɜ": 87, "ɟ": 90, "ɡ": 92, "ɥ": 99, "ɨ": 101, "ɪ": 102, "ʝ": 103, "ɯ": 110, "ɰ": 111, "ŋ": 112, "ɳ": 113, "ɲ": 114,
        "ɴ": 115, "ø": 116, "ɸ": 118, "θ": 119, "œ": 120, "ɹ": 123, "ɾ": 125, "ɻ": 126, "ʁ": 128, "ɽ": 129, "ʂ": 130,
        "ʃ": 131, "ʈ": 132, "ʧ": 133, "ʊ": 135, "ʋ": 136, "ʌ": 138, "ɣ": 139, "ɤ": 140, "χ": 142, "ʎ": 143, "ʒ": 147,
        "ʔ": 148, "ˈ": 156, "ˌ": 157, "ː": 158, "ʰ": 162, "ʲ": 164, "ᵻ": 177,
    }

    def __init__(self, model: Path, voices: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(model), options)
        self._inputs = [given.name for given in self._session.get_inputs()]
        self.styles = {
            file.stem: np.fromfile(file, np.float32).reshape(-1, 1, 256) for file in sorted(voices.glob("*.bin"))
        }

    def say(self, text: str, speed: float, style: np.ndarray, language: str) -> np.ndarray:
        spoken = phonemes(text, language).replace("ʲ", "j").replace("r", "ɹ").replace("x", "k").replace("ɬ", "l")
        tokens = [self.SYMBOLS[symbol] for symbol in spoken if symbol in self.SYMBOLS][:500]
        values = [np.array([[0, *tokens, 0]], np.int64), style[len(tokens)].astype(np.float32), np.array([speed], np.float32)]
        audio = self._session.run(None, dict(zip(self._inputs, values)))[0].reshape(-1)
        return to_16k(audio, 24_000)


class Piper:
    """A Piper voice (VITS ONNX): tokens, lengths, scales -> its own rate."""

    def __init__(self, model: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(model), options)
        self._config = json.loads(Path(f"{model}.json").read_text())

    def say(self, text: str, speed: float) -> np.ndarray:
        ids = self._config["phoneme_id_map"]
        tokens = list(ids["^"])
        for symbol in phonemes(text, self._config["espeak"]["voice"]):
            if symbol in ids:
                tokens += ids["_"] + ids[symbol]
        tokens += ids["_"] + ids["$"]
        scales = np.array([0.667, 1 / speed, 0.8], np.float32)
        feed = {
            "input": np.array([tokens], np.int64), "input_lengths": np.array([len(tokens)], np.int64), "scales": scales,
        }
        return to_16k(self._session.run(None, feed)[0].reshape(-1), self._config["audio"]["sample_rate"])


def espeak_voices(random: np.random.Generator) -> list[Voice]:
    listed = subprocess.run(["espeak-ng", "--voices=variant"], check=True, capture_output=True, text=True).stdout
    variants = sorted({line.split("!v/")[1].split()[0] for line in listed.splitlines() if "!v/" in line})
    # A whisper without any voice and effects that nobody's throat makes teach nothing.
    variants = [variant for variant in variants if not re.search(r"whisper|croak|robo|demonic|zac|anikaRobot", variant)]
    voices = []
    for number, variant in enumerate(variants):
        split = "test" if number % ESPEAK_TEST_EVERY == 0 else "train"
        for accent in random.choice(ESPEAK_ACCENTS, ESPEAK_ACCENTS_EACH, replace=False):
            pitch = str(int(random.integers(25, 75)))

            def say(text: str, speed: float, voice: str = f"{accent}+{variant}", pitch: str = pitch) -> np.ndarray:
                words = str(int(165 * speed))
                return _from_program(["espeak-ng", "-v", voice, "-p", pitch, "-s", words, "-w", "{wav}", text])

            voices.append(Voice("espeak", f"{accent}+{variant}", split, say))
    return voices


def flite_voices() -> list[Voice]:
    def voice(name: str, split: str) -> Voice:
        def say(text: str, speed: float) -> np.ndarray:
            stretch = f"duration_stretch={1 / speed:.2f}"
            return _from_program(["flite", "-voice", name, "--setf", stretch, "-t", text, "-o", "{wav}"])

        return Voice("flite", name, split, say)

    return [voice(name, "train") for name in FLITE_TRAIN] + [voice(name, "test") for name in FLITE_TEST]


def festival_voices() -> list[Voice]:
    def voice(name: str, split: str) -> Voice:
        def say(text: str, speed: float) -> np.ndarray:
            stretch = f"(begin (voice_{name}) (Parameter.set 'Duration_Stretch {1 / speed:.2f}))"
            return _from_program(["text2wave", "-eval", stretch, "-o", "{wav}"], text)

        return Voice("festival", name, split, say)

    return [voice(name, "train") for name in FESTIVAL_TRAIN] + [voice(name, "test") for name in FESTIVAL_TEST]


def kokoro_voices(kokoro: Kokoro, random: np.random.Generator, mixed: int) -> list[Voice]:
    def language(name: str) -> str:
        return "en-gb" if name.startswith("b") else "en-us"

    def voice(name: str, split: str, style: np.ndarray) -> Voice:
        return Voice("kokoro", name, split, lambda text, speed: kokoro.say(text, speed, style, language(name)))

    voices = [
        voice(name, "test" if name in KOKORO_TEST else "train", style) for name, style in kokoro.styles.items()
    ]
    # People who do not exist: half of one training voice, half of another.
    names = [name for name in kokoro.styles if name not in KOKORO_TEST]
    for _ in range(mixed):
        first, second = random.choice(names, 2, replace=False)
        share = random.uniform(0.35, 0.65)
        style = share * kokoro.styles[first] + (1 - share) * kokoro.styles[second]
        voices.append(voice(f"{first}~{second}", "train", style))
    return voices


def piper_voices(piper: Piper) -> list[Voice]:
    return [Voice("piper", "joe", "test", piper.say)]
