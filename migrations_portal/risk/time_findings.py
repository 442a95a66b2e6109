"""Predicted time among the findings: what `prediction` says takes part in the level and in the reason for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec.structs import replace

from migrations_portal.risk.findings import Finding
from migrations_portal.risk.forecast import level_of
from migrations_portal.risk.levels import Level, highest
from migrations_portal.risk.naming_words import between, counted_rows, spoken
from migrations_portal.risk.prediction import USUAL_RATES, Span, places_of, predict, strongest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from migrations_portal.risk.catalogue import TableSize
    from migrations_portal.risk.findings import Assessment, StatementRisk
    from migrations_portal.risk.forecast import Rate
    from migrations_portal.risk.prediction import Prediction, Work
    from migrations_portal.risk.scripts import Placed, ScriptFile


@dataclass(slots=True)
class _Open:
    """A transaction while it is walked through: when its first strong lock was taken, and the work since."""

    first: StatementRisk | None = None
    work: Span = field(default_factory=Span)


def with_predictions(
    assessed: Assessment,
    *,
    files: Sequence[ScriptFile],
    sizes: Mapping[str, TableSize],
    rates: Mapping[Work, Rate] = USUAL_RATES,
) -> tuple[Assessment, tuple[Prediction, ...]]:
    """Predict every statement of going up, and let the predictions take part in the level.

    The findings about predicted time that the engine made with its own rates are replaced by ones with these.
    """
    predictions = predict(assessed.statements, files=files, sizes=sizes, rates=rates)
    places = places_of(files)
    timed = list(_timed(assessed.statements, places, predictions))
    level = highest([*(each.level for each in timed), *(each.level for each in assessed.findings)])
    return replace(assessed, statements=tuple(timed), level=level), predictions


_ABOUT_TIME = frozenset({"predicted-blocking", "transaction-holds-locks"})


def _timed(
    statements: Sequence[StatementRisk],
    places: Sequence[Placed],
    predictions: Sequence[Prediction],
) -> Iterator[StatementRisk]:
    """The statements with findings about time from these predictions instead of the engine's."""
    opened: dict[int, _Open] = {}
    for risk, place, said in zip(statements, places, predictions, strict=True):
        kept = [each for each in risk.findings if each.rule not in _ABOUT_TIME]
        if said.known and said.blocks:
            kept += _own(risk, said)
        if place.transaction:
            kept += _held(risk, said, opened.setdefault(place.transaction, _Open()))
        yield replace(risk, findings=tuple(kept), level=highest([each.level for each in kept]))


def _own(risk: StatementRisk, said: Prediction) -> list[Finding]:
    """What others wait for while the statement itself works."""
    level = level_of(said.work.usual)
    if level is Level.LOW:
        return []
    word = "rewrites" if risk.rewrites else "reads"
    values: dict[str, object] = {
        "table": said.table, "blocks": said.blocks, "seconds": spoken(said.work.usual),
        "interval": between(said.work.shortest, said.work.longest),
        "work": f"it {word} {counted_rows(said.rows)}",
    }  # fmt: skip
    return [Finding("predicted-blocking", level, values, risk.line, risk.column)]


def _held(risk: StatementRisk, said: Prediction, opened: _Open) -> list[Finding]:
    """What others wait for because an earlier statement's lock is still held."""
    first = opened.first
    opened.work += said.work
    if first is None:
        if said.blocks:
            opened.first = risk
        else:
            opened.work = Span()
        return []
    level = level_of(opened.work.usual)
    if level is Level.LOW or not (risk.rewrites or risk.scans):
        return []
    table, lock = strongest(first)
    if said.blocks and said.table == table and level_of(said.work.usual) is not Level.LOW:
        return []  # its own finding says it already
    values: dict[str, object] = {
        "table": table, "lock": lock.mode, "blocks": lock.blocks, "line": first.line,
        "seconds": spoken(opened.work.usual),
        "interval": between(opened.work.shortest, opened.work.longest),
    }  # fmt: skip
    return [Finding("transaction-holds-locks", level, values, risk.line, risk.column)]
