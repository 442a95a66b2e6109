"""One's own account, in each of its states."""

from typing import Any

from migrations_portal.accounts.rules import spaced
from migrations_portal.web.forms.accounts import (
    ConfirmForm,
    PasskeyForm,
    RemoveForm,
    SecondStepForm,
)
from tests.unit.web.samples.common import days_before

_EMPTY: dict[str, Any] = {
    "factor": None,
    "setup": None,
    "new_codes": None,
    "form": None,
    "required": True,
    "most_wrong": 5,
    "passkeys": [],
    "passkeys_here": True,
    "asks": "",
    "codes_left": None,
}
_KEYS = [
    {
        "id": pk,
        "form_id": f"remove-{pk}",
        "name": name,
        "created_at": days_before(9),
        "last_used_at": used,
        "rename_url": "#",
        "remove_url": "#",
    }
    for pk, name, used in ((1, "Work laptop", days_before(2)), (2, "Key ring", None))
]
_WITH_KEYS = _EMPTY | {"passkeys": _KEYS, "asks": "passkey", "codes_left": 10}
_SETUP = {"key": spaced("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"), "address": "otpauth://totp/sample"}
_FACTOR = {"since": days_before(9)}


def _refused() -> ConfirmForm:
    form = ConfirmForm({"code": "123456"})
    form.is_valid()
    form.add_error("code", "This code is not right, or was used already.")
    return form


def _second(second: str, **given: str) -> dict[str, Any]:
    form = SecondStepForm(given or None, second=second)
    if given and form.is_valid():
        form.add_error("code", "This code is not right, or was used already.")
    return {"form": form, "email": "dan@whitecross.example"}


PAGES: dict[str, tuple[str, dict[str, Any], str]] = {
    "account": ("people/account.html", _EMPTY, ""),
    "account-setup": ("people/account.html", _EMPTY | {"setup": _SETUP, "form": ConfirmForm()}, ""),
    "account-refused": ("people/account.html", _EMPTY | {"setup": _SETUP, "form": _refused()}, ""),
    "account-codes": (
        "people/account.html",
        _EMPTY
        | {
            "factor": _FACTOR,
            "codes_left": 10,
            "form": RemoveForm(),
            "new_codes": [spaced("JBSWY3DPEHPK3PXPJBSWY3DP")] * 10,
        },
        "",
    ),
    "account-factor": (
        "people/account.html",
        _EMPTY | {"factor": _FACTOR, "form": RemoveForm(), "codes_left": 9, "passkeys_here": False},
        "",
    ),
    "account-passkeys": ("people/account.html", _WITH_KEYS, ""),
    "account-passkeys-and-app": (
        "people/account.html",
        _WITH_KEYS | {"factor": _FACTOR, "form": RemoveForm(asks="passkey"), "codes_left": 1},
        "",
    ),
    "passkey-add": ("people/passkey.html", {"form": PasskeyForm(second="passkey")}, ""),
    "passkey-first": ("people/passkey.html", {"form": PasskeyForm(second="")}, ""),
    "passkey-create": ("people/passkey_create.html", {"name": "Work laptop"}, ""),
    "passkey-create-refused": (
        "people/passkey_create.html",
        {"name": "Work laptop", "refused": "This device's answer was not accepted."},
        "",
    ),
    "second-step": ("registration/second_step.html", _second("passkey"), ""),
    "second-step-code": ("registration/second_step.html", _second("code"), ""),
    "second-step-wrong": ("registration/second_step.html", _second("passkey", code="12"), ""),
}
