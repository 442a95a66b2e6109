#!/usr/bin/env bash
# Builds .venv from the hash-locked requirements. Usage: tools/bootstrap.sh demo|dev
set -euo pipefail
cd "$(dirname "$0")/.."
want=${1:-demo}

have_python() { command -v python3 >/dev/null && python3 -c 'import sys; sys.exit(sys.version_info < (3, 11, 2))'; }
have_venv() { python3 -c 'import venv, ensurepip' 2>/dev/null; }

if ! have_python || ! have_venv; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q python3 python3-venv python3-pip
  elif sudo -n true 2>/dev/null && command -v apt-get >/dev/null; then
    sudo apt-get update -q && sudo DEBIAN_FRONTEND=noninteractive apt-get install -y -q python3 python3-venv python3-pip
  else
    echo "Python 3.11.2 or newer with its venv module is needed. Install it (Debian: python3 python3-venv) and try again." >&2
    exit 1
  fi
fi

[ -x .venv/bin/python ] || python3 -m venv .venv
files=(-r requirements/app.txt -r requirements/demo.txt)
[ "$want" = dev ] && files+=(-r requirements/dev.txt)
stamp=.venv/.installed-$want
if [ ! -e "$stamp" ] || [ -n "$(find requirements -name '*.txt' -newer "$stamp")" ]; then
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes "${files[@]}"
  touch "$stamp"
fi
