"""Acts on the chain: what a caller sends, and what a comment looks like."""

from rest_framework import serializers

from migrations_portal.api.serializers.pages import MAX_KEY
from migrations_portal.api.serializers.plans import ReasonSerializer
from migrations_portal.approvals.rules import Decision
from migrations_portal.people.rules import SIGNING_ROLES
from migrations_portal.plans.comments import MAX_LENGTH


class ProofSerializer(serializers.Serializer[object]):
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


class SeatDecisionSerializer(ProofSerializer):
    decision = serializers.ChoiceField(choices=[str(each) for each in Decision])
    reason = serializers.CharField(
        max_length=2_000, help_text="In your own words; stands beside your name in the ledger."
    )
    digest = serializers.CharField(
        min_length=64,
        max_length=64,
        help_text="The digest of the revision that you read; 409 revision-stale when there is a newer one.",
    )


class PostponementSerializer(ReasonSerializer):
    to = serializers.DateTimeField(
        help_text="The new T-0: later than the old one, at most seven days after the one that was submitted."
    )


class EmergencySerializer(ReasonSerializer, ProofSerializer):
    until = serializers.DateTimeField(
        help_text="The end of the time box; what is not run by then expires."
    )


class NewDelegationSerializer(ReasonSerializer, ProofSerializer):
    group = serializers.CharField(max_length=120, help_text="The name of the group of targets.")
    role = serializers.ChoiceField(
        choices=[str(each) for each in sorted(SIGNING_ROLES)], help_text="One that you hold there."
    )
    deputy = serializers.EmailField(help_text="Who stands in; holds a signing role there too.")
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(help_text="At most 30 days later.")


class DelegationSerializer(serializers.Serializer[object]):
    id = serializers.IntegerField(max_value=MAX_KEY, source="pk")
    group = serializers.CharField(source="group.name")
    role = serializers.CharField()
    giver = serializers.CharField(source="giver.full_name")
    deputy = serializers.CharField(source="deputy.full_name")
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField()


class NewCommentSerializer(serializers.Serializer[object]):
    text = serializers.CharField(
        max_length=MAX_LENGTH, help_text="@name mentions somebody, who gets a mail."
    )


class CommentSerializer(serializers.Serializer[object]):
    id = serializers.IntegerField(max_value=MAX_KEY, source="pk")
    author = serializers.CharField(source="author.full_name")
    at = serializers.DateTimeField()
    text = serializers.CharField()
