"""People, targets and passwords, as administrators and newcomers see them."""

from typing import Any

from migrations_portal.people.rules import Role
from migrations_portal.targets.models import Target, TargetGroup
from migrations_portal.web.forms.accounts import ChangeForm, ChooseForm, ForgottenForm
from migrations_portal.web.forms.people import ActForm, InviteForm, RoleForm, powers_of
from migrations_portal.web.forms.targets import TargetPageForm
from migrations_portal.web.views import people as views
from tests.unit.web.samples.common import T_ZERO, ZONE, days_before

_GROUP = TargetGroup(pk=1, name="School health")
_POWERS = powers_of([_GROUP])
_ACTIVE = {"word": "Active", "tone": "good", "mark": "●"}
_INVITED = {"word": "Invited", "tone": "warn", "mark": "○"}
_OUT = {"word": "Deactivated", "tone": "bad", "mark": "✕"}

_LIST: dict[str, Any] = {
    "people": [
        {
            "name": name,
            "email": f"{name.split()[0].lower()}@whitecross.example",
            "url": "#",
            "roles": roles,
            "state": state,
            "factor": factor,
        }
        for name, roles, state, factor in (
            ("Ana Lopez", "Engineer", _ACTIVE, False),
            ("Dan Okafor", "Database admin, Incident responder", _ACTIVE, True),
            ("Zoe Hart-Featherstonehaugh of Cholmondeley", "Security officer", _INVITED, False),
            ("Ian Fraser", "No role", _OUT, False),
        )
    ],
    "more": 12,
    "text": "",
    "invite_url": "#",
}
_PERSON: dict[str, Any] = {
    "person": {
        "name": "Dan Okafor",
        "email": "dan@whitecross.example",
        "phone": "+1 202-555-0102",
        "joined_at": days_before(300),
        "last_login": T_ZERO,
        "state": _ACTIVE,
        "factor": True,
    },
    "own": False,
    "elsewhere": True,
    "powers": [
        {
            "role": "Database admin",
            "group": "School health",
            "duty": "reviews plans of low to high risk, gives the go at T-1 for every plan, watches runs",
            "take_url": "#",
            "page_url": "",
        },
        {
            "role": "Auditor",
            "group": "Billing",
            "duty": "reads and exports",
            "take_url": "",
            "page_url": "#",
        },
    ],
    "acts": [
        {"url": "#", "label": "Give a role…", "primary": True},
        {"url": "#", "label": "Send the invitation again", "post": True},
        {"url": "#", "label": "Reset the second factor…"},
        {"url": "#", "label": "Deactivate…", "danger": True},
    ],
}
_OWN = _PERSON | {"own": True, "elsewhere": False, "powers": [], "acts": []}
_WHO = {"name": "Dan Okafor", "url": "#"}


def _refused(form: Any, **errors: str) -> Any:
    form.is_valid()
    for field, sentence in errors.items():
        form.add_error(field, sentence)
    return form


def _target_form() -> TargetPageForm:
    target = Target(
        pk=2,
        name="production",
        group=_GROUP,
        environment="PRODUCTION",
        host="db.whitecross.example",
        database="school",
        credential="school-production",
        project="school-health",
        time_zone=ZONE,
        smoke_addresses=["https://staging.whitecross.example/health"],
    )
    form = TargetPageForm(groups=[], target=target, asks="code")
    for name in ("staging_target", "drill_target"):
        form.fields[name].choices = [("", "Not chosen"), ("1", "staging")]
    return form


PAGES: dict[str, tuple[str, dict[str, Any], str]] = {
    "people": ("people/list.html", _LIST, ""),
    "people-none": ("people/list.html", _LIST | {"people": [], "more": 0, "text": "xyz"}, ""),
    "person": ("people/person.html", _PERSON, ""),
    "person-own": ("people/person.html", _OWN, ""),
    "person-invite": (
        "people/invite.html",
        {"form": InviteForm(powers=_POWERS, asks="")},
        "",
    ),
    "person-invite-error": (
        "people/invite.html",
        {"form": _refused(InviteForm({}, powers=_POWERS, asks="code"), full_name="Say it.")},
        "",
    ),
    "person-give": (
        "people/act.html",
        {
            "act": views.GIVE,
            "person": _WHO,
            "form": RoleForm(powers=_POWERS, asks="passkey", initial={"power": f"1:{Role.CTO}"}),
        },
        "",
    ),
    "person-deactivate": (
        "people/act.html",
        {"act": views.DEACTIVATE, "person": _WHO, "form": ActForm(asks="")},
        "",
    ),
    "targets": (
        "targets/list.html",
        {
            "targets": [
                {
                    "name": name,
                    "environment": name,
                    "group": "School health",
                    "url": "#",
                    "place": f"school_{name} on db.whitecross.example:5432",
                    "zone": ZONE,
                    "staging": "staging" if name == "production" else "",
                    "production": name != "staging",
                    "windows_url": "#",
                    "phi_url": "#",
                }
                for name in ("production", "production-2", "staging")
            ],
            "new_url": "#",
        },
        "",
    ),
    "targets-none": ("targets/list.html", {"targets": [], "new_url": "#"}, ""),
    "target": (
        "targets/edit.html",
        {
            "form": _target_form(),
            "target": {"name": "production", "windows_url": "#", "phi_url": "#"},
        },
        "",
    ),
    "password-forgotten": ("registration/forgotten.html", {"form": ForgottenForm()}, ""),
    "password-choose": (
        "registration/choose.html",
        {"form": ChooseForm(second="code"), "email": "zoe@whitecross.example"},
        "",
    ),
    "password-choose-error": (
        "registration/choose.html",
        {
            "form": _refused(ChooseForm({"new": "a", "again": "b"}, second="")),
            "email": "zoe@whitecross.example",
        },
        "",
    ),
    "password-link-over": (
        "registration/choose.html",
        {"refused": "This link is not good any more: it was used, or it is older than a day."},
        "",
    ),
    "password-change": ("registration/change.html", {"form": ChangeForm(second="passkey")}, ""),
}
