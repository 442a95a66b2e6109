"""The tables of plans."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from migrations_portal.plans.checklist import Section
from migrations_portal.plans.commit import LONGEST_ADDRESS, Commit
from migrations_portal.plans.rules import POSTPONED_AT_MOST, Documentation, PlanStatus


class MigrationPlan(models.Model):
    """A change that somebody wants to make to a target."""

    title = models.CharField(max_length=160)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="plans"
    )
    last_editor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    target = models.ForeignKey(
        "migrations_portal.Target", on_delete=models.PROTECT, related_name="plans"
    )
    status = models.CharField(max_length=16, default=str(PlanStatus.DRAFT), db_index=True)
    scheduled_for = models.DateTimeField(null=True, blank=True)
    """T-0."""
    planned_for = models.DateTimeField(null=True)
    """The T-0 that people sign, empty in a draft. `scheduled_for` is later when the run was postponed."""
    emergency_reason = models.TextField(blank=True)
    """Why the plan skips the lead times; empty on the normal path."""
    emergency_until = models.DateTimeField(null=True)
    """End of the emergency's time box."""
    executor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    """Who carries the run out and watches it; holds no seat. Empty: the portal runs it on the word of who gives the go."""
    window_ends_at = models.DateTimeField(null=True, blank=True)
    """When the window that T-0 lies in closes; set at submission, empty where the target has no windows."""
    cloned_from = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="clones"
    )
    git_commit = models.CharField(max_length=40, blank=True, db_default="")
    """The commit that the files come from, by its full hash; empty where none was given."""
    commit_authors = ArrayField(
        models.CharField(max_length=LONGEST_ADDRESS), default=list, db_default=[], blank=True
    )
    """The mail addresses of who wrote that commit, in small letters; those people hold no seat (A6)."""
    purpose = models.TextField(blank=True)
    tables_affected = models.TextField(blank=True)
    expected_seconds = models.PositiveIntegerField(null=True, blank=True)
    rollback_procedure = models.TextField(blank=True)
    verification_steps = models.TextField(blank=True)
    risk_mitigation = models.TextField(blank=True)
    communication_plan = models.TextField(blank=True)
    justification = models.TextField(blank=True)
    revision = models.PositiveIntegerField(default=0)
    """Number of the newest frozen revision; 0 while it is a draft."""
    version = models.PositiveIntegerField(default=0)
    """Counts edits, so that two people editing one draft notice each other."""
    created_at = models.DateTimeField()
    submitted_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "plans_plan"
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=[str(each) for each in PlanStatus]),
                name="plans_plan_status_known",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["DRAFT", "WITHDRAWN"])
                | Q(submitted_at__isnull=False, revision__gte=1),
                name="plans_plan_submitted_has_revision",
            ),
            models.CheckConstraint(
                condition=Q(planned_for__isnull=True)
                | Q(
                    scheduled_for__gte=F("planned_for"),
                    scheduled_for__lte=F("planned_for") + POSTPONED_AT_MOST,
                ),
                name="plans_plan_postponed_within_bound",
            ),
            models.CheckConstraint(
                condition=Q(emergency_reason="", emergency_until__isnull=True)
                | (~Q(emergency_reason="") & Q(emergency_until__isnull=False)),
                name="plans_plan_emergency_whole",
            ),
            models.CheckConstraint(
                condition=Q(git_commit="", commit_authors=[])
                | (Q(git_commit__regex="^[0-9a-f]{40}$") & ~Q(commit_authors=[])),
                name="plans_plan_commit_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.title}"

    @property
    def number(self) -> str:
        """How people name the plan."""
        return f"WC-{self.pk}"

    @property
    def documentation(self) -> Documentation:
        """The seven items and the justification, as values."""
        return Documentation(
            **{name: getattr(self, name) for name in Documentation.__dataclass_fields__}
        )

    @property
    def commit(self) -> Commit:
        """The commit that the files come from, as a value."""
        return Commit(sha=self.git_commit, authors=tuple(self.commit_authors))

    def committed_by(self, email: str) -> bool:
        """Say whether whoever has this mail address wrote the commit."""
        return email.casefold() in self.commit_authors


class PlanFile(models.Model):
    """A migration file of a plan, byte for byte."""

    plan = models.ForeignKey(MigrationPlan, on_delete=models.PROTECT, related_name="files")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=200)
    content = models.BinaryField()
    sha256 = models.CharField(max_length=64)

    class Meta:
        db_table = "plans_file"
        constraints = [
            models.UniqueConstraint(fields=["plan", "name"], name="plans_file_name_once"),
            models.UniqueConstraint(fields=["plan", "position"], name="plans_file_position_once"),
        ]

    def __str__(self) -> str:
        return self.name


class PlanCheck(models.Model):
    """A verification query of the plan's own, and what it must return."""

    plan = models.ForeignKey(MigrationPlan, on_delete=models.PROTECT, related_name="checks")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=120)
    sql = models.TextField()
    expected = models.CharField(max_length=200)

    class Meta:
        db_table = "plans_check"
        constraints = [
            models.UniqueConstraint(fields=["plan", "position"], name="plans_check_position_once")
        ]

    def __str__(self) -> str:
        return self.name


class PlanSmokeCheck(models.Model):
    """A GET to the application on staging, asked after the plan ran there; see `plans.smoke`."""

    plan = models.ForeignKey(MigrationPlan, on_delete=models.PROTECT, related_name="smoke_checks")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=120)
    url = models.CharField(max_length=500)
    status = models.PositiveSmallIntegerField(default=200)
    text = models.CharField(max_length=200, blank=True)
    seconds = models.PositiveSmallIntegerField(default=10)

    class Meta:
        db_table = "plans_smoke_check"
        constraints = [
            models.UniqueConstraint(
                fields=["plan", "position"], name="plans_smoke_check_position_once"
            )
        ]

    def __str__(self) -> str:
        return self.name


class PlanAssessment(models.Model):
    """What the static analysis says of the SQL that the plan's files really send."""

    plan = models.ForeignKey(MigrationPlan, on_delete=models.PROTECT, related_name="assessments")
    files_digest = models.CharField(max_length=64)
    """SHA-256 over the names and hashes of the files that were assessed."""
    attempt = models.PositiveSmallIntegerField(default=1)
    """The same files are assessed again when the target's catalogue or its list of PHI has changed; the newest counts."""
    requested_at = models.DateTimeField()
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    """Who asked for it again; empty for the first, which comes with the files."""
    claimed_at = models.DateTimeField(null=True)
    """When a worker took it; one that died loses it after `rules.ASSESSMENT_LEASE`."""
    done_at = models.DateTimeField(null=True)
    level = models.CharField(max_length=8, blank=True)
    phi = models.BooleanField(default=False)
    tables = models.JSONField(default=list)
    result = models.JSONField(default=dict)
    problem = models.TextField(blank=True)
    """Why it could not be assessed, as a sentence; empty when it could."""

    class Meta:
        db_table = "plans_assessment"
        constraints = [
            models.UniqueConstraint(
                fields=["plan", "files_digest", "attempt"], name="plans_assessment_attempt_once"
            ),
            models.CheckConstraint(
                condition=Q(level__in=["", "LOW", "MEDIUM", "HIGH", "CRITICAL"]),
                name="plans_assessment_level_known",
            ),
        ]

    def __str__(self) -> str:
        return f"assessment of {self.plan_id}"

    @property
    def usable(self) -> bool:
        """Whether it ended with a level."""
        return self.done_at is not None and bool(self.level)


class PlanRevision(models.Model):
    """A frozen plan content, with the digest that signatures are bound to."""

    plan = models.ForeignKey(MigrationPlan, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    content = models.TextField()
    level = models.CharField(max_length=8)
    phi = models.BooleanField()
    tables = models.JSONField(default=list)
    policy_version = models.PositiveSmallIntegerField()
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    submitted_at = models.DateTimeField()
    stakeholders_notified_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "plans_revision"
        constraints = [
            models.UniqueConstraint(fields=["plan", "number"], name="plans_revision_number_once")
        ]

    def __str__(self) -> str:
        return f"revision {self.number} of WC-{self.plan_id}"


class FrozenFile(models.Model):
    """A file as a revision holds it, byte for byte: what signers are shown when they ask what changed."""

    revision = models.ForeignKey(PlanRevision, on_delete=models.PROTECT, related_name="files")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=200)
    content = models.BinaryField()
    sha256 = models.CharField(max_length=64)

    class Meta:
        db_table = "plans_frozen_file"
        constraints = [
            models.UniqueConstraint(fields=["revision", "name"], name="plans_frozen_file_once")
        ]

    def __str__(self) -> str:
        return self.name


class ChecklistItem(models.Model):
    """One line of the spec's checklist on one plan."""

    plan = models.ForeignKey(MigrationPlan, on_delete=models.PROTECT, related_name="checklist")
    position = models.PositiveSmallIntegerField()
    key = models.CharField(max_length=40)
    section = models.CharField(max_length=16)
    by_portal = models.BooleanField(default=False)
    """Ticked by proof only, never by hand."""
    done_at = models.DateTimeField(null=True)
    done_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    """Empty when the portal proved it."""
    note = models.CharField(max_length=300, blank=True)
    evidence = models.CharField(max_length=200, blank=True)
    """Path of the page that proves it."""

    class Meta:
        db_table = "plans_checklist_item"
        constraints = [
            models.UniqueConstraint(fields=["plan", "key"], name="plans_checklist_item_once"),
            models.CheckConstraint(
                condition=Q(section__in=[str(each) for each in Section]),
                name="plans_checklist_section_known",
            ),
            models.CheckConstraint(
                condition=Q(by_portal=True, done_by__isnull=True)
                | Q(by_portal=False, done_at__isnull=True, done_by__isnull=True)
                | (Q(by_portal=False, done_at__isnull=False, done_by__isnull=False) & ~Q(note="")),
                name="plans_checklist_proof_or_person",
            ),
        ]

    def __str__(self) -> str:
        return self.key


class Series(models.Model):
    """Plans that belong together as phases, with application deploys between them (spec, patterns 1 and 2)."""

    title = models.CharField(max_length=160)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "plans_series"

    def __str__(self) -> str:
        return self.title


class Phase(models.Model):
    """One plan's place in its series, and the deploy that has to follow it before the next phase may begin."""

    series = models.ForeignKey(Series, on_delete=models.PROTECT, related_name="phases")
    position = models.PositiveSmallIntegerField()
    plan = models.OneToOneField(MigrationPlan, on_delete=models.PROTECT, related_name="phase")
    deploy_before = models.CharField(max_length=300, blank=True)
    """What has to be deployed after the phase before this one; empty for the first."""
    deployed_at = models.DateTimeField(null=True)
    deployed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    deployed_note = models.CharField(max_length=300, blank=True)

    class Meta:
        db_table = "plans_phase"
        constraints = [
            models.UniqueConstraint(
                fields=["series", "position"], name="plans_phase_position_once"
            ),
            models.CheckConstraint(
                condition=Q(position=1, deploy_before="")
                | (Q(position__gt=1) & ~Q(deploy_before="")),
                name="plans_phase_gate_between",
            ),
            models.CheckConstraint(
                condition=Q(deployed_at__isnull=True, deployed_by__isnull=True)
                | (Q(deployed_at__isnull=False, deployed_by__isnull=False) & ~Q(deployed_note="")),
                name="plans_phase_deploy_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"phase {self.position} of {self.series_id}"


class Comment(models.Model):
    """What somebody said about a plan. Part of the conversation, not of the signed content."""

    plan = models.ForeignKey(MigrationPlan, on_delete=models.PROTECT, related_name="comments")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    text = models.TextField()
    mentioned = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="mentions")

    class Meta:
        db_table = "plans_comment"
        constraints = [
            models.CheckConstraint(condition=~Q(text=""), name="plans_comment_says_something")
        ]

    def __str__(self) -> str:
        return f"comment {self.pk}"
