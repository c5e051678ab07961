"""JSON schemas that others wrote: made small enough to be looked at, and used without trusting them.

A schema may be made to take for ever: by parts that refer to each other again and again, by a regular expression, or by
many alternatives for many values. So references are put in their places within a bound, expressions are left to the
server, which checks as well, and a check ends when its time is over.
"""

import functools
import time
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any, Final

from jsonschema import FormatChecker, SchemaError, validators
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.protocols import Validator
from referencing import Registry

from sottovoce.orchestrator.skills import shown

NODES_AT_MOST: Final = 5_000
DEEPEST: Final = 40
CHECK_S: Final = 0.1
"""Of the processor, for one value: all sessions wait for it."""
LEFT_TO_THE_SERVER: Final = (
    *("pattern", "patternProperties", "unevaluatedProperties", "unevaluatedItems", "uniqueItems"),
    *("$ref", "$dynamicRef", "$recursiveRef"),
)


class UnusableSchemaError(Exception):
    """A schema that is none, or too large; the text says which."""


class _TooLongError(Exception):
    """A check has taken its time."""


_ends: ContextVar[float] = ContextVar("ends")


class _Inlining:
    """Puts what a schema refers to in its place."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._nodes = 0

    def inlined(self, part: Any, within: tuple[str, ...] = (), depth: int = 0) -> Any:
        self._nodes += 1
        if self._nodes > NODES_AT_MOST or depth > DEEPEST:
            raise UnusableSchemaError("it is too large")
        if isinstance(part, list):
            return [self.inlined(each, within, depth + 1) for each in part]
        if not isinstance(part, dict):
            return part
        reference = part.get("$ref")
        if not isinstance(reference, str):
            return {name: self.inlined(each, within, depth + 1) for name, each in part.items() if name != "$defs"}
        beside = {name: each for name, each in part.items() if name != "$ref"}
        if reference in within:
            return beside  # what goes round in a circle is not looked at further
        target = self._target(reference)
        return self.inlined({**target, **beside}, (*within, reference), depth + 1)

    def _target(self, reference: str) -> Mapping[str, Any]:
        if not reference.startswith("#"):
            return {}  # somewhere else: nothing is fetched
        target: Any = self._root
        for step in filter(None, reference[1:].split("/")):
            name = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(target, dict) or name not in target:
                raise UnusableSchemaError("it refers to what is not there")
            target = target[name]
        if not isinstance(target, dict):
            raise UnusableSchemaError("it refers to what is no schema")
        return target


def usable(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema without references, in bounds. Raises UnusableSchemaError."""
    whole: dict[str, Any] = _Inlining(schema).inlined(dict(schema))
    whole.pop("definitions", None)
    if whole.get("type", "object") != "object":
        raise UnusableSchemaError("it is no object's")
    try:
        _kind(whole).check_schema(whole, format_checker=FormatChecker(formats=()))
    except (SchemaError, RecursionError):
        raise UnusableSchemaError("it is no JSON schema") from None
    return {"type": "object", "properties": {}, **whole}


def misfit(schema: Mapping[str, Any], value: Any) -> str | None:
    """What keeps a value from fitting a `usable` schema, without saying the value; None if it fits."""
    checker: Validator = _careful(_kind(schema))(schema, registry=Registry())
    ends = _ends.set(time.thread_time() + CHECK_S)
    try:
        error = best_match(checker.iter_errors(value))
    except RecursionError:
        return "it is too deep"
    except _TooLongError:
        return "it takes too long to be checked"
    finally:
        _ends.reset(ends)
    return None if error is None else _explain(error)


def _kind(schema: Mapping[str, Any]) -> Any:
    return validators.validator_for(schema, default=validators.validator_for({}))


@functools.cache
def _careful(kind: Any) -> Any:
    """That kind of validator without what may take for ever."""

    def nothing(_validator: Any, _rule: Any, _value: Any, _schema: Any) -> Iterator[ValidationError]:
        return iter(())

    def additional(validator: Any, rule: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
        """As it is, but where expressions say what is additional."""
        known = kind.VALIDATORS["additionalProperties"]
        return iter(()) if "patternProperties" in schema else iter(known(validator, rule, value, schema) or ())

    def timed(known: Any) -> Any:
        def rule(*arguments: Any) -> Any:
            if time.thread_time() > _ends.get():
                raise _TooLongError
            return known(*arguments)

        return rule

    rules = {**kind.VALIDATORS, **dict.fromkeys(LEFT_TO_THE_SERVER, nothing), "additionalProperties": additional}
    timed_rules = {name: timed(known) for name, known in rules.items()}
    return validators.extend(kind, timed_rules)  # type: ignore[no-untyped-call]


def _explain(error: ValidationError) -> str:
    where = ".".join(shown(step).strip("'") if isinstance(step, str) else str(step) for step in error.absolute_path)
    named = f"{where}: " if where else ""
    if error.validator == "required":
        return f"{named}{error.message}"  # it names what is missing, in the schema's own words
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = (error.schema if isinstance(error.schema, dict) else {}).get("properties", {})
        unknown = next((name for name in error.instance if name not in known), "")
        return f"{named}it takes {', '.join(known) or 'no arguments'}, not {shown(unknown)}"
    return f"{named}Expected {error.validator} {str(error.validator_value)[:100]}"
