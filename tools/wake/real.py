"""Real speech out of Debian packages, as WAV files: for training negatives, and for counting false wakes.

    real.py asterisk DEB... --out FOLDER     telephone prompts, a folder for each speaker
    real.py sky DEB --out FOLDER             the acted dialogue of the adventure Beneath a Steel Sky (freely distributable)
    real.py librivox DEB --out FOLDER        five sentences of an audio book, out of pocketsphinx-testdata

Nothing of it goes into the repository.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile

SKY_RATE = 11_025
# Files from this number on are speech.
SKY_SPEECH_FROM = 50_000
SKY_HEADER = 22


def unpacked(package: Path, into: str) -> Path:
    subprocess.run(["dpkg-deb", "-x", str(package), into], check=True)
    return Path(into)


def asterisk(packages: list[Path], out: Path) -> None:
    for package in packages:
        with tempfile.TemporaryDirectory() as folder:
            for file in unpacked(package, folder).rglob("*.wav"):
                if "silence" in file.parts:
                    continue
                speaker = file.relative_to(folder).parts[4]
                samples, rate = soundfile.read(str(file))
                target = out / speaker / ("-".join(file.relative_to(folder).parts[5:]))
                target.parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(str(target), samples, rate)


def sky(package: Path, out: Path) -> None:
    """The index sky.dnr: a count, then 8 bytes each: number (2), place (3, the highest bit: times 16), size and flags (3)."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        unpacked(package, folder)
        index = next(Path(folder).rglob("sky.dnr")).read_bytes()
        data = next(Path(folder).rglob("sky.dsk")).read_bytes()
    count = int.from_bytes(index[:4], "little")
    for entry in (index[4 + 8 * number : 12 + 8 * number] for number in range(count)):
        number = int.from_bytes(entry[:2], "little")
        place, size = int.from_bytes(entry[2:5], "little"), int.from_bytes(entry[5:8], "little") & 0x3FFFFF
        if number < SKY_SPEECH_FROM or size < SKY_RATE // 5:
            continue
        start = (place & 0x7FFFFF) * (16 if place >> 23 else 1)
        samples = (np.frombuffer(data[start + SKY_HEADER : start + size], np.uint8).astype(np.float32) - 128) / 128
        soundfile.write(str(out / f"{number}.wav"), samples, SKY_RATE)


def librivox(package: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for file in unpacked(package, folder).rglob("librivox/*.wav"):
            (out / file.name).write_bytes(file.read_bytes())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["asterisk", "sky", "librivox"])
    parser.add_argument("packages", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    if given.kind == "asterisk":
        asterisk(given.packages, given.out)
    elif given.kind == "sky":
        sky(given.packages[0], given.out)
    else:
        librivox(given.packages[0], given.out)


if __name__ == "__main__":
    main()
