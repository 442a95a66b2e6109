"""Turns boto3's errors into sentences for people."""

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from migrations_portal.backups.ports import VaultUnavailable

_BY_CODE = {
    "NoSuchBucket": "There is no bucket of that name. Create it with Object Lock, or mend WCO_S3_BUCKET.",
    "NoSuchKey": "The object is not there. Take the backup again.",
    "NoSuchVersion": "That version of the object is not there. Take the backup again.",
    "AccessDenied": "The key may not do that. Give it read, write and retention rights on the bucket.",
    "InvalidAccessKeyId": "The access key is not known there. Renew WCO_S3_ACCESS_KEY and WCO_S3_SECRET_KEY.",
    "SignatureDoesNotMatch": "The secret key is wrong. Renew WCO_S3_SECRET_KEY.",
    "RequestTimeTooSkewed": "The clock of this machine is wrong. Set it (NTP) and try again.",
    "ExpiredToken": "The session token has expired. Renew it.",
    "QuotaExceeded": "The store is full. Make room or raise the quota.",
    "InsufficientStorage": "The store is full. Make room or raise the quota.",
    "SlowDown": "The store asks for fewer requests. Try again in a minute.",
    "BadDigest": "A part arrived damaged. Try again; if it happens again, check the network.",
    "NoSuchUpload": "The upload was ended by somebody else. Take the backup again.",
    "404": "There is no such bucket or object. Check WCO_S3_BUCKET.",
    "403": "The key may not do that. Check the access key and its rights on the bucket.",
}
"""What to do, by S3's error code."""


def unavailable(error: BotoCoreError | ClientError, *, bucket: str, doing: str) -> VaultUnavailable:
    """Say what the store refused and what to do."""
    where = f"The backup store (bucket {bucket}) failed while {doing}."
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", "unknown"))
        advice = _BY_CODE.get(code, f"It answered {code}. Look at the store's log, and try again.")
        return VaultUnavailable(f"{where} {advice}")
    if isinstance(error, EndpointConnectionError | ConnectTimeoutError):
        return VaultUnavailable(
            f"{where} It does not answer. Check that it runs, and WCO_S3_ENDPOINT."
        )
    if isinstance(error, ReadTimeoutError):
        return VaultUnavailable(
            f"{where} It stopped answering. Check the network and the store's load, and try again."
        )
    if isinstance(error, NoCredentialsError):
        return VaultUnavailable(
            f"{where} There is no key to sign with. Set WCO_S3_ACCESS_KEY and WCO_S3_SECRET_KEY."
        )
    return VaultUnavailable(
        f"{where} {type(error).__name__}. Check the store and the network, and try again."
    )
