"""The one exception handler of the API: whatever goes wrong is answered as an RFC 9457 problem.

`type` is the error's stable id, `title` the same sentence each time, `detail` the sentence of this occurrence. Extension
members: `missing` (field → sentence) when a plan is not complete, `errors` when the request itself is wrong.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.signals import got_request_exception
from django.http import Http404, HttpResponse, JsonResponse
from rest_framework import exceptions

from migrations_portal.execution import refusals
from migrations_portal.kernel.errors import ProductError, Refused
from migrations_portal.people.access import NotAllowed
from migrations_portal.people.models import Person
from migrations_portal.plans.rules import PlanIncomplete

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
FAULT = 500
READING = frozenset({"GET", "HEAD", "OPTIONS"})

REQUESTS: dict[int, tuple[str, str]] = {
    400: ("request-invalid", "The request is not right."),
    401: ("not-signed-in", "Say who you are."),
    403: ("not-allowed", "Your roles do not include this."),
    404: ("not-found", "There is nothing at this address."),
    405: ("method-not-allowed", "This address does not take that method."),
    406: ("not-acceptable", "The answer is not available in the form that was asked for."),
    413: ("too-large", "The request is too large."),
    415: ("media-type-unsupported", "The body is in a form that this address does not read."),
    429: ("too-many-requests", "Too many requests."),
    FAULT: ("trouble", "Something failed on our side."),
}
"""Status → id and title of what is wrong with a request, before any rule of the portal is asked."""

HOW_TO_SAY_WHO = (
    "Send the header “Authorization: Token wco_…” (POST /api/v1/tokens/ makes one), or sign in."
)


class QueryInvalid(exceptions.ValidationError):
    """A parameter in the address is wrong."""


class TooLarge(exceptions.APIException):
    """The body is larger than the portal reads."""

    status_code = 413


@dataclass(frozen=True)
class Problem:
    """One answer; `more` holds the extension members."""

    status: int
    code: str
    title: str
    detail: str
    more: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def answer(self) -> HttpResponse:
        """Return it as a response. It is JSON whatever the client asked for, so that the reason always arrives."""
        body = {
            "type": f"urn:wco:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **self.more,
        }
        return JsonResponse(
            body,
            status=self.status,
            content_type=CONTENT_TYPE,
            headers=dict(self.headers),
            json_dumps_params={"ensure_ascii": False},
        )


def as_problem(error: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """Answer for any error; those that are not the person's to mend are logged as well."""
    problem = (
        _of_ours(error) if isinstance(error, ProductError) else _of_the_request(error, context)
    )
    if isinstance(error, Refused):
        _note(error, context)
    if problem.status == FAULT:
        # The test client and monitoring hear of a fault by this signal, as for any page.
        got_request_exception.send(sender=as_problem, request=context.get("request"))
    if problem.status >= FAULT:
        logger.error("%s: %s", problem.code, problem.detail, exc_info=error)
    return problem.answer()


def _note(refusal: Refused, context: Mapping[str, Any]) -> None:
    """Write down what was refused (A7, L13); reading is no wish. DRF has ended the act before it asks for the answer."""
    request, given = context["request"], context.get("kwargs") or {}
    if request.method in READING or not isinstance(request.user, Person):
        return
    refusals.record(
        by=request.user,
        wish=request.resolver_match.url_name.removeprefix("api-"),
        refusal=refusal,
        plan_id=given.get("plan_id", 0),
        run_id=given.get("run_id", 0),
    )


def _of_ours(error: ProductError) -> Problem:
    more = {"missing": error.missing} if isinstance(error, PlanIncomplete) else {}
    return Problem(
        status=_status(error),
        code=error.code,
        title=(type(error).__doc__ or error.sentence).strip().splitlines()[0],
        detail=error.sentence,
        more=more,
    )


def _status(error: ProductError) -> int:
    if not isinstance(error, Refused):
        return 503
    if isinstance(error, NotAllowed):
        return 403
    return 404 if error.code.endswith("-not-found") else 409


def _of_the_request(error: Exception, context: Mapping[str, Any]) -> Problem:
    known = _in_words_of_the_framework(error)
    if known is None:
        code, title = REQUESTS[FAULT]
        detail = "The fault is in our log. Try again; if it stays, tell an administrator when it happened."
        return Problem(status=FAULT, code=code, title=title, detail=detail)
    code, title = REQUESTS.get(known.status_code, (str(known.default_code), _title(known)))
    more: dict[str, Any] = {}
    detail = _what_to_do(known, context)
    if isinstance(known, exceptions.ValidationError):
        key = "parameter" if isinstance(known, QueryInvalid) else "pointer"
        more["errors"] = [
            {key: place if key == "pointer" else place.removeprefix("#/"), "detail": sentence}
            for place, sentence in _flat(known.detail)
        ]
        detail = " ".join(_with_its_place(each) for each in more["errors"])
    return Problem(
        status=known.status_code,
        code=code,
        title=title,
        detail=detail,
        more=more,
        headers=_headers(known),
    )


def _what_to_do(error: exceptions.APIException, context: Mapping[str, Any]) -> str:
    """Return the sentence of this occurrence, in our words where the framework's say what is wrong and not what to do."""
    if isinstance(error, exceptions.NotAuthenticated):
        return HOW_TO_SAY_WHO
    if isinstance(error, exceptions.UnsupportedMediaType):
        read = " or ".join(each.media_type for each in context["request"].parsers)
        return f"{error.detail} Send the body as {read}."
    if isinstance(error, exceptions.NotAcceptable):
        return "Answers are JSON. Ask with “Accept: application/json”, or without that header."
    if isinstance(error, exceptions.Throttled):
        return f"That was tried too often. Try again in {int(getattr(error, 'wait', 0) or 0) + 1} seconds."
    return str(error.detail)


def _with_its_place(wrong: Mapping[str, str]) -> str:
    """Return the sentence with the name of what it is about, as `errors` has it."""
    place = wrong.get("parameter") or wrong.get("pointer", "").removeprefix("#").removeprefix("/")
    return f"{place}: {wrong['detail']}" if place else wrong["detail"]


def _title(error: exceptions.APIException) -> str:
    return str(error.default_detail)


def _in_words_of_the_framework(error: Exception) -> exceptions.APIException | None:
    if isinstance(error, exceptions.APIException):
        return error
    if isinstance(error, Http404):
        return exceptions.NotFound("There is nothing at this address.")
    if isinstance(error, PermissionDenied):
        return exceptions.PermissionDenied("Your roles do not include this.")
    if isinstance(error, RequestDataTooBig):
        return TooLarge("The body is larger than the portal reads.")
    if isinstance(error, SuspiciousOperation):
        return exceptions.ParseError(str(error))
    return None


def _headers(error: exceptions.APIException) -> dict[str, str]:
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = str(challenge)
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait) + 1)
    return headers


def _flat(detail: Any, place: str = "#") -> Iterator[tuple[str, str]]:
    """Yield a JSON pointer and a sentence for each thing that is wrong, however deep it stands."""
    if isinstance(detail, Mapping):
        for key, below in detail.items():
            whole = key == "non_field_errors"
            yield from _flat(below, place if whole else f"{place}/{_escaped(str(key))}")
    elif isinstance(detail, list):
        for number, below in enumerate(detail):
            nested = isinstance(below, (Mapping, list))
            if below:
                yield from _flat(below, f"{place}/{number}" if nested else place)
    else:
        yield place, str(detail)


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
