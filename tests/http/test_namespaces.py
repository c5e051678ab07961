"""What is held of a namespace, and its erasure."""

import asyncio
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sottovoce.errors import SettingsInvalid
from sottovoce.vault.receipts import Signer, check, hash_of
from tests.http.conftest import KEY, Serve, Server

ALICE = "/api/v1/namespaces/alice"


async def test_what_is_held_is_counted(server: Server) -> None:
    nothing = (await server.http.get(ALICE)).json()
    assert nothing == {
        "namespace_id": "alice", "live_sessions": 0, "ended_sessions": 0, "messages": 0, "tasks": 0,
        "key_hash": None, "public_keys": False, "held_until": None,
    }  # fmt: skip
    first = await server.session("alice")
    second = await server.session("alice")
    await server.session("bob")
    async with server.stream(first["websocket_url"]) as stream:
        await stream.type("take a note that the door is open")
        await stream.until("response.done")
        async with server.stream(second["websocket_url"]) as other:
            await other.type("goodbye")
            assert (await other.closed())[0] == 1000
        held = (await server.http.get(ALICE)).json()
    assert (held["live_sessions"], held["ended_sessions"]) == (1, 1)
    assert (held["messages"], held["tasks"]) == (2, 1)
    assert held["key_hash"] == KEY
    expires = (await server.http.get(f"/api/v1/sessions/{second['id']}")).json()["expires_at"]
    assert held["held_until"] == expires


async def test_all_of_a_namespace_is_erased_and_nothing_of_others(server: Server) -> None:
    live, ended, others = [await server.session(name) for name in ("alice", "alice", "bob")]
    async with server.stream(ended["websocket_url"]) as stream:
        await stream.type("goodbye")
        await stream.closed()
    async with server.stream(live["websocket_url"]) as stream:
        await stream.type("take a note that the door is open")
        await stream.until("response.done")
        erased = (await server.http.delete(ALICE)).json()
        assert (await stream.closed())[0] == 1000
    assert (erased["sessions"], erased["messages"], erased["tasks"]) == (2, 2, 1)
    for gone in (live, ended):
        assert (await server.http.get(f"/api/v1/sessions/{gone['id']}")).status_code == 404
    assert await server.hub.store.all_sessions("alice") == []
    assert (await server.http.get(f"/api/v1/sessions/{others['id']}")).status_code == 200
    assert (await server.http.get(ALICE)).json()["live_sessions"] == 0

    [key] = (await server.http.get("/receipts/keys")).json()["keys"]
    assert key == erased["receipt_key"]
    claims = check(erased["receipt"], key)
    assert claims["namespace"] == hash_of("alice")
    assert sorted(claims["session_hashes"]) == sorted(hash_of(each["id"]) for each in (live, ended))
    assert (claims["sessions"], claims["messages"], claims["tasks"], claims["iss"]) == (2, 2, 1, "sottovoce")
    head, body, signature = erased["receipt"].split(".")
    for forged in (f"{head}.{body[:-2]}AA.{signature}", f"{head}.{body}.{'A' * len(signature)}"):
        with pytest.raises(jwt.InvalidTokenError):
            check(forged, key)


async def test_a_namespace_can_be_opened_anew_with_another_key_once_it_is_erased(server: Server) -> None:
    await server.create("alice")
    other = "sha256:" + "b" * 64
    assert (await server.create("alice", other)).status_code == 401
    await server.http.delete(ALICE)
    assert (await server.create("alice", other)).status_code == 200


async def test_sessions_that_are_opened_meanwhile_go_too(serve: Serve) -> None:
    server = await serve(max_sessions_per_user=100)
    for _ in range(20):
        await server.session("alice")
    erasing = asyncio.create_task(server.http.delete(ALICE))
    opened = [await server.create("alice") for _ in range(5)]
    erased = (await erasing).json()
    assert erased["sessions"] >= 20
    left = (await server.http.get(ALICE)).json()["live_sessions"]
    assert erased["sessions"] + left == 20 + len(opened)


async def test_of_two_erasures_at_once_each_session_is_in_one_receipt(serve: Serve) -> None:
    server = await serve(max_sessions_per_user=100)
    for _ in range(10):
        await server.session("alice")
    answers = [answer.json() for answer in await asyncio.gather(*(server.http.delete(ALICE) for _ in range(3)))]
    assert sum(answer["sessions"] for answer in answers) == 10
    receipts = [check(answer["receipt"], answer["receipt_key"]) for answer in answers]
    assert len({receipt["jti"] for receipt in receipts}) == 3


async def test_a_token_of_another_kind_is_no_receipt() -> None:
    signer = Signer()
    other = jwt.encode({"iat": 1}, signer._key, algorithm="EdDSA")
    with pytest.raises(jwt.InvalidTokenError, match="receipt"):
        check(other, signer.public)


async def test_a_key_of_the_settings_signs_and_outlives_the_process(serve: Serve, tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    path = tmp_path / "receipts.pem"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    keys = []
    for _ in range(2):
        server = await serve(receipt_key=path)
        erased = (await server.http.delete(ALICE)).json()
        check(erased["receipt"], erased["receipt_key"])
        keys.append(erased["receipt_key"])
    assert keys[0] == keys[1]


async def test_a_key_that_is_none_stops_the_start(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "receipts.pem"
    with pytest.raises(SettingsInvalid, match="cannot be read"):
        await serve(receipt_key=path)
    path.write_text("no key")
    with pytest.raises(SettingsInvalid, match="openssl genpkey"):
        await serve(receipt_key=path)


async def test_a_name_that_is_none_is_refused(server: Server) -> None:
    for name in ("a b", "a" * 129, "*", "ä"):
        answer = await server.http.delete(f"/api/v1/namespaces/{name}")
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
