"""The signed-in start page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from migrations_portal.web import clock
from migrations_portal.web.people import signed_in
from migrations_portal.web.presenters import my_work


@require_GET
def my_turn(request: HttpRequest) -> HttpResponse:
    """Show what waits for me, what of mine waits for others, and what is late."""
    told = my_work.page(person=signed_in(request), now=clock.now())
    return render(request, "people/my_turn.html", told)
