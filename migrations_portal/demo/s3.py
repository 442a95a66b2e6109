"""A real S3 store (SeaweedFS) from a wheel, whose Object Lock holds: the backup vault of the demo and the tests."""

import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

from migrations_portal.demo.processes import (
    SERVER_ENVIRONMENT,
    Account,
    Child,
    ServerDidNotStart,
    free_ports,
    readable_copy,
)
from migrations_portal.kernel.errors import Trouble

BUCKET = "white-cross-backups"
REGION = "us-east-1"
READY_SECONDS = 40
PORTS = (
    *("s3", "s3 grpc", "master", "master grpc", "volume", "volume grpc"),
    *("filer", "filer grpc", "admin", "admin grpc"),
)
"""Each inner service listens on a port and on one for gRPC; all are given, or it takes fixed ones."""


class SeaweedMissing(Trouble):
    """The program `weed` is not in the virtual environment: install requirements/demo.txt."""

    code = "seaweed-missing"


@dataclass
class EmbeddedS3:
    """One SeaweedFS below `folder`, with the bucket of the backups (versioned, Object Lock on)."""

    folder: Path
    account: Account
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    encryption_key: str = field(repr=False)
    port: int = field(default=0, init=False)
    _ports: dict[str, int] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Name the process, its log and its pid record."""
        self.child = Child(
            name="SeaweedFS",
            log=self.folder / "logs" / "seaweedfs.log",
            record=self.folder / "run" / "seaweedfs.pid",
            account=self.account,
        )

    @property
    def endpoint(self) -> str:
        """The store's address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the store on free ports and make the bucket if there is none; raise `ServerDidNotStart`."""
        self.child.end_leftover()
        found = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
        if not found:
            raise SeaweedMissing
        shelf = self.folder / "programs"
        program = readable_copy(Path(found), shelf=shelf, account=self.account)
        data = self.folder / "s3"
        data.mkdir(exist_ok=True)
        self.account.own(data, mode=0o700)
        if not self._came_up(program, data) and not self._came_up(program, data):
            raise ServerDidNotStart(f"SeaweedFS did not start. Its log ends:\n{self.child.tail()}")

    def stop(self, *, thrown_away: bool = False) -> None:
        """End the store: orderly, or at once when its data is thrown away anyway."""
        self.child.stop(seconds=0.2 if thrown_away else 15)
        self._remove_sockets()

    def _came_up(self, program: Path, data: Path) -> bool:
        self._ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        self.port = self._ports["s3"]
        command: list[str | Path] = [program, "-logtostderr=true", "mini", f"-dir={data}"]
        command += ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3.port.iceberg=0", "-s3.port.lance=0"]
        command += ["-webdav=false", "-admin.ui=false", "-master.telemetry=false"]
        for name, port in self._ports.items():
            part, _, kind = name.partition(" ")
            command.append(f"-{part}.port{'.' + kind if kind else ''}={port}")
        environment = {
            **SERVER_ENVIRONMENT,
            "HOME": str(data),
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "WEED_S3_SSE_KEY": self.encryption_key,  # without it an encrypted put is answered with 500
        }
        self.child.start(command, environment=environment, folder=data)
        if self._has_bucket():
            return True
        self.stop()
        return False

    def _remove_sockets(self) -> None:
        """Remove the sockets that its inner services leave in /tmp; most of their names cannot be changed by an option."""
        for port in self._ports.values():
            for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):  # noqa: S108
                left.unlink(missing_ok=True)

    def _has_bucket(self) -> bool:
        client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name=REGION,
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
        )
        deadline = time.monotonic() + READY_SECONDS
        while self.child.running and time.monotonic() < deadline:
            try:
                client.create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
            except (ConnectionError, HTTPClientError):
                time.sleep(0.05)
            except ClientError as error:
                if "Already" in error.response["Error"]["Code"]:
                    return True
                time.sleep(0.1)
            else:
                return True
        return False
