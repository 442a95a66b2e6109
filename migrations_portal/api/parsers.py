"""Reading bodies: a known size at most, UTF-8 JSON, and file names as they were sent."""

import json
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.http.multipartparser import MultiPartParser as DjangoMultiPartParser
from django.http.multipartparser import MultiPartParserError
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser, DataAndFiles
from rest_framework.utils.json import strict_constant

from migrations_portal.api.errors import TooLarge
from migrations_portal.plans.rules import FileRefused, names_folder

MAX_JSON_BYTES = 1024 * 1024


class JsonParser(BaseParser):
    """UTF-8 JSON up to 1 MiB."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return what the body says; raise `ParseError`, or `TooLarge`."""
        body = stream.read(MAX_JSON_BYTES + 1)
        if len(body) > MAX_JSON_BYTES:
            raise TooLarge("A JSON body is at most 1 MiB; migration files go to …/files/.")
        try:
            return json.loads(body.decode("utf-8"), parse_constant=strict_constant)
        except (ValueError, RecursionError) as wrong:
            raise ParseError(f"The body is not JSON in UTF-8: {wrong}.") from None


class _KeepsFolders(DjangoMultiPartParser):
    """Django cuts folders off file names in silence; a name that climbs out of its folder is refused aloud instead."""

    def sanitize_file_name(self, file_name: str) -> str | None:
        """Raise `FileRefused` for a name with a folder in it."""
        if names_folder(file_name):
            shown = file_name[:80].encode("ascii", "replace").decode()
            raise FileRefused(
                f"“{shown}” is not a name for a migration file: it names a folder. Send the file's own name only."
            )
        return super().sanitize_file_name(file_name)


class UploadParser(BaseParser):
    """Multipart bodies with migration files."""

    media_type = "multipart/form-data"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> "DataAndFiles[Any, Any]":
        """Return fields and files; raise `ParseError`, `TooLarge`, `FileRefused`."""
        request = (parser_context or {})["request"]
        limit: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if int(request.META.get("CONTENT_LENGTH") or 0) > limit:
            raise TooLarge(f"A request is at most {limit // 1024 // 1024} MiB. Send fewer files.")
        meta = {**request.META, "CONTENT_TYPE": media_type}
        try:
            parser = _KeepsFolders(meta, stream, request.upload_handlers, "utf-8")  # type: ignore[arg-type]
            return DataAndFiles(*parser.parse())
        except MultiPartParserError as wrong:
            raise ParseError(f"The multipart body cannot be read: {wrong}") from None
