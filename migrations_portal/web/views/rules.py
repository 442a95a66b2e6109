"""Pages about the rules that give a migration its risk level."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from migrations_portal.risk import RULES
from migrations_portal.risk.rule_examples import found
from migrations_portal.web.presenters import rules as presenter

LONGEST_SEARCH = 200


@require_GET
def rule_list(request: HttpRequest) -> HttpResponse:
    """Show all rules, or those in which every word of the search occurs."""
    search = request.GET.get("q", "").strip()[:LONGEST_SEARCH]
    level = request.GET.get("level", "")
    rules = [rule for rule in found(search) if not level or rule.level == level]
    told = {
        "levels": presenter.levels(),
        "groups": presenter.groups(rules),
        "search": search,
        "level": level,
        "shown": len(rules),
        "total": len(RULES),
        "list_url": reverse("rules"),
    }
    return render(request, "rules/list.html", told)


@require_GET
def rule(request: HttpRequest, rule_id: str) -> HttpResponse:
    """Show one rule."""
    if rule_id not in RULES:
        raise Http404
    return render(request, "rules/detail.html", presenter.detail(rule_id))
