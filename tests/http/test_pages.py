import re
from pathlib import Path

import httpx

from sottovoce.http.pages import WEB
from tests.http.conftest import PROVEN, Serve, Server

MOST_BYTES = 150 * 1024


async def page_files(http: httpx.AsyncClient, path: str) -> dict[str, bytes]:
    """All that a page needs, by path: what it names, what that imports, and so on."""
    found: dict[str, bytes] = {}
    waiting = [path]
    while waiting:
        at = waiting.pop()
        if at in found:
            continue
        response = await http.get(at)
        assert response.status_code == 200, at
        found[at] = response.content
        named = re.findall(
            r"""(?:src|href)="([^"#]+)"|^(?:import|export)[^;]*?from '(\.[^']+)'|new URL\('(\.[^']+)'""",
            response.text,
            re.MULTILINE,
        )
        assert not [each for each in named if "//" in "".join(each)], f"{at} needs another host"
        waiting += [str(httpx.URL(f"http://x{at}").join("".join(each)).path) for each in named]
    return found


async def test_the_talk_page_and_all_it_needs_come_from_here_and_are_small(server: Server) -> None:
    files = await page_files(server.http, "/")
    assert {"/web/talk/main.js", "/web/client/session.js", "/web/client/capture-worklet.js"} <= files.keys()
    size = sum(map(len, files.values()))
    assert size <= MOST_BYTES


async def test_no_page_runs_a_script_that_is_not_a_file_of_ours(server: Server) -> None:
    response = await server.http.get("/")
    rules = dict(rule.strip().split(" ", 1) for rule in response.headers["content-security-policy"].split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    assert rules["frame-ancestors"] == rules["base-uri"] == "'none'"
    assert "style=" not in response.text
    assert not re.search(r"<script(?![^>]*src=)|\son\w+=", response.text)


async def test_only_the_microphone_is_asked_for(server: Server) -> None:
    permissions = (await server.http.get("/")).headers["permissions-policy"]
    granted = [each for each in permissions.split(", ") if not each.endswith("=()")]
    assert granted == ["microphone=(self)", "speaker-selection=(self)"]


async def test_files_of_a_page_carry_its_policy(server: Server) -> None:
    response = await server.http.get("/web/talk/main.js")
    assert response.headers["content-security-policy"].startswith("default-src 'none'")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-type"].startswith("text/javascript")


async def test_a_stream_elsewhere_may_be_connected_to(serve: Serve) -> None:
    server = await serve(public_url="https://voice.example.org/talk", **PROVEN)
    policy = (await server.http.get("/")).headers["content-security-policy"]
    assert "connect-src 'self' wss://voice.example.org;" in policy


async def test_nothing_but_the_pages_can_be_read(server: Server) -> None:
    for path in ("/web/../errors.py", "/web/%2e%2e/errors.py", "/web/client/../../../errors.py", "/web/nothing.js"):
        response = await server.http.get(path)
        assert (response.status_code, response.json()["code"]) == (404, "not_found"), path


async def test_the_rest_answers_as_before(server: Server) -> None:
    assert (await server.http.get("/api/v1/nothing")).json()["code"] == "not_found"
    assert (await server.http.put("/api/v1/sessions")).json()["code"] == "method_not_allowed"


def test_pages_name_no_other_host() -> None:
    named = [
        (path.name, host)
        for path in Path(WEB).rglob("*")
        if path.suffix in {".html", ".js", ".css"} and "vendor" not in path.parts
        for host in re.findall(r"""["'(]((?:https?:|wss?:)?//[^"')]+)""", path.read_text(encoding="utf-8"))
    ]
    assert named == []
