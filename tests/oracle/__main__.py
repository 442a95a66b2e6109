"""`make oracle`: hold the engine against real servers 13 to 18, and say where they part.

`python -m tests.oracle [VERSION…] [--seed N] [--count N]`. The servers are npm packages, kept in a cache folder.
"""

import argparse
import sys
import time

from tests.oracle.compare import CASES, Case
from tests.oracle.run import Tally, database, generated, inside, outside, scripts
from tests.oracle.servers import VERSIONS, server


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _show(version: int, what: str, tally: Tally) -> bool:
    _say(
        f"PostgreSQL {version}, {what}: {tally.agreed} agree, {len(tally.differences)} differ, "
        f"{len(tally.crashed)} without an answer, {len(tally.refused)} refused by the server"
    )
    for difference in tally.differences:
        _say(f"  {difference}")
    for line in tally.crashed:
        _say(f"  no answer: {line}")
    return not tally.differences and not tally.crashed


def _hold(case: Case, admin: str, version: int, options: argparse.Namespace) -> bool:
    fine = True
    with database(admin, case) as dsn:
        tallies = {
            "written": inside(case, dsn, version, case.lines("statements.txt")),
            "generated": generated(case, dsn, version, seed=options.seed, count=options.count),
            "scripts": scripts(case, dsn, version, seed=options.seed, count=options.count),
            "outside transactions": outside(case, admin, dsn, version, case.lines("outside.txt")),
        }
    for what, tally in tallies.items():
        fine &= _show(version, f"{case.name}, {what}", tally)
        listed = options.refused and what not in ("generated", "scripts")
        for line in tally.refused if listed else ():
            _say(f"  refused: {line}")
    return fine


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("versions", nargs="*", type=int, default=list(VERSIONS))
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--refused", action="store_true", help="list what the servers refused")
    options = parser.parse_args()
    _say(f"seed {options.seed}")
    fine = True
    for version in options.versions:
        with server(version) as admin:
            for case in CASES:
                fine &= _hold(case, admin, version, options)
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
