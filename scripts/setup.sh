#!/usr/bin/env bash
# Make this checkout ready: Python, system packages, .venv with pinned and hashed packages, Nightforge itself.
#
# Runs again in well under a second when nothing changed. Exit 6 with a list when something is missing that it may
# not install. Settings (environment):
#   SETUP_PYTHON=...   the interpreter to use (3.11 to 3.13)
#   SETUP_NO_APT=1     never call apt-get, not even as root
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/system.sh

VENV=.venv
STAMP=$VENV/.setup-stamp
INPUTS=(requirements/build.txt requirements/dev.txt pyproject.toml scripts/setup.sh scripts/system.sh)

fingerprint() {
  # The path is part of it: a virtual environment does not survive being moved.
  { pwd -P; cat "${INPUTS[@]}"; } | cksum
}

is_current() {
  [ -f "$STAMP" ] && [ "$(cat "$STAMP")" = "$(fingerprint)" ] && "$VENV/bin/python" -c '' 2>/dev/null
}

make_venv() {
  local python=$1
  say "creating $VENV with $("$python" --version) ($python)"
  rm -rf "$VENV"
  "$python" -m venv "$VENV"
}

install_packages() {
  local pip=("$VENV/bin/python" -m pip --disable-pip-version-check --no-input)
  say "installing pinned packages (each checked against its hash; a few minutes the first time)"
  "${pip[@]}" install --quiet --progress-bar off --require-hashes -r requirements/build.txt &&
    "${pip[@]}" install --quiet --progress-bar off --require-hashes -r requirements/dev.txt &&
    "${pip[@]}" install --quiet --no-deps --no-build-isolation --editable . &&
    "${pip[@]}" check >&2
}

give_up() {
  say "the packages could not be installed; nothing outside $VENV was changed"
  say "hint: pip's message stands above; set-up needs a package index (pip's own settings are used), then: make setup"
  exit 1
}

main() {
  local python
  require_system
  if ! is_current; then
    python=$(find_python)
    make_venv "$python"
    install_packages || give_up
    fingerprint >"$STAMP"
    say "ready: $VENV/bin/nightforge --help"
  fi
  warn_if_sandbox_fails
}

main "$@"
