"""A worker's key: who it is to the realm, what it signs its work with, and where it is paid."""

from __future__ import annotations

import base64
import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_HEADER = "MTOR key file: secret, whoever reads it owns the wallet"
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_ED25519 = b"\xed\x01"
_KEY_FILE_BYTES_MAX = 4096


def encode(data: bytes) -> str:
    """Base64url without padding, as everywhere on the wire."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _base58(data: bytes) -> str:
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = _BASE58[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


class Keypair:
    """An Ed25519 key pair. Its secret never shows itself."""

    def __init__(self, seed: bytes) -> None:
        if len(seed) != 32:
            raise ValueError("a seed has 32 bytes")
        self._seed = seed
        self._secret = Ed25519PrivateKey.from_private_bytes(seed)
        public = self._secret.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.did: str = "did:key:z" + _base58(_ED25519 + public)

    def __repr__(self) -> str:
        return f"Keypair({self.did})"

    @classmethod
    def generate(cls) -> Keypair:
        """A new one."""
        return cls(os.urandom(32))

    def sign(self, data: bytes) -> str:
        """The signature, in base64url."""
        return encode(self._secret.sign(data))

    @classmethod
    def load_or_create(cls, path: str | Path) -> Keypair:
        """The key in this file (mode 0600, the same format as `mtor wallet` writes); made at the first start."""
        path = Path(path)
        try:
            return cls._load(path)
        except FileNotFoundError:
            key = cls.generate()
            text = f"{_HEADER}\nversion: 1\ndid: {key.did}\nseed: {encode(key._seed)}\n"
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(text)
            return key

    @classmethod
    def _load(cls, path: Path) -> Keypair:
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise PermissionError(f"{path} may be read or changed by others; run: chmod 600 {path}")
        with path.open() as file:
            lines = file.read(_KEY_FILE_BYTES_MAX).splitlines()
        fields = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
        if not lines or lines[0] != _HEADER or fields.get("version") != "1":
            raise ValueError(f"{path} is no key file that this version reads")
        if "seed" not in fields:
            raise ValueError(f"{path} has a recovery phrase; a worker in Python takes a key file with a seed: remove "
                             "nothing, name another path, and it makes one")
        key = cls(_decode(fields["seed"]))
        if fields.get("did") != key.did:
            raise ValueError(f"{path} is damaged: its key is not the one that it names")
        return key
