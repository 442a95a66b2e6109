"""Pages that exist only in the demo: the inbox, the chat, and being somebody else."""

import hashlib
import hmac
import json
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from migrations_portal import wiring
from migrations_portal.demo import inbox
from migrations_portal.demo.environment import CREDENTIAL
from migrations_portal.people.models import Person
from migrations_portal.people.rules import ROLES
from migrations_portal.targets import queries as target_queries
from migrations_portal.web import clock, step_up
from migrations_portal.web.forms.sign_in import SignInForm
from migrations_portal.web.views import second_step

POST_LIMIT = 64 * 1024
BACKEND = "django.contrib.auth.backends.ModelBackend"


def demo_only(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Answer 404 everywhere but in the demo."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not settings.DEMO:
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


def _folder(name: str) -> Path:
    return Path(str(settings.ENV.demo_dir)) / name


class SignIn(LoginView):
    """Sign-in; in the demo with the people that one can be."""

    redirect_authenticated_user = False
    authentication_form = SignInForm

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Sign in who has no second factor; lead whoever has one to the second step."""
        person = form.get_user()
        if step_up.has_factor(person):
            return second_step.begin(self.request, person, then=self.get_success_url())
        return super().form_valid(form)

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """Show the form again; 429 when no more tries are taken."""
        response = super().form_invalid(form)
        if isinstance(form, SignInForm) and form.too_often:
            response.status_code = 429
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the cast in the demo."""
        context = super().get_context_data(**kwargs)
        people = (
            Person.objects.filter(is_active=True).order_by("pk")
            if settings.DEMO
            else Person.objects.none()
        )
        return {
            **context,
            "people": [_person(each) for each in people],
            "next": self.get_redirect_url(),
        }


def _person(person: Person) -> dict[str, str]:
    titles = target_queries.role_titles(person=person)
    duties = {facts.title: facts.duty for facts in ROLES.values()}
    return {
        "name": person.full_name,
        "first_name": person.first_name,
        "role_title": titles,
        "duty": duties.get(titles, ""),
        "sign_in_url": reverse("demo-be", args=[person.pk]),
    }


@login_not_required
@require_POST
@demo_only
def be(request: HttpRequest, person_id: int) -> HttpResponse:
    """Sign in as one of the demo's people, without a password. Exists only in the demo."""
    person = get_object_or_404(Person, pk=person_id, is_active=True)
    login(request, person, backend=BACKEND)
    wanted = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()})
    return redirect(wanted if safe and wanted else "my-turn")


@login_not_required
@require_GET
@demo_only
def mails(request: HttpRequest) -> HttpResponse:
    """Show the received mails, newest first."""
    chosen = request.GET.get("to", "")
    found = inbox.mails(_folder("inbox"))
    addresses = sorted({str(each.message["To"]) for each in found})
    told = {
        "mails": [
            {
                "url": reverse("demo-mail", args=[each.name]),
                "to": str(each.message["To"]),
                "subject": str(each.message["Subject"]),
                "at": each.at,
                "new": False,
            }
            for each in found
            if not chosen or str(each.message["To"]) == chosen
        ],
        "recipients": [
            {"label": "Everybody", "url": request.path, "current": not chosen},
            *(
                {"label": each, "url": f"{request.path}?to={each}", "current": each == chosen}
                for each in addresses
            ),
        ],
    }
    return render(request, "demo/inbox.html", told)


def _mail(name: str) -> inbox.Received:
    path = _folder("inbox") / f"{name}.eml"
    if Path(name).name != name or not path.is_file():
        raise Http404
    return inbox.mail(path)


def _ours(url: str) -> bool:
    """Whether a link leads to the portal: a title that somebody typed may hold another one."""
    return url.startswith(f"{clock.public_url()}/")


@login_not_required
@require_GET
@demo_only
def mail(request: HttpRequest, name: str) -> HttpResponse:
    """Show one mail."""
    found = _mail(name)
    width = "phone" if request.GET.get("width") == "phone" else "wide"
    told = {
        "mail": {
            "subject": str(found.message["Subject"]),
            "sender": str(found.message["From"]),
            "to": str(found.message["To"]),
            "at": found.at,
            "text": found.part("plain"),
        },
        "body_url": reverse("demo-mail-body", args=[name]),
        "links": [{"label": "Open the link", "url": each} for each in found.links if _ours(each)][
            :1
        ],
        "back_url": reverse("demo-inbox"),
        "width": width,
        "phone_url": f"{request.path}?width=phone",
        "wide_url": request.path,
    }
    return render(request, "demo/message.html", told)


@login_not_required
@require_GET
@demo_only
def mail_body(_request: HttpRequest, name: str) -> HttpResponse:
    """Serve the HTML part for the sandboxed frame, under a policy of its own: inline styles, nothing else."""
    response = HttpResponse(_mail(name).part("html"))
    response["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"
    )
    response["X-Frame-Options"] = "SAMEORIGIN"
    return response


@login_not_required
@require_GET
@demo_only
def chat(request: HttpRequest) -> HttpResponse:
    """Show what the chat webhook received."""
    return render(request, "demo/chat.html", {"posts": inbox.posts(_folder("chat"))})


@csrf_exempt
@login_not_required
@require_POST
@demo_only
def chat_hook(request: HttpRequest) -> HttpResponse:
    """Take a post as Slack's incoming webhook would."""
    raw = request.body
    try:
        said = json.loads(raw) if len(raw) <= POST_LIMIT else None
    except ValueError:
        said = None
    if not isinstance(said, dict) or "text" not in said:
        return HttpResponse("invalid_payload", status=400, content_type="text/plain")
    inbox.keep_post(_folder("chat"), raw)
    return HttpResponse("ok", content_type="text/plain")


@csrf_exempt
@login_not_required
@require_http_methods(["GET", "POST"])
@demo_only
def traffic_hook(request: HttpRequest) -> HttpResponse:
    """Be the load balancer of the demo's targets: take a signed state, and say the last one when asked."""
    secret = wiring.tools().credentials.fetch(CREDENTIAL).password
    good = hmac.new(secret.encode(), request.body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(request.headers.get("X-Wcops-Signature", ""), f"sha256={good}"):
        return HttpResponse("the signature is wrong", status=403, content_type="text/plain")
    file = _folder("traffic") / "state.json"
    if request.method == "POST":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(request.body)
        return HttpResponse("ok", content_type="text/plain")
    said = json.loads(file.read_bytes()) if file.exists() else {"state": "normal"}
    return JsonResponse({"state": said.get("state")})
