"""The form of a target. It asks for the name of a credential, never for the credential."""

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.db.models import Q

from migrations_portal.targets.models import Target, TargetGroup
from migrations_portal.targets.registry import PARTNERS
from migrations_portal.targets.rules import FIXED, LONGEST_WATCH, EnvironmentKind, TargetForm
from migrations_portal.web.forms.people import ActForm

ZONES = sorted(zone for zone in available_timezones() if "/" in zone or zone == "UTC")
PLAIN = [name for name in TargetForm.__dataclass_fields__ if name != "smoke_addresses"]


class TargetPageForm(ActForm):
    """Everything about a target that an administrator decides."""

    group = forms.ModelChoiceField(
        label="Group", queryset=TargetGroup.objects.none(), help_text="Whose people answer for it."
    )
    name = forms.CharField(
        label="Name", max_length=80, help_text="As people and the ledger call it. Decided once."
    )
    environment = forms.ChoiceField(
        label="Environment",
        choices=[(str(each), each.title()) for each in EnvironmentKind],
        help_text="Decides which rules its plans obey. Decided once.",
    )
    host = forms.CharField(label="Host", max_length=255)
    port = forms.IntegerField(label="Port", min_value=1, max_value=65_535, initial=5432)
    database = forms.CharField(label="Database", max_length=63)
    credential = forms.CharField(
        label="Credential",
        max_length=80,
        help_text="The name under which workers find user and password. The secret itself is never typed or kept here.",
    )
    project = forms.CharField(
        label="Project folder",
        max_length=120,
        help_text="The prepared migration project, below the projects folder of the workers.",
    )
    time_zone = forms.ChoiceField(
        label="Time zone",
        choices=[(zone, zone) for zone in ZONES],
        initial="America/New_York",
        help_text="Windows, deadlines and mornings are meant in it.",
    )
    staging_target = forms.ModelChoiceField(
        label="Staging partner",
        queryset=Target.objects.none(),
        required=False,
        empty_label="None: plans go to production without a run on staging",
        help_text="Each plan runs there first, and has to succeed.",
    )
    drill_target = forms.ModelChoiceField(
        label="Server for drills and rehearsals",
        queryset=Target.objects.none(),
        required=False,
        empty_label="None: no restore drill, no rehearsal",
        help_text="On its server backups are restored and plans are tried, in databases of their own.",
    )
    smoke_addresses = forms.CharField(
        label="Smoke addresses",
        required=False,
        max_length=6_000,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text="One a line. Smoke checks may ask what lies below them, and nothing else.",
    )
    watch_seconds = forms.IntegerField(
        label="Watch after a run, in seconds", min_value=0, max_value=LONGEST_WATCH, initial=300
    )
    traffic_hook = forms.CharField(
        label="Traffic hook",
        required=False,
        max_length=300,
        help_text="Where the application is told to divert its traffic before a restore. Empty: nobody is told.",
    )
    traffic_credential = forms.CharField(
        label="Credential of the traffic hook",
        required=False,
        max_length=80,
        help_text="The name of the one whose password signs the calls.",
    )
    rds_instance = forms.CharField(
        label="RDS instance",
        required=False,
        max_length=63,
        help_text="Backed up by snapshots; empty for a database that is dumped.",
    )
    copies_may_hold_data = forms.BooleanField(
        label="Rehearsals may use its data",
        required=False,
        initial=True,
        help_text="Otherwise they run on its schema alone.",
    )
    field_order = [
        "group",
        *TargetForm.__dataclass_fields__,
        *PARTNERS,
        "reason",
    ]

    def __init__(
        self, *args: Any, groups: list[TargetGroup], target: Target | None = None, **more: Any
    ) -> None:
        """Take the groups that the person administers, and the target that is changed, None for a new one."""
        super().__init__(*args, initial=_first(target) if target else {}, **more)
        self.target = target
        mine = Q(group__in=groups, environment=EnvironmentKind.STAGING)
        for name in PARTNERS:
            # The one that is chosen stays a choice, also when it belongs to a group of somebody else.
            rows = Target.objects.filter(mine | Q(pk=self.initial.get(name)))
            self.fields[name].queryset = rows.order_by("name")  # type: ignore[attr-defined]
        if target:
            del self.fields["group"]
            for name in FIXED:
                self.fields[name].disabled = True
        else:
            ids = [each.pk for each in groups]
            offered = TargetGroup.objects.filter(pk__in=ids).order_by("name")
            self.fields["group"].queryset = offered  # type: ignore[attr-defined]
            self.initial.setdefault("group", offered.first())

    def filled(self) -> TargetForm:
        """Return what was typed; a disabled field keeps what the target has."""
        given = self.cleaned_data
        lines = tuple(line.strip() for line in given["smoke_addresses"].splitlines())
        return TargetForm(
            **{name: given[name] for name in PLAIN},
            smoke_addresses=tuple(line for line in lines if line),
        )

    def partners(self) -> dict[str, Target | None]:
        """Return the two targets that stand beside it."""
        return {name: self.cleaned_data[name] for name in PARTNERS}


def _first(target: Target) -> dict[str, Any]:
    values = {name: getattr(target, name) for name in PLAIN}
    return values | {
        "smoke_addresses": "\n".join(target.smoke_addresses),
        "staging_target": target.staging_target_id,
        "drill_target": target.drill_target_id,
    }
