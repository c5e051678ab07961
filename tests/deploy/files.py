"""What deploy/ says, for the tests to compare."""

import shlex
from typing import Any

import yaml

from sottovoce.settings import PREFIX
from tests.servers import ROOT

DEPLOY = ROOT / "deploy"


def dockerfile() -> list[tuple[str, str]]:
    """Instructions and their arguments, in order."""
    text = (DEPLOY / "Dockerfile").read_text()
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#")).replace("\\\n", " ")
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines.splitlines() if line)]


def steps(instruction: str) -> list[str]:
    return [argument for word, argument in dockerfile() if word == instruction]


def as_list(instruction: str) -> list[str]:
    """The last one's arguments in JSON form."""
    found: list[str] = yaml.safe_load(steps(instruction)[-1].split("CMD", 1)[-1])
    return found


def image_environment() -> dict[str, str]:
    return dict(part.split("=", 1) for argument in steps("ENV") for part in shlex.split(argument))


def unit(key: str) -> list[str]:
    """The values of a key of the systemd unit."""
    lines = (DEPLOY / "sottovoce.service").read_text().splitlines()
    return [line.split("=", 1)[1] for line in lines if line.startswith(f"{key}=")]


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return found


def kubernetes() -> dict[str, dict[str, Any]]:
    """The objects by their kinds."""
    return {each["kind"]: each for each in yaml.safe_load_all((DEPLOY / "kubernetes" / "sottovoce.yaml").read_text())}


def pod() -> dict[str, Any]:
    found: dict[str, Any] = kubernetes()["Deployment"]["spec"]["template"]["spec"]
    return found


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((DEPLOY / "prometheus" / "rules.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def settings_of(variables: dict[str, str]) -> dict[str, str]:
    return {name.removeprefix(PREFIX).lower(): value for name, value in variables.items() if name.startswith(PREFIX)}
