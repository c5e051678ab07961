"""nginx with our configuration before a real server: a conversation passes, and nothing of it stays behind."""

import datetime as dt
import ipaddress
import json
import os
import re
import shutil
import ssl
import subprocess
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.sync.client import connect

from tests.deploy.files import DEPLOY
from tests.servers import INSTANT, serving, unused_port

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed (Debian: nginx-light)")

CONFIGURATION = (DEPLOY / "nginx.conf").read_text()
NO_ERROR_LOG = "error_log /dev/null emerg;"
NEEDLE = "c4n4ry"
STARTS_WITHIN_S = 10


class Proxy:
    """A running nginx, in a folder of its own."""

    def __init__(self, folder: Path, port: int, plain_port: int) -> None:
        self.certificate = folder / "fullchain.pem"
        self.url = f"https://localhost:{port}"
        self.plain_url = f"http://localhost:{plain_port}"
        self.log = folder / "stderr"
        self.trusted = ssl.create_default_context(cafile=str(self.certificate))

    def get(self, path: str, **headers: str) -> httpx.Response:
        with httpx.Client(verify=self.trusted, trust_env=False) as client:
            return client.get(self.url + path, headers=headers)


def certify(folder: Path) -> None:
    """A certificate for localhost that signs itself, as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "privkey.pem").write_bytes(private)


@contextmanager
def proxy(folder: Path, port: int, upstream: str, text: str = CONFIGURATION) -> Generator[Proxy, None, None]:
    """nginx on `port`, before `upstream` (`host:port`), until the end of the block."""
    certify(folder)
    plain_port = unused_port()
    here = {
        "node:8765": upstream,
        "8443": str(port),
        "8080": str(plain_port),
        "/etc/nginx/tls/": f"{folder}/",
        "/tmp/": f"{folder}/",  # noqa: S108 - the container's own
    }
    assert all(ours in text for ours in here)
    text = re.sub("|".join(map(re.escape, here)), lambda ours: here[ours[0]], text)
    (folder / "nginx.conf").write_text(text)
    command = [NGINX or "", "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]
    subprocess.run([*command, "-t"], check=True, capture_output=True)
    found = Proxy(folder, port, plain_port)
    with found.log.open("w") as log, subprocess.Popen([*command, "-g", "daemon off;"], stderr=log) as process:
        try:
            started = time.monotonic()
            while not answers(found):
                assert process.poll() is None, found.log.read_text()
                assert time.monotonic() - started < STARTS_WITHIN_S
                time.sleep(0.05)
            yield found
        finally:
            process.terminate()
            process.wait(20)


def answers(found: Proxy) -> bool:
    try:
        found.get("/ready")
    except httpx.TransportError:
        return False
    return True


@pytest.fixture
def front(tmp_path: Path) -> Generator[Proxy, None, None]:
    """nginx and a server behind it that knows where clients reach it."""
    port = unused_port()
    with ExitStack() as stack:
        told = ("--log-level", "error", "--public-url", f"https://localhost:{port}")
        url = stack.enter_context(serving(*told, log=None, **INSTANT))
        yield stack.enter_context(proxy(tmp_path, port, url.removeprefix("http://")))


def test_a_conversation_passes_through_it(front: Proxy) -> None:
    body = {"namespace_id": "a.1", "key_hash": "sha256:" + "a" * 64, "device_type": "cli", "client_version": "1.0"}
    with httpx.Client(verify=front.trusted, trust_env=False) as client:
        session = client.post(f"{front.url}/api/v1/sessions", json=body).json()
    assert session["websocket_url"].startswith(front.url.replace("https", "wss"))
    said = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "what time is it"}]}
    with connect(session["websocket_url"], ssl=front.trusted, proxy=None) as stream:
        stream.send(json.dumps({"type": "conversation.item.create", "item": said}))
        stream.send(json.dumps({"type": "response.create"}))
        text = ""
        while not text:
            message = stream.recv(timeout=20)
            event = json.loads(message) if isinstance(message, str) else {}
            text = event.get("transcript") or ""
    assert text.startswith("It is")


def test_what_is_for_those_who_run_it_stays_inside(front: Proxy) -> None:
    assert front.get("/health").json() == {"status": "ok"}
    assert front.get("/metrics").status_code == 404
    assert front.get("/ready").status_code == 404


def test_plain_http_is_sent_to_tls(front: Proxy) -> None:
    answer = httpx.get(f"{front.plain_url}/health", trust_env=False)
    assert answer.status_code == 308
    assert answer.headers["location"] == "https://localhost/health"


def test_nothing_of_a_request_is_kept(tmp_path: Path) -> None:
    """Nor where it fails: lines on errors hold whole requests."""
    with proxy(tmp_path, unused_port(), f"127.0.0.1:{unused_port()}") as front:
        ask_in_vain(front)
    assert traces(tmp_path) == []


def test_a_ticket_in_the_error_log_would_be_found(tmp_path: Path) -> None:
    loud = CONFIGURATION.replace(NO_ERROR_LOG, "")
    assert loud != CONFIGURATION
    with proxy(tmp_path, unused_port(), f"127.0.0.1:{unused_port()}", loud) as front:
        ask_in_vain(front)
    assert traces(tmp_path) == ["stderr"]


def ask_in_vain(front: Proxy) -> None:
    for path in ("/ws/voice", "/api/v1/sessions"):
        answer = front.get(f"{path}?ticket={NEEDLE}", connection="upgrade", upgrade="websocket")
        assert answer.status_code == 502


def traces(folder: Path) -> list[str]:
    """Files with the needle."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if has_needle(path))


def has_needle(path: Path) -> bool:
    return path.is_file() and NEEDLE.encode() in path.read_bytes()
