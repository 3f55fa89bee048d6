"""OpenAI's own Python client, unmodified, against a realm with a real model: python3 openai_client.py BASE_URL API_KEY."""

import json
import sys
from typing import Literal

from openai import BadRequestError, NotFoundError, OpenAI, OpenAIError
from pydantic import BaseModel

BASE_URL, API_KEY = sys.argv[1:]
client = OpenAI(base_url=BASE_URL, api_key=API_KEY, max_retries=0, timeout=120)
QUESTION = [{"role": "user", "content": "What is the capital of France?"}]


def answer(**options):
    options = {"model": "default", "messages": QUESTION, "temperature": 0, "max_tokens": 12, **options}
    return client.chat.completions.create(**options)


def refusal(kind, ask):
    """What was said by an error of this kind, and of no other."""
    try:
        got = ask()
    except kind as error:
        assert error.message, error
        return error
    raise AssertionError(f"no {kind.__name__}, but {got}")


def chats():
    whole = answer(max_tokens=24)
    choice = whole.choices[0]
    assert whole.object == "chat.completion" and len(whole.choices) == 1, whole
    assert choice.message.role == "assistant" and "Paris" in choice.message.content, whole
    assert choice.finish_reason in ("stop", "length"), whole
    usage = whole.usage
    assert usage.prompt_tokens > 5 and 0 < usage.completion_tokens <= 24, usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens, usage
    assert whole.created > 1_700_000_000 and whole.id, whole
    conversation = [
        {"role": "system", "content": "Answer in one word."},
        *QUESTION,
        {"role": "assistant", "content": "Paris"},
        {"role": "user", "content": "And of Italy?"},
    ]
    assert answer(messages=conversation, max_completion_tokens=4).choices[0].message.content


def streams():
    whole = answer().choices[0].message.content
    chunks = list(answer(stream=True, stream_options={"include_usage": True}))
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}, chunks
    assert len({chunk.id for chunk in chunks}) == 1, chunks
    deltas = [choice.delta for chunk in chunks for choice in chunk.choices]
    assert deltas[0].role == "assistant", deltas
    text = "".join(delta.content or "" for delta in deltas)
    assert text == whole, (text, whole)
    assert sum(bool(delta.content) for delta in deltas) > 1, "it comes in pieces"
    reasons = [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason]
    assert reasons == ["length"], reasons
    assert chunks[-1].usage.completion_tokens == 12, chunks[-1]
    assert all(chunk.usage is None for chunk in chunks[:-1]), chunks
    assert all(chunk.usage is None for chunk in answer(stream=True)), "usage comes to who asks for it"


def is_left_in_mid_stream():
    with answer(stream=True, max_tokens=400, messages=[{"role": "user", "content": "Count to 200."}]) as stream:
        next(iter(stream))


def honours_its_options():
    cut = answer(max_tokens=3)
    assert (cut.choices[0].finish_reason, cut.usage.completion_tokens) == ("length", 3), cut

    stopped = answer(stop=["Paris"], max_tokens=24)
    assert stopped.choices[0].finish_reason == "stop", stopped
    assert "Paris" not in stopped.choices[0].message.content, stopped
    streamed = "".join(
        choice.delta.content or ""
        for chunk in answer(stop="Paris", max_tokens=24, stream=True)
        for choice in chunk.choices
    )
    assert streamed == stopped.choices[0].message.content, (streamed, stopped)

    # At this temperature two answers of the same seed agree by their seed alone.
    poem = {"messages": [{"role": "user", "content": "Make up a story."}], "temperature": 1.8, "max_tokens": 16}
    first, again, other = (answer(seed=seed, **poem).choices[0].message.content for seed in (7, 7, 8))
    assert first == again and first != other, (first, again, other)


WEATHER = {"type": "function", "function": {
    "name": "weather", "description": "The weather of a city.", "parameters": {
        "type": "object", "properties": {"city": {"enum": ["Bonn", "Paris"]}}, "required": ["city"]}}}


def calls_tools():
    asked = {"messages": [{"role": "user", "content": "How is the weather in Paris?"}], "tools": [WEATHER],
             "tool_choice": "required", "max_tokens": 60}
    choice = answer(**asked).choices[0]
    call = choice.message.tool_calls[0]
    assert choice.finish_reason == "tool_calls" and call.function.name == "weather", choice
    assert json.loads(call.function.arguments)["city"] in ("Bonn", "Paris"), call

    chunks = list(answer(stream=True, **asked))
    calls = [call for chunk in chunks for choice in chunk.choices for call in choice.delta.tool_calls or []]
    assert [(one.index, one.function.arguments) for one in calls] == [(0, call.function.arguments)], calls
    assert chunks[-1].choices[0].finish_reason == "tool_calls", chunks[-1]

    told = [*asked["messages"], choice.message, {"role": "tool", "tool_call_id": call.id, "content": "rain"}]
    assert answer(messages=told, tools=[WEATHER]).choices[0].message.content
    assert answer(tools=[WEATHER], tool_choice="none").choices[0].message.tool_calls is None


def answers_in_json():
    class Capital(BaseModel):
        city: Literal["Paris", "Rome"]
        sure: bool

    parsed = client.chat.completions.parse(
        model="default", messages=QUESTION, temperature=0, max_tokens=40, response_format=Capital)
    assert parsed.choices[0].message.parsed.city in ("Paris", "Rome"), parsed
    refusal(BadRequestError, lambda: answer(response_format={"type": "xml"}))
    refusal(BadRequestError, lambda: answer(logprobs=True))
    picture = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://127.0.0.1/a.png"}}]}]
    assert "not fetched" in refusal(BadRequestError, lambda: answer(messages=picture)).message


def lists_its_models():
    models = client.models.list().data
    assert models and all(model.object == "model" for model in models), models
    assert "default" in [model.id for model in models], models
    name = next(model.id for model in models if model.id != "default")
    assert client.models.retrieve(name).id == name
    assert answer(model=name).model == name


def says_what_is_wrong():
    unknown = refusal(NotFoundError, lambda: answer(model="gpt-9000"))
    assert unknown.code == "model_not_found" and "gpt-9000" in unknown.message, unknown.body
    refusal(NotFoundError, lambda: client.models.retrieve("gpt-9000"))

    long = [{"role": "user", "content": "word " * 20_000}]
    for stream in (False, True):
        too_long = refusal(BadRequestError, lambda: answer(messages=long, stream=stream))
        assert too_long.code == "context_length_exceeded", too_long.body
        assert any(word.isdigit() for word in too_long.message.replace(",", " ").split()), too_long.message

    refusal(BadRequestError, lambda: answer(temperature=9))
    refusal(BadRequestError, lambda: answer(messages=[]))
    nobody = refusal(OpenAIError, lambda: client.embeddings.create(model="default", input="hello"))
    assert "embed" in str(nobody), nobody
    stranger = OpenAI(base_url=BASE_URL, api_key="mtor_" + "A" * 40, max_retries=0)
    assert refusal(OpenAIError, stranger.models.list).status_code == 401


for step in (chats, streams, is_left_in_mid_stream, honours_its_options, calls_tools, answers_in_json, lists_its_models, says_what_is_wrong):
    step()
    print("well:", step.__name__.replace("_", " "), flush=True)
