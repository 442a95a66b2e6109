"""Plans: what a caller may send, and what an answer holds."""

from datetime import datetime
from typing import Any

from rest_framework import serializers

from migrations_portal.api.serializers.pages import MAX_KEY, PageQuery
from migrations_portal.api.serializers.people import PersonSerializer
from migrations_portal.plans.commit import (
    HOW_AUTHORS,
    HOW_COMMIT,
    LONGEST_ADDRESS,
    MOST_AUTHORS,
)
from migrations_portal.plans.rules import DOCUMENTATION_ITEMS, PlanStatus

LONGEST_TEXT = 10_000
LONGEST_QUERY = 20_000
LONGEST_RUN_SECONDS = 86_400
MOST_CHECKS = 20


class Instant(serializers.DateTimeField):
    """An instant with its offset from UTC: a clock on a wall that nobody can see is refused."""

    default_error_messages = {
        "naive": "Say the offset from UTC too, such as 2026-11-11T21:00:00-05:00, or Z for UTC."
    }

    def enforce_timezone(self, value: datetime) -> datetime:
        """Raise `ValidationError` for a time without an offset."""
        if value.tzinfo is None:
            self.fail("naive")
        return super().enforce_timezone(value)


def _item(name: str) -> serializers.CharField:
    title, ask = DOCUMENTATION_ITEMS[name]
    return serializers.CharField(
        required=False, allow_blank=True, max_length=LONGEST_TEXT, help_text=f"{title}. {ask}"
    )


class NewPlanSerializer(serializers.Serializer[object]):
    title = serializers.CharField(max_length=160, help_text="Say in a few words what changes.")
    target = serializers.CharField(max_length=80, help_text="The name of the target.")


class DocumentationSerializer(serializers.Serializer[object]):
    purpose = _item("purpose")
    tables_affected = _item("tables_affected")
    expected_seconds = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=LONGEST_RUN_SECONDS,
        help_text=". ".join(DOCUMENTATION_ITEMS["expected_seconds"]),
    )
    rollback_procedure = _item("rollback_procedure")
    verification_steps = _item("verification_steps")
    risk_mitigation = _item("risk_mitigation")
    communication_plan = _item("communication_plan")
    justification = _item("justification")


class CheckSerializer(serializers.Serializer[object]):
    name = serializers.CharField(
        max_length=120, help_text="What holds when the query returns the right value."
    )
    sql = serializers.CharField(
        max_length=LONGEST_QUERY, help_text="One SELECT that returns one value."
    )
    expected = serializers.CharField(max_length=200)


class CommitSerializer(serializers.Serializer[object]):
    sha = serializers.CharField(
        max_length=64, allow_blank=True, help_text=f"40 hexadecimal digits, as of “{HOW_COMMIT}”."
    )
    authors = serializers.ListField(
        child=serializers.CharField(max_length=LONGEST_ADDRESS),
        max_length=MOST_AUTHORS,
        help_text=f"Mail addresses, as of “{HOW_AUTHORS}”. These people are not asked to sign.",
    )


class PlanChangeSerializer(serializers.Serializer[object]):
    version = serializers.IntegerField(
        min_value=0,
        max_value=2**31 - 1,
        help_text="The version that you changed; 409 edited-meanwhile when there is a newer one.",
    )
    title = serializers.CharField(required=False, max_length=160)
    scheduled_for = Instant(required=False, allow_null=True, help_text="T-0.")
    documentation = DocumentationSerializer(
        required=False, help_text="Only what is sent is changed."
    )
    checks = CheckSerializer(  # type: ignore[call-arg]  # `max_length` is the list's
        many=True,
        required=False,
        max_length=MOST_CHECKS,
        help_text="The plan's own verification, as a whole.",
    )
    commit = CommitSerializer(
        required=False, help_text="Where the files come from; an empty sha and no authors for none."
    )


class ReasonSerializer(serializers.Serializer[object]):
    reason = serializers.CharField(max_length=2_000, help_text="Stands in the ledger.")


class PlanQuery(PageQuery):
    status = serializers.ChoiceField(choices=[str(each) for each in PlanStatus], required=False)
    target = serializers.CharField(required=False, max_length=80)
    mine = serializers.BooleanField(
        required=False, allow_null=True, default=None, help_text="true: only plans that I wrote."
    )


class TargetSerializer(serializers.Serializer[object]):
    name = serializers.CharField()
    environment = serializers.CharField()
    database = serializers.CharField()
    time_zone = serializers.CharField()


class PlanLineSerializer(serializers.Serializer[object]):
    id = serializers.IntegerField(max_value=MAX_KEY)
    number = serializers.CharField(help_text="How people name the plan, such as WC-142.")
    title = serializers.CharField()
    status = serializers.CharField(help_text=", ".join(PlanStatus))
    level = serializers.CharField(
        help_text="LOW, MEDIUM, HIGH, CRITICAL; empty while the files are not assessed."
    )
    phi = serializers.BooleanField(help_text="Whether it touches protected health information.")
    target = TargetSerializer()
    author = PersonSerializer()
    scheduled_for = serializers.DateTimeField(allow_null=True, help_text="T-0.")
    revision = serializers.IntegerField(help_text="The newest frozen revision; 0 for a draft.")
    created_at = serializers.DateTimeField()
    submitted_at = serializers.DateTimeField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)
    page = serializers.CharField(help_text="Where people read it.")


class FileSerializer(serializers.Serializer[object]):
    name = serializers.CharField()
    size = serializers.IntegerField(help_text="In bytes.")
    sha256 = serializers.CharField()
    url = serializers.CharField(help_text="The text itself.")


class RollbackSerializer(serializers.Serializer[object]):
    proven = serializers.BooleanField()
    sentence = serializers.CharField()


class ReversibilitySerializer(serializers.Serializer[object]):
    grade = serializers.CharField(
        help_text="GREEN, YELLOW, UNKNOWN or RED: that of the worst statement."
    )
    title = serializers.CharField()
    sentence = serializers.CharField(
        help_text="What undoing takes, and which statements decide the grade."
    )


class WaitSerializer(serializers.Serializer[object]):
    seconds = serializers.ListField(
        child=serializers.FloatField(), help_text="The usual, the shortest and the longest."
    )
    limit_seconds = serializers.IntegerField(help_text="What the strategy allows.")
    verdict = serializers.CharField(help_text="within, may exceed, or over.")
    sentence = serializers.CharField()


class PhaseSerializer(serializers.Serializer[object]):
    title = serializers.CharField()
    kind = serializers.CharField(help_text="plan, backfill, or deploy.")
    sql = serializers.CharField(help_text="Ready to copy; empty for a deployment.")


class RadiusSerializer(serializers.Serializer[object]):
    table = serializers.CharField()
    sentences = serializers.ListField(child=serializers.CharField())


class AssessmentSerializer(serializers.Serializer[object]):
    state = serializers.CharField(help_text="running, done, or problem.")
    attempt = serializers.IntegerField(help_text="From 1; the same files may be assessed again.")
    requested_at = serializers.DateTimeField()
    done_at = serializers.DateTimeField(allow_null=True)
    level = serializers.CharField()
    phi = serializers.BooleanField()
    phi_reasons = serializers.ListField(
        child=serializers.CharField(), help_text="Why it touches PHI, a sentence per table."
    )
    reason = serializers.CharField(help_text="Why this level, in one sentence.")
    longest_wait = WaitSerializer(
        allow_null=True,
        help_text="The longest that anybody waits for one lock; null when nobody does.",
    )
    pattern = serializers.CharField(help_text="The pattern of the strategy; empty for none.")
    phases = PhaseSerializer(many=True, help_text="The series that the pattern asks for.")
    problem = serializers.CharField(help_text="Why the files could not be assessed.")
    tables = serializers.ListField(child=serializers.CharField())
    blast_radius = RadiusSerializer(many=True, help_text="What else hangs on the tables.")
    rates = serializers.CharField(help_text="On which measured rates the times rest.")
    stale = serializers.ListField(
        child=serializers.CharField(),
        help_text="What has changed since; assess again when there is anything.",
    )
    rollback = RollbackSerializer(
        allow_null=True, help_text="Whether the way back was tried, and what came of it."
    )
    reversibility = ReversibilitySerializer(
        allow_null=True, help_text="How far it can be undone; null while no statement is known."
    )
    irreversible = serializers.ListField(
        child=serializers.CharField(), help_text="Statements that only the backup undoes."
    )
    statements = serializers.ListField(
        child=serializers.DictField(),
        help_text="Each statement that the files send: file, line, sql, level, locks, rewrites, scans, reversibility,"
        " predicted, findings,"
        " and the same in sentences (said).",
    )
    findings = serializers.ListField(
        child=serializers.DictField(), help_text="About the whole: rule, level, message, advice."
    )
    down = serializers.ListField(
        child=serializers.DictField(), help_text="The statements of the way back."
    )


class SeatSerializer(serializers.Serializer[object]):
    id = serializers.IntegerField(help_text="For its address: plans/{plan}/seats/{id}/decision/.")
    stage = serializers.CharField(help_text="REVIEW, SECURITY, or GO.")
    day = serializers.CharField(help_text="When it is due, such as T-5.")
    role = serializers.CharField()
    role_title = serializers.CharField()
    state = serializers.CharField(help_text="later, open, approved, or rejected.")
    due_at = serializers.DateTimeField()
    opened_at = serializers.DateTimeField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    decided_by = serializers.CharField(help_text="The printed name; empty while undecided.")
    meaning = serializers.CharField()
    reason = serializers.CharField()
    signed_digest = serializers.CharField(help_text="The digest that the signature is bound to.")
    factors = serializers.CharField(help_text="How the person proved who they are.")
    ip = serializers.CharField(help_text="From where; “unknown” where no network was between.")
    user_agent = serializers.CharField()
    waiting_for = serializers.ListField(
        child=serializers.CharField(), help_text="Who could decide on it now."
    )


class TickSerializer(serializers.Serializer[object]):
    key = serializers.CharField()
    section = serializers.CharField()
    title = serializers.CharField()
    done_at = serializers.DateTimeField(allow_null=True)
    done_by = serializers.CharField(
        help_text="A name; “White Cross Ops” when the portal proved it; empty while open."
    )
    by_portal = serializers.BooleanField(help_text="Whether only the portal can tick it.")
    note = serializers.CharField()
    evidence = serializers.CharField()


class EventSerializer(serializers.Serializer[object]):
    at = serializers.DateTimeField()
    who = serializers.CharField()
    sentence = serializers.CharField()


class RunOfPlanSerializer(serializers.Serializer[object]):
    id = serializers.IntegerField(max_value=MAX_KEY)
    status = serializers.CharField()
    outcome = serializers.CharField()
    due_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class TestVerdictSerializer(serializers.Serializer[object]):
    key = serializers.CharField()
    title = serializers.CharField()
    passed = serializers.BooleanField(allow_null=True, help_text="null where it was not tried.")
    sentence = serializers.CharField()


class RehearsalFindingSerializer(serializers.Serializer[object]):
    key = serializers.CharField(help_text="other-sql, split, window, contents, no-rows.")
    tone = serializers.CharField()
    title = serializers.CharField()
    advice = serializers.CharField()


class RehearsalSerializer(serializers.Serializer[object]):
    state = serializers.CharField()
    sentence = serializers.CharField(help_text="In one line; why, when it was not carried out.")
    passed = serializers.BooleanField(help_text="Whether all four test classes passed.")
    finished_at = serializers.DateTimeField(allow_null=True)
    verdicts = TestVerdictSerializer(many=True)
    findings = RehearsalFindingSerializer(many=True)
    page = serializers.CharField()


class PlanSerializer(PlanLineSerializer):
    version = serializers.IntegerField(help_text="Send it back with a change.")
    digest = serializers.CharField(
        help_text="SHA-256 of the revision's content, which signatures are bound to; empty for a draft."
    )
    missing = serializers.DictField(
        child=serializers.CharField(),
        help_text="What keeps the draft from being submitted: a sentence for each.",
    )
    documentation = DocumentationSerializer()
    commit = CommitSerializer(allow_null=True, help_text="null where none was given.")
    checks = CheckSerializer(many=True)
    files = FileSerializer(many=True)
    assessment = AssessmentSerializer(allow_null=True)
    rehearsal = RehearsalSerializer(allow_null=True, help_text="The newest; null when none.")
    seats = SeatSerializer(many=True)
    checklist = TickSerializer(many=True)
    runs = RunOfPlanSerializer(many=True)
    activity = EventSerializer(many=True, help_text="From the ledger, the newest first.")


class PlanPageSerializer(serializers.Serializer[object]):
    plans = PlanLineSerializer(many=True)
    next = serializers.CharField(
        allow_null=True, help_text="Where the older ones are; null at the end."
    )


def as_plan(values: dict[str, Any]) -> Any:
    """Return the answer about one plan."""
    return PlanSerializer(values).data
