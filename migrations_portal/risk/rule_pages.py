"""The rules as a page of the reference: `python -m migrations_portal.risk.rule_pages > docs/reference/risk-rules.md`."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from migrations_portal.risk.forecast import (
    CHANGE,
    DOWNTIME_SECONDS,
    LONG_SECONDS,
    MB,
    NOTICED_SECONDS,
    REWRITE,
    SCAN,
)
from migrations_portal.risk.locks import Lock
from migrations_portal.risk.rulebook import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrations_portal.risk.rulebook import Rule

_ENDING = re.compile(r"\{(\w+):(\w+)\}")


def reference_page() -> str:
    """Write the whole page as Markdown."""
    return "\n".join([*_introduction(), *_locks(), *_rules()]) + "\n"


def _introduction() -> Iterator[str]:
    yield "# The rules of the risk assessment"
    yield ""
    yield "This page is made from the table that the engine itself uses (`migrations_portal/risk/data/rules.toml`)."
    yield ""
    yield (
        "The level of a plan is the highest of all its findings. A rule's level is a floor: it rises with PHI (who sees rows, "
        "where they go and whether changes are audited is CRITICAL on a table with PHI) and with predicted blocking: from "
        f"{NOTICED_SECONDS} s on MEDIUM, from {LONG_SECONDS} s on HIGH, above {DOWNTIME_SECONDS} s CRITICAL. What cannot be read "
        "or seen into is CRITICAL."
    )
    yield ""
    yield (
        "Where a target has no calibration, predictions rest on estimated rates: "
        f"{REWRITE.usual / MB:.0f} MB/s for a rewrite with its indexes "
        f"({REWRITE.slow / MB:.0f} to {REWRITE.fast / MB:.0f}), {SCAN.usual / MB:.0f} MB/s for a scan or an index build "
        f"({SCAN.slow / MB:.0f} to {SCAN.fast / MB:.0f}), {CHANGE.usual:,.0f} rows/s for a change of rows "
        f"({CHANGE.slow:,.0f} to {CHANGE.fast:,.0f})."
    )
    yield ""


def _locks() -> Iterator[str]:
    yield "## Locks and who waits"
    yield ""
    yield "| Lock (`pg_locks.mode`) | Who waits |"
    yield "|---|---|"
    for lock in Lock:
        yield f"| {lock.mode} | {lock.blocks or 'only other schema changes, if anybody'} |"
    yield ""


def _rules() -> Iterator[str]:
    for area in dict.fromkeys(rule.area for rule in RULES.values()):
        yield f"## {area}"
        yield ""
        for rule in RULES.values():
            if rule.area == area:
                yield from _rule(rule)


def _rule(rule: Rule) -> Iterator[str]:
    yield f"### {rule.title} (`{rule.id}`, {rule.level.value})"
    yield ""
    yield f"{_marked(rule.message)}"
    yield ""
    yield f"*Why:* {rule.why}"
    yield ""
    yield f"*Instead:* {_marked(rule.safe_way)}"
    yield ""
    if rule.safe_sql:
        language = "js" if rule.safe_sql.startswith("await") else "sql"
        yield from (f"```{language}", *_plain(rule.safe_sql).splitlines(), "```", "")


def _plain(text: str) -> str:
    return _ENDING.sub(r"{\1}\2", _marked(text))


def _marked(text: str) -> str:
    return text.replace("{problem}", "(what the parser says)").replace("{{", "{").replace("}}", "}")


if __name__ == "__main__":
    sys.stdout.write(reference_page())
