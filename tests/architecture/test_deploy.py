import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def manage(*arguments, **environment):
    told = {**os.environ, **environment}
    return subprocess.run(
        [sys.executable, "-W", "ignore", "manage.py", *arguments],
        cwd=ROOT,
        env={name: value for name, value in told.items() if value is not None},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_deployment_check_is_clean_with_production_values():
    done = manage(
        *("check", "--deploy", "--fail-level", "WARNING"),
        WCO_PUBLIC_URL="https://ops.whitecross.example",
        WCO_ALLOWED_HOSTS="ops.whitecross.example",
        WCO_SECRET_KEY="".join(chr(33 + (number * 37) % 90) for number in range(64)),
    )

    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"WCO_DATABASE_URL": None, "WCO_MAIL_FROM": None},
            ["WCO_DATABASE_URL", "WCO_MAIL_FROM", ".env.example"],
        ),
        ({"WCO_SECRET_KEY": "short"}, ["WCO_SECRET_KEY"]),
        ({"WCO_PUBLIC_URL": "http://ops.whitecross.example"}, ["must start with https://"]),
        (
            {"WCO_PUBLIC_URL": "https://ops.whitecross.example", "WCO_DEBUG": "true"},
            ["WCO_DEBUG must be off"],
        ),
    ],
)
def test_a_wrong_environment_is_named_in_a_sentence(changed, said):
    done = manage("check", **changed)

    assert done.returncode != 0
    for words in said:
        assert words in done.stderr
