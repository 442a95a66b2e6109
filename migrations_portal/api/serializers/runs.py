"""Runs: what an answer holds."""

from typing import Any

from rest_framework import serializers

from migrations_portal.api.serializers.pages import MAX_KEY, PageQuery
from migrations_portal.api.serializers.plans import TargetSerializer
from migrations_portal.execution.rules import Outcome, RunStatus


class RunQuery(PageQuery):
    plan = serializers.IntegerField(required=False, min_value=1, max_value=MAX_KEY)
    status = serializers.ChoiceField(choices=[str(each) for each in RunStatus], required=False)


class PlanOfRunSerializer(serializers.Serializer[object]):
    id = serializers.IntegerField(max_value=MAX_KEY)
    number = serializers.CharField()
    title = serializers.CharField()


class RunLineSerializer(serializers.Serializer[object]):
    id = serializers.IntegerField(max_value=MAX_KEY)
    plan = PlanOfRunSerializer()
    revision = serializers.IntegerField()
    level = serializers.CharField()
    phi = serializers.BooleanField()
    target = TargetSerializer()
    status = serializers.CharField(help_text=", ".join(RunStatus))
    outcome = serializers.CharField(
        help_text=f"What the target holds: {', '.join(Outcome)}; empty until it is known."
    )
    due_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    verification_status = serializers.CharField(help_text="not_run, passed, or failed.")
    page = serializers.CharField(help_text="Where people watch it.")


class StepSerializer(serializers.Serializer[object]):
    position = serializers.IntegerField()
    key = serializers.CharField()
    title = serializers.CharField()
    status = serializers.CharField(help_text="RUNNING, OK, FAILED, SKIPPED, or LOST.")
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    seconds = serializers.FloatField(allow_null=True)
    exit_code = serializers.IntegerField(allow_null=True)
    output = serializers.CharField()
    facts = serializers.DictField()


class SampleSerializer(serializers.Serializer[object]):
    id = serializers.IntegerField(max_value=MAX_KEY)
    at = serializers.DateTimeField()
    connections = serializers.IntegerField()
    long_queries = serializers.IntegerField(help_text="Running for more than five minutes.")
    ungranted_locks = serializers.IntegerField()
    blocked_sessions = serializers.IntegerField()
    longest_blocked_ms = serializers.IntegerField()
    blocked_by_us = serializers.IntegerField(help_text="Sessions that wait for this run.")


class ResultSerializer(serializers.Serializer[object]):
    phase = serializers.CharField(help_text="after, rollback, or restore.")
    key = serializers.CharField()
    title = serializers.CharField()
    passed = serializers.BooleanField()
    severity = serializers.CharField()
    sentence = serializers.CharField()


class BackupSerializer(serializers.Serializer[object]):
    location = serializers.CharField()
    purpose = serializers.CharField()
    size = serializers.IntegerField(help_text="In bytes.")
    sha256 = serializers.CharField()
    taken_at = serializers.DateTimeField()
    retain_until = serializers.DateTimeField()
    read_back_at = serializers.DateTimeField(allow_null=True)
    restored_at = serializers.DateTimeField(
        allow_null=True, help_text="When a restore drill gave exactly the counted rows."
    )
    restore_seconds = serializers.FloatField(allow_null=True)


class DecisionSerializer(serializers.Serializer[object]):
    choice = serializers.CharField()
    by = serializers.CharField()
    at = serializers.DateTimeField()
    reason = serializers.CharField()


class IncidentOfRunSerializer(serializers.Serializer[object]):
    id = serializers.IntegerField(max_value=MAX_KEY)
    severity = serializers.CharField()
    title = serializers.CharField()
    opened_at = serializers.DateTimeField()
    acknowledged_at = serializers.DateTimeField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)


class ComparedSerializer(serializers.Serializer[dict[str, Any]]):
    what = serializers.CharField(help_text="The statement as it was assessed, shortened.")
    sentence = serializers.CharField()
    within = serializers.BooleanField(help_text="Whether it lay within the predicted interval.")
    known = serializers.BooleanField(help_text="Whether a time was predicted at all.")


class PredictedSerializer(serializers.Serializer[dict[str, Any]]):
    sentence = serializers.CharField()
    tone = serializers.CharField()
    lines = ComparedSerializer(many=True)
    more = serializers.IntegerField(help_text="Statements that are only counted.")


class SentOtherwiseSerializer(serializers.Serializer[dict[str, Any]]):
    file = serializers.CharField()
    new = serializers.ListField(
        child=serializers.CharField(),
        help_text="Sent to the target, never assessed or rehearsed; without the values of rows.",
    )
    missing = serializers.ListField(
        child=serializers.CharField(), help_text="Assessed, and not sent to the target."
    )


class RunSerializer(RunLineSerializer):
    over = serializers.BooleanField(help_text="Whether nothing moves any more.")
    outcome_sentence = serializers.CharField()
    problem = serializers.CharField(help_text="Why it failed.")
    silence = serializers.ListField(
        child=serializers.CharField(),
        help_text="What it means that no worker is heard, and who acts next; empty while one is heard.",
    )
    traffic_diverted = serializers.BooleanField(
        help_text="Whether the application's traffic is diverted from the target, or may be."
    )
    advice = serializers.CharField(help_text="What to do next.")
    in_the_name_of = serializers.CharField(help_text="The DBA who gave the go at T-1.")
    history_before = serializers.ListField(child=serializers.CharField())
    history_after = serializers.ListField(child=serializers.CharField())
    schema_difference = serializers.ListField(
        child=serializers.CharField(),
        help_text="Lines of the schema that the run changed, marked + and -.",
    )
    steps = StepSerializer(many=True)
    predicted = PredictedSerializer(
        allow_null=True, help_text="What was predicted beside what the statements took."
    )
    sent_otherwise = SentOtherwiseSerializer(
        many=True, help_text="Files that sent other SQL than was assessed."
    )
    samples = SampleSerializer(many=True, help_text="The newest; all are at …/samples/.")
    verification = ResultSerializer(many=True)
    backups = BackupSerializer(many=True)
    decisions = DecisionSerializer(many=True)
    incidents = IncidentOfRunSerializer(many=True)
    last_line = serializers.IntegerField(help_text="How many log lines there are at …/lines/.")


class RunPageSerializer(serializers.Serializer[object]):
    runs = RunLineSerializer(many=True)
    next = serializers.CharField(
        allow_null=True, help_text="Where the older ones are; null at the end."
    )


class LogLineSerializer(serializers.Serializer[object]):
    seq = serializers.IntegerField(help_text="Counts from 1 without gaps.")
    at = serializers.DateTimeField()
    level = serializers.CharField()
    text = serializers.CharField()


class LogSerializer(serializers.Serializer[object]):
    lines = LogLineSerializer(many=True)
    last = serializers.IntegerField(help_text="Ask again with `after` this number.")
    over = serializers.BooleanField(help_text="Whether there will be no more lines.")


class SamplesSerializer(serializers.Serializer[object]):
    samples = SampleSerializer(many=True)
    last = serializers.IntegerField(help_text="Ask again with `after` this number.")
    over = serializers.BooleanField(help_text="Whether there will be no more samples.")
