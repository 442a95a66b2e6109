"""The ledger: which part of it is asked for."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from migrations_portal.api.serializers.pages import MAX_KEY
from migrations_portal.api.serializers.plans import Instant
from migrations_portal.audit.rules import EntryKind


@extend_schema_field(OpenApiTypes.STR)
class KindField(serializers.ChoiceField):
    """A kind of entry. The document says "a string": there are more kinds with each release."""


class LedgerQuery(serializers.Serializer[object]):
    plan = serializers.IntegerField(required=False, min_value=1, max_value=MAX_KEY)
    person = serializers.CharField(
        required=False, max_length=254, help_text="A part of the e-mail address."
    )
    target = serializers.CharField(required=False, max_length=80)
    kind = KindField(
        choices=[str(each) for each in EntryKind],
        required=False,
        help_text="Such as SEAT_SIGNED; a wrong one is refused.",
    )
    phi = serializers.BooleanField(required=False, allow_null=True, default=None)
    since = Instant(required=False, help_text="This instant, or later.")
    until = Instant(required=False, help_text="Before this instant.")
