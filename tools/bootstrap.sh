#!/usr/bin/env bash
# Builds .venv from the hash-locked requirements. Does nothing when it is there and up to date.
#   tools/bootstrap.sh demo    what `make demo` needs
#   tools/bootstrap.sh dev     and what `make check` needs
#   tools/bootstrap.sh test    and what `make test` needs: Chromium, the packages of the customers
set -euo pipefail
cd "$(dirname "$0")/.."
want=${1:-demo}

say() { printf '%s\n' "$*" >&2; }

# Installs Debian packages when we may. Returns 1 when we may not.
debian() {
  command -v apt-get >/dev/null || return 1
  local as=()
  if [ "$(id -u)" != 0 ]; then
    sudo -n true 2>/dev/null || return 1
    as=(sudo -n)
  fi
  say "Installing Debian packages: $*"
  "${as[@]}" apt-get update -q >/dev/null || say "(apt-get update failed; trying with the lists that are there)"
  "${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >/dev/null
}

# A Python that the locked requirements were resolved for, with everything that `python -m venv` needs. The distribution's
# own comes first: it is built with profile-guided optimisation, and code of ours takes 10 to 20 % less time with it than with
# one that was compiled by default settings.
usable() { "$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11, 2) <= sys.version_info[:3] < (3, 14))' 2>/dev/null; }
find_python() {
  local name
  for name in /usr/bin/python3 python3 python3.13 python3.12 python3.11; do
    if usable "$name"; then
      echo "$name"
      return
    fi
  done
  return 1
}

if ! .venv/bin/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11, 2))' 2>/dev/null; then
  python=$(find_python) || { debian python3 python3-venv python3-pip && python=$(find_python); } || {
    say "Python 3.11.2 to 3.13 with its venv module is needed. On Debian: apt-get install python3 python3-venv python3-pip"
    exit 1
  }
  say "Making .venv with $("$python" --version)"
  "$python" -m venv --clear .venv
fi

files=(requirements/app.txt requirements/demo.txt)
[ "$want" = demo ] || files+=(requirements/dev.txt)
stamp=.venv/.installed
sum=$(cat "${files[@]}" | sha256sum | cut -d' ' -f1)
if ! grep -qs "$sum" "$stamp"; then
  say "Installing the locked requirements (${files[*]})"
  # The lock is complete, so pip has nothing to resolve: with --no-deps a newer release on the index cannot upset it.
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps --require-hashes "${files[@]/#/-r}"
  .venv/bin/python -m pip check --disable-pip-version-check >/dev/null
  # The larger set contains the smaller one, so after `dev` nothing is left to do for `demo`.
  { echo "$sum"; cat requirements/app.txt requirements/demo.txt | sha256sum | cut -d' ' -f1; } >"$stamp"
fi

if [ "$want" = test ]; then
  if ! command -v chromium >/dev/null && [ -z "${WCO_CHROMIUM:-}" ]; then
    debian chromium || say "No Chromium: the browser tests will be skipped. Install it (Debian: apt-get install chromium), or set WCO_CHROMIUM."
  fi
  command -v curl >/dev/null || debian curl || say "No curl: one test of mail links will be skipped. Install it (Debian: apt-get install curl)."
  # Before the tests, so that none of them needs the network.
  .venv/bin/python -m migrations_portal.demo.customer.customer var/projects
  .venv/bin/python -m tests.alembic_project var/projects
fi
