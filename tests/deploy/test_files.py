"""deploy/ against the code: what its files name is there."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from sottovoce import errors
from sottovoce.cli import app
from sottovoce.settings import Settings
from tests.deploy.files import (
    DEPLOY,
    as_list,
    compose,
    dockerfile,
    image_environment,
    kubernetes,
    pod,
    rules,
    settings_of,
    steps,
    unit,
)
from tests.servers import instant_server

__all__ = ["instant_server"]

PROMTOOL = shutil.which("promtool")
ABOVE_ALL = {"public_url": "https://voice.example.org", "api_keys": "api-keys.json"}
"""What those who run it have to set, and no file of ours can."""

SETTINGS = {
    "Dockerfile": settings_of(image_environment()),
    "compose.yaml": settings_of(compose()["services"]["node"]["environment"]),
    "sottovoce.service": settings_of(dict(each.split("=", 1) for each in unit("Environment"))),
    "kubernetes": tomllib.loads(kubernetes()["ConfigMap"]["data"]["sottovoce.toml"]),
}


@pytest.mark.parametrize("place", SETTINGS)
def test_the_settings_of_a_file_exist_and_can_be_used(place: str) -> None:
    named = SETTINGS[place]
    assert len(named) > 2
    assert set(named) <= set(Settings.model_fields)
    Settings(**(named | {name: value for name, value in ABOVE_ALL.items() if "$" in named.get(name, "$")}))


@pytest.mark.parametrize(
    "command",
    [
        as_list("ENTRYPOINT") + as_list("CMD"),
        [Path(word).name if at == 0 else word for at, word in enumerate(unit("ExecStart")[0].split())],
    ],
    ids=["Dockerfile", "sottovoce.service"],
)
def test_the_command_is_one_of_ours(command: list[str]) -> None:
    program, *arguments = command
    assert program == "sottovoce"
    answer = CliRunner().invoke(app, [*arguments, "--help"])
    assert answer.exit_code == 0, answer.output
    assert "Serve voice sessions" in answer.output


def test_every_metric_of_the_rules_is_measured(instant_server: str) -> None:
    families = list(text_string_to_metric_families(httpx.get(f"{instant_server}/metrics", trust_env=False).text))
    kinds = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
    measured = {family.name + ending for family in families for ending in kinds.get(family.type, ("",))}
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    used = {name for rule in rules() for name in re.findall(r"\bsottovoce[_:][a-z0-9_:]+", rule["expr"])}
    assert len(used) > 8
    assert used <= measured | recorded


def test_every_code_of_the_rules_is_one_of_our_errors() -> None:
    codes = {value.code for value in vars(errors).values() if isinstance(value, type) and hasattr(value, "code")}
    named = {
        code for rule in rules() for many in re.findall(r'code=~?"([^"]+)"', rule["expr"]) for code in many.split("|")
    }
    assert named == {"node_full", "node_overloaded"}
    assert named <= codes


def test_alerts_say_what_is_wrong_and_how_urgent_it_is() -> None:
    alerts = [rule for rule in rules() if "alert" in rule]
    assert len(alerts) > 5
    assert all(rule["annotations"]["summary"] and rule["labels"]["severity"] in {"page", "ticket"} for rule in alerts)


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (Debian: prometheus)")
def test_the_rules_fire_when_they_should() -> None:
    folder = DEPLOY / "prometheus"
    subprocess.run([PROMTOOL or "", "check", "config", folder / "prometheus.yml"], check=True)
    subprocess.run([PROMTOOL or "", "test", "rules", folder / "rules_test.yml"], check=True)


def test_containers_can_write_nothing_and_gain_nothing() -> None:
    for service in compose()["services"].values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
    node = compose()["services"]["node"]
    assert node["ulimits"]["memlock"] == -1
    assert node["mem_limit"] == node["memswap_limit"]
    assert "USER" in {word for word, _ in dockerfile()}


def test_compose_knows_the_addresses_that_it_trusts() -> None:
    services = compose()["services"]
    proxy = services["proxy"]["networks"]["inside"]["ipv4_address"]
    assert services["node"]["environment"]["SOTTOVOCE_TRUSTED_PROXIES"] == proxy
    assert f"node:{image_environment()['SOTTOVOCE_PORT']}" in (DEPLOY / "nginx.conf").read_text()


def test_the_pod_is_restricted_and_never_swapped() -> None:
    [container] = pod()["containers"]
    assert kubernetes()["Namespace"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert pod()["securityContext"]["runAsNonRoot"]
    assert pod()["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["requests"] == container["resources"]["limits"]


def test_the_objects_belong_together() -> None:
    objects = kubernetes()
    labels = objects["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert objects["Service"]["spec"]["selector"] == objects["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    [container] = pod()["containers"]
    assert container["ports"] == [{"name": "http", "containerPort": int(image_environment()["SOTTOVOCE_PORT"])}]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert set(mounts) == {volume["name"] for volume in pod()["volumes"]}
    assert mounts["config"] == steps("WORKDIR")[-1]  # where sottovoce.toml is looked for
    for name in ("api_keys", "receipt_key"):
        assert str(Path(SETTINGS["kubernetes"][name]).parent) == mounts["secrets"]


def test_a_service_of_that_name_leaves_the_settings_alone() -> None:
    """Kubernetes would put SOTTOVOCE_PORT=tcp://… into the pod."""
    assert "port" in Settings.model_fields
    assert pod()["enableServiceLinks"] is False


def test_probes_ask_for_what_is_there(instant_server: str) -> None:
    [container] = pod()["containers"]
    paths = {container[probe]["httpGet"]["path"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert paths == {"/ready", "/health"}
    for path in paths:
        assert httpx.get(instant_server + path, trust_env=False).status_code == 200
