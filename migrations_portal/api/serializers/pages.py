"""Reading a long list piece by piece: by key, so that nothing is skipped or shown twice while it grows."""

from rest_framework import serializers

MAX_ON_A_PAGE = 100
DEFAULT_ON_A_PAGE = 50
MAX_KEY = 2**63 - 1


class PageQuery(serializers.Serializer[object]):
    before = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=MAX_KEY,
        help_text="Only what is older than this id; `next` of an answer holds it.",
    )
    limit = serializers.IntegerField(
        required=False, min_value=1, max_value=MAX_ON_A_PAGE, default=DEFAULT_ON_A_PAGE
    )


class AfterQuery(serializers.Serializer[object]):
    after = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=MAX_KEY,
        default=0,
        help_text="Only what comes after this number; `last` of an answer holds it.",
    )
