"""A target's calendar as values: when a plan of a level may run, which slots come next, and the gate before a run."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from migrations_portal.windows.recurrence import Recurrence, Span, merged, open_spans, without
from migrations_portal.windows.rules import FITTING, HORIZON, Gate, PeriodKind

_AROUND = timedelta(days=8)
"""How far a window is followed in both directions: longer than the longest single occurrence."""
_STRIDE = timedelta(days=40)


@dataclass(frozen=True)
class Entry:
    """One period of the calendar."""

    kind: PeriodKind
    name: str
    recurrence: Recurrence
    pk: int = 0


@dataclass(frozen=True)
class TargetCalendar:
    """The periods of one target."""

    target: str
    zone: ZoneInfo
    strict: bool
    """Production: without a fitting window nothing runs. Elsewhere a target without any windows is open."""
    entries: tuple[Entry, ...]

    @property
    def unlimited(self) -> bool:
        """Whether only freezes matter here."""
        return not self.strict and not any(
            entry.kind is not PeriodKind.FREEZE for entry in self.entries
        )

    def freezes_only(self) -> "TargetCalendar":
        """Return the calendar of the emergency path: it needs no window, but a freeze holds for it too."""
        kept = tuple(entry for entry in self.entries if entry.kind is PeriodKind.FREEZE)
        return replace(self, strict=False, entries=kept)

    def spans(self, kind: PeriodKind, *, since: datetime, until: datetime) -> list[Span]:
        """Return the occurrences of one kind, joined."""
        found = (
            span
            for entry in self.entries
            if entry.kind is kind
            for span in entry.recurrence.spans(since=since, until=until)
        )
        return merged(found)

    def open_for(self, level: str, *, since: datetime, until: datetime) -> list[Span]:
        """Return when a plan of this level may run between the two instants, cut to them."""
        freezes = [e.recurrence for e in self.entries if e.kind is PeriodKind.FREEZE]
        if self.unlimited:
            closed = (span for each in freezes for span in each.spans(since=since, until=until))
            return without([Span(since, until)], closed)
        fitting = FITTING[level]
        found = open_spans(
            windows=[e.recurrence for e in self.entries if e.kind in fitting],
            freezes=freezes,
            since=since,
            until=until,
        )
        cut = (Span(max(each.starts, since), min(each.ends, until)) for each in found)
        return [span for span in cut if span.starts < span.ends]

    def slot_at(self, level: str, *, at: datetime) -> Span | None:
        """Return the stretch around `at` in which the level may run, None when it may not run then."""
        around = self.open_for(level, since=at - _AROUND, until=at + _AROUND)
        return next((span for span in around if span.holds(at)), None)

    def next_slots(
        self, level: str, *, after: datetime, seconds: int, count: int = 5
    ) -> list[Span]:
        """Return the next stretches that hold `seconds` of work, beginning not before `after`."""
        room = timedelta(seconds=seconds)
        found: list[Span] = []
        for span in self._onward(level, after=after):
            if span.ends - span.starts >= room:
                found.append(span)
            if len(found) == count:
                break
        return found

    def first_start(self, level: str, *, after: datetime, seconds: int) -> datetime | None:
        """Return when `seconds` of work may first begin, not before `after`; None when that never comes."""
        room = timedelta(seconds=seconds)
        grown = self._growing(level, after=after)
        return next((span.starts for span in grown if span.ends - span.starts >= room), None)

    def _onward(self, level: str, *, after: datetime) -> Iterator[Span]:
        """Yield open stretches from `after` on; one that goes on over a stride's edge comes out whole."""
        for _, same in groupby(self._growing(level, after=after), key=lambda span: span.starts):
            yield list(same)[-1]

    def _growing(self, level: str, *, after: datetime) -> Iterator[Span]:
        """Yield open stretches from `after` on; one that goes on over a stride's edge comes again, longer."""
        held: Span | None = None
        at = after
        while at < after + HORIZON:
            for span in self.open_for(level, since=at, until=at + _STRIDE):
                goes_on = held is not None and span.starts == held.ends
                held = Span(held.starts, span.ends) if held and goes_on else span
                yield held
            at += _STRIDE

    def freeze_at(self, at: datetime) -> Entry | None:
        """Return the freeze that `at` lies in, None when there is none."""
        for entry in self.entries:
            if entry.kind is PeriodKind.FREEZE and any(
                span.holds(at)
                for span in entry.recurrence.spans(since=at, until=at + timedelta(seconds=1))
            ):
                return entry
        return None

    def gate(self, level: str, *, at: datetime, seconds: int) -> Gate:
        """Say whether work of `seconds` may begin at `at` (X18)."""
        frozen = self.freeze_at(at)
        slot = self.slot_at(level, at=at)
        if slot is not None and slot.ends - at >= timedelta(seconds=seconds):
            return Gate(
                open=True, sentence=f"Open until {self.said(slot.ends)}.", closes_at=slot.ends
            )
        begins = self.first_start(level, after=at, seconds=seconds)
        return Gate(
            open=False,
            sentence=f"{self._why(level, frozen=frozen, slot=slot, seconds=seconds)} {self._then(begins)}",
            next_at=begins,
        )

    def _why(self, level: str, *, frozen: Entry | None, slot: Span | None, seconds: int) -> str:
        if frozen is not None:
            return f"{self.target} is frozen ({frozen.name})."
        if slot is not None:
            return f"The window on {self.target} closes at {self.said(slot.ends)}, and the plan needs {seconds} s."
        wanted = FITTING[level][0].title.lower()
        return f"No window for {level.lower()} risk ({wanted}) is open on {self.target}."

    def _then(self, begins: datetime | None) -> str:
        if begins is None:
            return "No fitting window is planned; ask a database admin to add one."
        return f"The next one opens {self.said(begins)}."

    def said(self, at: datetime) -> str:
        """Return an instant in the words and the zone of the target."""
        return f"{at.astimezone(self.zone):%a %d %b %Y, %H:%M %Z}"
