"""What the tests of runbooks share."""

import pytest

from migrations_portal.kernel import failpoints


@pytest.fixture(autouse=True)
def _disarmed():
    yield
    failpoints.disarm()
