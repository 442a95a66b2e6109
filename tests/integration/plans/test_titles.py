"""A plan's title is what people sign by: it has something to see, and reads as it stands."""

import pytest

from migrations_portal.plans import services
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.plans.rules import PlanIncomplete
from migrations_portal.wiring import clock

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("title", "said"), [("\u200b\u200d", "needs a title"), ("Add \u202eemos", "turns the order")]
)
def test_a_title_that_shows_nothing_or_another_order_opens_no_plan(cast, production, title, said):
    with pytest.raises(PlanIncomplete, match=said):
        services.create(title=title, target=production, by=cast["ana"], now=clock())
    assert not MigrationPlan.objects.exists()
