"""The calendar of a target, and the feed for other calendar programs."""

from datetime import date, timedelta

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST, require_safe

from migrations_portal.people.models import Person
from migrations_portal.targets import queries as target_queries
from migrations_portal.targets.models import Target
from migrations_portal.web import clock
from migrations_portal.web.people import signed_in
from migrations_portal.web.presenters import calendar as presenter
from migrations_portal.web.presenters import feed as feed_presenter
from migrations_portal.windows import ics, queries, services

FEED_PAST, FEED_AHEAD = timedelta(days=30), timedelta(days=180)
"""What the feed tells: enough to plan by, small enough to fetch often."""


def visible_target(person: Person, target_id: int) -> Target:
    """Return a target that the person may see, or answer 404."""
    rows = target_queries.visible_targets(person=person).select_related("group")
    return get_object_or_404(rows, pk=target_id)


@require_GET
def start(request: HttpRequest) -> HttpResponse:
    """Lead to the calendar of the first production target that the person may see."""
    rows = target_queries.visible_targets(person=signed_in(request))
    first = rows.filter(environment="PRODUCTION").first() or rows.first()
    if first is None:
        return render(request, "windows/none.html", {})
    return redirect("calendar", target_id=first.pk)


@require_GET
def calendar(request: HttpRequest, target_id: int) -> HttpResponse:
    """Show a month or a week of one target."""
    person, now = signed_in(request), clock.now()
    target = visible_target(person, target_id)
    view = "week" if request.GET.get("view") == "week" else "month"
    today = now.astimezone(target.zone).date()
    told = presenter.page(
        target,
        view=view,
        on=_day(request.GET.get("on", ""), otherwise=today),
        now=now,
        keeper=queries.keeps(person=person, target=target),
    )
    others = target_queries.visible_targets(person=person)
    told["targets"] = [
        {"label": each.name, "url": reverse("calendar", args=[each.pk]), "current": each == target}
        for each in others
    ]
    return render(request, "windows/calendar.html", told)


def _day(given: str, *, otherwise: date) -> date:
    """Return the asked day; anything that is no day within some years is today."""
    try:
        day = date.fromisoformat(given)
    except ValueError:
        return otherwise
    return day if abs((day - otherwise).days) < 3_700 else otherwise  # noqa: PLR2004  # ten years


@require_POST
def feed_make(request: HttpRequest) -> HttpResponse:
    """Make a new address of the feed and show it once."""
    token = services.issue_feed(by=signed_in(request), now=clock.now())
    url = f"{clock.public_url()}{reverse('calendar-feed', args=[token])}"
    return _shown_once(
        render(request, "windows/feed.html", {"url": url, "back_url": reverse("calendar-start")})
    )


def _shown_once(answer: HttpResponse) -> HttpResponse:
    answer["Cache-Control"] = "no-store"
    return answer


@require_POST
def feed_revoke(request: HttpRequest) -> HttpResponse:
    """Stop the address of the feed."""
    if services.revoke_feed(by=signed_in(request), now=clock.now()):
        messages.success(request, "The address of your calendar feed no longer works.")
    else:
        messages.info(request, "You have no calendar feed.")
    return redirect("calendar-start")


@login_not_required
@require_safe
@never_cache
def feed(_request: HttpRequest, token: str) -> HttpResponse:
    """Answer with windows, freezes and plans of all targets that the owner of the feed may see now."""
    found = queries.feed_by(token=token)
    if found is None:
        raise Http404
    now = clock.now()
    events = [
        event
        for target in target_queries.visible_targets(person=found.person)
        for event in feed_presenter.events(
            target, since=now - FEED_PAST, until=now + FEED_AHEAD, public_url=clock.public_url()
        )
    ]
    body = ics.written(events, name="White Cross Ops", now=now)
    answer = HttpResponse(body, content_type="text/calendar; charset=utf-8")
    answer["Referrer-Policy"] = "no-referrer"
    return answer
