"""What pulls and workers load: none of the libraries for versions and SBOMs."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "univers",
    "packaging.version",
    "semver",
    "packageurl",
    "cyclonedx",
    "spdx_tools",
    "license_expression",
    "rdflib",
)

_SCRIPT = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "dashboard.settings"
import django
django.setup()
import {module}
print(*sorted(set(sys.modules) & set({heavy!r})))
"""


@pytest.mark.parametrize(
    "module",
    ["worker.tasks.pull", "worker.tasks.packages", "worker.management.commands.pull", "worker.engine.pull"],
)
def test_no_library_for_versions_and_sboms_is_loaded(module: str) -> None:
    script = _SCRIPT.format(module=module, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_the_reader_alone_needs_no_django() -> None:
    script = "import sys, worker.engine.packages; print('django' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
