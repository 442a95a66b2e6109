"""Rules and PHI catalogues: what a caller may send, and what an answer holds."""

from rest_framework import serializers

from migrations_portal.risk import Level
from migrations_portal.targets.rules import LONGEST_LIST


class RuleQuery(serializers.Serializer[object]):
    q = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=200, help_text="Words to look for."
    )
    level = serializers.ChoiceField(
        choices=[str(each) for each in Level], required=False, allow_blank=True, default=""
    )


class RuleLineSerializer(serializers.Serializer[object]):
    id = serializers.CharField()
    area = serializers.CharField()
    level = serializers.CharField(help_text="The floor; sizes and PHI may raise it.")
    title = serializers.CharField()
    page = serializers.CharField(help_text="Where people read it.")


class EffectSerializer(serializers.Serializer[object]):
    versions = serializers.ListField(child=serializers.IntegerField())
    raised = serializers.BooleanField(help_text="Whether the rule applies on these versions.")
    sentences = serializers.ListField(child=serializers.CharField())


class RuleSerializer(RuleLineSerializer):
    message = serializers.CharField(help_text="What the assessment says of the example.")
    why = serializers.CharField()
    advice = serializers.CharField()
    example = serializers.CharField(help_text="SQL that raises the rule; empty for a few.")
    safe_sql = serializers.CharField(help_text="What to write instead; empty when there is none.")
    effects = EffectSerializer(many=True, help_text="What the example does, by server version.")


class PhiTagSerializer(serializers.Serializer[object]):
    table = serializers.CharField()
    column = serializers.CharField(help_text="Empty: the whole table.")
    phi = serializers.BooleanField(help_text="False: looked at and found to hold none.")
    told_by = serializers.CharField(help_text="LIST, NAME, or PERSON.")
    reason = serializers.CharField()
    by = serializers.CharField(help_text="Empty when the portal did it.")
    at = serializers.DateTimeField()


class PhiSerializer(serializers.Serializer[object]):
    target = serializers.CharField()
    catalogue_read_at = serializers.DateTimeField(allow_null=True)
    tags = PhiTagSerializer(many=True)


class PhiTagsSerializer(serializers.Serializer[object]):
    names = serializers.ListField(
        child=serializers.CharField(max_length=200),
        min_length=1,
        max_length=LONGEST_LIST,
        help_text="students, public.students or public.students.email.",
    )
    reason = serializers.CharField(max_length=300, help_text="Stands in the ledger.")


class PhiClearQuery(serializers.Serializer[object]):
    table = serializers.CharField(max_length=128)
    column = serializers.CharField(max_length=63, required=False, allow_blank=True, default="")
    reason = serializers.CharField(max_length=300, help_text="Stands in the ledger.")
