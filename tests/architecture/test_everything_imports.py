import importlib
import pkgutil

import pytest

import migrations_portal


@pytest.mark.parametrize(
    "name",
    [
        module.name
        for module in pkgutil.walk_packages(
            migrations_portal.__path__, "migrations_portal.", onerror=lambda _: None
        )
    ],
)
def test_every_module_imports(name):
    importlib.import_module(name)
