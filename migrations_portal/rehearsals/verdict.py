"""From what was seen to what people act on: the spec's four test classes, and its findings on time and locks."""

from collections.abc import Iterator
from dataclasses import dataclass

from migrations_portal.rehearsals.observed import LOCK_NAMES, FileCall, Observed, SeenLock
from migrations_portal.rehearsals.rules import TestClass

SHOWN = 3
QUOTED = 160
"""Characters of a statement that are quoted."""
SAME_EVERYWHERE = (
    "Let the file send the same statements everywhere, whatever NODE_ENV, the database's name, the date or the rows it finds: "
    "put the condition into the SQL (WHERE, IF NOT EXISTS), or make two plans of it. Then submit it again."
)
NO_DOWN = ("Could not find migration method: down", "has no down part")
"""What the tools say when a file has no way back."""


@dataclass(frozen=True)
class Limits:
    """From when on a time is a finding. Seconds."""

    long_seconds: float = 60.0
    """Spec, "Performance Testing": over 1 minute, split into phases."""
    blocking_seconds: float = 0.25
    """Design section 8: nobody should wait longer than this; above it the lock needs a window."""
    downtime_seconds: float = 30.0
    """Spec, "Overview": the target for downtime."""


STANDARD = Limits()


@dataclass(frozen=True)
class Verdict:
    """One test class: passed, not passed, or not tried because an earlier one failed (None)."""

    key: TestClass
    passed: bool | None
    sentence: str


@dataclass(frozen=True)
class Finding:
    """Something to act on. tone: warn or bad."""

    key: str
    tone: str
    title: str
    advice: str


def verdicts(seen: Observed) -> tuple[Verdict, ...]:
    """Judge the four test classes."""
    return (_structure(seen), _application(seen), _rollback(seen), _idempotency(seen))


def _names(calls: list[FileCall]) -> str:
    return ", ".join(call.file for call in calls)


def _why(call: FileCall) -> str:
    if call.timed_out:
        return "it was ended at the time limit"
    if call.sqlstate:
        return (
            f"the server answered SQLSTATE {call.sqlstate}{f' ({call.said})' if call.said else ''}"
        )
    if call.exit_code == 0:
        return "the tool said success, but the history does not hold it"
    return call.said or f"the tool ended with code {call.exit_code}"


def lacks_down(call: FileCall) -> bool:
    """Say whether a way down failed because the file has none."""
    return call.phase == "down" and not call.worked and any(word in call.said for word in NO_DOWN)


def _structure(seen: Observed) -> Verdict:
    without = [call for call in seen.calls if lacks_down(call)]
    if without:
        return Verdict(
            TestClass.STRUCTURE,
            passed=False,
            sentence=f"{_names(without)} has no “down”, so it cannot be undone. Write “down” so that it reverses each step of “up”.",
        )
    silent = [
        call for call in seen.calls_of("up") if call.worked and not _statements(seen, call, "up")
    ]
    if silent:
        return Verdict(
            TestClass.STRUCTURE,
            passed=False,
            sentence=f"{_names(silent)} sent nothing to the database. Does it export “up”?",
        )
    if not seen.calls_of("down"):
        return Verdict(
            TestClass.STRUCTURE,
            passed=None,
            sentence="Not tried: the files did not get as far as “down”.",
        )
    return Verdict(TestClass.STRUCTURE, passed=True, sentence="Every file has “up” and “down”.")


def _statements(seen: Observed, call: FileCall, phase: str) -> int:
    return sum(1 for each in seen.statements if each.file == call.file and each.phase == phase)


def _application(seen: Observed) -> Verdict:
    failed = [call for call in seen.calls_of("up") if not call.worked]
    if failed:
        return Verdict(
            TestClass.APPLICATION,
            passed=False,
            sentence=f"{failed[0].file} does not run on the copy: {_why(failed[0])}. Mend the file and submit it again.",
        )
    if seen.raises:
        first = next(each for each in seen.otherwise if each.new)
        return Verdict(
            TestClass.APPLICATION,
            passed=False,
            sentence=f"{first.file} sends SQL on the copy that nobody has assessed, and with it the plan is {seen.raises}: "
            f"{quoted(first.new)}. {SAME_EVERYWHERE}",
        )
    if seen.failed_checks:
        return Verdict(
            TestClass.APPLICATION,
            passed=False,
            sentence="It runs, but then does not verify: " + " ".join(seen.failed_checks[:SHOWN]),
        )
    return Verdict(
        TestClass.APPLICATION,
        passed=True,
        sentence=f"Up in {seen.seconds_of('up'):.1f} s, every verification passed.",
    )


def _rollback(seen: Observed) -> Verdict:
    failed = [call for call in seen.calls_of("down") if not call.worked]
    if failed:
        why = "there is no “down”" if lacks_down(failed[0]) else _why(failed[0])
        return Verdict(
            TestClass.ROLLBACK,
            passed=False,
            sentence=f"{failed[0].file} cannot be undone: {why}. Until “down” works, only a restore leads back.",
        )
    if seen.left_after_down is None:
        return Verdict(
            TestClass.ROLLBACK,
            passed=None,
            sentence="Not tried: the files did not run in the first place.",
        )
    if seen.left_after_down:
        shown = _changed(seen.left_after_down)
        return Verdict(
            TestClass.ROLLBACK,
            passed=False,
            sentence=f"After “down” the schema is not as before: {shown}. Let “down” reverse exactly what “up” did.",
        )
    if seen.counts_after_down:
        return Verdict(
            TestClass.ROLLBACK,
            passed=False,
            sentence="After “down” the schema is as before, but not the rows: "
            + "; ".join(seen.counts_after_down[:SHOWN])
            + ". Let “down” take out what “up” put in.",
        )
    return Verdict(
        TestClass.ROLLBACK,
        passed=True,
        sentence=f"Down in {seen.seconds_of('down'):.1f} s; history, schema and row counts are exactly as before.",
    )


def _changed(lines: tuple[str, ...]) -> str:
    """Return the first lines that came or went, in words."""
    words = {"+": "still there: ", "-": "missing: "}
    changed = [
        f"{words[line[0]]}{line[1:].strip()}"
        for line in lines
        if line[:1] in words and line[1:].strip()
    ]
    return "; ".join((changed or list(lines))[:SHOWN])


def _idempotency(seen: Observed) -> Verdict:
    failed = [call for call in seen.calls_of("up-again") if not call.worked]
    if failed:
        return Verdict(
            TestClass.IDEMPOTENCY,
            passed=False,
            sentence=f"{failed[0].file} runs once, but not again after it was undone: {_why(failed[0])}. "
            "“down” leaves something behind that “up” meets.",
        )
    if seen.second_up is None:
        return Verdict(
            TestClass.IDEMPOTENCY,
            passed=None,
            sentence="Not tried: the files could not be undone first.",
        )
    if seen.second_up:
        return Verdict(
            TestClass.IDEMPOTENCY,
            passed=False,
            sentence="Up, down and up again does not give what up alone gives: "
            + _changed(seen.second_up)
            + ".",
        )
    if seen.third_up_changes:
        return Verdict(
            TestClass.IDEMPOTENCY,
            passed=False,
            sentence=f"Applied although it was applied already: {seen.third_up_changes} changes were committed once more.",
        )
    return Verdict(
        TestClass.IDEMPOTENCY,
        passed=True,
        sentence="Up again gives the same schema and rows; a third time there is nothing left to do.",
    )


def findings(seen: Observed, *, limits: Limits = STANDARD) -> tuple[Finding, ...]:
    """Return what the spec's performance test demands, and what undoing cannot bring back."""
    return (
        *_otherwise(seen),
        *_time(seen, limits),
        *_locks(seen, limits),
        *_contents(seen),
        *_blind(seen),
    )


def quoted(statements: tuple[str, ...]) -> str:
    """Return the first statements, shortened, and how many more there are."""
    shown = "; ".join(
        each if len(each) <= QUOTED else f"{each[:QUOTED]}…" for each in statements[:SHOWN]
    )
    return shown + (f" (and {len(statements) - SHOWN} more)" if len(statements) > SHOWN else "")


def _otherwise(seen: Observed) -> Iterator[Finding]:
    for each in seen.otherwise:
        said = [
            f"{what}: {quoted(statements)}."
            for what, statements in (
                ("Sent here, never assessed", each.new),
                ("Assessed, not sent here", each.missing),
            )
            if statements
        ]
        yield Finding(
            "other-sql",
            "bad" if seen.raises else "warn",
            f"{each.file} sends other SQL here than when it was assessed",
            f"{' '.join(said)} What was signed speaks of the other SQL. {SAME_EVERYWHERE}",
        )


def _time(seen: Observed, limits: Limits) -> Iterator[Finding]:
    measured = seen.seconds_of("up")
    expected = measured * max(seen.scale, 1.0)
    if measured <= limits.long_seconds and expected <= limits.long_seconds:
        return
    said = f"The way up took {measured:.1f} s"
    if expected > measured:
        said += f"; with production's rows it would be about {expected:.0f} s (extrapolated)"
    slowest = max(
        (each for each in seen.statements if each.phase == "up"), key=lambda each: each.seconds
    )
    yield Finding(
        "split",
        "warn",
        f"{said}: split it into phases",
        f"More than {limits.long_seconds:g} s (spec, Performance Testing). Most of it, {slowest.seconds:.1f} s, is one "
        f"statement of {slowest.file} ({slowest.sql[:60].strip()}…): move it into a file or a backfill of its own.",
    )


def longest_blocking(seen: Observed) -> dict[str, SeenLock]:
    """Return, for each table, the longest lock that kept the application out."""
    worst: dict[str, SeenLock] = {}
    for lock in seen.locks:
        if lock.blocks and (lock.table not in worst or lock.seconds > worst[lock.table].seconds):
            worst[lock.table] = lock
    return worst


def _locks(seen: Observed, limits: Limits) -> Iterator[Finding]:
    worst = sorted(longest_blocking(seen).values(), key=lambda each: -each.seconds)
    long = [lock for lock in worst if lock.seconds > limits.blocking_seconds]
    if not long:
        return
    top = long[0]
    bad = top.seconds * max(seen.scale, 1.0) > limits.downtime_seconds
    others = f" (and {len(long) - 1} more)" if len(long) > 1 else ""
    yield Finding(
        "window",
        "bad" if bad else "warn",
        f"{top.table}{others} is locked for {top.seconds:.1f} s: it needs a maintenance window",
        f"{LOCK_NAMES.get(top.mode, top.mode)} keeps all {top.blocks} waiting. Plan the run for a maintenance window, or lock "
        "for a shorter time: add constraints NOT VALID and validate later, build indexes CONCURRENTLY, move data in batches.",
    )


def _contents(seen: Observed) -> Iterator[Finding]:
    if seen.contents_after_down:
        yield Finding(
            "contents",
            "warn",
            "Undoing does not bring back the data of "
            + ", ".join(seen.contents_after_down[:SHOWN]),
            "The schema and the row counts are as before, the contents are not. When the old values matter, only the "
            "restore of the backup brings them back; say so in the rollback procedure.",
        )


def _blind(seen: Observed) -> Iterator[Finding]:
    if not seen.has_rows:
        yield Finding(
            "no-rows",
            "warn",
            "The copy held no rows, so times and locks say nothing about production",
            "Rehearse on a restored backup, where the data may be used, before you rely on the expected time.",
        )
