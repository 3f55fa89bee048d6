import enum
from typing import Annotated, Literal, Optional

import pytest

from mtor_worker import JobError, Keypair, Tools
from mtor_worker.tools import check, schema_of


class Colour(enum.Enum):
    RED = "red"


def sample(room: Annotated[str, "Which room"], state: Literal["on", "off"], level: Optional[int] = None,
           names: list[str] = [], warm: float = 0.5, colour: Colour = Colour.RED) -> str:
    return ""


def test_a_schema_is_made_of_type_hints():
    schema, _, required = schema_of(lambda: None)
    assert schema["properties"] == {} and required == set()
    sample.__defaults__ = (None, [], 0.5, None)
    schema, _, required = schema_of(sample)
    assert schema["required"] == ["room", "state"] and required == {"room", "state"}
    assert schema["properties"] == {
        "room": {"type": "string", "description": "Which room"}, "state": {"enum": ["on", "off"]},
        "level": {"type": "integer"}, "names": {"type": "array", "items": {"type": "string"}, "default": []},
        "warm": {"type": "number", "default": 0.5}, "colour": {"enum": ["red"]}}


@pytest.mark.parametrize("params, said", [
    ({"state": "on"}, "room is missing"),
    ({"room": "x", "state": "dim"}, "state has the wrong type"),
    ({"room": 1, "state": "on"}, "room has the wrong type"),
    ({"room": "x", "state": "on", "level": True}, "level has the wrong type"),
    ({"room": "x", "state": "on", "names": [1]}, "names has the wrong type"),
    ({"room": "x", "state": "on", "other": 1}, "other is no parameter"),
])
def test_wrong_arguments_are_named(params, said):
    _, hints, required = schema_of(sample)
    with pytest.raises(JobError, match=said):
        check(params, hints, required)


def test_right_arguments_become_what_the_function_takes():
    _, hints, required = schema_of(sample)
    params = {"room": "x", "state": "on", "level": None, "warm": 1, "colour": "red"}
    assert check(params, hints, required) == {**params, "warm": 1.0, "colour": Colour.RED}


def test_what_cannot_be_described_is_refused_at_once():
    tools = Tools("x")
    with pytest.raises(ValueError, match="docstring"):
        tools.tool()(lambda: None)

    def untyped(a):
        """Has no type."""

    with pytest.raises(TypeError, match="needs a type"):
        tools.tool()(untyped)


def test_keys_are_kept_and_damage_is_noticed(tmp_path):
    path = tmp_path / "worker.key"
    key = Keypair.load_or_create(path)
    assert Keypair.load_or_create(path).did == key.did and path.stat().st_mode & 0o777 == 0o600
    assert "seed" not in repr(key)
    # The first key of the specification of did:key's own test vectors.
    known = Keypair(bytes(32))
    assert known.did == "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"
    path.write_text(path.read_text().replace(key.did, known.did))
    with pytest.raises(ValueError, match="damaged"):
        Keypair.load_or_create(path)
    path.chmod(0o644)
    with pytest.raises(PermissionError, match="chmod 600"):
        Keypair.load_or_create(path)
