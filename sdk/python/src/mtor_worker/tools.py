"""Functions as tools: the JSON schema of a tool's parameters is made of its type hints."""

from __future__ import annotations

import asyncio
import enum
import inspect
import json
import types
import typing
from dataclasses import dataclass
from typing import Any, Callable, TypeVar

from .worker import Effect, Finished, Job, JobError, Offer, Output, Worker

Function = TypeVar("Function", bound=Callable[..., Any])

_PLAIN: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}


@dataclass(frozen=True)
class _Tool:
    function: Callable[..., Any]
    offer: Offer
    hints: dict[str, Any]
    required: set[str]


class Tools(Worker):
    """A worker made of functions. Decorate them with `tool`."""

    def __init__(self, name: str, *, slots: int = 4) -> None:
        self.name, self._slots = name, slots
        self._tools: dict[str, _Tool] = {}

    def tool(self, *, name: str | None = None, effect: Effect = "unknown",
             repeatable: bool = False) -> Callable[[Function], Function]:
        """Offers a function (plain or async) as `tool.NAME`. Its docstring tells what it is good for; what it returns is
        the answer: text as it is, anything else as JSON. `effect` says what it does to the world: what nobody said is asked
        about first."""
        def offer(function: Function) -> Function:
            capability = f"tool.{(name or function.__name__).lower()}"
            description = inspect.getdoc(function)
            if not description:
                raise ValueError(f"{function.__name__} needs a docstring: it tells what the tool is good for")
            parameters, hints, required = schema_of(function)
            info = {"description": description, "parameters": parameters, "effect": effect, "repeatable": repeatable}
            self._tools[capability] = _Tool(function, Offer(capability, self.name, self._slots, {"tool": info}), hints, required)
            return function
        return offer

    def offers(self) -> list[Offer]:
        return [tool.offer for tool in self._tools.values()]

    async def run(self, job: Job, output: Output) -> Finished:
        tool = self._tools.get(job.capability)
        if tool is None:
            raise JobError(f"this worker does not offer {job.capability}", kind="no-worker", status=503)
        arguments = check(job.params, tool.hints, tool.required)
        if inspect.iscoroutinefunction(tool.function):
            result = await tool.function(**arguments)
        else:
            result = await asyncio.to_thread(tool.function, **arguments)
        text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
        await output.text(text.removeprefix(job.prefix) if job.prefix else text, 0)
        return Finished()


def schema_of(function: Callable[..., Any]) -> tuple[dict[str, Any], dict[str, Any], set[str]]:
    """The JSON schema of a function's parameters, their types, and those without a default."""
    hints = typing.get_type_hints(function, include_extras=True)
    properties: dict[str, Any] = {}
    types_: dict[str, Any] = {}
    required: list[str] = []
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise TypeError(f"{function.__name__}: {name} can't be asked for by its name")
        if name not in hints:
            raise TypeError(f"{function.__name__}: {name} needs a type")
        types_[name] = hints[name]
        properties[name] = schema_of_type(hints[name])
        if parameter.default is parameter.empty:
            required.append(name)
        elif parameter.default is not None:
            properties[name]["default"] = parameter.default
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return schema, types_, set(required)


def schema_of_type(hint: Any) -> dict[str, Any]:
    """The JSON schema of a type: str, int, float, bool, list, dict, Literal, Enum, Optional; with Annotated, a text of it
    describes the parameter."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        description = next((text for text in arguments[1:] if isinstance(text, str)), None)
        return {**schema_of_type(arguments[0]), **({"description": description} if description else {})}
    if hint in _PLAIN:
        return {"type": _PLAIN[hint]}
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return {"enum": [member.value for member in hint]}
    if hint is list or origin is list:
        return {"type": "array", **({"items": schema_of_type(arguments[0])} if arguments else {})}
    if hint is dict or origin is dict:
        return {"type": "object"}
    if origin in (typing.Union, types.UnionType):
        kinds = [kind for kind in arguments if kind is not type(None)]
        if len(kinds) == 1:
            return schema_of_type(kinds[0])
        return {"anyOf": [schema_of_type(kind) for kind in kinds]}
    raise TypeError(f"no JSON schema is known for {hint!r}; use str, int, float, bool, list, dict, Literal, Enum or Optional")


def check(params: dict[str, Any], hints: dict[str, Any], required: set[str]) -> dict[str, Any]:
    """The arguments of a call, as the function's types say."""
    if missing := sorted(required - params.keys()):
        raise JobError.refused(f"{missing[0]} is missing")
    if unknown := sorted(params.keys() - hints.keys()):
        raise JobError.refused(f"{unknown[0]} is no parameter of this tool")
    return {name: _value(name, value, hints[name]) for name, value in params.items()}


def _value(name: str, value: Any, hint: Any) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _value(name, value, arguments[0])
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        for kind in arguments:
            try:
                return _value(name, value, kind)
            except JobError:
                continue
    elif origin is typing.Literal:
        if any(value == one and type(value) is type(one) for one in arguments):
            return value
    elif isinstance(hint, type) and issubclass(hint, enum.Enum):
        try:
            return hint(value)
        except ValueError:
            pass
    elif hint is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    elif hint is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    elif (hint is list or origin is list) and isinstance(value, list):
        return [_value(name, item, arguments[0]) for item in value] if arguments else value
    elif (hint is dict or origin is dict) and isinstance(value, dict):
        return value
    elif hint in (str, bool) and isinstance(value, hint):
        return value
    raise JobError.refused(f"{name} has the wrong type")
