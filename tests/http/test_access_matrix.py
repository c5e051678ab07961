"""Every route and the stream, times every kind of credential: docs/reference/access.md, cell by cell."""

import base64
import re
import secrets
from collections.abc import Generator, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from http_message_signatures import HTTPMessageSigner, algorithms
from starlette.routing import Mount, Route, WebSocketRoute

from sottovoce.app import make_app
from sottovoce.client.rest import Proof
from sottovoce.settings import read_settings
from sottovoce.vault import proof
from sottovoce.vault.keys import NamespaceKeys
from tests.http.conftest import KEY, Serve, Server
from tests.http.credentials import Issuer, KeyFile, bearer

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "access.md"
COLUMNS = ("none", "wrong", "expired", "another's", "used", "right")
PASSWORD = "correct horse battery"  # noqa: S105
FILES = {
    "/web": "/web/base.css",
    "/web/operator": "/web/operator/operator.css",
    "/web/vendor": "/web/vendor/uplot/uPlot.min.css",
}
OPERATOR = "Basic " + base64.b64encode(f"operator:{PASSWORD}".encode()).decode()

Table = Mapping[str, Mapping[str, str]]


def tables() -> Iterator[Table]:
    """Call to column to cell, for each table of the page whose columns are kinds of credentials."""
    for part in re.split(r"\n\n", PAGE.read_text()):
        lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line[:1] == "|"]
        if lines and tuple(lines[0][1:]) == COLUMNS:
            yield {line[0].strip("`"): dict(zip(COLUMNS, line[1:], strict=True)) for line in lines[2:]}


BY_CREDENTIAL, BY_SIGNATURE = tables()
SIGNED = [call for call in BY_CREDENTIAL if "/api/v1/" in call and not call.endswith("/examples")]


@pytest.fixture(params=["api key", "token"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def issuer() -> Generator[Issuer, None, None]:
    with Issuer().published() as issuer:
        yield issuer


class Guarded:
    """A server with API keys and tokens, and what callers show it."""

    def __init__(self, server: Server, issuer: Issuer, keys: KeyFile, kind: str) -> None:
        self.server = server
        if kind == "api key":
            good, gone, late, other = (
                keys.add(*each, days=days)
                for *each, days in (
                    ("good", "alice", 1),
                    ("gone", "alice", 1),
                    ("late", "al*", -1),
                    ("other", "bob", 1),
                )
            )
            keys.withdraw("gone")
        else:
            good, gone = issuer.token(["alice"]), Issuer(issuer.key_id).token(["alice"])
            late, other = issuer.token("alice", minutes=-5), issuer.token("bob")
        self.by_column: dict[str, dict[str, str]] = {
            "none": {},
            "wrong": bearer(gone),
            "expired": bearer(late),
            "another's": bearer(other),
            "used": bearer(good),
            "right": bearer(good),
        }

    async def opened(self, keys: NamespaceKeys | None) -> dict[str, Any]:
        answer = await self.server.http.post(
            "/api/v1/sessions", json=opening(keys), headers=self.by_column["right"], auth=signer(keys)
        )
        assert answer.status_code == 200, answer.text
        view: dict[str, Any] = answer.json()
        return view

    async def task(self, call: str, session: Mapping[str, Any], keys: NamespaceKeys | None) -> str:
        """A task in the state that the call is about."""
        wanted: list[tuple[str, dict[str, Any]]] = [("note", {"text": "milk"})]
        if call.endswith("/cancel"):
            wanted = [("timer", {"seconds": 600})]
        elif call.endswith("/input"):
            wanted.append(("delete", {"kind": "note"}))
        started = ""
        for type_, arguments in wanted:
            answer = await self.server.http.post(
                f"/api/v1/sessions/{session['id']}/tasks",
                json={"type": type_, "arguments": arguments},
                headers=self.by_column["right"],
                auth=signer(keys),
            )
            started = answer.json()["id"]
        return started

    async def request(self, call: str, keys: NamespaceKeys | None = None) -> httpx.Request:
        """The call, about things of the namespace alice, without a credential."""
        method, path = call.split(" ")
        session = await self.opened(keys)
        names = {"session_id": session["id"], "namespace_id": "alice"}
        if "{task_id}" in path:
            names["task_id"] = await self.task(call, session, keys)
        body = None
        if method == "POST":
            body = {"value": True} if path.endswith("/input") else {"type": "note", "arguments": {"text": "x"}}
            body = opening(keys) if path.endswith("/sessions") else body
        return self.server.http.build_request(
            method,
            FILES.get(path, path).format(**names),
            json=body,
            params={"namespace_id": "alice"} if call == "GET /api/v1/sessions" else None,
        )


def opening(keys: NamespaceKeys | None) -> dict[str, Any]:
    body: dict[str, Any] = {
        "namespace_id": "alice",
        "key_hash": KEY if keys is None else keys.public.key_hash,
        "device_type": "web",
        "client_version": "1",
    }
    return body if keys is None else body | {"public_keys": keys.public.view()}


def signer(keys: NamespaceKeys | None) -> httpx.Auth:
    return httpx.Auth() if keys is None else Proof(keys)


@pytest.fixture
async def guarded(serve: Serve, issuer: Issuer, kind: str, tmp_path: Path) -> Guarded:
    keys = KeyFile(tmp_path / "api-keys.json")
    server = await serve(
        api_keys=keys.path,
        operator=True,
        operator_password=PASSWORD,
        max_sessions_per_user=100,
        **issuer.settings(),
    )
    return Guarded(server, issuer, keys, kind)


def cell(answer: httpx.Response) -> str:
    if answer.status_code < 400:
        return str(answer.status_code)
    return f"{answer.status_code} `{answer.json()['code']}`"


def routes_of(routes: Iterable[Any], prefix: str = "") -> set[str]:
    """`METHOD path` of all that is answered."""
    found: set[str] = set()
    for route in routes:
        if isinstance(route, WebSocketRoute):
            found.add(f"WS {prefix}{route.path}")
        elif isinstance(route, Mount):
            found.add(f"GET {prefix}{route.path}")
        elif isinstance(route, Route):  # FastAPI's too
            found |= {f"{method} {prefix}{route.path}" for method in (route.methods or set()) - {"HEAD"}}
        else:  # FastAPI's included routers
            found |= routes_of(route.original_router.routes, prefix + route.include_context.prefix)
    return found


def test_every_route_is_in_the_table(tmp_path: Path) -> None:
    settings = read_settings(
        recogniser="instant:", synthesiser="instant:", operator=True, api_keys=KeyFile(tmp_path / "keys").path
    )
    assert routes_of(make_app(settings).routes) == set(BY_CREDENTIAL)


def signed(
    request: httpx.Request,
    keys: NamespaceKeys,
    *,
    nonce: str | None = None,
    age_s: float = 0,
    by: NamespaceKeys | None = None,
) -> httpx.Request:
    """The request with a signature; `by`: whose it is, if not of the keys that it names."""
    message = proof.Request(request.method, str(request.url), {})
    signing = HTTPMessageSigner(
        signature_algorithm=algorithms.ED25519, key_resolver=proof._Keys(keys.public, by or keys)
    )
    signing.sign(
        message,
        key_id=keys.public.key_hash,
        created=datetime.now(UTC) - timedelta(seconds=age_s),
        nonce=nonce or secrets.token_urlsafe(16),
        label=proof.TAG,
        tag=proof.TAG,
        covered_component_ids=proof.COVERED,
        body=request.content,
    )
    request.headers.update(message.headers)
    return request


async def use_up(guarded: Guarded, keys: NamespaceKeys) -> str:
    """A nonce that counts no more."""
    nonce = secrets.token_urlsafe(16)
    request = guarded.server.http.build_request("GET", "/api/v1/namespaces/alice", headers=guarded.by_column["right"])
    answer = await guarded.server.http.send(signed(request, keys, nonce=nonce))
    assert answer.status_code == 200, answer.text
    return nonce


async def clear(guarded: Guarded, keys: NamespaceKeys | None) -> None:
    await guarded.server.http.delete("/api/v1/namespaces/alice", headers=guarded.by_column["right"], auth=signer(keys))


@pytest.mark.parametrize("call", [call for call in BY_CREDENTIAL if not call.startswith("WS ")])
async def test_each_call_answers_each_credential_as_documented(guarded: Guarded, call: str) -> None:
    seen = {}
    for column in COLUMNS:
        keys = NamespaceKeys.generate() if column == "used" and call in SIGNED else None
        request = await guarded.request(call, keys)
        request.headers.update(guarded.by_column[column])
        if keys is not None:
            signed(request, keys, nonce=await use_up(guarded, keys))
        if column == "right" and "operator_unknown" in BY_CREDENTIAL[call]["none"]:
            request.headers["Authorization"] = OPERATOR
        seen[column] = cell(await guarded.server.http.send(request))
        await clear(guarded, keys)
    assert seen == dict(BY_CREDENTIAL[call])


@pytest.mark.parametrize("call", SIGNED)
async def test_each_call_answers_each_signature_as_documented(guarded: Guarded, call: str) -> None:
    [documented] = BY_SIGNATURE.values()
    seen = {}
    for column in COLUMNS:
        keys, others = NamespaceKeys.generate(), NamespaceKeys.generate()
        request = await guarded.request(call, keys)
        request.headers.update(guarded.by_column["right"])
        if column == "wrong":
            signed(request, keys, by=others)
        elif column == "expired":
            signed(request, keys, age_s=90)
        elif column == "another's":
            signed(request, others)
        elif column == "used":
            signed(request, keys, nonce=await use_up(guarded, keys))
        elif column == "right":
            signed(request, keys)
        seen[column] = cell(await guarded.server.http.send(request))
        await clear(guarded, keys)
    assert seen == dict(documented)


async def test_the_stream_answers_each_ticket_as_documented(serve: Serve) -> None:
    server = await serve(connect_timeout_seconds=1.0)
    seen = {}
    for column in COLUMNS:
        session, other = await server.session(), await server.session("bob")
        ticket = session["websocket_url"].rpartition("=")[2]
        tried = {
            "none": "",
            "wrong": secrets.token_urlsafe(32),
            "another's": other["websocket_url"].rpartition("=")[2],
        }.get(column, ticket)
        if column == "used":
            async with server.stream(session["websocket_url"]) as stream:
                await stream.until("session.created")
        elif column == "expired":
            live = server.hub.find(session["id"])
            assert live.ticket is not None
            live.ticket = msgspec.structs.replace(live.ticket, expires_at=server.hub.node.clock.steady())
        async with server.stream(session["websocket_url"].replace(ticket, tried)) as stream:
            if column == "right":
                await stream.until("session.created")
                seen[column] = "open"
            else:
                seen[column] = str((await stream.closed())[0])
        for each in (session, other):
            await server.http.delete(f"/api/v1/sessions/{each['id']}")
    assert seen == dict(BY_CREDENTIAL["WS /ws/voice"])
