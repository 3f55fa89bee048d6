"""What a worker is: what it implements, what it is given, and what it gives back."""

from __future__ import annotations

import asyncio
import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, Awaitable, Callable, Literal

Effect = Literal["reads", "notes", "switches", "sends", "unknown"]

TEXT_PIECE_BYTES_MAX = 16 * 1024
PAYLOAD_PIECE_BYTES_MAX = 32 * 1024


@dataclass(frozen=True)
class Offer:
    """One capability, with its model, how many jobs at once, and whatever else the wire knows of offers."""

    capability: str
    model: str
    slots: int = 1
    more: dict[str, Any] = field(default_factory=dict)

    def to_wire(self) -> dict[str, Any]:
        return {"capability": self.capability, "model": self.model, "slots": self.slots, **self.more}


@dataclass(frozen=True)
class Finished:
    """How a job ended well. Text that was written is counted by `Output`."""

    input_tokens: int = 0
    audio_ms: int = 0
    images: int = 0
    finish: Literal["stop", "length"] = "stop"


class JobError(Exception):
    """Why a job can't be done here. With `retry`, another worker may do better."""

    def __init__(self, detail: str, *, kind: str = "worker-failed", status: int = 502, retry: bool = True) -> None:
        super().__init__(detail)
        self.kind, self.status, self.detail, self.retry = kind, status, detail, retry

    @classmethod
    def refused(cls, detail: str) -> JobError:
        """This job can't be done by anybody: the request is wrong."""
        return cls(detail, kind="invalid-request", status=400, retry=False)


class Input:
    """What goes into a job beside its intent, in the order in which it was sent."""

    def __init__(self) -> None:
        self._frames: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._ended = False

    def feed(self, frame: bytes) -> None:
        if not self._ended:
            self._ended = not frame
            self._frames.put_nowait(frame or None)

    async def next(self) -> bytes | None:
        """The next piece; `None` at the end."""
        return await self._frames.get()

    async def read_all(self, bytes_max: int) -> bytes:
        """All of it."""
        whole = bytearray()
        while (piece := await self.next()) is not None:
            whole += piece
            if len(whole) > bytes_max:
                raise JobError.refused(f"this worker takes at most {bytes_max} bytes")
        return bytes(whole)


@dataclass(frozen=True)
class Job:
    """One assignment of a job. It is cancelled by `asyncio.CancelledError`: nobody wants the rest then."""

    id: str
    lease: int
    capability: str
    model: str
    params: dict[str, Any]
    prefix: str
    """Text of the answer that somebody else has delivered already: go on right after it, don't repeat it."""
    output_tokens_max: int
    deadline: str
    input: Input = field(default_factory=Input, compare=False)


class Output:
    """Where a job writes. Waits while the link is slow."""

    def __init__(self, say: Callable[[str, dict[str, Any]], Awaitable[None]],
                 send: Callable[[bytes], Awaitable[None]]) -> None:
        self._say, self._send = say, send
        self._hash = hashlib.sha256()
        self.tokens = 0

    async def text(self, text: str, tokens: int = 1) -> None:
        """A piece of the answer, and how many tokens it is."""
        self.tokens += tokens
        while text:
            piece, text = _cut(text)
            self._hash.update(piece.encode())
            # All the tokens go with the first piece.
            await self._say("mtor.worker.chunk", {"text": piece, "tokens": tokens})
            tokens = 0

    async def partial(self, text: str) -> None:
        """What the answer looks like so far: replaced by the next one, no part of the answer."""
        await self._say("mtor.worker.partial", {"text": text})

    async def payload(self, data: bytes) -> None:
        """Bytes, such as sound."""
        for start in range(0, len(data), PAYLOAD_PIECE_BYTES_MAX):
            piece = data[start:start + PAYLOAD_PIECE_BYTES_MAX]
            self._hash.update(piece)
            await self._send(piece)

    def digest(self) -> str:
        """SHA-256 over all that was written, in hexadecimal."""
        return self._hash.hexdigest()


class Worker(ABC):
    """Something that runs jobs."""

    name: str = "worker"

    @abstractmethod
    def offers(self) -> list[Offer]:
        """What this worker offers. Asked for at each connection."""

    @abstractmethod
    async def run(self, job: Job, output: Output) -> Finished:
        """Does one job: writes the answer to `output` and says what it used. At most as many run at once as slots were
        granted. Raise `JobError` when it can't be done here; any other exception is reported too, and the worker goes on.
        Whatever blocks belongs into `asyncio.to_thread`."""

    def announcement(self) -> dict[str, Any]:
        return {"name": self.name, "software": "mtor-worker-python/0.1.0",
                "offers": [offer.to_wire() for offer in self.offers()]}


def _cut(text: str) -> tuple[str, str]:
    """The first piece that a chunk takes, and the rest."""
    if len(text.encode()) <= TEXT_PIECE_BYTES_MAX:
        return text, ""
    # A character has at most four bytes.
    end = TEXT_PIECE_BYTES_MAX // 4
    return text[:end], text[end:]
