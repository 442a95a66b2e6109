"""Browsers for the cast."""

from collections.abc import Callable

import pytest
from django.test import Client


@pytest.fixture
def browser(cast) -> Callable[[str], Client]:
    def sign_in(name: str) -> Client:
        client = Client()
        client.force_login(cast[name], backend="django.contrib.auth.backends.ModelBackend")
        return client

    return sign_in
