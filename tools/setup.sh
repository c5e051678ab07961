#!/usr/bin/env bash
# Makes .venv from the lock: `setup.sh run` what serving needs, `setup.sh dev` all. Quick when nothing changed.
set -euo pipefail
cd "$(dirname "$0")/.."

what=${1:?run or dev}
python=${PYTHON:-python3}
lock=requirements/$what.txt
stamp=.venv/.made-of-$what

say() { printf 'setup: %s\n' "$*" >&2; }

command -v "$python" >/dev/null || { say "Python 3.11 or newer is needed; on Debian: apt-get install python3 python3-pip"; exit 1; }
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { say "$("$python" -V) is too old: 3.11 or newer is needed, e.g. make PYTHON=python3.12"; exit 1; }

# The place counts too: the scripts of an environment hold its path.
key=$({ pwd; "$python" -c 'import sys; print(sys.version, sys.base_prefix)'; cat tools/setup.sh pyproject.toml "$lock"; [ "$what" = run ] || cat package-lock.json; } | sha256sum)
if [ -x .venv/bin/sottovoce ] && { [ "$what" = run ] || [ -d node_modules ]; } && [ "$(cat "$stamp" 2>/dev/null)" = "$key" ]; then exit 0; fi

mkdir -p .venv
exec 9>.venv/.setup-lock
flock 9

# PortAudio is for the microphone only, so its absence stops nothing.
if [ "$(uname -s)" = Linux ] && ! "$python" -c 'import ctypes.util, sys; sys.exit(not ctypes.util.find_library("portaudio"))'; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "installing the Debian package libportaudio2, for the microphone"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends libportaudio2; } >/dev/null 2>&1 \
      || say "libportaudio2 could not be installed: all but the microphone works"
  else
    say "speaking into the microphone needs one more package: apt-get install libportaudio2"
  fi
fi

# Debian starts what it installs, unless this file says no. It goes when this script does.
no_services() {
  [ -e /usr/sbin/policy-rc.d ] && return
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod +x /usr/sbin/policy-rc.d
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
}

# What the tests of the pages, of the JavaScript client and of the store run on. No service is started for us.
debian_packages() {
  local missing=()
  command -v node >/dev/null || missing+=(nodejs)
  command -v npm >/dev/null || missing+=(npm)
  command -v chromium >/dev/null || missing+=(chromium)
  command -v valkey-server >/dev/null || command -v redis-server >/dev/null || missing+=(redis-server)
  [ ${#missing[@]} = 0 ] && return
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "installing Debian packages for the tests: ${missing[*]}"
    { apt-get update -qq && no_services && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}"; } >/dev/null 2>&1 \
      || { say "they could not be installed; the tests need them: apt-get install ${missing[*]}"; exit 1; }
  else
    say "the tests need more packages: apt-get install ${missing[*]}"
    exit 1
  fi
}
if [ "$what" = dev ]; then
  debian_packages
  say "installing what package-lock.json lists"
  npm ci --silent --no-fund --no-audit
fi

# pip puts uv aside (so no python3-venv is needed), uv makes the environment. Every file is held to the lock's hashes.
if ! .venv/uv/bin/uv --version >/dev/null 2>&1; then
  say "fetching uv"
  "$python" -m pip --version >/dev/null 2>&1 || { say "pip is needed; on Debian: apt-get install python3-pip"; exit 1; }
  "$python" -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --upgrade --target .venv/uv --require-hashes -r requirements/setup.txt
fi
export UV_NO_PROGRESS=1
.venv/uv/bin/uv venv --quiet --allow-existing --python "$("$python" -c 'import sys; print(sys.executable)')" .venv

say "installing what requirements/$what.txt lists"
into=(--python .venv/bin/python)
verb=(install -r)
[ "$what" = dev ] && verb=(sync) # dev is the whole, so what is no longer listed goes
if ! .venv/uv/bin/uv pip "${verb[@]}" "$lock" --quiet "${into[@]}" --require-hashes; then
  # uv reads none of pip's settings: where only pip knows the way to a package index, pip does it, by the same lock.
  say "uv could not; trying pip"
  "$python" -m pip "${into[@]}" install --quiet --disable-pip-version-check --require-hashes -r "$lock"
fi
.venv/uv/bin/uv pip install --quiet "${into[@]}" --no-deps --no-build-isolation --editable .
printf '%s\n' "$key" >"$stamp"
say "done"
