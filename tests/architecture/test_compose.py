"""docker-compose.yml, held against the settings and the code that it starts. No engine is needed for that."""

import importlib
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from migrations_portal.demo.programs import portal_programs
from whitecross_ops.celery import app
from whitecross_ops.env import Environment

ROOT = Path(__file__).resolve().parents[2]
SECRET = "a-secret-of-at-least-thirty-two-characters"
ASKED_FOR = ("web", "worker", "beat", "postgres", "valkey", "s3", "mail")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())[
    "services"
]
OURS = [name for name, service in SERVICES.items() if "build" in service]


def filled_in(text: object, given: dict[str, str]) -> str:
    """Do what Compose does with ${NAME:?words} and ${NAME:-default}."""

    def value(found: re.Match[str]) -> str:
        name, sign, rest = found.groups()
        return given.get(name) or (rest if sign == ":-" else SECRET)

    return re.sub(r"\$\{([A-Z0-9_]+)(?:(:-|:\?)([^}]*))?\}", value, str(text))


def environment_of(service: str) -> dict[str, str]:
    return {name: filled_in(text, {}) for name, text in SERVICES[service]["environment"].items()}


def test_every_part_that_was_asked_for_is_there():
    assert set(ASKED_FOR) <= set(SERVICES)


@pytest.mark.parametrize("service", OURS)
def test_the_environment_is_one_that_the_settings_take(service, monkeypatch):
    for name in Environment.model_fields:
        monkeypatch.delenv(f"WCO_{name.upper()}", raising=False)
    known = {f"WCO_{name.upper()}" for name in Environment.model_fields}
    given = environment_of(service)

    assert {name.removesuffix("_FILE") for name in given} <= known
    read = Environment(
        **{
            name.removeprefix("WCO_").lower(): given[name]
            for name in given
            if not name.endswith("_FILE")
        }
    )

    assert read.demo_dir is None
    assert not read.debug


@pytest.mark.parametrize("service", OURS)
def test_every_variable_without_a_default_is_given(service):
    needed = {
        f"WCO_{name.upper()}"
        for name, field in Environment.model_fields.items()
        if field.is_required()
    }

    assert needed <= set(SERVICES[service]["environment"])


@pytest.mark.parametrize("name", ["WCO_DATABASE_URL", "WCO_REDIS_URL", "WCO_SMTP_URL", "WCO_S3_ENDPOINT"])  # fmt: skip
def test_each_address_is_a_service_of_the_file(name):
    assert urlsplit(environment_of("web")[name]).hostname in SERVICES


def test_both_sides_know_the_same_secrets():
    web = environment_of("web")

    admin = urlsplit(environment_of("roles")["WCO_ADMIN_DATABASE_URL"])
    assert environment_of("postgres")["POSTGRES_PASSWORD"] == admin.password
    assert admin.username == "postgres"
    assert {environment_of(name)["WCO_OWNER_DATABASE_URL"] for name in ("roles", "migrate")} == {
        environment_of("roles")["WCO_OWNER_DATABASE_URL"]
    }
    assert environment_of("valkey")["REDISCLI_AUTH"] == urlsplit(web["WCO_REDIS_URL"]).password
    assert environment_of("s3")["AWS_SECRET_ACCESS_KEY"] == web["WCO_S3_SECRET_KEY"]
    assert environment_of("s3")["AWS_ACCESS_KEY_ID"] == web["WCO_S3_ACCESS_KEY"]
    assert web["WCO_S3_BUCKET"] in " ".join(SERVICES["bucket"]["command"])


def test_only_who_migrates_can_sign_in_as_the_owner_of_the_tables():
    known = {name: set(environment_of(name)) for name in OURS}

    assert {n for n in OURS if "WCO_OWNER_DATABASE_URL" in known[n]} == {"roles", "migrate"}
    assert {n for n in OURS if "WCO_ADMIN_DATABASE_URL" in known[n]} == {"roles"}
    assert {n for n in OURS if "WCO_LEDGER_KEY_FILE" in known[n]} == {
        "worker",
        "duties",
        "exports",
        "rehearsals",
    }
    users = {urlsplit(environment_of(name)["WCO_DATABASE_URL"]).username for name in OURS}
    assert users == {"wco_app"}


def test_no_secret_is_written_in_the_file():
    for service in SERVICES.values():
        for name, text in service.get("environment", {}).items():
            if re.search(r"PASSWORD|SECRET|AUTH|SSE_KEY", name):
                assert re.fullmatch(r"\$\{[A-Z0-9_]+:\?[^}]+\}", text), name


def needed_queues() -> set[str]:
    """Return the queues to which our tasks go; none may go to Celery's own default queue, which nobody serves."""
    importlib.import_module("migrations_portal.tasks")
    ours = [name for name in app.tasks if not name.startswith("celery.")]
    assert ours
    return {
        getattr(app.tasks[name], "queue", None) or app.amqp.router.route({}, name)["queue"].name
        for name in ours
    }


def test_every_queue_of_a_task_has_one_worker():
    found = [re.findall(r"--queues (\S+)", SERVICES[name]["command"]) for name in OURS]
    served = [queue for each in found for queues in each for queue in queues.split(",")]

    assert sorted(served) == sorted(needed_queues())


def test_the_demos_workers_serve_the_same_queues():
    programs = portal_programs(python=Path("python"), port=8000, data=ROOT)
    words = [list(map(str, program.command)) for program in programs]
    served = [each[each.index("--queues") + 1] for each in words if "--queues" in each]

    assert sorted(",".join(served).split(",")) == sorted(needed_queues())


def test_only_the_workers_see_the_credentials():
    seen_by = {name for name in SERVICES if "credentials" in str(SERVICES[name].get("volumes"))}

    assert seen_by == {"worker", "duties", "exports", "rehearsals"}


def test_nothing_is_published_beyond_this_machine():
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_every_image_is_pinned_to_a_version():
    images = [service["image"] for name, service in SERVICES.items() if name not in OURS]

    assert images
    assert all(re.search(r":v?\d", image) for image in images)


def test_the_web_server_starts_an_application_that_exists():
    found = re.search(r"uvicorn (\S+):(\S+)", SERVICES["web"]["command"])
    assert found is not None

    assert callable(getattr(importlib.import_module(found[1]), found[2]))


def test_the_image_gets_everything_that_is_started_from_it():
    dockerfile = (ROOT / "Dockerfile").read_text()
    copied = re.findall(r"^COPY (\S+) ", dockerfile, re.MULTILINE)

    assert all((ROOT / each).exists() for each in copied)
    assert {"manage.py", "whitecross_ops", "migrations_portal", "templates", "static"} <= set(
        copied
    )
    tools = re.search(r"postgresql-client-(\d+)", dockerfile)
    assert tools is not None
    assert f"/postgresql/{tools[1]}/" in environment_of("worker")["WCO_PG_BIN"]
