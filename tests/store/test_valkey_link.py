"""The line itself: passwords, TLS, scripts that a server has forgotten, a server that is gone."""

import asyncio
import datetime as dt
import threading
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from sottovoce.errors import SettingsInvalid, StoreUnavailable
from sottovoce.store.valkey_link import Link, Script
from sottovoce.store.valkey_url import read_servers
from tests.peers import valkey as peers
from tests.servers import new_port


def up(link: Link) -> bool:
    return link.up


async def works(url: str, password: str | None = None) -> None:
    link = Link(read_servers(url), password)
    await link.start()
    try:
        assert await link.call(lambda client: client.set("key", "value", px=1_000))
        assert await link.call(lambda client: client.get("key")) == b"value"
    finally:
        await link.close()


async def test_a_password_opens_it_and_nothing_else_does() -> None:
    with peers.valkey("--requirepass", "open sesame") as server:
        await works(server.url, "open sesame")
        for wrong in ("open", None):
            with pytest.raises(StoreUnavailable, match="store_password_file") as raised:
                await works(server.url, wrong)
            assert "sesame" not in str(raised.value)


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """One that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    names: list[x509.GeneralName] = [x509.DNSName(name)]
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, SHA256())
    )
    files = folder / f"{name}.pem", folder / f"{name}.key"
    files[0].write_bytes(made.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files


async def test_tls_is_held_to_the_name_and_to_who_vouches_for_it(tmp_path: Path) -> None:
    public, private = certificate(tmp_path, "localhost")
    other, _ = certificate(tmp_path, "elsewhere")
    port = new_port()
    options = ("--tls-port", str(port), "--tls-cert-file", str(public), "--tls-key-file", str(private))
    with peers.valkey(*options, "--tls-ca-cert-file", str(public), "--tls-auth-clients", "no"):
        threads = threading.active_count()
        await works(f"valkeys://localhost:{port}/0?ca_file={public}")
        assert threading.active_count() == threads, "who has threads cannot be locked down"
        for url in (
            f"valkeys://127.0.0.1:{port}/0?ca_file={public}",  # another name
            f"valkeys://localhost:{port}/0?ca_file={other}",
            f"valkeys://localhost:{port}/0",
        ):
            with pytest.raises(StoreUnavailable):
                await works(url)
    with pytest.raises(SettingsInvalid, match="ca_file"):
        await works(f"valkeys://localhost:{port}/0?ca_file={private}")


async def test_a_script_that_the_server_has_forgotten_is_given_again(valkey: peers.Server) -> None:
    link, script = Link(read_servers(valkey.url), None), Script("renew", prelude="")
    await link.start()
    for _ in range(2):
        valkey.ask("SCRIPT", "FLUSH")
        assert await link.run(script, ["lease", "inbox"], 1_000) == [0]
        valkey.ask("FLUSHALL")
    await link.close()


async def test_while_the_server_is_away_every_call_fails_at_once_and_then_works_again() -> None:
    port, back = new_port(), asyncio.Event()
    with peers.valkey(port=port) as server:
        link = Link(read_servers(server.url), None)

        async def returned() -> None:
            back.set()

        link.on_return = returned
        await link.start()
    loop = asyncio.get_running_loop()
    began = loop.time()
    for _ in range(100):
        with pytest.raises(StoreUnavailable):
            await link.call(lambda client: client.get("key"))
    assert loop.time() - began < 1
    assert not up(link)
    with peers.valkey(port=port):
        await asyncio.wait_for(back.wait(), 10)
        assert await link.call(lambda client: client.get("key")) is None
        # Callers that give up half-way use nothing up.
        for _ in range(200):
            call = asyncio.ensure_future(link.call(lambda client: client.get("key")))
            await asyncio.sleep(0)
            call.cancel()
        async with asyncio.timeout(10):
            while not up(link):
                await asyncio.sleep(0.05)
        assert await link.call(lambda client: client.get("key")) is None
        await link.close()


async def test_a_name_that_is_none_is_said() -> None:
    with pytest.raises(StoreUnavailable):
        await works("valkey://no-such-host.invalid:6379/0")
