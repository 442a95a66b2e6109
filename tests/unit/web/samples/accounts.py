"""One's own account, in each of its states."""

from typing import Any

from migrations_portal.accounts.rules import spaced
from migrations_portal.web.forms.accounts import ConfirmForm, RemoveForm
from tests.unit.web.samples.common import days_before

_EMPTY: dict[str, Any] = {
    "factor": None,
    "setup": None,
    "new_codes": None,
    "form": None,
    "required": True,
    "most_wrong": 5,
}
_SETUP = {"key": spaced("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"), "address": "otpauth://totp/sample"}
_FACTOR = {"since": days_before(9), "left": 10}


def _refused() -> ConfirmForm:
    form = ConfirmForm({"code": "123456"})
    form.is_valid()
    form.add_error("code", "This code is not right, or was used already.")
    return form


PAGES: dict[str, tuple[str, dict[str, Any], str]] = {
    "account": ("people/account.html", _EMPTY, ""),
    "account-setup": ("people/account.html", _EMPTY | {"setup": _SETUP, "form": ConfirmForm()}, ""),
    "account-refused": ("people/account.html", _EMPTY | {"setup": _SETUP, "form": _refused()}, ""),
    "account-codes": (
        "people/account.html",
        _EMPTY
        | {
            "factor": _FACTOR,
            "form": RemoveForm(),
            "new_codes": [spaced("JBSWY3DPEHPK3PXPJBSWY3DP")] * 10,
        },
        "",
    ),
    "account-factor": (
        "people/account.html",
        _EMPTY | {"factor": _FACTOR, "form": RemoveForm()},
        "",
    ),
}
