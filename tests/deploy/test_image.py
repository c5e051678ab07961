"""The image without a container engine: the steps of its build, run here, make a server that is healthy."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest

from tests.deploy.files import DEPLOY, as_list, dockerfile, image_environment, steps
from tests.servers import ROOT, unused_port


@pytest.fixture(scope="module")
def image() -> Generator[Path, None, None]:
    """The folder that stands for the image's /opt/sottovoce, made by the build's own steps."""
    # Not pytest's own, which other users cannot enter.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        made, sources, tools = folder / "sottovoce", folder / "src", folder / "bin"
        tools.mkdir()
        base = Path(sys.executable).resolve()
        for tool, command in {"python": f'"{base}"', "pip": f'"{base}" -m pip'}.items():
            (tools / tool).write_text(f'#!/bin/sh\nexec {command} "$@"\n')
            (tools / tool).chmod(0o755)
        build = [step for step in dockerfile() if step[0] in {"FROM", "COPY", "RUN"}]
        last = max(at for at, step in enumerate(build) if step[0] == "FROM")
        for word, argument in build[1:last]:
            if word == "COPY":
                copy(argument.split(), sources)
            else:
                environment = os.environ | {"PATH": f"{tools}:{os.environ['PATH']}"}
                command = argument.replace("/opt/sottovoce", str(made))
                subprocess.run(["/bin/sh", "-ec", command], cwd=sources, env=environment, check=True)
        yield made


def copy(arguments: list[str], into: Path) -> None:
    """As COPY does; links stay links."""
    *names, target = arguments
    for name in names:
        place = into / target / name if target.endswith("/") and len(names) > 1 else into / target
        place.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, place, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, place)


def test_what_is_copied_gets_into_the_build() -> None:
    let_in = re.findall(r"^!(.+)$", (DEPLOY / "Dockerfile.dockerignore").read_text(), re.MULTILINE)
    copied = [name for argument in steps("COPY") if "--from" not in argument for name in argument.split()[:-1]]
    assert sorted(copied) == sorted(let_in)


# It installs all that the lock lists: half a minute, and several times that on a machine that does more at once.
@pytest.mark.timeout(300)
def test_the_steps_of_the_image_make_a_server_that_is_healthy(image: Path) -> None:
    port = unused_port()
    told = {name: value for name, value in image_environment().items() if name != "PATH"}
    told |= {"PATH": f"{image}/bin:/usr/bin:/bin", "SOTTOVOCE_PORT": str(port), "SOTTOVOCE_HOST": "127.0.0.1"}
    told["SOTTOVOCE_ENGINE_WORKERS"] = "1"
    check = [word.replace("8765", str(port)) for word in as_list("HEALTHCHECK")]

    def healthy() -> bool:
        return subprocess.run(check, env=told, check=False, stderr=subprocess.DEVNULL).returncode == 0

    assert not healthy()
    command = [str(image / "bin" / "sottovoce"), *as_list("CMD")]
    with subprocess.Popen(command, env=told, cwd=image, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            listens = process.stderr.readline()
            assert f"listens on http://127.0.0.1:{port}" in listens
            assert healthy()
            page = httpx.get(f"http://127.0.0.1:{port}/web/client/browser.js", trust_env=False)
            assert page.status_code == 200
        finally:
            process.terminate()
            process.communicate(timeout=20)
