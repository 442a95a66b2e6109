"""The environment variables that the settings read, filled in for the embedded servers."""

import json
from pathlib import Path

from migrations_portal.adapters.portal_roles import Login
from migrations_portal.demo.databases import APP, MIGRATOR, OWNER, PORTAL, ensure_roles
from migrations_portal.demo.keys import Keys
from migrations_portal.demo.servers import Addresses

CREDENTIAL = "white-cross-migrator"
"""The name under which the targets' credential is kept."""


def application_environment(
    *, addresses: Addresses, keys: Keys, public_url: str, data: Path, projects: Path
) -> dict[str, str]:
    """Return every variable that the portal needs to run on these servers (all but the demo's own switches).

    The owner's login is not among them: see `owner_environment`.
    """
    server = f"{addresses.pg_host}:{addresses.pg_port}"
    return {
        "DJANGO_SETTINGS_MODULE": "whitecross_ops.settings",
        "WCO_SECRET_KEY": keys.django,
        "WCO_DATABASE_URL": f"postgresql://{APP}:{keys.app}@{server}/{PORTAL}",
        "WCO_REDIS_URL": addresses.redis_url,
        "WCO_PUBLIC_URL": public_url,
        "WCO_ALLOWED_HOSTS": "localhost,127.0.0.1",
        "WCO_SMTP_URL": f"smtp://127.0.0.1:{addresses.smtp_port}",
        "WCO_MAIL_FROM": "White Cross Ops <ops@whitecross.example>",
        "WCO_S3_ENDPOINT": addresses.s3_endpoint,
        "WCO_S3_BUCKET": addresses.s3_bucket,
        "WCO_S3_REGION": addresses.s3_region,
        "WCO_S3_ACCESS_KEY": addresses.s3_access_key,
        "WCO_S3_SECRET_KEY": addresses.s3_secret_key,
        "WCO_LEDGER_KEY": keys.ledger,
        "WCO_FACTOR_KEY": keys.factor,
        "WCO_SLACK_WEBHOOK_URL": "",
        "WCO_CREDENTIALS_DIR": str(data / "credentials"),
        "WCO_PROJECTS_DIR": str(projects),
        "WCO_PG_BIN": str(addresses.pg_bin),
    }


def owner_environment(*, addresses: Addresses, keys: Keys) -> dict[str, str]:
    """Return what only `manage.py migrate` gets: the login that owns the tables."""
    server = f"{addresses.pg_host}:{addresses.pg_port}"
    return {"WCO_OWNER_DATABASE_URL": f"postgresql://{OWNER}:{keys.owner}@{server}/{PORTAL}"}


def make_roles(*, addresses: Addresses, keys: Keys, data: Path, for_tests: bool = False) -> None:
    """Create the roles and the portal's database, and keep the migrator's credential where the workers look for it."""
    ensure_roles(
        addresses.pg_dsn(),
        owner=Login(OWNER, keys.owner),
        app=Login(APP, keys.app),
        migrator=Login(MIGRATOR, keys.migrator),
        for_tests=for_tests,
    )
    folder = data / "credentials"
    folder.mkdir(mode=0o700, exist_ok=True)
    file = folder / f"{CREDENTIAL}.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps({"user": MIGRATOR, "password": keys.migrator}))
