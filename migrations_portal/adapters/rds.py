"""Snapshots of Amazon RDS instances, for databases that are too large to dump."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from migrations_portal.backups.ports import SnapshotFacts, VaultUnavailable

_BY_CODE = {
    "DBInstanceNotFound": "There is no such instance. Mend the target's RDS instance.",
    "DBSnapshotNotFound": "The snapshot is not there. Take the backup again.",
    "DBSnapshotAlreadyExists": "A snapshot of that name is there already. Run the backup again.",
    "SnapshotQuotaExceeded": "The account may hold no more snapshots. Delete old ones or raise the quota.",
    "InstanceQuotaExceeded": "The account may hold no more instances. Delete old ones or raise the quota.",
    "StorageQuotaExceeded": "The account's storage is used up. Raise the quota.",
    "InvalidDBInstanceState": "The instance is busy (a backup or a change). Wait and try again.",
    "AccessDenied": "The key may not do that. Give it the RDS rights of docs/reference/backups.md.",
    "KMSKeyNotAccessibleFault": "The key of the encryption cannot be used. Check its policy.",
}


@dataclass(frozen=True)
class Waiting:
    """How often RDS is asked, and when we give up. Seconds."""

    pause: float = 15.0
    limit: float = 4 * 3600.0


class RdsSnapshots:
    """One account's snapshots. Does not decide how long one is kept."""

    def __init__(
        self,
        *,
        access_key: str,
        secret_key: str,
        region: str,
        endpoint_url: str | None = None,
        waiting: Waiting = Waiting(),  # frozen
    ) -> None:
        """Use the account of the key."""
        self._waiting = waiting
        self._client: Any = boto3.client(
            "rds",
            endpoint_url=endpoint_url,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            region_name=region,
            config=Config(connect_timeout=5, read_timeout=60, retries={"mode": "standard"}),
        )

    def take(
        self,
        *,
        instance: str,
        name: str,
        retain_until: datetime,
        on_percent: Callable[[int], None],
    ) -> SnapshotFacts:
        """Take a snapshot and wait until RDS says that it is available."""
        with _sentences(f"taking the snapshot {name}"):
            self._client.create_db_snapshot(
                DBInstanceIdentifier=instance,
                DBSnapshotIdentifier=name,
                Tags=[{"Key": "retain-until", "Value": f"{retain_until:%Y-%m-%d}"}],
            )
        facts = self.describe(name)
        deadline = time.monotonic() + self._waiting.limit
        while facts.status != "available":
            if facts.status in {"failed", "incompatible-restore"} or time.monotonic() > deadline:
                raise VaultUnavailable(
                    f"The snapshot {name} of {instance} did not become available (RDS says {facts.status}). Look at the "
                    "instance's events, and run the backup again."
                )
            on_percent(facts.percent)
            time.sleep(self._waiting.pause)
            facts = self.describe(name)
        return facts

    def describe(self, name: str) -> SnapshotFacts:
        """Ask RDS what it holds."""
        with _sentences(f"describing the snapshot {name}"):
            (found,) = self._client.describe_db_snapshots(DBSnapshotIdentifier=name)["DBSnapshots"]
        tags = {each["Key"]: each["Value"] for each in found.get("TagList", [])}
        return SnapshotFacts(
            arn=found["DBSnapshotArn"],
            status=found["Status"],
            percent=int(found.get("PercentProgress", 0)),
            gigabytes=int(found.get("AllocatedStorage", 0)),
            encrypted=bool(found.get("Encrypted")),
            kms_key=found.get("KmsKeyId", ""),
            retain_until=tags.get("retain-until", ""),
        )

    def restore(self, *, name: str, instance: str) -> tuple[str, int]:
        """Restore into a new instance that nobody reaches from outside; return host and port when it answers."""
        with _sentences(f"restoring the snapshot {name}"):
            self._client.restore_db_instance_from_db_snapshot(
                DBInstanceIdentifier=instance,
                DBSnapshotIdentifier=name,
                PubliclyAccessible=False,
                DeletionProtection=False,
                Tags=[{"Key": "purpose", "Value": "restore-drill"}],
            )
        deadline = time.monotonic() + self._waiting.limit
        while True:
            with _sentences(f"waiting for {instance}"):
                (found,) = self._client.describe_db_instances(DBInstanceIdentifier=instance)[
                    "DBInstances"
                ]
            if found["DBInstanceStatus"] == "available":
                where = found["Endpoint"]
                return str(where["Address"]), int(where["Port"])
            if time.monotonic() > deadline:
                raise VaultUnavailable(
                    f"The restored instance {instance} did not become available. Look at its events, and try again."
                )
            time.sleep(self._waiting.pause)

    def drop(self, instance: str) -> None:
        """Delete a restored instance without a last snapshot, and wait until RDS does not know it any more."""
        with _sentences(f"deleting {instance}"):
            try:
                self._client.delete_db_instance(
                    DBInstanceIdentifier=instance,
                    SkipFinalSnapshot=True,
                    DeleteAutomatedBackups=True,
                )
            except ClientError as error:
                if error.response["Error"]["Code"] not in _GONE:
                    raise
        deadline = time.monotonic() + self._waiting.limit
        while self._there(instance):
            if time.monotonic() > deadline:
                raise VaultUnavailable(
                    f"The restored instance {instance} is still there after it was deleted. Delete it by hand: it may hold PHI."
                )
            time.sleep(self._waiting.pause)

    def _there(self, instance: str) -> bool:
        with _sentences(f"looking for {instance}"):
            try:
                self._client.describe_db_instances(DBInstanceIdentifier=instance)
            except ClientError as error:
                if error.response["Error"]["Code"] in _GONE:
                    return False
                raise
        return True


_GONE = frozenset({"DBInstanceNotFound", "DBInstanceNotFoundFault"})


@contextmanager
def _sentences(doing: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "unknown")).removesuffix("Fault")
        advice = _BY_CODE.get(
            code, f"It answered {code}. Look at the account's events, and try again."
        )
        raise VaultUnavailable(f"RDS failed while {doing}. {advice}") from error
    except BotoCoreError as error:
        raise VaultUnavailable(
            f"RDS failed while {doing}. {type(error).__name__}. Check the network and the key, and try again."
        ) from error
