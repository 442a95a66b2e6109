"""A whole production run, the spec's own script against ours, alternating on one target: `make bench BENCH=run`.

The spec's way: `benchmarks/spec/production-migrate.sh`, the customer's text fixed only so that it runs. Ours: a claimed run from
its first step to its end, which besides hashes the dump, stores it in S3, reads it back, restores it and counts every row.
Both apply the same migration (a nullable column), each its own column. WCO_BENCH_GB sets the size (2), WCO_BENCH_ROUNDS the
rounds (2).
"""

import json
import os
import statistics
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import tests.servers as embedded
from benchmarks.backup import Customer

SCRIPTS = Path(__file__).parent / "spec"
GOAL = 0.7


def main() -> None:
    """Make both databases, measure, print."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "whitecross_ops.settings")
    import django  # noqa: PLC0415  # needs the environment that the servers made

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    customer = Customer(float(os.environ.get("WCO_BENCH_GB", "2")))
    print(
        f"{customer.bytes / 1e9:.2f} GB with indexes, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        _compare(customer, Path(folder), rounds=int(os.environ.get("WCO_BENCH_ROUNDS", "2")))


def _compare(customer: Customer, folder: Path, *, rounds: int) -> None:
    cast = _people(customer)
    project = _project(folder)
    spec, ours = [], []
    for number in range(rounds):
        spec.append(_spec(customer, project, number))
        seconds, steps = _ours(customer, cast, number)
        ours.append(seconds)
        print(f"spec {spec[-1]:.1f} s, ours {ours[-1]:.1f} s {json.dumps(steps)}")
    ratio = statistics.median(ours) / statistics.median(spec)
    print(f"a run: {ratio:.2f}x of the spec's script (goal {GOAL:.2f})")


def _file(word: str, number: int) -> Any:
    from tests.runs_kit import Written  # noqa: PLC0415

    return Written(
        up=f"""await run('ALTER TABLE students ADD COLUMN "{word}{number}" text');""",
        down=f"""await run('ALTER TABLE students DROP COLUMN "{word}{number}"');""",
        name=f"202601010000{number:02}-{word}-{number}.js",
        question=f"Round {number}: does the column exist?",
        query=f"SELECT count(*) FROM information_schema.columns WHERE column_name = '{word}{number}'",  # noqa: S608
    )


def _people(customer: Customer) -> Any:
    """Return the cast of the tests, and make the target one that a run can use."""
    from migrations_portal.demo.customer import customer as demo  # noqa: PLC0415
    from migrations_portal.people import access  # noqa: PLC0415
    from migrations_portal.people.models import Person  # noqa: PLC0415
    from tests.conftest import CAST  # noqa: PLC0415
    from tests.factories.windows import open_around_the_clock  # noqa: PLC0415

    demo.prepare_projects(Path(os.environ["WCO_PROJECTS_DIR"]))
    target = customer.target
    target.project, target.phi_tables = demo.PROJECT, ["students", "health_records"]
    target.watch_seconds = 0  # the watch after the steps is a wait, and the script has none
    target.save()
    open_around_the_clock(target)
    people = {}
    for name, (full_name, role) in CAST.items():
        people[name] = Person.objects.create_user(f"{name}@whitecross.example", full_name)
        if role is not None:
            access.grant(person=people[name], role=role, group=target.group)
    return people


def _project(folder: Path) -> Path:
    """Return the customer's checkout for the script: its packages, its configuration, a migrations folder of its own."""
    from migrations_portal.demo.customer import customer as demo  # noqa: PLC0415

    made = Path(os.environ["WCO_PROJECTS_DIR"]) / demo.PROJECT
    project = folder / "project"
    (project / "migrations").mkdir(parents=True)
    for name in ("node_modules", "config", "package.json"):
        (project / name).symlink_to(made / name)
    (project / "verify-migration.sh").symlink_to(SCRIPTS / "verify-migration.sh")
    for name in ("backups", "logs"):
        (folder / name).mkdir()
    return project


def _spec(customer: Customer, project: Path, number: int) -> float:
    """Run the customer's script; its last act, the notice, goes to a port where nobody listens."""
    from migrations_portal.demo.customer.customer import Node  # noqa: PLC0415

    file = _file("spec", number)
    (project / "migrations" / file.name).write_bytes(file.content)
    at = customer.endpoint
    node = Node.from_wheel()
    environment = {
        "PATH": f"{_commands(project, node)}:{os.environ['WCO_PG_BIN']}:/usr/bin:/bin",
        "HOME": str(project.parent),
        "PGHOST": at.host,
        "PGPORT": str(at.port),
        "PGDATABASE": at.database,
        "PGUSER": at.user,
        "PGPASSWORD": at.password,
        "DB_HOST": at.host,
        "DB_NAME": at.database,
        "DB_USER": at.user,
        "BACKUP_DIR": str(project.parent / "backups"),
        "LOG_DIR": str(project.parent / "logs"),
        "SLACK_WEBHOOK_URL": "http://127.0.0.1:9/",
        "NODE_ENV": "production",
    }
    began = time.monotonic()
    done = subprocess.run(
        ["/bin/bash", SCRIPTS / "production-migrate.sh"],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.monotonic() - began
    if "Migration Completed Successfully" not in done.stdout or _missing(customer, f"spec{number}"):
        raise SystemExit(f"the script failed: {done.stdout[-1500:]}{done.stderr[-1500:]}")
    for dump in (project.parent / "backups").iterdir():
        dump.unlink()
    return seconds


def _commands(project: Path, node: Any) -> Path:
    """Make `node`, `npm` and `npx` as commands."""
    folder = project.parent / "bin"
    if not folder.is_dir():
        folder.mkdir()
        (folder / "node").symlink_to(node.program)
        for name in ("npm", "npx"):
            path = folder / name
            path.write_text(
                f'#!/bin/sh\nexec "{node.program}" "{node.npm.with_name(f"{name}-cli.js")}" "$@"\n'
            )
            path.chmod(0o755)
    return folder


def _missing(customer: Customer, column: str) -> bool:
    with customer.tools.server.session(customer.endpoint, application_name="bench") as session:
        query = "SELECT 1 FROM information_schema.columns WHERE column_name = %s"
        return not session.rows(query, [column])


def _ours(customer: Customer, cast: Any, number: int) -> tuple[float, dict[str, float]]:
    """Carry out a run, from its claim to its end."""
    from migrations_portal import wiring  # noqa: PLC0415
    from migrations_portal.execution.models import RunStep  # noqa: PLC0415
    from tests.factories.plans import scheduled_run  # noqa: PLC0415
    from tests.runs_kit import claimed, execute, story  # noqa: PLC0415

    run = scheduled_run(
        cast=cast, target=customer.target, example=_file("ours", number), minutes=2 * number
    )
    began = time.monotonic()
    execute(run, fence=claimed(run), tools=wiring.tools())
    seconds = time.monotonic() - began
    run.refresh_from_db()
    if run.status != "SUCCEEDED":
        raise SystemExit(story(run))
    steps = {
        each.key: round(
            ((each.finished_at or datetime.now(UTC)) - each.started_at).total_seconds(), 1
        )
        for each in RunStep.objects.filter(run=run).order_by("pk")
        if each.started_at
    }
    return seconds, steps


if __name__ == "__main__":
    try:
        main()
    finally:
        embedded.stop()
