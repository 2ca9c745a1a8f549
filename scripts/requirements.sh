#!/usr/bin/env bash
# Recompile requirements/*.txt from pyproject.toml: pinned, hashed, one resolution for Python 3.11 and later.
# Pins are kept unless UPGRADE=1. No setting of this machine takes part, so that no local index can leave a trace.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
"${PYTHON:-.venv/bin/python}" -m venv "$tools"
"$tools/bin/python" -m pip --disable-pip-version-check install --quiet --require-hashes -r requirements/uv.txt

for name in $(env | sed -nE 's/^((PIP|UV)_[A-Z_]+)=.*/\1/p'); do unset "$name"; done

compile() {
  local output=$1
  shift
  "$tools/bin/uv" --no-config pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
    --no-emit-find-links --no-header ${UPGRADE:+--upgrade} --output-file "requirements/$output" "$@"
}

compile uv.txt requirements/uv.in
compile build.txt requirements/build.in
compile core.txt pyproject.toml
compile dev.txt pyproject.toml --extra dev --constraint requirements/core.txt --constraint requirements/build.txt
compile accelerators.txt pyproject.toml --extra accelerators --constraint requirements/core.txt
compile schedulers.txt pyproject.toml --extra schedulers --constraint requirements/core.txt --constraint requirements/dev.txt
