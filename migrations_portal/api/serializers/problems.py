"""The form of every error."""

from rest_framework import serializers


class WrongSerializer(serializers.Serializer[object]):
    pointer = serializers.CharField(
        required=False, help_text="Where in the body (RFC 6901), such as #/documentation/purpose."
    )
    parameter = serializers.CharField(
        required=False, help_text="Which parameter of the address, when it is one."
    )
    detail = serializers.CharField()


class ProblemSerializer(serializers.Serializer[object]):
    type = serializers.CharField(help_text="The stable id, such as urn:wco:plan-incomplete.")
    title = serializers.CharField(help_text="What this kind of problem means; always the same.")
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="What happened this time, and what to do.")
    missing = serializers.DictField(
        child=serializers.CharField(),
        required=False,
        help_text="plan-incomplete: a sentence for each thing that is missing.",
    )
    errors = WrongSerializer(  # type: ignore[assignment]  # a field, which the framework takes out of the class
        many=True, required=False, help_text="request-invalid: each thing that is wrong."
    )
