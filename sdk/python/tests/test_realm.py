"""Workers in a real realm."""

import asyncio

from mtor_worker import Finished, JobError, Offer, Tools, Worker


def greeter():
    tools = Tools("greeter", slots=2)

    @tools.tool(effect="reads")
    def greet(name: str, times: int = 1) -> str:
        """Greets somebody."""
        return f"Hello, {name}!" * times

    @tools.tool(effect="reads")
    async def fails(how: str) -> dict:
        """Fails."""
        if how == "refused":
            raise JobError.refused("not like this")
        raise RuntimeError("secret detail")

    return tools


class Slow(Worker):
    """Writes a word, and waits until it may write the next."""

    name = "slow"

    def __init__(self):
        self.go, self.cancelled = asyncio.Event(), asyncio.Event()

    def offers(self):
        return [Offer("chat", "slow-1", slots=1)]

    async def run(self, job, output):
        try:
            if not job.prefix:
                await output.text("one ")
            await self.go.wait()
            await output.text("two")
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return Finished(input_tokens=2)


async def until(condition):
    async with asyncio.timeout(20):
        while not await condition():
            await asyncio.sleep(0.02)


async def has_begun(realm, job):
    return (await realm.ask("GET", f"/api/jobs/{job['id']}")).get("text") == "one "


async def is_completed(realm, job):
    return (await realm.ask("GET", f"/api/jobs/{job['id']}"))["state"] == "completed"


def test_a_function_is_a_tool_of_the_realm(realm, served):
    async def scenario():
        async with served(greeter()):
            done = await realm.job("tool.greet", {"name": "Ada", "times": 2})
            assert (done["state"], done["text"]) == ("completed", "Hello, Ada!Hello, Ada!")
            wrong = await realm.job("tool.greet", {"name": 7})
            assert wrong["state"] == "failed" and "wrong type" in wrong["problem"]["detail"]
            assert "not like this" in (await realm.job("tool.fails", {"how": "refused"}))["problem"]["detail"]
            broken = await realm.job("tool.fails", {"how": "raise"})
            assert broken["state"] == "failed" and "secret" not in str(broken)
            # The worker goes on after that.
            assert (await realm.job("tool.greet", {"name": "Bob"}))["text"] == "Hello, Bob!"
        assert await realm.ask("GET", "/api/workers") == []
    asyncio.run(scenario())


def test_a_job_that_nobody_wants_is_cancelled(realm, served):
    async def scenario():
        worker = Slow()
        async with served(worker):
            job = await realm.job("chat", {"prompt": "?"}, wait=0)
            await until(lambda: has_begun(realm, job))
            await realm.ask("DELETE", f"/api/jobs/{job['id']}")
            await asyncio.wait_for(worker.cancelled.wait(), 10)
            worker.go.set()
            assert (await realm.job("chat", {"prompt": "?"}))["text"] == "one two"
    asyncio.run(scenario())


def test_a_worker_comes_back_when_the_realm_does_and_goes_on_with_its_job(realm, served):
    async def scenario():
        worker = Slow()
        async with served(worker) as it:
            job = await realm.job("chat", {"prompt": "?"}, wait=0)
            await until(lambda: has_begun(realm, job))
            realm.kill()
            worker.go.set()
            await asyncio.to_thread(realm.start)
            await realm.attached(it.settings.keypair.did)
            await until(lambda: is_completed(realm, job))
            assert (await realm.ask("GET", f"/api/jobs/{job['id']}"))["text"] == "one two"
    asyncio.run(scenario())


def test_a_worker_that_leaves_finishes_what_it_has(realm, served):
    async def scenario():
        worker = Slow()
        async with served(worker) as it:
            job = await realm.job("chat", {"prompt": "?"}, wait=0)
            await until(lambda: has_begun(realm, job))
            it.settings.shutdown.set()

            async def draining():
                return any(worker["draining"] for worker in await realm.ask("GET", "/api/workers"))

            await until(draining)
            worker.go.set()
        await until(lambda: is_completed(realm, job))
        assert (await realm.ask("GET", f"/api/jobs/{job['id']}"))["text"] == "one two"
    asyncio.run(scenario())
