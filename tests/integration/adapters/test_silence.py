"""A server that the network has swallowed ends every wait; a server that is busy ends none."""

import copy
import time

import pytest
from django.db import OperationalError, connection, connections

from migrations_portal import wiring
from migrations_portal.adapters.pg_dump import DumpFailed
from migrations_portal.targets.ports import TargetUnreachable
from tests.chaos.network import impatient, target_behind
from tests.chaos.proxy import Proxy, Weather

pytestmark = pytest.mark.django_db(transaction=True)
LOST = Weather(black_hole=True)


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    impatient(monkeypatch)


def test_a_session_on_a_lost_target_ends_with_a_sentence(school):
    tools = wiring.tools()
    with (
        target_behind(school) as proxy,
        tools.server.session(tools.endpoint(school.target), application_name="t") as session,
    ):
        proxy.weather = LOST
        began = time.monotonic()
        with pytest.raises(TargetUnreachable, match="broke off in the middle"):
            session.rows("SELECT 1")

    assert time.monotonic() - began < 20


def test_a_session_on_a_busy_target_is_left_alone(school):
    tools = wiring.tools()
    with (
        target_behind(school),
        tools.server.session(tools.endpoint(school.target), application_name="t") as session,
    ):
        assert session.rows("SELECT pg_sleep(3), 1 AS one")[0]["one"] == 1


def test_a_dump_of_a_lost_target_ends_with_a_sentence(school):
    tools = wiring.tools()
    with target_behind(school) as proxy:
        endpoint = tools.endpoint(school.target)
        with (
            pytest.raises(DumpFailed, match=r"does not answer any more\. Check the network"),
            tools.dump.dump(endpoint, on_table=lambda _: setattr(proxy, "weather", LOST)) as stream,
        ):
            stream.read()


def test_the_portals_own_queries_end_and_the_next_one_works():
    settings = copy.deepcopy(connection.settings_dict)
    with Proxy((settings["HOST"], int(settings["PORT"]))) as proxy:
        settings.update(HOST="127.0.0.1", PORT=proxy.port)
        portal = type(connections["default"])(settings, "default")
        portal.ensure_connection()
        proxy.weather = LOST

        with pytest.raises(OperationalError, match="does not answer any more"):
            portal.cursor().execute("SELECT 1")

        portal.close()
        proxy.heal()
        with portal.cursor() as cursor:
            cursor.execute("SELECT 1")
            assert cursor.fetchone() == (1,)
        portal.close()
