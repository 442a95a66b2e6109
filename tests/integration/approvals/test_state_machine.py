"""Any order of acts, by anybody, at any time: the invariants of A1 to A13 hold (plan, people, clock, policy).

`WCO_CHAIN_EXAMPLES` and `WCO_CHAIN_STEPS` say how many histories of how many steps, in shards that the workers share, each with a
seed of its own: 200 of 40 by `make test`, always the same ones; `WCO_CHAIN_SEED` walks others, and `make chain` longer ones.
"""

import os
from datetime import timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from migrations_portal.approvals import services
from migrations_portal.approvals.models import Delegation, Seat
from migrations_portal.approvals.rules import Decision
from migrations_portal.audit import queries as ledger
from migrations_portal.execution import services as execution
from migrations_portal.kernel.errors import Refused
from migrations_portal.notifications.models import Notice
from migrations_portal.people import access
from migrations_portal.people.rules import Role
from migrations_portal.plans import services as plans
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.windows.models import Period
from tests.chain_kit import CANARY, KEPT, OPEN, Promises
from tests.clock import NOON
from tests.factories.chain import NAMES, Story
from tests.factories.plans import COMPLETE, draft, rehearse, tick_all

EXAMPLES = int(os.environ.get("WCO_CHAIN_EXAMPLES", "200"))
STEPS = int(os.environ.get("WCO_CHAIN_STEPS", "40"))
SEED = int(os.environ.get("WCO_CHAIN_SEED", "0"))
SHARDS = 8
PEOPLE = ("ana", "dan", "tess", "carla", "eve", "sam", "cleo", "petra", "mallory")
SIGNERS = tuple(NAMES.values())
ROLE_OF = {name: Role(role) for role, name in NAMES.items()}
minutes = st.sampled_from([1, 20, 61, 6 * 60, 25 * 60, 3 * 24 * 60, 11 * 24 * 60])


class Chain(Promises):
    """The model beside the product: who holds what, who is there, what was signed, and what the time is."""

    cast: dict
    target: object

    def __init__(self):
        super().__init__()
        self.savepoint = transaction.atomic()
        self.savepoint.__enter__()
        self.roles = {name: {ROLE_OF[name]} if name in ROLE_OF else set() for name in PEOPLE}
        self.active = set(PEOPLE)
        self.deputies: list[tuple[str, str, Role, object, object]] = []
        self.last_editor = "ana"

    def teardown(self):
        self.watch.close()
        if hasattr(self, "story"):
            self.look_anew()
            self.check(self.look)  # once more, whether or not something seemed to be written
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
        rows = sorted(self.look.seats, key=lambda row: row.pk)
        self._decide(rows[pick % len(rows)], name, Decision.REJECT if reject else Decision.APPROVE)

    @rule(pick=st.integers(0, 9))
    def the_right_person_signs(self, pick):
        rows = [
            row
            for row in self.look.of_newest
            if row.voided_at is None and row.opened_at and not row.decision
        ]
        if rows:
            row = rows[pick % len(rows)]
            self._decide(row, NAMES[row.role], Decision.APPROVE)

    def _decide(self, seat, name, decision):
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
        assert done.signed_digest == self.look.newest.digest
        if decision is Decision.REJECT:
            assert self.plan.status == "REJECTED"

    def _may(self, seat, name):
        """The hand-written rule: who may decide on this seat now."""
        plan = self.look.plan
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
        return not any(
            {row.decided_by_id, row.on_behalf_of_id} & ids and row.role != seat.role
            for row in self.look.seats
            if row.revision_id == seat.revision_id and row.decision
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

    @precondition(lambda self: self.look.plan.status == "DRAFT")
    @rule(urgent=st.booleans(), seconds=st.integers(1, 900))
    def ana_submits_again(self, urgent, seconds):
        story, plan, now = self.story, self.look.plan, self.story.now
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
        before = self.look.plan.status
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
        plan = self.look.plan
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
        before = self.look.plan.scheduled_for
        self.story.sweep(times=times)
        assert self.windows_open or self.plan.scheduled_for == before

    @rule(span=minutes, back=st.sampled_from([1, 1, 1, 1, -1]))
    def the_clock_jumps(self, span, back):
        self.story.now = max(NOON, self.story.now + back * timedelta(minutes=span))
        self._sweep()

    @rule(hours=st.sampled_from([30, 20, 5, 1, -1, -9]))
    def it_is_almost_time(self, hours):
        if self.look.plan.scheduled_for is not None:
            wanted = self.look.plan.scheduled_for - timedelta(hours=hours)
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

    @property
    def plan(self):
        """The plan as it is after an act; before one, `look.plan` says the same."""
        return MigrationPlan.objects.get(pk=self.story.plan.pk)


@pytest.mark.slow(40)
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
