"""The tables of runs."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from migrations_portal.execution.rules import (
    ACTIVE,
    BY_HAND,
    STAYS_AWAY,
    Choice,
    Order,
    Outcome,
    RunStatus,
    StepStatus,
)


class MigrationRun(models.Model):
    """One execution of one revision on one target. Claimed by one conditional UPDATE; every later write names the fence."""

    plan = models.ForeignKey(
        "migrations_portal.MigrationPlan", on_delete=models.PROTECT, related_name="runs"
    )
    revision = models.ForeignKey(
        "migrations_portal.PlanRevision", on_delete=models.PROTECT, related_name="runs"
    )
    target = models.ForeignKey(
        "migrations_portal.Target", on_delete=models.PROTECT, related_name="runs"
    )
    staging = models.BooleanField(default=False)
    """A run on the target's staging partner, before production. It moves no plan."""
    status = models.CharField(max_length=16, default=str(RunStatus.DUE), db_index=True)
    outcome = models.CharField(max_length=16, blank=True)
    due_at = models.DateTimeField()
    created_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True)
    claimed_by = models.CharField(max_length=120, blank=True)
    fence = models.PositiveBigIntegerField(null=True)
    lease_until = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    problem = models.TextField(blank=True)
    """Why it failed, as a sentence."""
    advice = models.TextField(blank=True)
    """What to do next."""
    schema_before = models.TextField(blank=True)
    schema_after = models.TextField(blank=True)
    history_before = models.JSONField(default=list)
    history_after = models.JSONField(default=list)
    verification_status = models.CharField(max_length=8, default="not_run")
    order = models.CharField(max_length=8, blank=True)
    """What a person told the run to do: hold still, or stop. Empty: go on."""
    order_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    order_at = models.DateTimeField(null=True)
    order_reason = models.TextField(blank=True)
    taken_over_at = models.DateTimeField(null=True)
    """When another worker took it from one that died, in what it does now; that one begins nothing and hears no order."""
    held_at = models.DateTimeField(null=True)
    """Since when a paused run is known to be at rest: nothing of it is at work on the target. Empty while it is not."""
    carrying_out = models.CharField(max_length=12, blank=True)
    """The choice of two people that a worker carries out, or has carried out last."""

    traffic_diverted = models.BooleanField(default=False, db_default=False)
    """Whether the target's hook was told to divert the traffic, and has not said since that it is back."""

    class Meta:
        db_table = "execution_run"
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=[str(each) for each in RunStatus]),
                name="execution_run_status_known",
            ),
            models.CheckConstraint(
                condition=Q(outcome__in=["", *(str(each) for each in Outcome)]),
                name="execution_run_outcome_known",
            ),
            models.CheckConstraint(
                condition=Q(order__in=["", *(str(each) for each in Order)]),
                name="execution_run_order_known",
            ),
            models.CheckConstraint(
                condition=Q(carrying_out__in=["", *(str(each) for each in Choice)]),
                name="execution_run_carrying_out_known",
            ),
            models.UniqueConstraint(
                fields=["target"],
                condition=Q(status__in=[str(each) for each in ACTIVE]),
                name="execution_run_one_per_target",
            ),
            models.UniqueConstraint(
                fields=["revision"],
                condition=Q(staging=False) & ~Q(status__in=["CANCELLED", "POSTPONED"]),
                name="execution_run_one_per_revision",
            ),
            models.UniqueConstraint(
                fields=["revision"],
                condition=Q(staging=True, status__in=[str(RunStatus.DUE), *map(str, ACTIVE)]),
                name="execution_run_one_staging_at_once",
            ),
            models.UniqueConstraint(fields=["target", "fence"], name="execution_run_fence_once"),
            models.CheckConstraint(
                condition=Q(status__in=["DUE", "CANCELLED"])
                | Q(claimed_at__isnull=False, fence__isnull=False, lease_until__isnull=False),
                name="execution_run_claim_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.pk}"

    @property
    def shown(self) -> str:
        """The word for how it stands: its status, or KEPT and MARKED where two people ended it by hand."""
        by_hand = self.status == RunStatus.SUCCEEDED and self.outcome in BY_HAND
        return self.outcome if by_hand else self.status

    @property
    def traffic_sentence(self) -> str:
        """What is to be said of traffic that stays diverted until two people have chosen; empty when there is none."""
        waits = self.traffic_diverted and self.status == RunStatus.NEEDS_DECISION
        return STAYS_AWAY if waits else ""


class RunStep(models.Model):
    """One step: saved before it starts, closed with output, exit code and seconds."""

    run = models.ForeignKey(MigrationRun, on_delete=models.PROTECT, related_name="steps")
    position = models.PositiveSmallIntegerField()
    key = models.CharField(max_length=30)
    title = models.CharField(max_length=80)
    status = models.CharField(max_length=8, default=str(StepStatus.RUNNING))
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    exit_code = models.IntegerField(null=True)
    output = models.TextField(blank=True)
    facts = models.JSONField(default=dict)

    class Meta:
        db_table = "execution_step"
        constraints = [
            models.UniqueConstraint(
                fields=["run", "position"], name="execution_step_position_once"
            ),
            models.CheckConstraint(
                condition=Q(status__in=[str(each) for each in StepStatus]),
                name="execution_step_status_known",
            ),
            models.CheckConstraint(
                condition=Q(status="RUNNING", finished_at__isnull=True)
                | (~Q(status="RUNNING") & Q(finished_at__isnull=False)),
                name="execution_step_closed_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.position} {self.title}"


class RunLine(models.Model):
    """A line of a run's log. `seq` has no gaps: the live page asks for what comes after the last it has."""

    run = models.ForeignKey(MigrationRun, on_delete=models.PROTECT, related_name="lines")
    seq = models.PositiveIntegerField()
    at = models.DateTimeField()
    level = models.CharField(max_length=5, default="info")
    text = models.TextField()

    class Meta:
        db_table = "execution_line"
        constraints = [
            models.UniqueConstraint(fields=["run", "seq"], name="execution_line_seq_once")
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.text[:60]}"


class RunDecision(models.Model):
    """One person's choice about a run that needs a decision. Two equal choices of two people carry it out."""

    run = models.ForeignKey(MigrationRun, on_delete=models.PROTECT, related_name="decisions")
    choice = models.CharField(max_length=12)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    reason = models.TextField()

    class Meta:
        db_table = "execution_decision"
        constraints = [
            models.UniqueConstraint(fields=["run", "choice", "by"], name="execution_decision_once"),
            models.CheckConstraint(
                condition=Q(choice__in=[str(each) for each in Choice]),
                name="execution_decision_choice_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.choice} for run {self.run_id}"
