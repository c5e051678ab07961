"""The wire's types as JSDoc typedefs, for the JavaScript client."""

import types
from collections.abc import Iterator
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from typing_extensions import is_typeddict

from sottovoce.wire import client_events, server_events

HEAD = "/** What goes over the stream. Made from the server's own types by `make docs`: do not edit. */\n"
SIMPLE = {
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    bytes: "string",
    type(None): "null",
    Any: "any",
}


class Typedefs:
    """Typedefs of everything that was named, in the order in which it was needed."""

    def __init__(self) -> None:
        self.made: dict[str, str] = {}

    def name(self, thing: Any) -> str:
        """How a Python type is written in TypeScript; what has fields becomes a typedef."""
        if thing in SIMPLE:
            return SIMPLE[thing]
        origin, arguments = get_origin(thing), get_args(thing)
        if origin in {Union, types.UnionType}:
            return " | ".join(dict.fromkeys(self.name(each) for each in arguments if each is not msgspec.UnsetType))
        if origin is Literal:
            return " | ".join(repr(each) for each in arguments)
        if origin is list:
            item = self.name(arguments[0])
            return f"({item})[]" if " | " in item else f"{item}[]"
        if origin is dict:
            return f"Record<string, {self.name(arguments[1])}>"
        return self._object(thing)

    def _object(self, thing: Any) -> str:
        name: str = thing.__name__
        if name not in self.made:
            self.made[name] = ""  # its place, before that of what it holds
            says = (thing.__doc__ or "").split("\n\n")[0].replace("\n    ", " ").strip()
            lines = ["/**", f" * {says}", " *", f" * @typedef {{object}} {name}"]
            lines += [f" * @property {{{kind}}} {field}" for field, kind in self._fields(thing)]
            self.made[name] = "\n".join([*lines, " */"])
        return name

    def _fields(self, thing: Any) -> Iterator[tuple[str, str]]:
        hints = get_type_hints(thing)
        if is_typeddict(thing):
            yield from ((name, self.name(hint)) for name, hint in hints.items())
            return
        config = thing.__struct_config__
        if config.tag is not None:
            yield config.tag_field, f"'{config.tag}'"
        given = issubclass(thing, server_events.ServerEvent) or thing.__module__ == server_events.__name__
        for field in msgspec.structs.fields(thing):
            optional = not field.required and not given  # what the server sends is always there
            yield (f"[{field.name}]" if optional else field.name), self.name(hints[field.name])


def js_events() -> str:
    """The whole module."""
    typedefs = Typedefs()
    sent = [typedefs.name(event) for event in get_args(client_events.AnyClientEvent)]
    told = [typedefs.name(event) for event in get_args(server_events.AnyServerEvent)]
    unions = [
        "/** What a client may send. @typedef {" + " | ".join(sent) + "} ClientEvent */",
        "/** What the server says. @typedef {" + " | ".join(told) + "} ServerEvent */",
        "/** The server's events by their type. @typedef {{ [E in ServerEvent as E['type']]: E }} ServerEventMap */",
    ]
    return "\n\n".join([HEAD.rstrip(), *typedefs.made.values(), *unions]) + "\n\nexport {};\n"
