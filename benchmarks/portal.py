"""The pages people wait for, with a full portal behind them. `make bench BENCH=portal`; PLANS=1000 ends after the small size.

1,000 plans, then 10,000; 20 sign-offs and 100 ledger entries for each; 40 plans in review at both sizes: what grows with the years is
what is done. Asks the web application in this process for the list of plans, a plan in review, My work, and posts sign-offs.
Prints p50, p95 and queries of each, and the large size against the small one; exits with 1 when a bar is missed.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SIZES = tuple(n for n in (1_000, 10_000) if n <= int(os.environ.get("PLANS", "10000")))
SEATS, ENTRIES, OPEN, REPEATS = 20, 100, 40, 60
GET_MS, POST_MS, RATIO, QUERIES = 150, 300, 1.3, 15
"""The bars of the requirement."""


def main() -> None:
    """Measure both sizes and judge them."""
    if "WCO_TEST_SERVERS" not in os.environ:
        command = [sys.executable, "-m", "tests.servers", sys.executable, "-m", "benchmarks.portal"]
        raise SystemExit(subprocess.run(command, cwd=ROOT, check=False).returncode)
    import django  # noqa: PLC0415  # the environment has to be there first

    django.setup()
    from django.conf import settings  # noqa: PLC0415
    from django.core.management import call_command  # noqa: PLC0415

    from benchmarks.portal_load import Portal  # noqa: PLC0415

    # Not Django's test environment: it keeps a copy of every context of every template, which no web process does.
    settings.ALLOWED_HOSTS = ["testserver"]
    call_command("migrate", verbosity=0)
    portal = Portal()
    found = {}
    for plans in SIZES:
        portal.grow(plans=plans, seats=SEATS, entries=ENTRIES)
        print(
            f"{plans:,} plans, {portal.rows('approvals_seat'):,} sign-offs, {portal.rows('audit_entry'):,} ledger entries"
        )
        found[plans] = portal.measure(open_plans=OPEN, repeats=REPEATS)
        for page, (p50, p95, queries) in found[plans].items():
            print(
                f"  {page:13} p50 {p50:6.1f} ms   p95 {p95:6.1f} ms   {queries} queries", flush=True
            )
    raise SystemExit(_judge(found))


def _judge(found: dict[int, dict[str, tuple[float, float, int]]]) -> int:
    missed = []
    for page, (p50, p95, queries) in found[max(found)].items():
        limit = POST_MS if "POST" in page else GET_MS
        ratio = p50 / found[min(found)][page][0]
        print(f"  {page:13} {ratio:.2f} times the time at {min(found):,} plans")
        if p95 > limit:
            missed.append(f"{page}: p95 {p95:.0f} ms, the bar is {limit} ms")
        if queries > QUERIES:
            missed.append(f"{page}: {queries} queries, the bar is {QUERIES}")
        if ratio > RATIO:
            missed.append(f"{page}: {ratio:.2f} times the small size, the bar is {RATIO}")
    print("\n".join(missed) or "Every bar is kept.")
    return 1 if missed else 0


def timed(ask: Callable[[], Any], *, repeats: int) -> tuple[float, float]:
    """Return p50 and p95 in milliseconds of asking so often."""
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        ask()
        times.append((time.perf_counter() - begun) * 1_000)
    return statistics.median(times), statistics.quantiles(times, n=20)[18]


if __name__ == "__main__":
    main()
