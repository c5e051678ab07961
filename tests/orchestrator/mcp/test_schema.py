import time
from typing import Any

import pytest

from sottovoce.orchestrator.mcp.schema import UnusableSchemaError, misfit, usable

PLACE: dict[str, Any] = {
    "type": "object",
    "$defs": {"Place": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}},
    "properties": {"place": {"$ref": "#/$defs/Place"}, "days": {"type": "integer", "minimum": 1}},
    "required": ["place"],
    "additionalProperties": False,
}


def test_references_are_put_in_their_places() -> None:
    schema = usable(PLACE)
    assert schema["properties"]["place"] == PLACE["$defs"]["Place"]
    assert "$defs" not in schema


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"place": {"name": "here"}}, None),
        ({}, "'place' is a required property"),
        ({"place": {}}, "place: 'name' is a required property"),
        ({"place": {"name": "here"}, "days": 0}, "days: Expected minimum 1"),
        ({"place": {"name": 5}}, "place.name: Expected type string"),
        ({"place": {"name": "here"}, "hours": 1}, "it takes place, days, not 'hours'"),
        ({"place": {"name": "here"}, "my secret sentence": 1}, "it takes place, days, not an argument of another name"),
    ],
)
def test_what_does_not_fit_is_named_and_its_value_is_not(value: dict[str, Any], said: str | None) -> None:
    assert misfit(usable(PLACE), value) == said


def test_other_drafts_are_read_as_they_are_meant() -> None:
    draft = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "definitions": {"pair": {"items": [{"type": "string"}, {"type": "integer"}]}},
        "properties": {"pair": {"$ref": "#/definitions/pair"}},
    }
    assert misfit(usable(draft), {"pair": ["a", 1]}) is None
    assert misfit(usable(draft), {"pair": ["a", "b"]}) == "pair.1: Expected type integer"


def test_a_property_may_be_called_as_a_keyword_is() -> None:
    schema = usable({"type": "object", "properties": {"pattern": {"type": "string"}}, "additionalProperties": False})
    assert misfit(schema, {"pattern": "x"}) is None
    assert misfit(schema, {"pattern": 1}) == "pattern: Expected type string"


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array"},
        {"type": "object", "properties": {"a": {"type": "strange"}}},
        {"type": "object", "properties": {"a": {"$ref": "#/$defs/none"}}},
        {"type": "object", "properties": {"a": {"enum": list(range(10_000))}}},
    ],
)
def test_what_cannot_be_used_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(UnusableSchemaError):
        usable(schema)


def test_a_schema_cannot_make_it_take_for_ever() -> None:
    doubling: dict[str, Any] = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)}
    bomb = {"type": "object", "$defs": doubling | {"d40": {}}, "properties": {"x": {"$ref": "#/$defs/d0"}}}
    began = time.monotonic()
    with pytest.raises(UnusableSchemaError):
        usable(bomb)
    evil: dict[str, Any] = {"type": "string", "pattern": "^(a+)+$"}
    for schema in ({"properties": {"x": evil}}, {"patternProperties": {"^(a+)+$": {}}, "additionalProperties": False}):
        assert misfit(usable(schema), {"x": "a" * 60 + "!", "a" * 60 + "!": 1}) is None
    deep: dict[str, Any] = {}
    for _ in range(10_000):
        deep = {"not": deep}
    with pytest.raises(UnusableSchemaError):
        usable(deep)
    many = usable({"properties": {"x": {"items": {"anyOf": [{"const": n} for n in range(2_000)]}}}})
    assert misfit(many, {"x": [-1] * 10_000}) == "it takes too long to be checked"
    unlike = usable({"properties": {"x": {"uniqueItems": True}}})
    assert misfit(unlike, {"x": [{"n": n} if n % 2 else n for n in range(20_000)]}) is None
    assert time.monotonic() - began < 5


def test_what_goes_round_in_a_circle_is_looked_at_once() -> None:
    schema = usable({"type": "object", "properties": {"next": {"$ref": "#"}, "name": {"type": "string"}}})
    assert misfit(schema, {"next": {"name": "a", "next": {"name": "b"}}}) is None
    assert misfit(schema, {"next": {"name": 1}}) == "next.name: Expected type string"
