from datetime import UTC, datetime

import pytest

from migrations_portal.api import tokens
from tests.integration.api.caller import Caller


@pytest.fixture
def program(cast):
    def of(name: str) -> Caller:
        made = tokens.issue(by=cast[name], days=1, now=datetime.now(UTC))
        return Caller(made.token)

    return of


@pytest.fixture
def stranger(db) -> Caller:
    return Caller()
