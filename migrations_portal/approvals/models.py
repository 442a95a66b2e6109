"""The tables of the chain. Everything here is copied from the policy at submission; a later policy does not touch it."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from migrations_portal.approvals.policy import DELEGATION_AT_MOST, SEATED_STAGES, Duty, Stage
from migrations_portal.approvals.rules import Decision
from migrations_portal.people.rules import SIGNING_ROLES


class ChainStage(models.Model):
    """One stage of a revision's timeline, with its own dates."""

    revision = models.ForeignKey(
        "migrations_portal.PlanRevision", on_delete=models.PROTECT, related_name="stages"
    )
    position = models.PositiveSmallIntegerField()
    stage = models.CharField(max_length=10)
    opens_at = models.DateTimeField(null=True)
    """Earliest opening; empty when only the stage before it matters."""
    due_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "approvals_stage"
        constraints = [
            models.UniqueConstraint(fields=["revision", "stage"], name="approvals_stage_once"),
            models.CheckConstraint(
                condition=Q(stage__in=[str(each) for each in Stage]),
                name="approvals_stage_known",
            ),
            models.CheckConstraint(
                condition=Q(completed_at__isnull=True) | Q(opened_at__isnull=False),
                name="approvals_stage_opened_first",
            ),
        ]
        indexes = [
            models.Index(
                fields=["opens_at"],
                condition=Q(opened_at__isnull=True),
                name="approvals_stage_to_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.stage} of revision {self.revision_id}"


class Deadline(models.Model):
    """An instant at which the portal acts by itself when people have not. Done once, whatever the clock does."""

    revision = models.ForeignKey(
        "migrations_portal.PlanRevision", on_delete=models.PROTECT, related_name="deadlines"
    )
    stage = models.CharField(max_length=10, blank=True)
    """Empty for a deadline of the whole plan."""
    duty = models.CharField(max_length=8)
    at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=12, blank=True)
    """"acted", or "passed over" when it did not matter any more or a stronger one was met with it."""

    class Meta:
        db_table = "approvals_deadline"
        constraints = [
            models.CheckConstraint(
                condition=Q(duty__in=[str(each) for each in Duty]),
                name="approvals_deadline_duty_known",
            ),
            models.CheckConstraint(
                condition=Q(done_at__isnull=True, outcome="")
                | Q(done_at__isnull=False, outcome__in=["acted", "passed over"]),
                name="approvals_deadline_done_whole",
            ),
        ]
        indexes = [
            models.Index(
                fields=["at"], condition=Q(done_at__isnull=True), name="approvals_deadline_open"
            )
        ]

    def __str__(self) -> str:
        return f"{self.duty} {self.stage} at {self.at}"


class Seat(models.Model):
    """One signature that a revision needs."""

    revision = models.ForeignKey(
        "migrations_portal.PlanRevision", on_delete=models.PROTECT, related_name="seats"
    )
    position = models.PositiveSmallIntegerField()
    stage = models.CharField(max_length=10)
    role = models.CharField(max_length=20)
    due_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True)
    unfillable_since = models.DateTimeField(null=True)
    """Since when nobody can sign it although it is open."""
    decision = models.CharField(max_length=8, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    on_behalf_of = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    """Whose role it is, when a deputy signed."""
    decided_at = models.DateTimeField(null=True)
    printed_name = models.CharField(max_length=260, blank=True)
    meaning = models.CharField(max_length=120, blank=True)
    factors = models.CharField(max_length=60, blank=True)
    """How the person proved who they are, such as "password"."""
    signed_digest = models.CharField(max_length=64, blank=True)
    reason = models.TextField(blank=True)
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)
    signer_left_at = models.DateTimeField(null=True)
    """Since when the signer no longer holds the role; the signature stays, marked."""
    voided_at = models.DateTimeField(null=True)
    void_reason = models.CharField(max_length=200, blank=True)
    """A void seat counts no more: the plan was edited, or its day moved and the go is asked anew."""
    asked: list[int]
    """No column: the people with a live link to it, on rows that `services.progress` read."""

    class Meta:
        db_table = "approvals_seat"
        constraints = [
            models.UniqueConstraint(
                fields=["revision", "stage", "role"],
                condition=Q(voided_at__isnull=True),
                name="approvals_seat_once",
            ),
            models.CheckConstraint(
                condition=Q(stage__in=[str(each) for each in SEATED_STAGES]),
                name="approvals_seat_stage_known",
            ),
            models.CheckConstraint(
                condition=Q(
                    decision="",
                    decided_by__isnull=True,
                    on_behalf_of__isnull=True,
                    decided_at__isnull=True,
                    signed_digest="",
                )
                | (
                    Q(decision__in=[str(each) for each in Decision])
                    & Q(decided_by__isnull=False, decided_at__isnull=False, opened_at__isnull=False)
                    & ~Q(reason="")
                    & ~Q(signed_digest="")
                    & ~Q(printed_name="")
                    & ~Q(meaning="")
                    & ~Q(factors="")
                ),
                name="approvals_seat_decision_whole",
            ),
            models.CheckConstraint(
                condition=Q(decided_at__isnull=True) | Q(decided_at__gte=F("opened_at")),
                name="approvals_seat_decided_after_opened",
            ),
            models.CheckConstraint(
                condition=Q(voided_at__isnull=True, void_reason="")
                | (Q(voided_at__isnull=False) & ~Q(void_reason="")),
                name="approvals_seat_void_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stage} {self.role}"

    @property
    def signed_from(self) -> str:
        """The network address of the decision; "unknown" where no network was between, empty while there is none."""
        return (self.ip or "unknown") if self.decision else ""


class Invitation(models.Model):
    """A link in a mail that leads one person to one seat. It opens a page and grants nothing (A1, A3)."""

    seat = models.ForeignKey(Seat, on_delete=models.PROTECT, related_name="invitations")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="invitations"
    )
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    """When the seat was decided or voided, or the person lost the role."""

    class Meta:
        db_table = "approvals_invitation"
        constraints = [
            models.UniqueConstraint(
                fields=["seat", "person"],
                condition=Q(revoked_at__isnull=True),
                name="approvals_invitation_once",
            )
        ]

    def __str__(self) -> str:
        return f"invitation {self.pk}"


class Delegation(models.Model):
    """For a time, `deputy` may sign where `giver` holds the role. It ends with the role of its giver, and is not passed on."""

    group = models.ForeignKey(
        "migrations_portal.TargetGroup", on_delete=models.PROTECT, related_name="delegations"
    )
    role = models.CharField(max_length=20)
    giver = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="delegations_given"
    )
    deputy = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="delegations_held"
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=300)
    made_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    """When the giver took it back before its time."""

    class Meta:
        db_table = "approvals_delegation"
        constraints = [
            models.CheckConstraint(
                condition=Q(role__in=sorted(str(each) for each in SIGNING_ROLES)),
                name="approvals_delegation_role_signs",
            ),
            models.CheckConstraint(
                condition=~Q(giver=F("deputy")), name="approvals_delegation_two_people"
            ),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at"))
                & Q(ends_at__lte=F("starts_at") + DELEGATION_AT_MOST),
                name="approvals_delegation_dated",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} to {self.deputy_id} for {self.giver_id}"


class Emergency(models.Model):
    """Why a revision skips the lead times, who says so, until when, and the review that it owes."""

    revision = models.OneToOneField(
        "migrations_portal.PlanRevision", on_delete=models.PROTECT, related_name="emergency"
    )
    reason = models.TextField()
    until = models.DateTimeField()
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    asked_at = models.DateTimeField()
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    confirmed_at = models.DateTimeField(null=True)
    review_due_at = models.DateTimeField(null=True)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    reviewed_at = models.DateTimeField(null=True)
    finding = models.TextField(blank=True)

    class Meta:
        db_table = "approvals_emergency"
        constraints = [
            models.CheckConstraint(
                condition=~Q(reason="") & Q(until__gt=F("asked_at")),
                name="approvals_emergency_has_reason",
            ),
            models.CheckConstraint(
                condition=Q(confirmed_by__isnull=True, confirmed_at__isnull=True)
                | (
                    Q(confirmed_by__isnull=False, confirmed_at__isnull=False)
                    & Q(review_due_at__isnull=False)
                    & ~Q(confirmed_by=F("asked_by"))
                ),
                name="approvals_emergency_two_people",
            ),
            models.CheckConstraint(
                condition=Q(reviewed_by__isnull=True, reviewed_at__isnull=True, finding="")
                | (
                    Q(reviewed_by__isnull=False, reviewed_at__isnull=False)
                    & Q(confirmed_by__isnull=False)
                    & ~Q(finding="")
                    & ~Q(reviewed_by=F("asked_by"))
                    & ~Q(reviewed_by=F("confirmed_by"))
                ),
                name="approvals_emergency_review_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"emergency of revision {self.revision_id}"
