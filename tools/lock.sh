#!/usr/bin/env bash
# Renews the locks: Python packages by hash without any index host, Node packages without any address.
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

python3 -m venv "$scratch/uv"
"$scratch/uv/bin/python" -m pip install --quiet --disable-pip-version-check uv
for each in requirements/app requirements/demo requirements/dev tests/alembic_project/requirements; do
  echo "$each.txt"
  UV_NO_CONFIG=1 "$scratch/uv/bin/uv" pip compile --quiet --universal --python-version 3.11.2 --generate-hashes \
    --no-emit-index-url --no-emit-find-links --no-header --no-annotate \
    "$each.in" --output-file "$each.txt"
done

tools/bootstrap.sh demo
project=migrations_portal/demo/customer/project
echo "$project/package-lock.json"
.venv/bin/python - "$project" <<'PYTHON'
import json, os, subprocess, sys
from pathlib import Path
from migrations_portal.demo.customer.customer import Node

project, node = Path(sys.argv[1]), Node.from_wheel()
path = f"{node.program.parent}{os.pathsep}{os.environ['PATH']}"
command = [node.program, node.npm, "install", "--package-lock-only", "--ignore-scripts"]
subprocess.run(command, cwd=project, env={**os.environ, "PATH": path}, check=True)
lock = project / "package-lock.json"
content = json.loads(lock.read_text())
for package in content["packages"].values():
    package.pop("funding", None)  # nothing but addresses
    if "resolved" in package:
        sys.exit(f"{lock} names where {package['resolved']} is; .npmrc should have kept that out")
lock.write_text(json.dumps(content, indent=2) + "\n")
PYTHON
