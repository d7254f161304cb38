"""The bounds on a layer are settings, and reach the engine."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from pytest_django import Settings

from worker.engine.layers import Limits
from worker.tasks.bounds import layer_limits


def test_the_defaults_are_the_engines() -> None:
    assert layer_limits() == Limits()


def test_settings_change_them(settings: Settings) -> None:
    settings.LAYER_MAX_BYTES, settings.LAYER_MAX_ENTRIES, settings.LAYER_MAX_RATIO = 1 << 21, 7, 9
    limits = layer_limits()
    assert (limits.unpacked_bytes, limits.entries, limits.ratio) == (1 << 21, 7, 9)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("STRATA_LAYER_MAX_BYTES", "256G", "'256G' is not a whole number"),
        ("STRATA_LAYER_MAX_ENTRIES", "0", "0 is below 1"),
        ("STRATA_LAYER_MAX_RATIO", "1", "1 is below 2"),
    ],
)
def test_a_bound_that_cannot_be_meant_is_one_line_at_the_start(name: str, value: str, why: str) -> None:
    ended = subprocess.run(
        [sys.executable, "manage.py", "version"],
        capture_output=True,
        text=True,
        env={**os.environ, name: value},
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (1, f"error: {name}: {why}\n")
