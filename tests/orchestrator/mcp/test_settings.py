import json
import sys
from pathlib import Path
from typing import Any

import pytest

from sottovoce.app import make_hub
from sottovoce.errors import SettingsInvalid
from sottovoce.settings import read_settings


def settings(**servers: Any) -> Any:
    return read_settings(recogniser="instant:", synthesiser="instant:", mcp_servers=servers)


@pytest.mark.parametrize(
    ("name", "server", "said"),
    [
        ("Home", {"command": "x"}, "mcp_servers.Home"),
        ("a.b", {"command": "x"}, "mcp_servers.a.b"),
        ("home", {}, "a command that starts it, or a url"),
        ("home", {"command": "x", "url": "http://x/"}, "a command that starts it, or a url"),
        ("home", {"url": "ftp://x/"}, "looks like https://"),
        ("home", {"url": "http://user:sesame@x/"}, "without a password"),
        ("home", {"url": "http://x/", "args": ["y"]}, "args and env are for MCP servers with a command"),
        ("home", {"command": "x", "credential_env": "Y"}, "credential_env are for MCP servers with a url"),
        ("home", {"command": "x", "confirm": "sometimes"}, "confirm"),
        ("home", {"command": "x", "timeout_seconds": 0}, "timeout_seconds"),
        ("home", {"command": "x", "shell": True}, "shell"),
    ],
)
def test_what_cannot_be_used_is_named(name: str, server: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsInvalid, match=said) as told:
        settings(**{name: server})
    assert "sesame" not in told.value.message


def test_headers_are_read_at_the_start(tmp_path: Path) -> None:
    bad = tmp_path / "headers"
    bad.write_text("this is no header\n")
    for server, said in (
        ({"headers_file": tmp_path / "nowhere"}, "nowhere"),
        ({"headers_file": bad}, "Name: value"),
        ({"credential_env": "SURELY_NOT_SET"}, "SURELY_NOT_SET"),
    ):
        with pytest.raises(SettingsInvalid, match=said):
            make_hub(settings(home={"url": "http://127.0.0.1:1/", **server}))


def test_they_stand_in_the_file_or_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "sottovoce.toml"
    file.write_text('[mcp_servers.home]\ncommand = "x"\nenv = { KEY = "sesame" }\n')
    monkeypatch.setenv("SOTTOVOCE_CONFIG", str(file))
    read = read_settings()
    assert read.mcp_servers["home"].env["KEY"].get_secret_value() == "sesame"
    assert "sesame" not in read.model_dump_json()
    monkeypatch.setenv("SOTTOVOCE_MCP_SERVERS", json.dumps({"office": {"url": "https://x/mcp"}}))
    assert read_settings().mcp_servers["office"].url == "https://x/mcp"


def test_without_the_extra_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sottovoce.orchestrator.mcp.servers", None)
    with pytest.raises(SettingsInvalid, match=r"sottovoce\[mcp\]"):
        make_hub(settings(home={"command": "x"}))
    make_hub(settings())
