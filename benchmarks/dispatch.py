"""From due, and from the last signature, to claimed: with a broker that rings, with doorbells lost. `make bench BENCH=dispatch`.

The measurement is tests/chaos/test_dispatch.py, with a real worker, beat, Redis and PostgreSQL; this prints its figures.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Measure, and print one line a figure."""
    test = ["tests/chaos/test_dispatch.py", "-m", "chaos", "-n", "0", "-q", "-s"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *test],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if "DISPATCH" in line]
    print("\n".join(line[line.index("DISPATCH") :] for line in lines) or done.stdout)
    raise SystemExit(done.returncode)


if __name__ == "__main__":
    main()
