"""Calls to servers that speak TLS with a certificate of their own."""

import asyncio
import datetime as dt
import ssl
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sottovoce.client import ServerUnreachable
from sottovoce.client.rest import Rest

WEEK = dt.timedelta(days=7)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Self-signed, for localhost, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + WEEK)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "both.pem"
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return file


@pytest.fixture
async def url(certificate: Path) -> AsyncGenerator[str]:
    """A server behind that certificate, which answers an empty list."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]")
        await writer.drain()
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context) as server:
        yield f"https://localhost:{server.sockets[0].getsockname()[1]}"


async def called(url: str) -> Any:
    rest = Rest(url)
    try:
        return await rest.call(list[str], "GET", "/examples")
    finally:
        await rest.close()


async def test_a_certificate_that_is_not_trusted_is_said_to_be_so(url: str) -> None:
    with pytest.raises(ServerUnreachable) as caught:
        await called(url)
    assert caught.value.message.startswith(f"The certificate of {url} is not trusted (self-signed certificate). ")
    assert "SSL_CERT_FILE" in caught.value.message


async def test_one_that_is_named_is_trusted_on_this_machine_too(
    url: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert await called(url) == []
