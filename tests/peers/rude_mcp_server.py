"""A program that says it is an MCP server, and is rude in the way that its argument names."""

import json
import sys
from typing import Any

WAY = sys.argv[1]
SCHEMAS: dict[str, Any] = {
    "good": {"type": "object", "properties": {"text": {"type": "string", "pattern": "^(a+)+$"}}},
    "no.schema": {"type": "object", "properties": {"text": {"type": "strange"}}},
    "circle": {"type": "object", "properties": {"next": {"$ref": "#"}}},
    "elsewhere": {"type": "object", "properties": {"x": {"$ref": "http://127.0.0.1:1/schema.json"}}},
    "bomb": {
        "type": "object",
        "$defs": {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)} | {"d40": {}},
        "properties": {"x": {"$ref": "#/$defs/d0"}},
    },
    "a name with blanks": {"type": "object"},
    "n" * 100: {"type": "object"},
}


def say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def answer(request: dict[str, Any]) -> None:
    method = request["method"]
    if method == "initialize":
        result: dict[str, Any] = {
            "protocolVersion": "2025-06-18",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "rude", "version": "1"},
        }
    elif method == "tools/list":
        hints = {"readOnlyHint": True}
        promise = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
        more = {"annotations": hints} | ({"outputSchema": promise} if WAY == "liar" else {})
        tools = [{"name": name, "inputSchema": each, **more} for name, each in SCHEMAS.items()]
        result = {"tools": tools, "nextCursor": "again"} if WAY == "pages" else {"tools": tools}
    elif method == "tools/call":
        result = call()
    else:
        say({"id": request["id"], "error": {"code": -32601, "message": "no such method"}})
        return
    say({"id": request["id"], "result": result})


def call() -> dict[str, Any]:
    if WAY == "flood":
        while True:
            say({"method": "notifications/message", "params": {"level": "info", "data": "x"}})
    if WAY == "endless":
        while True:
            sys.stdout.write("x" * 65536)
    if WAY == "grows":
        SCHEMAS["new"] = {"type": "object"}
        say({"method": "notifications/tools/list_changed"})
    if WAY == "nonsense":
        return {"content": "what?", "isError": "perhaps"}
    return {"content": [{"type": "text", "text": "fine"}], "structuredContent": {"n": "many"}}


for line in sys.stdin:
    if WAY == "mute":
        continue
    if WAY == "babble":
        while True:
            sys.stdout.write("I am no server.\n")
    told = json.loads(line)
    if "id" in told and "method" in told:
        answer(told)
