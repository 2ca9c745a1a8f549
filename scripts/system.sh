# What Nightforge needs of the system, and how to get it. Sourced by setup.sh; sets no option, runs nothing.

# The same file and text as `nightforge doctor` prints (sandbox/probe.py); a test compares them.
BWRAP_PROFILE=/etc/apparmor.d/bwrap

say() { printf 'setup: %s\n' "$*" >&2; }

# --- Python ---------------------------------------------------------------------------------------------------------

is_supported_python() {
  "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}

find_python() {
  # The system's own python3 first: apt's python3-venv belongs to it. A named interpreter is used or nothing is.
  local name path names=(python3 python3.13 python3.12 python3.11)
  if [ -n "${SETUP_PYTHON:-}" ]; then names=("$SETUP_PYTHON"); fi
  for name in "${names[@]}"; do
    path=$(command -v "$name" 2>/dev/null) || continue
    if is_supported_python "$path"; then printf '%s\n' "$path"; return 0; fi
  done
  return 1
}

has_venv() {
  local python
  python=$(find_python) && "$python" -c 'import ensurepip, venv' 2>/dev/null
}

# --- What is missing ------------------------------------------------------------------------------------------------

has_c_compiler() { command -v gcc >/dev/null; }
has_c_headers() { printf '#include <stdlib.h>\n#include <math.h>\n' | gcc -E -x c - >/dev/null 2>&1; }
has_bubblewrap() { command -v bwrap >/dev/null; }

is_linux() { [ "$(uname -s)" = Linux ]; }

venv_package() {
  local python
  if python=$(find_python) && [ "$python" != /usr/bin/python3 ]; then
    printf '%s-venv\n' "$(basename "$(readlink -f "$python")")"
  else
    printf 'python3-venv\n'
  fi
}

# One line for each missing package: "<apt package><tab><what it is for>".
missing_packages() {
  if ! find_python >/dev/null; then
    printf 'python3\tPython 3.11, 3.12 or 3.13 (or name one: SETUP_PYTHON=/path/to/python3.12)\n'
  fi
  has_venv || printf '%s\tvirtual environments (venv and ensurepip)\n' "$(venv_package)"
  is_linux || return 0
  has_c_compiler || printf 'gcc\tcompiles the C kernels and the C worker\n'
  has_c_compiler && has_c_headers || printf 'libc6-dev\tthe headers of the C library\n'
  command -v mount >/dev/null || printf 'mount\tthe sandbox mounts its private memory with it\n'
  command -v prlimit >/dev/null || printf 'util-linux\tprlimit: the limits of the sandbox\n'
  has_bubblewrap || printf 'bubblewrap\tthe sandbox that candidates run in\n'
}

# --- apt ------------------------------------------------------------------------------------------------------------

# Prints the prefix that gives the right to install ("" for root, "sudo -n"); fails when there is none.
root_prefix() {
  if [ "$(id -u)" -eq 0 ]; then printf ''
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then printf 'sudo -n'
  else return 1
  fi
}

may_use_apt() { [ -z "${SETUP_NO_APT:-}" ] && command -v apt-get >/dev/null && root_prefix >/dev/null; }

apt_install() {
  local prefix log
  prefix=$(root_prefix)
  log=$(mktemp)
  say "installing with apt-get: $*"
  # shellcheck disable=SC2086  # the prefix is two words or none
  if ! { $prefix env DEBIAN_FRONTEND=noninteractive apt-get -qq update &&
    $prefix env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@"; } \
    </dev/null >"$log" 2>&1; then
    cat "$log" >&2
  fi
  rm -f "$log"
}

list_missing() {
  local missing=$1 why=$2 packages
  packages=$(printf '%s\n' "$missing" | cut -f1 | tr '\n' ' ')
  {
    printf 'setup: these are missing, and %s:\n' "$why"
    printf '%s\n' "$missing" | while IFS=$'\t' read -r package purpose; do printf '  %-18s %s\n' "$package" "$purpose"; done
    printf 'hint: on Debian or Ubuntu let an administrator run\n  sudo apt-get install --no-install-recommends %s\nthen run make setup again\n' "${packages% }"
  } >&2
}

require_system() {
  local missing names why='setup may not install them (no root, no passwordless sudo, no apt-get, or SETUP_NO_APT)'
  missing=$(missing_packages)
  if [ -n "$missing" ] && may_use_apt; then
    names=$(printf '%s\n' "$missing" | cut -f1)
    # shellcheck disable=SC2086  # package names have no spaces
    apt_install $names
    why='apt-get did not bring them'
    missing=$(missing_packages)
  fi
  if [ -n "$missing" ]; then list_missing "$missing" "$why"; exit 6; fi
  require_apparmor_profile
}

# --- AppArmor (Ubuntu 23.10 and later) ------------------------------------------------------------------------------

is_userns_restricted() {
  [ "$(cat /proc/sys/kernel/apparmor_restrict_unprivileged_userns 2>/dev/null || echo 0)" = 1 ]
}

apparmor_profile() {
  cat <<'PROFILE'
abi <abi/4.0>,
include <tunables/global>

profile bwrap /usr/bin/bwrap flags=(unconfined) {
  userns,
  include if exists <local/bwrap>
}
PROFILE
}

has_apparmor_profile() {
  # Any profile that is attached to bwrap will do: a distribution may ship its own.
  grep -qsE '^[^#]*profile .*(/usr)?/bin/bwrap' /etc/apparmor.d/* 2>/dev/null
}

require_apparmor_profile() {
  local prefix
  if ! is_linux || ! is_userns_restricted || has_apparmor_profile || sandbox_canary; then return 0; fi
  if prefix=$(root_prefix) && [ -z "${SETUP_NO_APT:-}" ]; then
    say "this kernel lets bubblewrap work only with an AppArmor profile: installing $BWRAP_PROFILE"
    # shellcheck disable=SC2086
    apparmor_profile | $prefix tee "$BWRAP_PROFILE" >/dev/null
    # shellcheck disable=SC2086
    $prefix apparmor_parser -r "$BWRAP_PROFILE"
    return 0
  fi
  {
    printf 'setup: this kernel lets bubblewrap work only with an AppArmor profile (apparmor_restrict_unprivileged_userns = 1).\n'
    printf 'hint: let an administrator write this to %s\n\n' "$BWRAP_PROFILE"
    apparmor_profile
    printf '\nand run: sudo apparmor_parser -r %s\n' "$BWRAP_PROFILE"
  } >&2
  exit 6
}

# --- The sandbox ----------------------------------------------------------------------------------------------------

sandbox_canary() {
  local box=(bwrap --unshare-user --unshare-pid --unshare-net --ro-bind / / --proc /proc true)
  if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
    setpriv --reuid 65534 --regid 65534 --clear-groups "${box[@]}" >/dev/null 2>&1
  else
    "${box[@]}" >/dev/null 2>&1
  fi
}

warn_if_sandbox_fails() {
  if ! is_linux || sandbox_canary; then return 0; fi
  say "bubblewrap is installed, but cannot make a sandbox here; campaigns will refuse to start."
  say "hint: .venv/bin/nightforge doctor says why (often a container without user namespaces)"
}
