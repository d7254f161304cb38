"""The packages' public faces."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

import pytest

from worker.engine import oci, registry


@pytest.mark.parametrize("package", [oci, registry], ids=lambda package: package.__name__)
def test_all_is_sorted_and_true(package: ModuleType) -> None:
    """Every name of ``__all__`` exists, once."""
    assert len(set(package.__all__)) == len(package.__all__)
    assert all(hasattr(package, name) for name in package.__all__)


def test_every_value_class_of_oci_is_exported() -> None:
    """A caller never needs to import from inside of the package to name a value that it was given."""
    internal = {"Document", "Kind"}
    for module_info in pkgutil.iter_modules(oci.__path__, f"{oci.__name__}."):
        module = importlib.import_module(module_info.name)
        own = {
            name
            for name, value in vars(module).items()
            if isinstance(value, type) and value.__module__ == module.__name__ and not name.startswith("_")
        }
        assert own - internal <= set(oci.__all__)
