"""A real broker for each test: MTOR_BIN names the command."""

import asyncio
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from mtor_worker import Keypair, Settings, serve_async


class Realm:
    """A broker in a process of its own."""

    def __init__(self, data, port):
        self.url, self._data, self._process = f"http://127.0.0.1:{port}", data, None
        self.start()

    def start(self):
        command = [os.environ.get("MTOR_BIN", "mtor"), "broker", "--data", str(self._data), "--listen", self.url[7:]]
        with (self._data / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while True:
            try:
                return self.request("GET", "/readyz", raw=True)
            except OSError:
                assert self._process.poll() is None and time.monotonic() < deadline, "the broker does not start"
                time.sleep(0.05)

    def kill(self):
        self._process.kill()
        self._process.wait()

    def request(self, method, path, body=None, raw=False):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"content-type": "application/json"}, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=30) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            if raw:
                raise
            text = error.read()
        return text if raw else json.loads(text)

    async def ask(self, method, path, body=None):
        return await asyncio.to_thread(self.request, method, path, body)

    async def job(self, capability, params, wait=20):
        return await self.ask("POST", f"/api/jobs?wait={wait}", {"intent": {"capability": capability, "params": params}})

    async def attached(self, did):
        async with asyncio.timeout(20):
            while not any(worker["did"] == did for worker in await self.ask("GET", "/api/workers")):
                await asyncio.sleep(0.02)


@pytest.fixture
def realm(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = tmp_path / "data"
    data.mkdir()
    realm = Realm(data, port)
    yield realm
    realm.kill()


class Served:
    """A worker that serves a realm for as long as the block lasts."""

    def __init__(self, worker, realm):
        self.settings = Settings(realm.url, Keypair.generate(), grace_s=10)
        self._worker, self._realm = worker, realm

    async def __aenter__(self):
        self.task = asyncio.create_task(serve_async(self._worker, self.settings))
        await self._realm.attached(self.settings.keypair.did)
        return self

    async def __aexit__(self, *_):
        self.settings.shutdown.set()
        await asyncio.wait_for(self.task, 20)


@pytest.fixture
def served(realm):
    return lambda worker: Served(worker, realm)
