"""Tokens: what a caller may send, and what an answer holds."""

from rest_framework import serializers

from migrations_portal.api.tokens import LONGEST_DAYS, USUAL_DAYS


class NewTokenSerializer(serializers.Serializer[object]):
    days = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=LONGEST_DAYS,
        default=USUAL_DAYS,
        help_text="How long it is good.",
    )


class TokenSerializer(serializers.Serializer[object]):
    id = serializers.CharField(help_text="Names the token, and says nothing about it.")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()


class MadeTokenSerializer(TokenSerializer):
    token = serializers.CharField(
        help_text="Shown this once. Send it as `Authorization: Token wco_…`."
    )


class TokensSerializer(serializers.Serializer[object]):
    tokens = TokenSerializer(many=True)
