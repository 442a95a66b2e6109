"""Acts on the chain: what a caller sends, and what a comment looks like."""

from rest_framework import serializers

from migrations_portal.api.serializers.pages import MAX_KEY
from migrations_portal.approvals.rules import Decision
from migrations_portal.plans.comments import MAX_LENGTH


class SeatDecisionSerializer(serializers.Serializer[object]):
    decision = serializers.ChoiceField(choices=[str(each) for each in Decision])
    reason = serializers.CharField(
        max_length=2_000, help_text="In your own words; stands beside your name in the ledger."
    )
    digest = serializers.CharField(
        min_length=64,
        max_length=64,
        help_text="The digest of the revision that you read; 409 revision-stale when there is a newer one.",
    )
    password = serializers.CharField(
        max_length=200,
        trim_whitespace=False,
        write_only=True,
        help_text="Yours, each time: a token alone never signs.",
    )
    code = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        max_length=40,
        write_only=True,
        help_text="Of your second factor, or a recovery code; asked of everybody who has one.",
    )


class NewCommentSerializer(serializers.Serializer[object]):
    text = serializers.CharField(
        max_length=MAX_LENGTH, help_text="@name mentions somebody, who gets a mail."
    )


class CommentSerializer(serializers.Serializer[object]):
    id = serializers.IntegerField(max_value=MAX_KEY, source="pk")
    author = serializers.CharField(source="author.full_name")
    at = serializers.DateTimeField()
    text = serializers.CharField()
