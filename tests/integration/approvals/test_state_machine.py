"""Any order of acts, by anybody, at any time: the invariants of A1 to A13 hold (plan, people, clock, policy).

`WCO_CHAIN_EXAMPLES` and `WCO_CHAIN_STEPS` say how many histories of how many steps, in shards that the workers share: 16 of 40 by
`make test`, 200 of 40 by `make chain`; `WCO_CHAIN_SEED` walks others.
"""

import hashlib
import json
import os
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import transaction
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from migrations_portal.approvals import queries, services
from migrations_portal.approvals.models import ChainStage, Deadline, Delegation, Invitation, Seat
from migrations_portal.approvals.rules import Decision
from migrations_portal.audit import queries as ledger
from migrations_portal.audit.models import Entry
from migrations_portal.execution import services as execution
from migrations_portal.execution.models import MigrationRun
from migrations_portal.kernel.errors import Refused
from migrations_portal.notifications.models import Notice
from migrations_portal.people import access
from migrations_portal.people.rules import Role
from migrations_portal.plans import queries as plan_queries
from migrations_portal.plans import services as plans
from migrations_portal.plans.models import MigrationPlan, PlanRevision
from migrations_portal.windows.models import Period
from tests.clock import NOON
from tests.factories.chain import NAMES, Story
from tests.factories.plans import COMPLETE, draft, rehearse, tick_all

EXAMPLES = int(os.environ.get("WCO_CHAIN_EXAMPLES", "16"))
STEPS = int(os.environ.get("WCO_CHAIN_STEPS", "40"))
SEED = int(os.environ.get("WCO_CHAIN_SEED", "0"))
SHARDS = 8
PEOPLE = ("ana", "dan", "tess", "carla", "eve", "sam", "cleo", "petra", "mallory")
SIGNERS = tuple(NAMES.values())
ROLE_OF = {name: Role(role) for role, name in NAMES.items()}
CANARY = "canary-555-12-3456"
"""Stands in the file and in the free text of the plan; no mail may carry it (A11)."""
OPEN = ("SUBMITTED", "APPROVED", "SCHEDULED")
KEPT = (
    "decision", "decided_by_id", "on_behalf_of_id", "decided_at", "printed_name", "meaning", "factors",
    "signed_digest", "reason", "role", "stage", "revision_id",
)  # fmt: skip

minutes = st.sampled_from([1, 20, 61, 6 * 60, 25 * 60, 3 * 24 * 60, 11 * 24 * 60])


class Chain(RuleBasedStateMachine):
    """The model beside the product: who holds what, who is there, what was signed, and what the time is."""

    cast: dict
    target: object

    def __init__(self):
        super().__init__()
        self.savepoint = transaction.atomic()
        self.savepoint.__enter__()
        self.roles = {name: {ROLE_OF[name]} if name in ROLE_OF else set() for name in PEOPLE}
        self.active = set(PEOPLE)
        self.signed: dict[int, dict] = {}
        self.deputies: list[tuple[str, str, Role, object, object]] = []
        self.done: dict[int, object] = {}
        self.entries = 0
        self.last_notice = 0
        self.last_editor = "ana"

    def teardown(self):
        assert ledger.verify_chain().intact
        transaction.set_rollback(True)
        self.savepoint.__exit__(None, None, None)
        for person in self.cast.values():
            person.is_active = True  # as in the rows that are back

    @initialize(level=st.sampled_from(["LOW", "MEDIUM", "HIGH", "CRITICAL"]), phi=st.booleans())
    def submit(self, level, phi):
        plan = draft(by=self.cast["ana"], target=self.target, level=level, phi=phi)
        MigrationPlan.objects.filter(pk=plan.pk).update(risk_mitigation=CANARY)
        plan.files.update(content=f"-- {CANARY}".encode())
        self.story = Story(self.cast, plan)
        self.story.do(services.submit, "ana")
        rehearse(plan, now=self.story.now)
        self.windows_open = True

    # What people do

    @rule(
        pick=st.integers(0, 9),
        name=st.sampled_from(PEOPLE),
        reject=st.sampled_from([0, 0, 0, 0, 1]),
    )
    def somebody_decides(self, pick, name, reject):
        rows = list(Seat.objects.filter(revision__plan=self.plan).order_by("pk"))
        self._decide(rows[pick % len(rows)], name, Decision.REJECT if reject else Decision.APPROVE)

    @rule(pick=st.integers(0, 9))
    def the_right_person_signs(self, pick):
        rows = [
            row for row in queries.seats_of_plan(self.plan) if row.opened_at and not row.decision
        ]
        if rows:
            row = rows[pick % len(rows)]
            self._decide(row, NAMES[row.role], Decision.APPROVE)

    def _decide(self, seat, name, decision):
        seat = Seat.objects.select_related("revision").get(pk=seat.pk)
        allowed = self._may(seat, name)
        try:
            done = services.sign_off(
                seat_id=seat.pk, by=self.cast[name], decision=decision, reason="Read",
                digest=seat.revision.digest, now=self.story.now, **self.story.door,
                evidence=services.Evidence(ip="127.0.0.1", user_agent="x", factors="password"),
            )  # fmt: skip
        except Refused as refusal:
            code, done = refusal.code, None
        if done is None:
            assert not allowed or code == "too-many", (name, seat.role, code)
            return
        assert allowed, (name, seat.role, seat.stage)
        done.refresh_from_db()
        self.signed[done.pk] = {column: getattr(done, column) for column in KEPT}
        assert done.signed_digest == self._newest().digest
        if decision is Decision.REJECT:
            assert self.plan.status == "REJECTED"

    def _may(self, seat, name):
        """The hand-written rule: who may decide on this seat now."""
        plan = self.plan
        if seat.decision or seat.voided_at or seat.opened_at is None or plan.status != "SUBMITTED":
            return False
        if seat.revision.number != plan.revision or self.story.now < seat.opened_at:
            return False
        role = Role(seat.role)
        for giver in [name, *self._givers(name, role)]:
            if giver == name and role not in self._held(name):
                continue
            involved = {"ana", self.last_editor} & {name, giver}
            return not involved and self._one_role(seat, {name, giver})
        return False

    def _held(self, name):
        return self.roles[name] if name in self.active else set()

    def _givers(self, name, role):
        now = self.story.now
        return [
            giver
            for giver, deputy, what, start, end in self.deputies
            if deputy == name and what is role and start <= now < end
            and name in self.active and role in self._held(giver)
        ]  # fmt: skip

    def _one_role(self, seat, names):
        ids = {self.cast[name].pk for name in names}
        rows = Seat.objects.filter(revision=seat.revision).exclude(decision="")
        return not any(
            {row.decided_by_id, row.on_behalf_of_id} & ids and row.role != seat.role for row in rows
        )

    @rule()
    def ana_ticks_the_checklist(self):
        tick_all(self.plan, by=self.cast["ana"], now=self.story.now)
        services.go_on(plan_id=self.story.plan.pk, now=self.story.now, **self.story.door)

    @rule()
    def the_windows_close_or_open(self):
        """All windows but one far one are taken out of the calendar, or put back."""
        self.windows_open = not self.windows_open
        rows = Period.objects.filter(target=self.target)
        rows.update(
            ended_at=None if self.windows_open else self.story.now,
            ended_by=None if self.windows_open else self.cast["dan"],
        )

    @rule()
    def ana_edits(self):
        try:
            self.story.do(services.revise, "ana", reason="A change")
        except Refused:
            assert self.plan.status not in {*OPEN, "REJECTED"}
            return
        assert self.plan.status == "DRAFT"
        assert not Seat.objects.filter(revision__plan=self.plan, voided_at=None).exists()

    @precondition(lambda self: self.plan.status == "DRAFT")
    @rule(urgent=st.booleans(), seconds=st.integers(1, 900))
    def ana_submits_again(self, urgent, seconds):
        story, plan, now = self.story, self.plan, self.story.now
        plans.edit(
            plan_id=plan.pk, by=self.cast["ana"], title=plan.title, checks=[], version=plan.version, now=now,
            scheduled_for=now + (timedelta(hours=2) if urgent else timedelta(days=8)),
            documentation=COMPLETE.__class__(
                **{**vars(COMPLETE), "expected_seconds": seconds, "risk_mitigation": CANARY}
            ),
        )  # fmt: skip
        try:
            if urgent:
                until = now + timedelta(hours=6)
                with transaction.atomic():
                    story.do(
                        services.submit_emergency, "ana", reason=f"It burns {CANARY}", until=until
                    )
            else:
                with transaction.atomic():
                    story.do(services.submit, "ana")
        except Refused as refusal:
            code = refusal.code
        else:
            rehearse(plan, now=now)
            return
        closed = {"plan-incomplete"} if not self.windows_open else set()
        assert code in {"seat-unfillable", "emergency-refused", "not-allowed"} | closed
        assert self.plan.status == "DRAFT"

    @rule(name=st.sampled_from(PEOPLE))
    def somebody_confirms_the_emergency(self, name):
        try:
            self.story.do(services.confirm_emergency, name, reason="It does")
        except Refused:
            return
        assert name in {"carla", "eve"}
        assert {Role.CTO, Role.EXECUTIVE} & self._held(name)

    @rule(giver=st.sampled_from(SIGNERS), deputy=st.sampled_from(PEOPLE), days=st.integers(1, 40))
    def somebody_delegates(self, giver, deputy, days):
        role, now = ROLE_OF[giver], self.story.now
        end = now + timedelta(days=days)
        try:
            with transaction.atomic():
                services.delegate(
                    group=self.target.group, role=role, by=self.cast[giver], to=self.cast[deputy],
                    starts_at=now, ends_at=end, reason="Leave", now=now, public_url="",
                )  # fmt: skip
        except Refused:
            return
        assert deputy != giver
        assert role in self._held(giver)
        assert self._held(deputy)
        assert days <= 30
        self.deputies.append((giver, deputy, role, now, end))

    @rule()
    def a_deputy_is_released(self):
        row = Delegation.objects.filter(ended_at=None, ends_at__gt=self.story.now).first()
        if row is None:
            return
        services.end_delegation(delegation_id=row.pk, by=row.giver, now=self.story.now)
        self.deputies = [
            each
            for each in self.deputies
            if (self.cast[each[0]].pk, self.cast[each[1]].pk, str(each[2]), each[3])
            != (row.giver_id, row.deputy_id, row.role, row.starts_at)
        ]

    @rule(name=st.sampled_from(SIGNERS))
    def a_role_is_lost_or_given_back(self, name):
        role = ROLE_OF[name]
        act = access.revoke if role in self.roles[name] else access.grant
        act(person=self.cast[name], role=role, group=self.target.group)
        self.roles[name] ^= {role}

    @rule(name=st.sampled_from(SIGNERS))
    def a_person_leaves_or_comes_back(self, name):
        person = self.cast[name]
        person.is_active = not person.is_active
        person.save(update_fields=["is_active"])
        self.active ^= {name}

    @rule(
        name=st.sampled_from(PEOPLE),
        verb=st.sampled_from(["withdraw", "cancel"]),
        lucky=st.integers(0, 5),
    )
    def somebody_ends_it(self, name, verb, lucky):
        before = self.plan.status
        if lucky:  # rarely, or nothing would live long
            return
        try:
            self.story.do(getattr(services, verb), name, reason="Enough")
        except Refused:
            return
        if verb == "withdraw":
            assert name == "ana"
            assert before in {"DRAFT", "SUBMITTED", "REJECTED"}
        else:
            assert before in {"APPROVED", "SCHEDULED"}

    @rule(name=st.sampled_from(PEOPLE), hours=st.integers(1, 200))
    def somebody_postpones(self, name, hours):
        plan = self.plan
        if plan.scheduled_for is None:
            return
        to = plan.scheduled_for + timedelta(hours=hours)
        try:
            self.story.do(services.postpone, name, to=to, reason="Payroll")
        except Refused:
            return
        assert self.windows_open
        assert plan.status in OPEN
        assert name == "ana" or self._held(name) & {
            Role.DBA,
            Role.TECH_LEAD,
            Role.CTO,
            Role.EXECUTIVE,
        }

    # What time and the portal do

    def _sweep(self, times=1):
        """What the portal does by itself never puts T-0 outside the windows."""
        before = self.plan.scheduled_for
        self.story.sweep(times=times)
        assert self.windows_open or self.plan.scheduled_for == before

    @rule(span=minutes, back=st.sampled_from([1, 1, 1, 1, -1]))
    def the_clock_jumps(self, span, back):
        self.story.now = max(NOON, self.story.now + back * timedelta(minutes=span))
        self._sweep()

    @rule(hours=st.sampled_from([30, 20, 5, 1, -1, -9]))
    def it_is_almost_time(self, hours):
        if self.plan.scheduled_for is not None:
            wanted = self.plan.scheduled_for - timedelta(hours=hours)
            self.story.now = max(self.story.now, wanted)
            self._sweep(times=2)

    @rule()
    def the_portal_looks_after_things(self):
        self.story.keep()
        services.send_digests(now=self.story.now, public_url="")
        before = Notice.objects.count()
        self.story.sweep()
        self.story.keep()
        services.send_digests(now=self.story.now, public_url="")
        self.story.sweep()
        assert Notice.objects.count() >= before
        again = Notice.objects.count()
        self.story.sweep()
        self.story.keep()
        assert Notice.objects.count() == again  # told once

    @rule()
    def the_run_is_scheduled(self):
        execution.schedule_approved(now=self.story.now)

    # What holds, whatever happened

    @property
    def plan(self):
        return MigrationPlan.objects.select_related("target__group", "author").get(
            pk=self.story.plan.pk
        )

    def _newest(self):
        return plan_queries.newest_revision(self.plan)

    @invariant()
    def every_promise_holds(self):
        """One look at the rows, then each promise."""
        look = Look.at(self.story.plan.pk, since_notice=self.last_notice)
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
    met: dict[int, object]
    runs: list[int]
    entries: int
    notices: dict[int, dict]
    """Those that came since the last look: the context of a notice is never changed."""

    @classmethod
    def at(cls, plan_id: int, *, since_notice: int) -> "Look":
        plan = MigrationPlan.objects.select_related("target", "author", "executor").get(pk=plan_id)
        seats = Seat.objects.filter(revision__plan=plan).order_by("position", "pk")
        revisions = PlanRevision.objects.select_related("emergency").filter(plan=plan)
        newest = revisions.filter(number=plan.revision).first()
        stages = ChainStage.objects.filter(revision=newest).order_by("position")
        live = Invitation.objects.filter(revoked_at=None)
        notices = Notice.objects.filter(pk__gt=since_notice)
        runs = MigrationRun.objects.exclude(status="CANCELLED")
        return cls(
            plan=plan,
            seats=list(seats),
            newest=newest,
            stages=list(stages),
            links=list(live.values_list("seat_id", flat=True)),
            met=dict(Deadline.objects.exclude(done_at=None).values_list("pk", "done_at")),
            runs=list(runs.values_list("revision_id", flat=True)),
            entries=Entry.objects.count(),
            notices=dict(notices.values_list("pk", "context")),
        )

    @property
    def of_newest(self) -> list[Seat]:
        return [row for row in self.seats if row.revision_id == self.newest.pk]


@pytest.mark.slow
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_any_history_keeps_the_promises(cast, production, shard):
    """Each shard walks its own histories, so that several workers share them; `WCO_CHAIN_SEED` walks others."""
    cast["mallory"].is_superuser = True
    cast["mallory"].save()
    mine = seed(SEED * SHARDS + shard)(type(f"Chain{shard}", (Chain,), {}))
    mine.cast, mine.target = cast, production
    run_state_machine_as_test(
        mine,
        settings=settings(
            max_examples=EXAMPLES // SHARDS,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
