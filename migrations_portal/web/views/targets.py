"""Targets, for administrators: the list, a new one, and changing one."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from migrations_portal.accounts import queries as account_queries
from migrations_portal.kernel.errors import Refused
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.targets import queries, registry
from migrations_portal.targets.models import Target
from migrations_portal.targets.rules import TargetRefused
from migrations_portal.tasks import bells
from migrations_portal.web import refusals, step_up
from migrations_portal.web.forms.targets import TargetPageForm
from migrations_portal.web.views.people import administrator, refuse

ADMINISTRATOR = frozenset({Role.ADMINISTRATOR})


@require_GET
def target_list(request: HttpRequest) -> HttpResponse:
    """List the targets of the groups that the person administers."""
    me = administrator(request)
    rows = queries.visible_targets(person=me, roles=ADMINISTRATOR).select_related(
        "group", "staging_target", "drill_target"
    )
    told = {"targets": [_line(each) for each in rows], "new_url": reverse("target-new")}
    return render(request, "targets/list.html", told)


def _line(target: Target) -> dict[str, Any]:
    return {
        "name": target.name,
        "environment": target.environment.lower(),
        "group": target.group.name,
        "url": reverse("target", args=[target.pk]),
        "place": f"{target.database} on {target.host}:{target.port}",
        "zone": target.time_zone,
        "staging": target.staging_target.name if target.staging_target else "",
        "production": target.is_production,
        "windows_url": reverse("periods", args=[target.pk]),
        "phi_url": reverse("phi", args=[target.pk]),
    }


@sensitive_post_parameters("password", "code", "passkey")
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def new(request: HttpRequest) -> HttpResponse:
    """Add a target."""
    me = administrator(request)
    groups = account_queries.administered(person=me)
    form = TargetPageForm(request.POST or None, groups=groups, asks=step_up.asks(me))
    if request.method == "POST" and form.is_valid():
        try:
            step_up.prove_if_asked(request, person=me)
            made = registry.add(
                group=form.cleaned_data["group"],
                form=form.filled(),
                partners=form.partners(),
                by=me,
                reason=form.cleaned_data["reason"],
            )
        except Refused as refusal:
            refusals.note(request, refusal)
            _refuse(form, refusal)
        else:
            bells.catalogue_soon(target_id=made.pk)
            messages.success(request, f"{made.name} is added. Give it windows next.")
            return redirect("periods", made.pk)
    return _page(request, form, target=None)


@sensitive_post_parameters("password", "code", "passkey")
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def edit(request: HttpRequest, target_id: int) -> HttpResponse:
    """Change a target."""
    me = administrator(request)
    target = _mine(target_id, me=me)
    groups = account_queries.administered(person=me)
    form = TargetPageForm(request.POST or None, groups=groups, target=target, asks=step_up.asks(me))
    if request.method == "POST" and form.is_valid():
        try:
            step_up.prove_if_asked(request, person=me)
            registry.change(
                target_id=target_id,
                form=form.filled(),
                partners=form.partners(),
                by=me,
                reason=form.cleaned_data["reason"],
            )
        except Refused as refusal:
            refusals.note(request, refusal)
            _refuse(form, refusal)
        else:
            bells.catalogue_soon(target_id=target_id)
            messages.success(request, f"{target.name} is changed.")
            return redirect("targets")
    return _page(request, form, target=target)


def _mine(target_id: int, *, me: Person) -> Target:
    rows = queries.visible_targets(person=me, roles=ADMINISTRATOR).select_related("group")
    found = rows.filter(pk=target_id).first()
    if found is None:
        raise queries.TargetNotFound
    return found


def _page(request: HttpRequest, form: TargetPageForm, *, target: Target | None) -> HttpResponse:
    told = {"form": form, "target": _line(target) if target else None}
    status = 422 if form.is_bound else 200
    return render(request, "targets/edit.html", told, status=status)


def _refuse(form: TargetPageForm, refusal: Refused) -> None:
    if isinstance(refusal, TargetRefused) and refusal.field in form.fields:
        form.add_error(refusal.field, refusal.sentence)
    else:
        refuse(form, refusal)
