"""The environment, read once into one typed object. Everything that is missing is named at once."""

import os
from pathlib import Path
from typing import Annotated, Any

from django.core.exceptions import ImproperlyConfigured
from pydantic import (
    AnyUrl,
    Field,
    PostgresDsn,
    RedisDsn,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Environment(BaseSettings):
    """All settings that differ between installations. `WCO_X_FILE` may hold the path of a file with the value of `WCO_X`."""

    model_config = SettingsConfigDict(env_prefix="WCO_", extra="ignore")

    secret_key: SecretStr = Field(min_length=32)
    """Signs sessions and CSRF tokens; at least 32 characters."""
    database_url: PostgresDsn
    """The portal's own database: postgresql://user:password@host:port/name."""
    owner_database_url: PostgresDsn | None = None
    """The login that owns the tables of that database: for `manage.py migrate` only, never for web or workers."""
    admin_database_url: PostgresDsn | None = None
    """A login that may create roles and databases: for `manage.py setup_roles` only."""
    redis_url: RedisDsn
    """The Celery broker, a database of its own: redis://:password@host:port/0."""
    public_url: AnyUrl
    """Where people reach the portal; links in mails start with it, and passkeys are made for its host name."""
    allowed_hosts: Annotated[list[str], NoDecode] = []
    """Host names that the web server answers to, comma separated."""
    smtp_url: AnyUrl
    """The mail relay: smtp://user:password@host:port, or smtps://."""
    mail_from: str
    """The sender of every mail."""
    s3_endpoint: str = ""
    """Only for stores other than AWS."""
    s3_bucket: str
    """The bucket of the backups, with versioning and Object Lock."""
    s3_region: str = "us-east-1"
    s3_access_key: str
    s3_secret_key: SecretStr
    s3_kms_key: str = ""
    """KMS key id for backups; empty means the store's own encryption (AES256)."""
    ledger_key: SecretStr = SecretStr("")
    """The Ed25519 private key (PEM) that signs the ledger's checkpoints; for workers only."""
    ledger_kms_key: str = ""
    """Or the id of an Ed25519 key in AWS KMS, which signs instead."""
    rds_region: str = ""
    """Region of the RDS instances that are backed up by snapshots, with the S3 key; empty means there are none."""
    factor_key: SecretStr = SecretStr("")
    """Encrypts the secrets of second factors; at least 32 random characters, for the web only."""
    require_second_factor: bool | None = None
    """Whether signing at high risk needs a second factor; unset: yes over https, no in the demo and in tests."""
    session_idle_minutes: int = Field(default=30, ge=1, le=720)
    """After so many minutes without a click a person is signed out."""
    slack_webhook_url: str = ""
    """An incoming webhook in Slack's format; empty means no chat messages."""
    credentials_dir: Path
    """Folder with one <name>.json {"user", "password"} per target credential; read by workers only."""
    projects_dir: Path
    """Folder with the customers' prepared Sequelize projects (with node_modules)."""
    work_dir: Path = Path("/tmp")  # noqa: S108  # the default of every Unix; a tmpfs is better
    """Scratch space of the workers; a tmpfs if there is one."""
    pg_bin: Path = Path("/usr/bin")
    """Folder with pg_dump, pg_restore and psql, at least as new as the newest target."""
    demo_dir: Path | None = None
    """Set only by `make demo`: the demo's data folder. Its presence turns the demo on."""
    demo_day_seconds: float = 86_400
    """How long a T-day lasts in the demo. Ignored outside it."""
    debug: bool = False

    def __init__(self, **values: Any) -> None:
        """Read the process environment, with the files named by `*_FILE` variables put in their place."""
        super().__init__(**{**_from_files(), **values})

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def split_hosts(cls, value: object) -> object:
        """Accept a comma separated list of hosts."""
        return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _from_files() -> dict[str, str]:
    found = {}
    for name in Environment.model_fields:
        path = os.environ.get(f"WCO_{name.upper()}_FILE")
        if path:
            found[name] = Path(path).read_text(encoding="utf-8").strip()
    return found


def read() -> Environment:
    """Return the environment, or raise `ImproperlyConfigured` with one line per variable that is missing or wrong."""
    try:
        return Environment()
    except ValidationError as error:
        lines = [
            f"  WCO_{str(each['loc'][0]).upper()}: {each['msg'].lower()}" for each in error.errors()
        ]
        raise ImproperlyConfigured(
            "The environment is not complete (see .env.example):\n" + "\n".join(lines)
        ) from None
