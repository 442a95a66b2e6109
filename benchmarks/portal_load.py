"""A portal with years behind it: one plan is walked through its chain by the services, then copied by SQL."""

import os
from collections.abc import Iterator

import psycopg
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from benchmarks.ledger import FILL
from benchmarks.portal import timed
from migrations_portal.approvals.models import Seat
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.targets.models import Target, TargetGroup
from tests.factories.chain import NAMES, Story
from tests.factories.plans import submitted, time_left
from tests.factories.windows import open_around_the_clock

COPIED = {
    "plans_file": "plan_id",
    "plans_assessment": "plan_id",
    "plans_checklist_item": "plan_id",
    "rehearsals_rehearsal": "plan_id",
}
STRIDE = 1_000_000
"""Ids of the copies begin here; revision and plan have the same id, so that no join is needed to make them."""
DBAS = 12


class Portal:
    """The rows, and the questions asked over them."""

    def __init__(self) -> None:
        """Make the cast, the target and the plan that is copied."""
        self.group = TargetGroup.objects.create(name="School health")
        self.target = Target.objects.create(
            name="production", group=self.group, environment="PRODUCTION", host="127.0.0.1",
            database="white_cross_production", credential="production", project="school-health",
        )  # fmt: skip
        open_around_the_clock(self.target)
        self.cast = {"ana": self._person("ana", Role.ENGINEER)}
        for role, name in NAMES.items():
            self.cast[name] = self._person(name, Role(role))
        self.dbas = [self._person(f"dba{number}", Role.DBA) for number in range(DBAS)]
        plan = submitted(by=self.cast["ana"], target=self.target, level="HIGH")
        Story(self.cast, plan).to_approved()
        self.model = plan.pk
        self.copied = 0

    def _person(self, name: str, role: Role) -> Person:
        person = Person.objects.create_user(f"{name}@whitecross.example", f"{name.title()} Bench")
        access.grant(person=person, role=role, group=self.group)
        return person

    def rows(self, table: str) -> int:
        """Return how many rows a table has."""
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT count(*) FROM "{table}"')
            return int(cursor.fetchone()[0])

    def grow(self, *, plans: int, seats: int, entries: int) -> None:
        """Copy the model until there are so many plans, and lengthen the ledger; triggers are off, as nothing is judged here."""
        name = connection.settings_dict["NAME"]
        with psycopg.connect(os.environ["WCO_TEST_PG_DSN"], dbname=name, autocommit=True) as admin:
            admin.execute("SET session_replication_role = replica")
            span = (self.copied + 1, plans)
            key = f"{STRIDE} + n"
            self._copy(
                admin,
                "plans_plan",
                f"s.id = {self.model}",
                span,
                id=key,
                status="'SUCCEEDED'",
                closed_at="now()",
            )
            self._copy(
                admin, "plans_revision", f"s.plan_id = {self.model}", span, id=key, plan_id=key
            )
            for table, column in COPIED.items():
                more = {"revision_id": key} if table == "rehearsals_rehearsal" else {}
                self._copy(
                    admin,
                    table,
                    f"s.{column} = {self.model}",
                    span,
                    id=None,
                    **{column: key},
                    **more,
                )
            of_model = (
                f"s.revision_id = (SELECT id FROM plans_revision WHERE plan_id = {self.model})"
            )
            self._copy(admin, "approvals_stage", of_model, span, id=None, revision_id=key)
            self._copy(admin, "approvals_seat", of_model, span, id=None, revision_id=key)
            void = f"{of_model} AND s.position = 0"
            own = admin.execute(
                f"SELECT count(*) FROM approvals_seat s WHERE {of_model}"
            ).fetchone()
            for _ in range(seats - (own[0] if own else 0)):
                self._copy(
                    admin,
                    "approvals_seat",
                    void,
                    span,
                    id=None,
                    revision_id=key,
                    voided_at="now()",
                    void_reason="'T-0 moved'",
                )
            last = admin.execute("SELECT coalesce(max(seq), 0) FROM audit_entry").fetchone()
            first = (last[0] if last else 0) + 1
            admin.execute(
                FILL.replace("{first}", str(first)).replace("{last}", str(plans * entries))
            )
            admin.execute("ANALYZE")
        self.copied = plans

    @staticmethod
    def _copy(
        admin: psycopg.Connection,
        table: str,
        which: str,
        span: tuple[int, int],
        **changed: str | None,
    ) -> None:
        listed = admin.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
            (table,),
        ).fetchall()
        names = [row[0] for row in listed if changed.get(row[0], "") is not None]
        values = [changed.get(name) or f's."{name}"' for name in names]
        columns = ", ".join(f'"{name}"' for name in names)
        admin.execute(
            f"INSERT INTO {table} ({columns}) SELECT {', '.join(values)} "
            f"FROM {table} s, generate_series({span[0]}, {span[1]}) n WHERE {which}"
        )

    def measure(self, *, open_plans: int, repeats: int) -> dict[str, tuple[float, float, int]]:
        """Return p50, p95 and the number of queries of each page and of the POST, over fresh plans in review."""
        MigrationPlan.objects.filter(status="SUBMITTED").update(status="WITHDRAWN")
        plans = [
            submitted(by=self.cast["ana"], target=self.target, level="LOW")
            for _ in range(open_plans)
        ]
        time_left()  # they begin at the tests' noon, which is long ago
        dan = self._client(self.cast["dan"])
        pages = {"plan list": "/plans/", "plan page": f"/plans/{plans[0].pk}/", "My work": "/"}
        found = {}
        for label, path in pages.items():
            for _ in range(3):
                assert dan.get(path).status_code == 200
            with CaptureQueriesContext(connection) as seen:
                dan.get(path)
            asked = len(seen)
            found[label] = (*timed(lambda path=path: dan.get(path), repeats=repeats), asked)
        return {**found, "sign-off POST": self._posts(plans)}

    @staticmethod
    def _client(person: Person) -> Client:
        client = Client()
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        return client

    def _posts(self, plans: list[MigrationPlan]) -> tuple[float, float, int]:
        """Sign the review of each plan, each admin in turn: nobody decides more than ten times a minute."""
        clients = [self._client(each) for each in self.dbas]
        rows = Seat.objects.filter(revision__plan__in=plans, stage="REVIEW").select_related(
            "revision"
        )
        forms: Iterator[tuple[Client, Seat]] = iter(
            [(clients[n % DBAS], seat) for n, seat in enumerate(rows)]
        )

        def post() -> None:
            client, seat = next(forms)
            answer = client.post(
                f"/sign-off/{seat.pk}/",
                {"reason": "Read", "digest": seat.revision.digest, "decision": "APPROVE"},
            )
            assert answer.status_code == 302, answer.content.decode()[:2000]

        post()
        with CaptureQueriesContext(connection) as seen:
            post()
        asked = len(seen)
        return (*timed(post, repeats=len(plans) - 2), asked)
