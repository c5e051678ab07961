#!/usr/bin/env bash
# Resolves pyproject.toml into requirements/*.txt: versions and hashes, for every Python we support, no addresses.
# What is locked already stays, unless told otherwise: tools/lock.sh --upgrade, or --upgrade-package NAME.
set -euo pipefail
cd "$(dirname "$0")/.."
compile() {
  local out=requirements/$1.txt
  shift
  .venv/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
    --no-emit-package sottovoce "$@" -o "$out"
}
extras=(--extra espeak --extra mcp --extra microphone --extra openai --extra wyoming)
compile setup --group setup "$@"
compile run pyproject.toml "${extras[@]}" --group build "$@"
compile dev pyproject.toml "${extras[@]}" --extra smart-turn --group build --group dev -c requirements/run.txt "$@"
.venv/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
  bench/peers/requirements.in -o bench/peers/requirements.txt "$@"
