"""Keys, proofs and sealed answers, through a whole server."""

import json
from typing import Any

import httpx
import pytest

from sottovoce.client.rest import Proof
from sottovoce.vault.keys import NamespaceKeys, decode, encode
from sottovoce.vault.sealing import Purpose, SessionKey, open_sealed
from tests.http.conftest import KEY, PROVEN, Serve, Server

SESSIONS = "/api/v1/sessions"


def opening(keys: NamespaceKeys, namespace_id: str = "alice", **changes: Any) -> dict[str, Any]:
    body = {
        "namespace_id": namespace_id,
        "key_hash": keys.public.key_hash,
        "device_type": "web",
        "client_version": "1",
        "public_keys": keys.public.view(),
    }
    return body | changes


def code(response: httpx.Response) -> tuple[int, str | None]:
    return response.status_code, response.json().get("code") if response.status_code != 200 else None


async def opened(server: Server, keys: NamespaceKeys, namespace_id: str = "alice") -> dict[str, Any]:
    response = await server.http.post(SESSIONS, json=opening(keys, namespace_id), auth=Proof(keys))
    assert response.status_code == 200, response.text
    view: dict[str, Any] = response.json()
    return view


async def test_the_key_of_a_session_opens_for_its_namespace_only(server: Server) -> None:
    keys, others = NamespaceKeys.generate(), NamespaceKeys.generate()
    view = await opened(server, keys)
    sealed = decode(view["session_key"]["sealed"])
    secret = open_sealed(keys.sealing, Purpose.SESSION_KEY, view["id"], sealed)
    kept = server.hub.keyring.sessions.get(view["id"])
    assert kept is not None
    record = kept.seal(Purpose.TASK, b"words")
    assert SessionKey(view["id"], secret).open(Purpose.TASK, record) == b"words"
    with pytest.raises(Exception, match="opened"):
        open_sealed(others.sealing, Purpose.SESSION_KEY, view["id"], sealed)
    await server.http.delete(f"{SESSIONS}/{view['id']}", auth=Proof(keys))
    assert server.hub.keyring.sessions.get(view["id"]) is None
    assert kept.secret == b""


async def test_a_result_that_was_kept_opens_after_the_session(server: Server) -> None:
    keys = NamespaceKeys.generate()
    view = await opened(server, keys)
    note = {"type": "note", "arguments": {"text": "the key is under the mat"}}
    task = (await server.http.post(f"{SESSIONS}/{view['id']}/tasks", json=note, auth=Proof(keys))).json()
    got = (await server.http.get(f"/api/v1/tasks/{task['id']}/result", auth=Proof(keys))).json()
    await server.http.delete(f"{SESSIONS}/{view['id']}", auth=Proof(keys))
    assert json.loads(open_sealed(keys.sealing, Purpose.RESULT, task["id"], decode(got["sealed"]))) == got["result"]


async def test_who_has_shown_keys_signs_every_call(server: Server) -> None:
    keys, others = NamespaceKeys.generate(), NamespaceKeys.generate()
    assert code(await server.http.post(SESSIONS, json=opening(keys))) == (401, "proof_required")
    view = await opened(server, keys)
    timer = {"type": "timer", "arguments": {"seconds": 60}}
    task = (await server.http.post(f"{SESSIONS}/{view['id']}/tasks", json=timer, auth=Proof(keys))).json()
    calls = [
        ("GET", f"{SESSIONS}/{view['id']}"),
        ("GET", f"{SESSIONS}/{view['id']}/stats"),
        ("GET", f"{SESSIONS}/{view['id']}/tasks"),
        ("POST", f"{SESSIONS}/{view['id']}/resume"),
        ("GET", f"{SESSIONS}?namespace_id=alice"),
        ("GET", f"/api/v1/tasks/{task['id']}"),
        ("POST", f"/api/v1/tasks/{task['id']}/cancel"),
        ("DELETE", f"{SESSIONS}/{view['id']}"),
    ]
    for method, path in calls:
        assert code(await server.http.request(method, path)) == (401, "proof_required"), path
        assert code(await server.http.request(method, path, auth=Proof(others))) == (401, "proof_invalid"), path
    for method, path in calls:
        assert code(await server.http.request(method, path, auth=Proof(keys))) == (200, None), path


async def test_a_call_that_was_overheard_cannot_be_made_again(server: Server) -> None:
    keys = NamespaceKeys.generate()
    response = await server.http.post(SESSIONS, json=opening(keys), auth=Proof(keys))
    sent = response.request
    again = await server.http.send(httpx.Request(sent.method, sent.url, headers=sent.headers, content=sent.content))
    assert code(again) == (401, "proof_invalid")


async def test_the_fingerprint_alone_opens_nothing_where_keys_were_shown(server: Server) -> None:
    keys = NamespaceKeys.generate()
    await opened(server, keys)
    bare = opening(keys)
    del bare["public_keys"]
    assert code(await server.http.post(SESSIONS, json=bare)) == (401, "proof_required")
    assert code(await server.http.post(SESSIONS, json=bare, auth=Proof(keys))) == (200, None)
    assert code(await server.http.post(SESSIONS, json=bare | {"key_hash": KEY}, auth=Proof(keys))) == (
        401,
        "invalid_key_hash",
    )


async def test_keys_that_are_none_or_others_are_refused(server: Server) -> None:
    keys, others = NamespaceKeys.generate(), NamespaceKeys.generate()
    foreign = opening(keys, public_keys=others.public.view())
    assert code(await server.http.post(SESSIONS, json=foreign, auth=Proof(others))) == (422, "invalid_public_keys")
    odd = opening(keys, public_keys={"sealing": encode(b"x"), "proof": {"alg": "ed25519", "key": "AA"}})
    assert code(await server.http.post(SESSIONS, json=odd)) == (422, "invalid_public_keys")


async def test_signatures_are_over_the_public_url_whatever_host_is_said(serve: Serve) -> None:
    keys = NamespaceKeys.generate()
    server = await serve(
        public_url="https://voice.example.org/sotto", **PROVEN, registered_namespaces={"alice": keys.public.key_hash}
    )
    body = json.dumps(opening(keys)).encode()
    for url, wanted in (
        ("https://voice.example.org/sotto/api/v1/sessions", (200, None)),
        (f"{server.http.base_url}{SESSIONS}", (401, "proof_invalid")),
    ):
        signed = httpx.Request("POST", url, content=body, headers={"Content-Type": "application/json"})
        signed = next(Proof(keys).auth_flow(signed))
        headers = {name: signed.headers[name] for name in ("content-digest", "signature", "signature-input")}
        headers["Content-Type"] = "application/json"
        assert code(await server.http.post(SESSIONS, content=body, headers=headers)) == wanted


async def test_only_registered_namespaces_or_none_without_keys_if_so_set(serve: Serve) -> None:
    keys = NamespaceKeys.generate()
    registered = await serve(namespaces="registered", registered_namespaces={"alice": keys.public.key_hash})
    assert code(await registered.http.post(SESSIONS, json=opening(keys), auth=Proof(keys))) == (200, None)
    assert code(await registered.create("bob")) == (401, "invalid_key_hash")
    strict = await serve(proof="always")
    assert code(await strict.create("bob")) == (401, "proof_required")
    assert code(await strict.http.post(SESSIONS, json=opening(keys), auth=Proof(keys))) == (200, None)


async def test_whoever_has_other_keys_uses_up_no_rate_and_learns_not_whether_a_namespace_lives(serve: Serve) -> None:
    keys, others = NamespaceKeys.generate(), NamespaceKeys.generate()
    url = "https://voice.example.org"
    server = await serve(
        public_url=url, creates_per_minute=1, registered_namespaces={"alice": keys.public.key_hash}, **PROVEN
    )

    async def call(method: str, path: str, signed_by: NamespaceKeys, body: dict[str, Any] | None = None) -> Any:
        content = b"" if body is None else json.dumps(body).encode()
        request = httpx.Request(method, url + path, content=content)
        request = next(Proof(signed_by).auth_flow(request))
        headers = {name: request.headers[name] for name in ("content-digest", "signature", "signature-input")}
        return code(
            await server.http.request(
                method, path, content=content, headers=headers | {"Content-Type": "application/json"}
            )
        )

    async def tried() -> list[Any]:
        mine = opening(others)
        return [
            await call("POST", SESSIONS, others, mine),
            await call("POST", SESSIONS, others, mine | {"key_hash": keys.public.key_hash}),
            await call("POST", SESSIONS, others, opening(keys)),
            await call("GET", "/api/v1/namespaces/alice", others),
            await call("GET", f"{SESSIONS}?namespace_id=alice", others),
            code(await server.http.get("/api/v1/namespaces/alice")),
        ]

    before = await tried()
    assert await call("POST", SESSIONS, keys, opening(keys)) == (200, None)
    assert await tried() == before
    assert [status for status, _ in before] == [401, 422, 401, 401, 401, 401]
    assert await call("GET", "/api/v1/namespaces/alice", keys) == (200, None)
