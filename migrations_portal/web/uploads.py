"""File names as they were sent: Django cuts folders off in silence, and a name that climbs out of its folder is told aloud instead."""

from collections.abc import Callable
from typing import Any

from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParser

from migrations_portal.plans.rules import names_folder

API = "/api/"
"""The API reads its bodies itself, with the same rule."""


class FolderNames(FileUploadHandler):
    """Reads the body and keeps which file names had a folder in them."""

    def __init__(self, request: HttpRequest) -> None:
        """Take the request that is told."""
        super().__init__(request)
        self.found: list[str] = []

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, Any],  # noqa: N803 (Django's name)
        content_length: int,
        boundary: str,
        encoding: str | None = None,
    ) -> tuple[Any, Any]:
        """Let a parser that listens read the body with the handlers after this one."""
        assert self.request is not None  # noqa: S101  # for the type checker
        rest = [each for each in self.request.upload_handlers if each is not self]
        return _Listening(META, input_data, rest, encoding, found=self.found).parse()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        """Pass on; never called, since the inner parser does not know this handler."""
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """Make no file."""


class _Listening(MultiPartParser):
    def __init__(self, *args: Any, found: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._found = found

    def sanitize_file_name(self, file_name: str) -> str | None:
        if names_folder(file_name):
            self._found.append(file_name[:80])
        return super().sanitize_file_name(file_name)


class FolderNamesMiddleware:
    """Listens to the names of uploads. Stands before the layers that read the body."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Take the next layer."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on, with a listener where it can carry files."""
        if request.method == "POST" and not request.path.startswith(API):
            request.upload_handlers.insert(0, FolderNames(request))
        return self.get_response(request)


def names_with_folders(request: HttpRequest) -> list[str]:
    """Return the file names of this request that had a folder in them, as they were sent."""
    return [
        name
        for handler in request.upload_handlers
        if isinstance(handler, FolderNames)
        for name in handler.found
    ]
