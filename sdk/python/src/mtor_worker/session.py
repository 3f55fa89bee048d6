"""Serving a realm: connect, prove the key, announce, run jobs within the slots, beat, drain, and connect again."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import signal
import struct
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from .keys import Keypair
from .worker import Finished, Job, JobError, Output, Worker

log = logging.getLogger("mtor_worker")

SUBPROTOCOL = "mtor.v1"
CONNECT_TIMEOUT_S = 10.0
BACKOFF_MIN_S, BACKOFF_MAX_S, BACKOFF_RESET_S = 0.2, 10.0, 5.0
BEAT_MIN_S, BEAT_MAX_S = 0.01, 60.0
SILENT_BEATS_MAX = 3
MESSAGE_BYTES_MAX = 16 << 20
_FRAME = struct.Struct(">2sBB16sQQ")


class WorkerError(Exception):
    """The realm refuses this worker: trying again would change nothing."""


class _Lost(Exception):
    """The link is gone; there will be another."""


@dataclass
class Settings:
    """Which realm to serve, and as whom."""

    realm: str
    keypair: Keypair
    grace_s: float = 30.0
    """How long running jobs may go on after a shutdown was asked for."""
    shutdown: asyncio.Event = field(default_factory=asyncio.Event)


def address(realm: str) -> str:
    """Where to dial: the WebSocket of a realm's address."""
    parts = urlsplit(realm.strip())
    if parts.scheme not in ("http", "ws", "https", "wss") or not parts.hostname or parts.username or parts.query:
        raise ValueError(f"{realm!r} is no realm's address; write it as http://HOST:PORT")
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    path = parts.path.rstrip("/").removesuffix("/ws")
    return f"{scheme}://{parts.netloc}{path}/ws?role=worker"


def serve(worker: Worker, realm: str = "http://127.0.0.1:9000", *, key: str = "worker.key") -> None:
    """Serves a realm until Ctrl-C or SIGTERM, which let running jobs finish. The key is kept in the file `key`."""
    async def run() -> None:
        settings = Settings(realm, Keypair.load_or_create(key))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                loop.add_signal_handler(number, settings.shutdown.set)
            except NotImplementedError:  # Windows
                signal.signal(number, lambda *_: loop.call_soon_threadsafe(settings.shutdown.set))
        await serve_async(worker, settings)
    asyncio.run(run())


async def serve_async(worker: Worker, settings: Settings) -> None:
    """Serves a realm until `settings.shutdown` is set, and connects again whenever the link is lost."""
    where, wait = address(settings.realm), BACKOFF_MIN_S
    loop = asyncio.get_running_loop()
    while not settings.shutdown.is_set():
        began = loop.time()
        try:
            # A proxy of the environment is not meant: realms are near, and their traffic is nobody else's.
            link = connect(where, subprotocols=[Subprotocol(SUBPROTOCOL)], open_timeout=CONNECT_TIMEOUT_S,
                           max_size=MESSAGE_BYTES_MAX, ping_interval=None, proxy=None, compression=None)
            async with link as socket:
                await _Session(worker, settings, socket).run()
        except (OSError, ConnectionClosed, InvalidHandshake, asyncio.TimeoutError, _Lost) as error:
            log.warning("the realm can't be reached: %s", error or type(error).__name__)
        if settings.shutdown.is_set():
            return
        if loop.time() - began > BACKOFF_RESET_S:
            wait = BACKOFF_MIN_S
        try:
            await asyncio.wait_for(settings.shutdown.wait(), wait * random.uniform(0.5, 1.0))
        except asyncio.TimeoutError:
            wait = min(wait * 2, BACKOFF_MAX_S)


class _Session:
    """One session, from the challenge to the end of the link."""

    def __init__(self, worker: Worker, settings: Settings, socket: ClientConnection) -> None:
        self.worker, self.settings, self.socket = worker, settings, socket
        self.me = settings.keypair.did
        self.jobs: dict[int, tuple[Job, asyncio.Task[None]]] = {}
        # Those of jobs whose last word is still on its way, too.
        self.tasks: set[asyncio.Task[None]] = set()
        self.slots: dict[str, int] = {}
        self.closed: str | None = None
        self.heard = False
        self.drained = asyncio.Event()

    async def run(self) -> None:
        beat_s = await asyncio.wait_for(self._prove(), CONNECT_TIMEOUT_S)
        announcement = self.worker.announcement()
        self.slots = {}
        for offer in announcement["offers"]:
            self.slots[offer["capability"]] = self.slots.get(offer["capability"], 0) + offer["slots"]
        await self._say("mtor.worker.announce", announcement)
        log.info("attached to %s as %s", self.settings.realm, self.me)
        parts = [asyncio.create_task(part) for part in (self._listen(), self._beat(beat_s), self._leave(), self._go())]
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for part in done:
                part.result()
        finally:
            tasks = [*parts, *self.tasks]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _prove(self) -> float:
        challenge = self._expect(await self.socket.recv(), "mtor.session.challenge")
        expires = round(datetime.fromisoformat(challenge["expires"].replace("Z", "+00:00")).timestamp() * 1000)
        signed = (f"mtor session\nprotocol {SUBPROTOCOL}\nrealm {challenge['realm']}\nnonce {challenge['nonce']}\n"
                  f"role worker\nsigner {self.me}\nexpires {expires}\n")
        signature = self.settings.keypair.sign(signed.encode())
        await self._say("mtor.session.hello", {"role": "worker", "did": self.me, "signature": signature})
        welcome = self._expect(await self.socket.recv(), "mtor.session.welcome")
        return min(max(welcome["beat_ms"] / 1000, BEAT_MIN_S), BEAT_MAX_S)

    def _expect(self, message: str | bytes, kind: str) -> dict[str, Any]:
        event = json.loads(message)
        if event["type"] == "mtor.error":
            raise self._refusal(event["data"])
        if event["type"] != kind:
            raise _Lost(f"the realm says {event['type']} where {kind} belongs")
        return dict(event["data"])

    @staticmethod
    def _refusal(problem: dict[str, Any]) -> Exception:
        detail = f"{problem.get('title', '')}: {problem.get('detail', '')}"
        final = problem.get("status") in (401, 403)
        return WorkerError(detail) if final else _Lost(detail)

    async def _listen(self) -> None:
        async for message in self.socket:
            self.heard = True
            if isinstance(message, bytes):
                self._input(message)
                continue
            event = json.loads(message)
            data, job = event["data"], event.get("subject")
            match event["type"]:
                case "mtor.worker.run":
                    await self._run(job, data)
                case "mtor.worker.stop":
                    if held := self.jobs.get(data["lease"]):
                        held[1].cancel()
                case "mtor.worker.drain":
                    self.drained.set()
                case "mtor.error" if job is None:
                    raise self._refusal(data)
                case "mtor.error":
                    log.warning("the realm objects to job %s: %s", job, data.get("detail"))
        raise _Lost("the realm has closed the link")

    def _input(self, message: bytes) -> None:
        if len(message) < _FRAME.size:
            return
        magic, version, kind, _, lease, _ = _FRAME.unpack_from(message)
        held = self.jobs.get(lease)
        if magic == b"MF" and version == 1 and kind == 0 and held:
            held[0].input.feed(message[_FRAME.size:])

    async def _beat(self, period_s: float) -> None:
        silent = 0
        while True:
            await asyncio.sleep(period_s)
            silent = 0 if self.heard else silent + 1
            self.heard = False
            if silent > SILENT_BEATS_MAX:
                raise _Lost("nothing heard of the realm")
            await self._say("mtor.worker.beat", {})
            if silent:
                pong = await self.socket.ping()
                pong.add_done_callback(lambda _: setattr(self, "heard", True))

    async def _leave(self) -> None:
        """Drains when a shutdown is asked for: no new jobs, the running ones finish."""
        await self.settings.shutdown.wait()
        self.closed = "this worker is shutting down"
        await self._say("mtor.worker.drain", {"reason": "shutting down"})
        try:
            await asyncio.wait_for(self._all_ended(), self.settings.grace_s)
        except asyncio.TimeoutError:
            log.warning("jobs still run; they go to other workers")

    async def _go(self) -> None:
        """Goes, with its jobs done, when the realm goes down; it may come back."""
        await self.drained.wait()
        self.closed = "the realm is going down"
        await self._all_ended()
        raise _Lost(self.closed)

    async def _all_ended(self) -> None:
        while self.tasks:
            await asyncio.wait(self.tasks)

    async def _run(self, job_id: str, run: dict[str, Any]) -> None:
        intent, lease = run["intent"], run["lease"]
        capability = intent["capability"]
        if lease in self.jobs:
            return
        taken = sum(held.capability == capability and not task.cancelling() for held, task in self.jobs.values())
        if self.closed or taken >= self.slots.get(capability, 0):
            if self.closed:
                refusal = JobError(self.closed, kind="draining", status=503)
            else:
                detail = f"all slots of this worker for {capability} are taken"
                refusal = JobError(detail, kind="too-many-requests", status=429)
            await self._failed(job_id, lease, refusal)
            return
        job = Job(id=job_id, lease=lease, capability=capability, model=intent.get("model", "default"),
                  params=intent["params"], prefix=run.get("prefix", ""),
                  output_tokens_max=run["output_tokens_max"], deadline=run["deadline"])
        task = asyncio.create_task(self._work(job))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        self.jobs[lease] = (job, task)

    async def _work(self, job: Job) -> None:
        sequence = 0

        async def say(kind: str, data: dict[str, Any]) -> None:
            await self._say(kind, {"lease": job.lease, **data}, job.id)

        async def send(payload: bytes) -> None:
            nonlocal sequence
            header = _FRAME.pack(b"MF", 1, 1, uuid.UUID(job.id).bytes, job.lease, sequence)
            sequence += 1
            await self.socket.send(header + payload)

        output = Output(say, send)
        try:
            finished = await self.worker.run(job, output)
        except asyncio.CancelledError:
            self.jobs.pop(job.lease, None)
            raise
        except JobError as error:
            await self._end(self._failed(job.id, job.lease, error), job)
        except Exception as error:
            log.exception("job %s failed", job.id)
            failure = JobError(f"the worker failed: {type(error).__name__}")
            await self._end(self._failed(job.id, job.lease, failure), job)
        else:
            await self._end(self._done(job, finished, output), job)

    async def _end(self, last_word: Any, job: Job) -> None:
        # The slot is free before the realm hears of it, lest its next job be faster than this.
        self.jobs.pop(job.lease, None)
        try:
            await last_word
        except ConnectionClosed:
            log.warning("the end of job %s did not reach the realm", job.id)

    async def _done(self, job: Job, finished: Finished, output: Output) -> None:
        counts = (finished.input_tokens, output.tokens, finished.audio_ms, finished.images)
        names = ("input_tokens", "output_tokens", "audio_ms", "images")
        usage = {name: count for name, count in zip(names, counts) if count}
        signed = f"mtor.v1 done\n{job.id}\n{job.lease}\n{output.digest()}\n{' '.join(map(str, counts))}\n"
        await self._say("mtor.worker.done", {
            "lease": job.lease, "usage": usage, "finish": finished.finish, "output": output.digest(),
            "signature": self.settings.keypair.sign(signed.encode())}, job.id)

    async def _failed(self, job_id: str, lease: int, error: JobError) -> None:
        problem = {"type": f"urn:mtor:problem:{error.kind}", "title": error.kind.replace("-", " "),
                   "status": error.status, "detail": error.detail}
        await self._say("mtor.worker.failed", {"lease": lease, "problem": problem, "retry": error.retry}, job_id)

    async def _say(self, kind: str, data: dict[str, Any], subject: str | None = None) -> None:
        time = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        event = {"specversion": "1.0", "id": str(uuid.uuid4()), "source": self.me, "type": kind, "time": time}
        if subject is not None:
            event["subject"] = subject
        await self.socket.send(json.dumps({**event, "data": data}, ensure_ascii=False))
