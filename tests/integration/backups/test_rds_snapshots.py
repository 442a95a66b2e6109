"""Snapshots through boto3, held against moto; the rows are counted on real PostgreSQL."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from moto import mock_aws

from migrations_portal.adapters.rds import RdsSnapshots, Waiting
from migrations_portal.backups.models import Backup
from migrations_portal.backups.ports import RestoreFailed, VaultUnavailable
from migrations_portal.backups.rules import BackupNotProven
from migrations_portal.backups.services import restore_into
from migrations_portal.backups.services.snapshots import outside

pytestmark = pytest.mark.django_db(transaction=True)
INSTANCE = "white-cross-production"


class Nearby(RdsSnapshots):
    """RDS whose restored instances answer on the tests' own server."""

    here = ("127.0.0.1", 0)

    def restore(self, *, name, instance):
        """Restore for real, and lead to the server that there is."""
        super().restore(name=name, instance=instance)
        return self.here


@pytest.fixture
def rds(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        client = boto3.client("rds", region_name="us-east-1")
        for name, encrypted in ((INSTANCE, True), ("plain", False)):
            client.create_db_instance(
                DBInstanceIdentifier=name, Engine="postgres", DBInstanceClass="db.m6g.large",
                AllocatedStorage=500, MasterUsername="wco", MasterUserPassword="not-a-secret-1",
                StorageEncrypted=encrypted,
            )  # fmt: skip
        yield client


def service(kind=RdsSnapshots):
    return kind(
        access_key="testing", secret_key="testing", region="us-east-1",
        waiting=Waiting(pause=0.01, limit=5),
    )  # fmt: skip


@pytest.fixture
def cloud(small, rds):
    small.target.rds_instance = INSTANCE
    small.target.save()
    nearby = service(Nearby)
    nearby.here = (small.endpoint.host, small.endpoint.port)
    small.tools = replace(small.tools, snapshots=nearby)
    return small


def test_a_snapshot_is_taken_proven_by_a_restored_instance_and_the_instance_is_gone(cloud, rds):
    backup = cloud.take()
    proof = cloud.prove(backup)

    row = Backup.objects.get(pk=backup.pk)
    assert (row.status, row.provider, row.proven) == ("PROVEN", "rds-snapshot", True)
    assert row.location.startswith("arn:aws:rds:")
    assert row.size == 500 * 10**9
    assert proof.rows == sum(row.counts.values()) > 8000
    (kept,) = rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    tags = {each["Key"]: each["Value"] for each in kept["TagList"]}
    assert tags["retain-until"] == f"{row.retain_until:%Y-%m-%d}"
    names = [each["DBInstanceIdentifier"] for each in rds.describe_db_instances()["DBInstances"]]
    assert names == [INSTANCE, "plain"]


def test_a_restored_instance_that_lost_rows_is_refused_and_gone(cloud, rds):
    backup = cloud.take()
    backup.counts["public.students"] += 10
    backup.facts["counts_after"]["public.students"] += 10
    backup.save()

    with pytest.raises(BackupNotProven, match=r"public\.students: 4000 restored, between 4010"):
        cloud.prove(backup)

    assert Backup.objects.get(pk=backup.pk).status == "REFUSED"
    assert len(rds.describe_db_instances()["DBInstances"]) == 2


def test_an_instance_that_is_not_encrypted_is_refused(cloud):
    cloud.target.rds_instance = "plain"
    cloud.target.save()

    with pytest.raises(BackupNotProven, match="not encrypted"):
        cloud.take()


def test_what_is_wrong_is_told(cloud):
    with pytest.raises(VaultUnavailable, match="no such instance"):
        service().take(
            instance="nowhere", name="x", retain_until=datetime.now(UTC) + timedelta(days=90),
            on_percent=lambda _: None,
        )  # fmt: skip
    with pytest.raises(VaultUnavailable, match="Take the backup again"):
        service().describe("nowhere")
    with pytest.raises(VaultUnavailable, match="WCO_RDS_REGION"):
        cloud.take(tools=replace(cloud.tools, snapshots=None))


def test_a_snapshot_is_not_restored_like_a_dump(cloud):
    with pytest.raises(RestoreFailed, match="restore it in RDS"):
        restore_into(cloud.take(), into=cloud.endpoint.on(cloud.scratch), tools=cloud.tools)


def test_rows_that_came_in_meanwhile_are_between():
    before, after = {"a": 5, "b": 9}, {"a": 8, "b": 7}

    assert outside({"a": 6, "b": 8}, before=before, after=after) == []
    assert len(outside({"a": 9}, before=before, after=after)) == 2
