"""Workers for MTOR realms: implement `Worker` (or decorate functions with `Tools`), call `serve`.

The same shape as the Rust SDK `mtor-worker`: it connects, proves its key, announces, keeps to its slots, streams,
cancels, connects again with longer and longer waits, and drains. It knows the wire and nothing of the broker.
"""

from .keys import Keypair
from .tools import Tools
from .worker import Effect, Finished, Job, JobError, Offer, Output, Worker
from .session import Settings, WorkerError, serve, serve_async

__all__ = [
    "Effect", "Finished", "Job", "JobError", "Keypair", "Offer", "Output", "Settings", "Tools", "Worker", "WorkerError",
    "serve", "serve_async",
]
