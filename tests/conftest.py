"""The cast: who uses the portal in the tests. The tables belong to the owner's role; all tests run as the app's role."""

import gc
import os
import secrets
from collections.abc import Iterator

import psycopg
import pytest
from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.db import connections
from django.test import TransactionTestCase
from psycopg import sql
from servestatic.middleware import ServeStaticMiddleware

from migrations_portal import wiring
from migrations_portal.kernel.clock import ProcessClock
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.targets.models import Stakeholder, Target, TargetGroup
from tests.customer import customer_project, run_example, school, template  # noqa: F401  # fixtures
from tests.factories.windows import open_around_the_clock

CAST = {
    "ana": ("Ana Lopez", Role.ENGINEER),
    "dan": ("Dan Okafor", Role.DBA),
    "tess": ("Tess Lindqvist", Role.TECH_LEAD),
    "carla": ("Carla Moreno", Role.CTO),
    "eve": ("Eve Tanaka", Role.EXECUTIVE),
    "sam": ("Sam Weber", Role.SECURITY_OFFICER),
    "cleo": ("Cleo Adeyemi", Role.COMPLIANCE_OFFICER),
    "petra": ("Petra Novak", Role.PRIVACY_OFFICER),
    "mallory": ("Mallory Crane", None),
}

wiring.CLOCK = ProcessClock()  # time_machine moves it; the database's is in web/test_skewed_host.py


PBKDF2PasswordHasher.iterations = 100
"""The product's own way to hash, 10,000 times cheaper: nobody guesses the cast's passwords. The demos of the tests keep Django's."""


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """What has been imported and collected stays until the end, so the collector need not look through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


STATIC: dict[str, object] = {}
"""The files below /static/ as they are found first. They do not change, and each test's browser would find them anew (17 ms)."""
_find_static = ServeStaticMiddleware.add_files_from_finders


def _find_static_once(middleware: ServeStaticMiddleware) -> None:
    if not STATIC:
        _find_static(middleware)
        STATIC.update(middleware.files)
    middleware.files.update(STATIC)


ServeStaticMiddleware.add_files_from_finders = _find_static_once


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest tests, so that no worker is left alone with one at the end."""
    items.sort(key=_seconds, reverse=True)


def _seconds(item: pytest.Item) -> int:
    """About how long a test takes: what `slow` says, ten seconds where it says nothing, and nothing worth an order elsewhere."""
    marker = item.get_closest_marker("slow")
    return 0 if marker is None else next(iter(marker.args), 10)


APP_LOGIN = {name: settings.DATABASES["default"][name] for name in ("USER", "PASSWORD")}


def sign_in_as(login: dict[str, str]) -> None:
    for alias in connections:
        connections[alias].close()
        connections[alias].settings_dict.update(login)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    sign_in_as(settings.DATABASE_OWNER)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    sign_in_as(APP_LOGIN)
    yield
    sign_in_as(settings.DATABASE_OWNER)


def empty_all_tables(_case: TransactionTestCase) -> None:
    """Do what Django's flush does, as a superuser with the ledger's triggers off: nobody else can empty the ledger."""
    name = connections["default"].settings_dict["NAME"]
    with psycopg.connect(os.environ["WCO_TEST_PG_DSN"], dbname=name) as admin:
        tables = admin.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            " AND relname NOT IN ('django_migrations', 'django_content_type', 'auth_permission')"
        ).fetchall()
        admin.execute("ALTER TABLE audit_entry DISABLE TRIGGER USER")
        listed = sql.SQL(", ").join(sql.Identifier(table) for (table,) in tables)
        admin.execute(sql.SQL("TRUNCATE {}").format(listed))
        admin.execute("ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_no_change")
        admin.execute("ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_no_truncate")


TransactionTestCase._fixture_teardown = empty_all_tables  # noqa: SLF001  # the app's role cannot, and must not


@pytest.fixture
def bucket(db: None, settings) -> Iterator[str]:
    """A bucket of the test's own: in the common one lie checkpoints of earlier tests, whose ledgers were longer (X15)."""
    name = f"wco-ledger-{secrets.token_hex(4)}"
    wiring.vault().client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    settings.ENV = settings.ENV.model_copy(update={"s3_bucket": name})
    _forget_the_bucket()
    yield name
    _forget_the_bucket()


def _forget_the_bucket() -> None:
    wiring.vault.cache_clear()
    wiring.checkpoint_store.cache_clear()


@pytest.fixture
def group(db: None) -> TargetGroup:
    return TargetGroup.objects.create(name="School health")


@pytest.fixture
def production(group: TargetGroup) -> Target:
    Stakeholder.objects.create(
        group=group, kind="ENGINEERING", name="Engineering", email="engineering@wc.example"
    )
    Stakeholder.objects.create(
        group=group, kind="COMPLIANCE", name="Compliance", email="compliance@wc.example"
    )
    target = Target.objects.create(
        name="production",
        group=group,
        environment="PRODUCTION",
        host="127.0.0.1",
        database="white_cross_production",
        credential="production",
        project="school-health",
        watch_seconds=0,
    )
    open_around_the_clock(target)
    return target


@pytest.fixture
def cast(group: TargetGroup) -> dict[str, Person]:
    people = {}
    for name, (full_name, role) in CAST.items():
        person = Person.objects.create_user(f"{name}@whitecross.example", full_name)
        if role is not None:
            access.grant(person=person, role=role, group=group)
        people[name] = person
    return people
