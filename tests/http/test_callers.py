"""API keys, tokens, foreign hosts, the audit log, through a whole server."""

import asyncio
import base64
import json
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from sottovoce import logs
from sottovoce.app import make_app
from sottovoce.errors import CreatingTooFast, SettingsInvalid
from sottovoce.http.rates import Buckets
from sottovoce.settings import read_settings
from tests.http.conftest import KEY, PROVEN, Serve, Server
from tests.http.credentials import AUDIENCE, ISSUER, Issuer, KeyFile, bearer

SESSIONS = "/api/v1/sessions"


def opening(namespace_id: str = "alice") -> dict[str, str]:
    return {"namespace_id": namespace_id, "key_hash": KEY, "device_type": "web", "client_version": "1"}


@pytest.fixture
def keys(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "api-keys.json")


@pytest.fixture
def issuer() -> Generator[Issuer, None, None]:
    with Issuer().published() as issuer:
        yield issuer


async def opens(server: Server, credential: str, namespace_id: str = "alice") -> tuple[int, str]:
    answer = await server.http.post(SESSIONS, json=opening(namespace_id), headers=bearer(credential))
    return answer.status_code, answer.json().get("code", "")


async def test_a_key_opens_the_namespaces_of_its_patterns(serve: Serve, keys: KeyFile) -> None:
    key = keys.add("clinic", "clinic.*", "alice")
    server = await serve(api_keys=keys.path)
    assert [await opens(server, key, name) for name in ("clinic.1", "clinic.", "alice")] == [(200, "")] * 3
    for foreign in ("clinic", "alice2", "xclinic.1"):
        assert await opens(server, key, foreign) == (403, "namespace_not_allowed")


async def test_keys_come_and_go_while_the_server_runs(serve: Serve, keys: KeyFile) -> None:
    server = await serve(api_keys=keys.path)
    key = keys.add("late", "alice")
    await asyncio.sleep(1.1)
    assert await opens(server, key) == (200, "")
    keys.withdraw("late")
    await asyncio.sleep(1.1)
    assert await opens(server, key) == (401, "credential_invalid")


@pytest.mark.parametrize("trouble", ["gone", "nonsense"])
async def test_a_file_that_cannot_be_read_opens_to_nobody(serve: Serve, keys: KeyFile, trouble: str) -> None:
    key = keys.add("good", "*")
    server = await serve(api_keys=keys.path)
    assert await opens(server, key) == (200, "")
    if trouble == "gone":
        keys.path.unlink()
    else:
        keys.path.write_text("{")
    await asyncio.sleep(1.1)
    assert await opens(server, key) == (401, "credential_invalid")


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Basic abc", "sv_x", "Bearer sv_\udcff", "Bearer a.b.c", "Bearer " + "x" * 9_000],
)
async def test_what_is_no_credential_is_refused(serve: Serve, keys: KeyFile, issuer: Issuer, header: str) -> None:
    server = await serve(api_keys=keys.path, **issuer.settings())
    raw = header.encode("utf-8", "surrogateescape")
    answer = await server.http.get(SESSIONS, params={"namespace_id": "alice"}, headers=[(b"Authorization", raw)])
    assert (answer.status_code, answer.json()["code"]) == (401, "credential_invalid")
    assert answer.headers["www-authenticate"].startswith("Bearer ")


@pytest.mark.parametrize(("mounted", "root_path"), [("/voice", ""), ("", "/voice")])
async def test_under_a_path_of_another_application_callers_are_told_apart_too(
    keys: KeyFile, mounted: str, root_path: str
) -> None:
    key = keys.add("good", "alice")
    app = make_app(read_settings(recogniser="instant:", synthesiser="instant:", api_keys=keys.path))
    outer = Starlette(routes=[Mount(mounted, app)])
    transport = httpx.ASGITransport(outer, root_path=root_path)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://test{mounted or root_path}") as http:
        for path in ("/api/v1/examples", f"{SESSIONS}?namespace_id=alice"):
            assert (await http.get(path)).json()["code"] == "credential_required"
            assert (await http.get(path, headers=bearer(key))).status_code == 200
        assert (await http.get(f"{SESSIONS}?namespace_id=bob", headers=bearer(key))).status_code == 404


async def test_nothing_that_is_answered_may_be_kept(server: Server) -> None:
    session = await server.session("alice")
    for path in (f"/sessions/{session['id']}", "/sessions?namespace_id=alice", "/namespaces/alice", "/nothing"):
        assert (await server.http.get(f"/api/v1{path}")).headers["cache-control"] == "no-store"
    assert (await server.create("alice")).headers["cache-control"] == "no-store"


async def test_no_caller_is_sent_elsewhere_with_their_credential(serve: Serve, keys: KeyFile) -> None:
    key = keys.add("good", "*")
    server = await serve(api_keys=keys.path, public_url="https://voice.example.org")
    for host in ("voice.example.org", "evil.example"):
        answer = await server.http.post(f"{SESSIONS}/", json=opening(), headers=bearer(key) | {"host": host})
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert "location" not in answer.headers


async def test_two_credentials_at_once_are_refused(serve: Serve, keys: KeyFile) -> None:
    key = keys.add("good", "*")
    server = await serve(api_keys=keys.path)
    both = [("Authorization", f"Bearer {key}"), ("Authorization", "Bearer sv_x")]
    assert (await server.http.get("/api/v1/examples", headers=both)).status_code == 401


async def test_without_a_credential_a_body_is_not_even_read(serve: Serve, keys: KeyFile) -> None:
    server = await serve(api_keys=keys.path)
    answer = await server.http.post(SESSIONS, content=b"{")
    assert (answer.status_code, answer.json()["code"]) == (401, "credential_required")
    unknown = await server.http.get("/api/v1/nothing")
    assert (unknown.status_code, unknown.json()["code"]) == (401, "credential_required")


async def test_a_token_is_for_the_namespaces_it_names_to_the_letter(serve: Serve, issuer: Issuer) -> None:
    server = await serve(**issuer.settings())
    assert await opens(server, issuer.token("alice")) == (200, "")
    assert await opens(server, issuer.token(["bob", "alice"])) == (200, "")
    for names in ("*", ["al*"], [["alice"]], None, 7, {"alice": 1}):
        assert await opens(server, issuer.token(names)) == (403, "namespace_not_allowed")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://elsewhere.example.org"},
        {"aud": "another"},
        {"exp": None},
        {"exp": float("inf")},
        {"sub": None},
        {"aud": None},
        {"iss": None},
    ],
    ids=str,
)
async def test_a_token_that_is_not_for_here_is_refused(serve: Serve, issuer: Issuer, changes: dict[str, Any]) -> None:
    server = await serve(**issuer.settings())
    assert await opens(server, issuer.token("alice", **changes)) == (401, "credential_invalid")


async def test_a_token_without_a_real_signature_is_refused(serve: Serve, issuer: Issuer) -> None:
    server = await serve(**issuer.settings())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "x", "exp": 4_000_000_000, "namespaces": "alice"}
    unsigned = jwt.encode(claims, "", algorithm="none", headers={"kid": issuer.key_id})
    public = base64.b64encode(json.dumps(issuer.jwk()).encode())
    confused = jwt.encode(claims, public, algorithm="HS256", headers={"kid": issuer.key_id})
    whole = issuer.token("alice")
    head, body, signature = whole.split(".")
    cut = ".".join([head, body, signature[:-4]])
    for token in (unsigned, confused, cut, f"{head}.{body}.", whole + "x"):
        assert await opens(server, token) == (401, "credential_invalid")
    assert await opens(server, whole) == (200, "")


async def test_a_new_key_of_the_issuer_is_found_and_made_up_ones_are_not_asked_for(
    serve: Serve, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sottovoce.vault.tokens.AGAIN_S", 2.0)
    server = await serve(**issuer.settings())
    assert await opens(server, issuer.token("alice")) == (200, "")
    asked = issuer.asked
    for made_up in range(20):
        assert await opens(server, Issuer(str(made_up)).token("alice")) == (401, "credential_invalid")
    assert issuer.asked == asked
    issuer.key_id = "two"
    await asyncio.sleep(2)
    assert await opens(server, issuer.token("alice")) == (200, "")
    assert issuer.asked == asked + 1


async def test_an_issuer_that_is_not_there_is_no_fault_of_the_caller(serve: Serve, free_port: int) -> None:
    server = await serve(jwks_url=f"http://127.0.0.1:{free_port}/", jwt_issuer=ISSUER, jwt_audience=AUDIENCE)
    answer = await server.http.post(SESSIONS, json=opening(), headers=bearer(Issuer().token("alice")))
    assert (answer.status_code, answer.json()["code"]) == (503, "tokens_unchecked")
    assert answer.headers["retry-after"] == "10"


async def test_an_issuer_whose_answer_never_ends_locks_nobody_out_and_holds_nobody_up_twice(
    serve: Serve, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seconds in (("FRESH_S", 0.0), ("AGAIN_S", 0.0), ("FETCH_TIMEOUT_S", 1.0)):
        monkeypatch.setattr(f"sottovoce.vault.tokens.{name}", seconds)
    server = await serve(max_sessions_per_user=100, **issuer.settings())
    assert await opens(server, issuer.token("alice")) == (200, "")
    issuer.drips = True
    assert await opens(server, issuer.token("alice")) == (200, "")
    begun = time.monotonic()
    assert [await opens(server, issuer.token("alice")) for _ in range(10)] == [(200, "")] * 10
    assert time.monotonic() - begun < 1.0
    assert await opens(server, Issuer("made-up").token("alice")) == (401, "credential_invalid")


@pytest.mark.parametrize(
    "browser", [{"origin": "http://evil.example"}, {"accept-language": "en"}, {"sec-fetch-mode": "cors"}]
)
async def test_pages_under_a_foreign_name_are_refused(serve: Serve, browser: dict[str, str]) -> None:
    server = await serve(allowed_origins="http://voice.local:8765")
    listing = {"namespace_id": "alice"}
    for host, status in (
        ("evil.example:8765", 421),
        ("localhost:1", 200),
        ("[::1]:1", 200),
        ("voice.local", 200),
        ("", 421),
    ):
        answer = await server.http.get(SESSIONS, params=listing, headers=browser | {"host": host})
        assert answer.status_code == status, host
        if status != 200:
            assert answer.json()["code"] == "foreign_host"
    assert (await server.http.get(SESSIONS, params=listing, headers={"host": "alias.example"})).status_code == 200


async def test_preflights_let_pages_send_credentials(serve: Serve, keys: KeyFile) -> None:
    server = await serve(api_keys=keys.path, allowed_origins="https://app.example.org")
    asked = {"origin": "https://app.example.org", "access-control-request-method": "POST",
             "access-control-request-headers": "authorization,content-type"}  # fmt: skip
    assert (await server.http.options(SESSIONS, headers=asked)).status_code == 200
    refused = await server.http.post(SESSIONS, json=opening(), headers={"origin": "https://app.example.org"})
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == "https://app.example.org"


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"host": "192.0.2.1", "public_url": "https://voice.example.org"}, "api_keys"),
        ({"public_url": "https://voice.example.org"}, "api_keys"),
        ({"public_url": "https://voice.example.org", "namespaces": "registered"}, "proof"),
        ({"jwks_url": "https://login.example.org/jwks"}, "jwt_issuer"),
        ({"jwks_url": "http://login.example.org/jwks", "jwt_issuer": "x", "jwt_audience": "y"}, "https"),
    ],
    ids=str,
)
def test_a_server_that_others_reach_tells_them_apart_or_does_not_start(settings: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingsInvalid, match=named):
        read_settings(**settings)


def test_it_starts_with_any_way_of_telling_them_apart(keys: KeyFile) -> None:
    public = {"host": "192.0.2.1", "public_url": "https://voice.example.org"}
    tokens = {"jwks_url": "https://login.example.org/jwks", "jwt_issuer": "x", "jwt_audience": "y"}
    for way in ({"api_keys": keys.path}, tokens, PROVEN):
        assert read_settings(**public, **way).reached_by_others
    assert not read_settings(public_url="http://localhost:9000").reached_by_others


async def test_a_file_that_is_none_stops_the_start(serve: Serve, tmp_path: Path) -> None:
    for content in (None, "{}", '{"format":"sottovoce api keys 1","keys":[{"name":"a"}]}'):
        path = tmp_path / "keys"
        if content is not None:
            path.write_text(content)
        with pytest.raises(SettingsInvalid, match="API keys"):
            await serve(api_keys=path)


async def test_the_audit_log_says_who_did_what_to_which_pseudonym(
    serve: Serve, keys: KeyFile, issuer: Issuer, capsys: pytest.CaptureFixture[str]
) -> None:
    key = keys.add("clinic-app", "*")
    server = await serve(api_keys=keys.path, log_level="error", log_format="json", **issuer.settings())
    logs.configure(level="error", form="json")
    token = issuer.token(["secret.namespace"])
    view = (await server.http.post(SESSIONS, json=opening("secret.namespace"), headers=bearer(key))).json()
    path = f"{SESSIONS}/{view['id']}"
    answers = [
        await server.http.get(path, headers=bearer(token)),
        await server.http.get(path, headers=bearer(issuer.token("other"))),
        await server.http.request("PATCH", f"{path}/secret", headers=bearer(key)),
        await server.http.get(path),
    ]
    assert [answer.status_code for answer in answers] == [200, 404, 404, 401]
    text = capsys.readouterr().err
    lines = [json.loads(line) for line in text.splitlines()]
    assert [(line["action"], line["status"]) for line in lines] == [
        ("POST /api/v1/sessions", 200),
        ("GET /api/v1/sessions/{session_id}", 200),
        ("GET /api/v1/sessions/{session_id}", 404),
        ("OTHER unknown", 404),
        ("GET unknown", 401),
    ]
    assert {line["event"] for line in lines} == {"audit"}
    assert lines[0]["caller"] == "clinic-app"
    assert lines[0]["subject"] == lines[1]["subject"] == lines[2]["subject"]
    assert lines[1]["caller"] == lines[2]["caller"] != lines[0]["caller"]
    assert "caller" not in lines[4] or lines[4]["caller"] is None
    for secret in ("secret", "SECRET", "alice@example.org", view["id"], key, token, KEY):
        assert secret not in text


async def test_an_open_server_writes_no_audit_log_unless_asked_to(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(level="info", form="json")
    for settings, lines in (({}, 0), ({"audit_log": True}, 1)):
        server = await serve(**settings)
        await server.http.get("/api/v1/examples")
        assert capsys.readouterr().err.count('"audit"') == lines


async def fast(server: Server, address: str, namespace_id: str) -> httpx.Response:
    return await server.http.post(SESSIONS, json=opening(namespace_id), headers={"x-forwarded-for": address})


async def test_sessions_are_opened_only_so_fast_by_a_namespace_and_from_an_address(serve: Serve) -> None:
    server = await serve(
        trusted_proxies="127.0.0.1", creates_per_minute=3, creates_per_minute_address=5, max_sessions_per_user=100
    )
    mine = [await fast(server, "192.0.2.1", "alice") for _ in range(4)]
    assert [answer.status_code for answer in mine] == [200, 200, 200, 429]
    assert (mine[3].json()["code"], mine[3].headers["retry-after"]) == ("creating_too_fast", "20")
    assert (await fast(server, "192.0.2.2", "alice")).status_code == 429
    others = [await fast(server, "192.0.2.1", f"other.{each}") for each in range(2)]
    assert [answer.status_code for answer in others] == [200, 429]
    assert (await fast(server, "192.0.2.3", "bob")).status_code == 200


async def test_what_comes_through_a_proxy_of_this_machine_is_counted_though_nobody_listed_it(
    serve: Serve, keys: KeyFile
) -> None:
    key = keys.add("good", "*")
    server = await serve(
        api_keys=keys.path, public_url="https://voice.example.org", creates_per_minute=2, creates_per_minute_address=1
    )
    assert [(await opens(server, key))[0] for _ in range(3)] == [200, 200, 429]
    assert await opens(server, key, "bob") == (200, "")


def test_what_is_counted_is_not_remembered_by_its_name() -> None:
    counted = Buckets(5)
    counted.take("clinic.alice", 0)
    assert "alice" not in str(vars(counted))
    for _ in range(4):
        counted.take("clinic.alice", 0)
    with pytest.raises(CreatingTooFast):
        counted.take("clinic.alice", 0)


async def test_callers_of_this_machine_are_not_counted(serve: Serve) -> None:
    server = await serve(creates_per_minute=1, creates_per_minute_address=1)
    assert [(await server.create()).status_code for _ in range(5)] == [200] * 5
