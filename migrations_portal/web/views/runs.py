"""Pages about runs: the list, one run live, what one person orders and what two decide."""

from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.db import connection
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from migrations_portal.execution import deciding, queries, silence
from migrations_portal.execution.models import MigrationRun, RunLine
from migrations_portal.execution.rules import Choice, Order
from migrations_portal.kernel.errors import Refused
from migrations_portal.people.models import Person
from migrations_portal.tasks import bells
from migrations_portal.web import clock, idle, refusals, step_up
from migrations_portal.web.live import HUB
from migrations_portal.web.people import signed_in
from migrations_portal.web.presenters import run_orders
from migrations_portal.web.presenters import runs as presenter

PAGE_SIZE = 50
CHECK_AGAIN = 15
"""Events after which a viewer's right to see the run is asked for again: about as many seconds."""
ORDERS = {"PAUSE": Order.PAUSE, "ABORT": Order.ABORT, "RESUME": None}
SAID = {
    Order.PAUSE: "The run is told to hold. What is inside a transaction goes on to its end first, however long that takes.",
    Order.ABORT: "The run is being stopped.",
    None: "The run goes on.",
}


@require_GET
def run_list(request: HttpRequest) -> HttpResponse:
    """Show the newest runs that the person may see."""
    rows = queries.visible(person=signed_in(request))[:PAGE_SIZE]
    return render(
        request,
        "execution/list.html",
        {"runs": [presenter.row(each) for each in rows], "filtered": False},
    )


@require_GET
@never_cache
def run(request: HttpRequest, run_id: int) -> HttpResponse:
    """Show one run."""
    person = signed_in(request)
    row = queries.get(run_id=run_id, person=person)
    return render(
        request, "execution/run.html", presenter.page(row, person=person, now=clock.now())
    )


@require_GET
@never_cache
def log(request: HttpRequest, run_id: int) -> StreamingHttpResponse:
    """Send the whole log as text."""
    row = queries.get(run_id=run_id, person=signed_in(request))
    return StreamingHttpResponse(_log_text(row), content_type="text/plain; charset=utf-8")


def _log_text(run: MigrationRun) -> Iterator[str]:
    for line in RunLine.objects.filter(run=run).order_by("seq").iterator(chunk_size=1000):
        yield f"{line.at:%Y-%m-%dT%H:%M:%S.%f}Z {line.level:5} {line.text}\n"


@require_GET
async def events(request: HttpRequest, run_id: int) -> StreamingHttpResponse:
    """Tell a viewer what changes on the page, until the run is over or they may not see it any more."""
    person, may_order = await sync_to_async(_viewer)(request, run_id)
    seen = request.headers.get("Last-Event-ID") or request.GET.get("after", "")
    after = int(seen) if seen.isascii() and seen.isdigit() else 0
    response = StreamingHttpResponse(
        _told(request, run_id, person=person, may_order=may_order, after=after),
        content_type="text/event-stream",
    )
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"  # a proxy that collects would hold the news back
    return response


async def _told(
    request: HttpRequest, run_id: int, *, person: Person, may_order: bool, after: int
) -> AsyncIterator[str]:
    told = 0
    async for text in HUB.events(run_id=run_id, may_order=may_order, after=after):
        yield text
        told += 1
        if told % CHECK_AGAIN == 0 and not await sync_to_async(_still)(request, person, run_id):
            return


def _viewer(request: HttpRequest, run_id: int) -> tuple[Person, bool]:
    """Say who watches, and what they may do. Gives the database connection back: a stream may last for hours."""
    try:
        person = signed_in(request)
        row = queries.get(run_id=run_id, person=person)
        return person, run_orders.may_order(row, person=person)
    finally:
        connection.close()


def _still(request: HttpRequest, person: Person, run_id: int) -> bool:
    """Say whether the viewer's session still lasts, and whether they may see the run: a stream is no click."""
    try:
        key, now = request.session.session_key, clock.now()
        if not key or idle.is_over_elsewhere(key, store=type(request.session), now=now):
            return False
        fresh = Person.objects.filter(pk=person.pk, is_active=True).first()
        return fresh is not None and queries.visible(person=fresh).filter(pk=run_id).exists()
    finally:
        connection.close()


@require_POST
def order(request: HttpRequest, run_id: int) -> HttpResponse:
    """Pause the run, let it go on, or stop it."""
    person = signed_in(request)
    row = queries.get(run_id=run_id, person=person)
    given = request.POST.get("order", "")
    if given not in ORDERS:
        messages.error(request, "Choose whether to pause, to go on or to stop.")
        return redirect("run", run_id=run_id)
    what = ORDERS[given]
    try:
        deciding.order(
            run_id=run_id,
            what=what,
            by=person,
            reason=request.POST.get("reason", ""),
            now=clock.now(),
            factors=_order_factors(request, row, what=what),
        )
    except Refused as refusal:
        refusals.tell(request, refusal)
    else:
        heard = not silence.seconds(row, now=clock.now())
        messages.success(request, SAID[what] if heard else silence.UNHEARD)
    return redirect("run", run_id=run_id)


def _order_factors(request: HttpRequest, row: MigrationRun, *, what: Order | None) -> str:
    """Ask again who it is before a run is stopped (A5). Holding it, or letting it go on, ends nothing and has to be quick."""
    if what is not Order.ABORT:
        return "session"
    return step_up.prove_if_asked(request, person=signed_in(request), about=[row.revision.digest])


@require_POST
def decide(request: HttpRequest, run_id: int) -> HttpResponse:
    """Record one person's choice; the second of two lets a worker carry it out."""
    person = signed_in(request)
    row = queries.get(run_id=run_id, person=person)
    given = request.POST.get("choice", "")
    if given not in set(Choice):
        messages.error(request, "Choose one of the options.")
        return redirect("run", run_id=run_id)
    try:
        about = [row.revision.digest]
        factors = step_up.prove_if_asked(request, person=person, about=about)
        complete = deciding.decide(
            run_id=run_id,
            choice=Choice(given),
            by=person,
            reason=request.POST.get("reason", ""),
            factors=factors,
            now=clock.now(),
            public_url=clock.public_url(),
        )
    except Refused as refusal:
        refusals.tell(request, refusal)
    else:
        said = (
            "Two people agree; it begins."
            if complete
            else "Your choice is recorded. A second person has to choose the same."
        )
        bells.runs_soon()
        messages.success(request, said)
    return redirect(reverse("run", args=[run_id]))
