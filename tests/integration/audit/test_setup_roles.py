"""`manage.py setup_roles` on a server of its own making: new, done twice, and on an older installation."""

import os
import uuid
from collections.abc import Iterator

import psycopg
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from psycopg import sql

from migrations_portal.adapters.portal_roles import Login, set_up
from migrations_portal.demo.databases import drop_database, ensure_database

ADMIN = os.environ["WCO_TEST_PG_DSN"]


class Place:
    """A database, an owner and an app role whose names nobody else has."""

    def __init__(self) -> None:
        mark = uuid.uuid4().hex[:8]
        self.database = f"roles_{mark}"
        self.owner = Login(f"owner_{mark}", "owner's")
        self.app = Login(f"app_{mark}", "app's")

    def set_up(self) -> bool:
        return set_up(ADMIN, database=self.database, owner=self.owner, app=self.app)

    def session(self, login: Login) -> psycopg.Connection:
        return psycopg.connect(
            ADMIN, dbname=self.database, user=login.name, password=login.password, autocommit=True
        )


@pytest.fixture
def place() -> Iterator[Place]:
    made = Place()
    yield made
    drop_database(ADMIN, name=made.database)
    with psycopg.connect(ADMIN, autocommit=True) as admin:
        for login in (made.app, made.owner):
            admin.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(login.name)))


def test_a_new_server_gets_both_roles_and_the_database(place):
    assert place.set_up() is True
    assert place.set_up() is False

    with place.session(place.owner) as owner:
        owner.execute("CREATE TABLE audit_entry (seq bigint)")
    with place.session(place.app) as app:
        for forbidden in ("CREATE TABLE t ()", "CREATE SCHEMA s", "CREATE DATABASE d", "CREATE ROLE r", "SELECT * FROM audit_entry"):  # fmt: skip
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(forbidden)


def test_nobody_else_may_connect(place):
    place.set_up()
    stranger = Login(f"{place.app.name}_x", "stranger's")
    with psycopg.connect(ADMIN, autocommit=True) as admin:
        name = sql.Identifier(stranger.name)
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'stranger''s'").format(name))
        try:
            with pytest.raises(psycopg.OperationalError, match="permission denied"):
                place.session(stranger)
        finally:
            admin.execute(sql.SQL("DROP ROLE {}").format(name))


def test_an_older_installation_is_handed_over_with_its_entries(place):
    with psycopg.connect(ADMIN, autocommit=True) as admin:
        admin.execute(
            sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD 'app''s'").format(
                sql.Identifier(place.app.name)
            )
        )
    ensure_database(ADMIN, name=place.database, owner=place.app.name)
    with place.session(place.app) as app:
        app.execute("CREATE TABLE audit_entry (seq bigint); INSERT INTO audit_entry VALUES (1)")

    place.set_up()

    with place.session(place.app) as app:
        assert app.execute("SELECT seq FROM audit_entry").fetchall() == [(1,)]
        for forbidden in ("DELETE FROM audit_entry", "DROP TABLE audit_entry", "CREATE DATABASE d"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(forbidden)


def test_the_command_says_what_it_needs(settings):
    settings.ENV = settings.ENV.model_copy(update={"admin_database_url": None})

    with pytest.raises(CommandError, match="WCO_ADMIN_DATABASE_URL"):
        call_command("setup_roles")


def test_the_command_refuses_one_role_for_both(settings):
    settings.ENV = settings.ENV.model_copy(update={"admin_database_url": ADMIN})
    settings.DATABASE_OWNER = {
        "USER": settings.DATABASES["default"]["USER"],
        "PASSWORD": "x",
    }

    with pytest.raises(CommandError, match="two"):
        call_command("setup_roles")


def test_the_command_makes_what_the_settings_name(settings, place, capsys, monkeypatch):
    settings.ENV = settings.ENV.model_copy(update={"admin_database_url": ADMIN})
    settings.DATABASE_OWNER = {"USER": place.owner.name, "PASSWORD": place.owner.password}
    named = {"NAME": place.database, "USER": place.app.name, "PASSWORD": place.app.password}
    for name, value in named.items():
        monkeypatch.setitem(settings.DATABASES["default"], name, value)

    call_command("setup_roles")

    assert f"{place.owner.name} owns it" in capsys.readouterr().out
    with place.session(place.app) as app:
        assert app.execute("SELECT current_user").fetchone() == (place.app.name,)
