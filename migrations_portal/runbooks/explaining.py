"""From a judged plan to the assessment that is kept: predictions, blast radius, why it is PHI, pattern, and what it rests on."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from migrations_portal import risk
from migrations_portal.plans.staleness import Basis
from migrations_portal.risk.blast import radius
from migrations_portal.risk.calls import line_of
from migrations_portal.risk.forecast import Rate
from migrations_portal.risk.new_columns import new_phi
from migrations_portal.risk.phi_reasons import reasons
from migrations_portal.risk.prediction import USUAL_RATES, Prediction, Work, predict
from migrations_portal.risk.series import advice
from migrations_portal.risk.time_findings import with_predictions
from migrations_portal.runbooks.catalogue import TargetRead
from migrations_portal.targets.models import MeasuredRate
from migrations_portal.targets.rules import Tagged


def judged(
    up: Sequence[risk.ScriptFile],
    down: Sequence[risk.ScriptFile],
    *,
    found: TargetRead,
    rates: Sequence[MeasuredRate],
    texts: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Any]:
    """Assess the scripts against the target as it was read, and say everything about it that is kept.

    `texts` are the files themselves, by name: programs are searched for the call that sent a statement.
    """
    assessed = risk.assess(
        up,
        down=down,
        schema=found.schema,
        server_version=found.version,
        phi_tables=sorted({each.relation for each in found.tagged}),
    )
    speed = rates_of(rates)
    assessed, predictions = with_predictions(assessed, files=up, sizes=found.sizes, rates=speed)
    backwards = predict(assessed.down, files=down, sizes=found.sizes, rates=speed)
    why_phi = _why_phi(assessed, found)
    said = assessed.as_json()
    said["statements"] = _told(assessed.statements, predictions, found)
    said["down"] = _told(assessed.down, backwards, found)
    for each in said["statements"]:
        each["call_line"] = _call_line(each, texts, back=False)
    for each in said["down"]:
        each["call_line"] = _call_line(each, texts, back=True)
    return {
        **said,
        "reason": assessed.reason,
        "phi": bool(why_phi),
        "phi_reasons": why_phi,
        "blast_radius": [
            each.as_json() for each in radius(found.catalogue, touched=assessed.tables)
        ],
        "advice": advice(assessed, catalogue=found.catalogue).as_json(),
        "rates": _rates_told(rates),
        "server_version": found.version,
        "basis": _basis(assessed, found).as_json(),
    }


def _call_line(said: Mapping[str, Any], texts: Mapping[str, str], *, back: bool) -> int | None:
    return line_of(said["sql"], text=texts.get(said["file"], ""), down=back)


def rates_of(rows: Sequence[MeasuredRate]) -> Mapping[Work, Rate]:
    """Return the measured rates, with the usual ones where nothing was measured."""
    measured = {Work(row.work): Rate(row.usual, row.slow, row.fast) for row in rows}
    return {**USUAL_RATES, **measured}


def _rates_told(rows: Sequence[MeasuredRate]) -> dict[str, str] | None:
    if not rows:
        return None
    return {"measured_on": rows[0].measured_on, "measured_at": rows[0].measured_at.isoformat()}


def _told(
    statements: Sequence[risk.StatementRisk],
    predictions: Sequence[Prediction],
    found: TargetRead,
) -> list[dict[str, Any]]:
    return [
        {
            **each.as_json(),
            "column": each.column,
            "tables": list(each.tables),
            "views": list(each.views),
            "predicted": predicted.as_json(),
            "table_rows": {
                name: found.sizes[name].rows
                for name in (*each.rewrites, *each.scans)
                if name in found.sizes
            },
        }
        for each, predicted in zip(statements, predictions, strict=True)
    ]


def _why_phi(assessed: risk.Assessment, found: TargetRead) -> dict[str, str]:
    """Why the plan is PHI, by name. What the engine found PHI and we cannot explain is named all the same."""
    known = reasons(
        found.catalogue, tagged=_columns_by_table(found.tagged), names=assessed.phi_tables
    )
    rest = {
        name: f"{name.removeprefix('public.')} counts as PHI."
        for name in assessed.phi_tables
        if name not in known
    }
    return known | rest | new_phi(each.sql for each in assessed.statements)


def _columns_by_table(tagged: Sequence[Tagged]) -> dict[str, list[str]]:
    """Table → its tagged columns; none when the table is tagged as a whole."""
    found: dict[str, list[str]] = {}
    for each in tagged:
        found.setdefault(each.relation, [])
        if each.column:
            found[each.relation].append(each.column)
    for each in tagged:
        if not each.column:
            found[each.relation] = []
    return found


def _basis(assessed: risk.Assessment, found: TargetRead) -> Basis:
    return Basis(
        schema_digest=found.digest,
        server_version=found.version,
        tagged=tuple(str(each) for each in found.tagged),
        rows={name: found.sizes[name].rows for name in assessed.tables if name in found.sizes},
    )
