"""The official Python client of the Model Context Protocol, unmodified, against a realm with a model and a tool:
python3 mcp_client.py BASE_URL MTOR WALLET_KEY_FILE API_KEY."""

import sys

import anyio
import httpx2
import mcp_types as types
from mcp import StdioServerParameters
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

BASE_URL, MTOR, KEY_FILE, API_KEY = sys.argv[1:]


async def tours(client):
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert {"ask", "greet"} <= tools.keys(), tools
    assert tools["greet"].input_schema["required"] == ["name"], tools["greet"]
    assert tools["greet"].annotations.read_only_hint is True, tools["greet"]

    greeted = await client.call_tool("greet", {"name": "Ada"})
    assert not greeted.is_error and greeted.content[0].text == "Hello, Ada!", greeted

    heard = []

    async def progress(done, total, message):
        heard.append((done, message))

    answer = await client.call_tool("ask", {"prompt": "say one two three"}, progress_callback=progress)
    assert answer.content[0].text == "one two three", answer
    with anyio.fail_after(10):
        while "".join(message for _, message in heard if message in ("one ", "two ", "three")) != "one two three":
            await anyio.sleep(0.01)
    assert [done for done, _ in heard] == sorted(done for done, _ in heard), heard

    wrong = await client.call_tool("ask", {"prompt": "refuse"})
    assert wrong.is_error and "the script says so" in wrong.content[0].text, wrong

    # Every call is a task by its job's id. This client can look at tasks, but not begin one: it takes no other answer to a call
    # than the call's result.
    assert tools["ask"].execution.task_support == "optional", tools["ask"]
    task = answer.meta["mtor/job"]

    async def ask_about(request, params, result):
        return await client.session.send_request(request(params=params(task_id=task)), result)

    stands = await ask_about(types.GetTaskRequest, types.GetTaskRequestParams, types.GetTaskResult)
    assert (stands.task_id, stands.status) == (task, "completed"), stands
    again = await ask_about(types.GetTaskPayloadRequest, types.GetTaskPayloadRequestParams, types.CallToolResult)
    assert again.content == answer.content, again

    # Left in the middle, it is cancelled: what it had written is paid, and no more.
    begun = anyio.Event()

    async def begins(done, total, message):
        if message == "Well":
            begun.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: client.call_tool("ask", {"prompt": "hang"}, progress_callback=begins))
        with anyio.fail_after(10):
            await begun.wait()
        tasks.cancel_scope.cancel()
    # The client says so in the background, and not any more once it is closed.
    with anyio.fail_after(60):
        async with httpx2.AsyncClient(trust_env=False) as http:
            while (await http.get(f"{BASE_URL}/api/queue")).json()["running"]:
                await anyio.sleep(0.02)


async def main():
    headers = {"authorization": f"Bearer {API_KEY}"}
    async with httpx2.AsyncClient(headers=headers, timeout=60, trust_env=False) as http:
        async with Client(streamable_http_client(f"{BASE_URL}/mcp", http_client=http)) as client:
            await tours(client)
    print("well: over HTTP", flush=True)
    server = StdioServerParameters(command=MTOR, args=["mcp", "--realm", BASE_URL, "--wallet", KEY_FILE])
    async with Client(server) as client:
        await tours(client)
    print("well: over the standard input and output", flush=True)


anyio.run(main)
