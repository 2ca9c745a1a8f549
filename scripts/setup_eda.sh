#!/usr/bin/env bash
# Synthesis tools and cell libraries for accelerator tasks, beside what `make setup` brings.
#
# With the right to install: the distribution's packages. Without: the cell libraries unpacked into .venv, and Yosys as
# WebAssembly (extra `accelerators`), whose machine code is compiled once (some minutes); OpenSTA is then left out.
# Settings (environment): SETUP_NO_APT=1 as in setup.sh.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/system.sh

VENV=.venv
SHARE=$VENV/share/nightforge
TECH=/usr/share/qflow/tech

missing_eda() {
  command -v yosys >/dev/null || printf 'yosys\tturns Verilog into gates\n'
  command -v berkeley-abc >/dev/null || printf 'berkeley-abc\tmaps gates to cells\n'
  command -v sta >/dev/null || printf 'opensta\ttimes confirmed designs a second time\n'
  command -v verilator_bin >/dev/null || printf 'verilator\tsays which line is wrong\n'
  command -v iverilog >/dev/null || printf 'iverilog\tsimulates exported designs\n'
  [ -f "$TECH/osu018/osu018_stdcells.lib" ] || printf 'qflow-tech-osu018\tcells, 0.18 um\n'
  [ -f "$TECH/osu035/osu035_stdcells.lib" ] || printf 'qflow-tech-osu035\tcells, 0.35 um\n'
}

unpack_cells() {
  local name scratch
  for name in osu018 osu035; do
    [ -f "$TECH/$name/${name}_stdcells.lib" ] || [ -f "$SHARE/qflow/tech/$name/${name}_stdcells.lib" ] && continue
    scratch=$(mktemp -d)
    if (cd "$scratch" && apt-get -qq download "qflow-tech-$name" && dpkg -x ./*.deb .) >/dev/null 2>&1; then
      mkdir -p "$SHARE/qflow/tech"
      cp -r "$scratch$TECH/$name" "$SHARE/qflow/tech/"
      say "cells of $name unpacked into $SHARE/qflow"
    else
      say "the package qflow-tech-$name could not be had; give a Liberty file of your own as the task's condition"
    fi
    rm -rf "$scratch"
  done
}

fall_back() {
  unpack_cells
  if command -v yosys >/dev/null && command -v berkeley-abc >/dev/null; then return 0; fi
  say "installing yosys as WebAssembly (pinned, hashed)"
  "$VENV/bin/python" -m pip --disable-pip-version-check --no-input install --quiet --progress-bar off \
    --require-hashes -r requirements/accelerators.txt
  say "compiling its machine code, once (some minutes)"
  "$VENV/bin/python" -m evaluators.accelerators.fallback
}

main() {
  local missing names
  missing=$(missing_eda)
  if [ -n "$missing" ] && may_use_apt; then
    names=$(printf '%s\n' "$missing" | cut -f1)
    # shellcheck disable=SC2086  # package names have no spaces
    apt_install $names
    missing=$(missing_eda)
  fi
  if [ -n "$missing" ]; then
    (list_missing "$missing" 'setup may not install them: doing what can be done without')
    fall_back
  fi
  say "accelerator tools: .venv/bin/nightforge doctor lists them"
}

main "$@"
