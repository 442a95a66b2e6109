import pytest

from tests.factories.chain import Story
from tests.factories.plans import submitted


@pytest.fixture
def story(cast, production):
    """Submit a plan of the asked level at NOON, T-0 eight days ahead."""

    def tell(level: str = "LOW", *, phi: bool = False) -> Story:
        return Story(cast, submitted(by=cast["ana"], target=production, level=level, phi=phi))

    return tell
