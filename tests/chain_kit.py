"""What holds on a plan's chain, whatever happened (A1 to A13), for a model that walks any history: `Promises`.

The rows are read again only after something was written: a step that asked questions and nothing else changed none of them.
"""

import hashlib
import json
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from django.db import connection
from hypothesis.stateful import RuleBasedStateMachine, invariant

from migrations_portal.approvals import services
from migrations_portal.approvals.models import ChainStage, Seat
from migrations_portal.plans import queries as plan_queries
from migrations_portal.plans.models import MigrationPlan, PlanRevision
from tests.factories.chain import Story

CANARY = "canary-555-12-3456"
"""Stands in the file and in the free text of the plan; no mail may carry it (A11)."""
OPEN = ("SUBMITTED", "APPROVED", "SCHEDULED")
KEPT = (
    "decision", "decided_by_id", "on_behalf_of_id", "decided_at", "printed_name", "meaning", "factors",
    "signed_digest", "reason", "role", "stage", "revision_id",
)  # fmt: skip

BESIDE = """
    SELECT ARRAY(SELECT seat_id FROM approvals_invitation WHERE revoked_at IS NULL),
           (SELECT coalesce(json_object_agg(id, done_at), '{}') FROM approvals_deadline WHERE done_at IS NOT NULL),
           ARRAY(SELECT revision_id FROM execution_run WHERE status <> 'CANCELLED'),
           (SELECT count(*) FROM audit_entry),
           (SELECT coalesce(json_object_agg(id, context), '{}') FROM notifications_notice WHERE id > %s)
"""
"""What a look takes in beside the plan, its seats and its stages, in one question."""


class Writes:
    """Sees whether anything but a question went to the database. What it does not know counts as a write."""

    QUESTIONS = ("SELECT ", "SAVEPOINT ", "RELEASE SAVEPOINT ", "ROLLBACK TO SAVEPOINT ")
    ACTS = "audit_append("

    def __init__(self):
        self.any = True

    def __call__(self, execute, sql, params, many, context):
        if not str(sql).startswith(self.QUESTIONS) or self.ACTS in str(sql):
            self.any = True
        return execute(sql, params, many, context)


class Promises(RuleBasedStateMachine):
    """The promises, checked after each step. Does not act; whoever inherits it keeps `signed` and `story`."""

    story: Story

    def __init__(self):
        super().__init__()
        self.signed: dict[int, dict] = {}
        self.done: dict[str, str] = {}
        self.entries = 0
        self.last_notice = 0
        self.writes = Writes()
        self.watch = ExitStack()
        self.watch.enter_context(connection.execute_wrapper(self.writes))

    def look_anew(self):
        """Read the rows."""
        self.look = Look.at(self.story.plan.pk, since_notice=self.last_notice)
        self.writes.any = False

    @invariant()
    def every_promise_holds(self):
        """One look at the rows if a step may have changed them, then each promise."""
        if self.writes.any:
            self.look_anew()
            self.check(self.look)

    def check(self, look):
        self.a_decision_stays_what_it_was(look)
        self.an_approved_plan_has_every_signature_and_each_is_whole(look)
        self.the_digest_is_that_of_what_would_run(look)
        self.a_stage_opens_after_the_one_before_it(look)
        self.links_lead_to_open_seats_only(look)
        self.a_deadline_is_met_once(look)
        self.one_run_waits_only_for_an_approved_plan(look)
        self.the_ledger_only_grows_and_no_mail_says_too_much(look)

    def a_decision_stays_what_it_was(self, look):
        decided = {row.pk: row for row in look.seats if row.decision}
        assert decided.keys() == self.signed.keys()
        for pk, row in decided.items():
            assert {column: getattr(row, column) for column in KEPT} == self.signed[pk]

    def an_approved_plan_has_every_signature_and_each_is_whole(self, look):
        plan = look.plan
        if plan.status not in {"APPROVED", "SCHEDULED"}:
            return
        seats = [row for row in look.of_newest if row.voided_at is None]
        assert seats
        roles: dict[int, set] = {}
        for seat in seats:
            assert (seat.decision, seat.signed_digest) == ("APPROVE", look.newest.digest)
            assert seat.printed_name
            assert seat.meaning
            assert seat.factors
            assert seat.reason
            for person in {seat.decided_by_id, seat.on_behalf_of_id} - {None}:
                assert person not in {plan.author_id, plan.last_editor_id}
                roles.setdefault(person, set()).add(seat.role)
        assert all(len(each) == 1 for each in roles.values())

    def the_digest_is_that_of_what_would_run(self, look):
        plan, revision = look.plan, look.newest
        if plan.status not in OPEN:
            return
        assert hashlib.sha256(revision.content.encode()).hexdigest() == revision.digest
        content = plan_queries.content(
            plan, level=revision.level, phi=revision.phi, backup_policy=services.BACKUP_POLICY
        )
        assert content.digest() == revision.digest
        assert plan.planned_for <= plan.scheduled_for <= plan.planned_for + timedelta(days=7)

    def a_stage_opens_after_the_one_before_it(self, look):
        if look.plan.status not in OPEN:
            return
        if look.plan.emergency_reason:
            confirmed = look.newest.emergency.confirmed_at is not None
            assert all((row.opened_at is not None) == confirmed for row in look.stages)
            return
        for before, row in pairwise(look.stages):
            assert row.opened_at is None or before.completed_at is not None

    def links_lead_to_open_seats_only(self, look):
        seats = {row.pk: row for row in look.seats}
        for seat_id in look.links:
            seat = seats[seat_id]
            assert (seat.decision, seat.voided_at) == ("", None)
            assert seat.opened_at is not None
        if look.plan.status != "SUBMITTED":
            assert not look.links

    def a_deadline_is_met_once(self, look):
        for pk, at in self.done.items():
            assert look.met[pk] == at
        self.done = look.met

    def one_run_waits_only_for_an_approved_plan(self, look):
        assert len(look.runs) <= 1 or len(set(look.runs)) == len(look.runs)

    def the_ledger_only_grows_and_no_mail_says_too_much(self, look):
        assert look.entries >= self.entries
        self.entries = look.entries
        for pk, context in look.notices.items():
            assert CANARY not in json.dumps(context)
            self.last_notice = max(self.last_notice, pk)


@dataclass(frozen=True)
class Look:
    """The rows that the promises are about, read once after each step."""

    plan: MigrationPlan
    seats: list[Seat]
    newest: PlanRevision | None
    stages: list[ChainStage]
    links: list[int]
    """The seats to which live links lead."""
    met: dict[str, str]
    """Deadline → when it was met."""
    runs: list[int]
    entries: int
    notices: dict[int, dict]
    """Those that came since the last look: the context of a notice is never changed."""

    @classmethod
    def at(cls, plan_id: int, *, since_notice: int) -> "Look":
        related = ("target__group", "author", "executor")
        plan = MigrationPlan.objects.select_related(*related).get(pk=plan_id)
        seats = Seat.objects.filter(revision__plan=plan).select_related("revision")
        revisions = PlanRevision.objects.select_related("emergency").filter(plan=plan)
        newest = revisions.filter(number=plan.revision).first()
        stages = ChainStage.objects.filter(revision=newest).order_by("position")
        with connection.cursor() as cursor:
            links, met, runs, entries, notices = cursor.execute(BESIDE, [since_notice]).fetchone()
        return cls(
            plan=plan,
            seats=list(seats.order_by("position", "pk")),
            newest=newest,
            stages=list(stages),
            links=links,
            met=met,
            runs=runs,
            entries=entries,
            notices={int(pk): context for pk, context in notices.items()},
        )

    @property
    def of_newest(self) -> list[Seat]:
        return [row for row in self.seats if row.revision_id == self.newest.pk]
