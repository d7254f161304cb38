"""The figures on top of a job's page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dashboard.figures import size


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the row on top: ``value`` large, ``unit`` small beside it, ``note`` below."""

    label: str
    value: str
    unit: str = ""
    note: str = ""


def in_bytes(count: int) -> tuple[str, str]:
    """Return number and unit of ``count`` bytes."""
    number, unit = size(count).split(" ")
    return number, unit


def in_speed(bytes_per_second: float) -> tuple[str, str]:
    """Return number and unit of a speed."""
    number, unit = in_bytes(int(bytes_per_second))
    return number, f"{unit}/s"


def seconds_between(start: datetime | None, end: datetime | None) -> float | None:
    """Return how long it was; None while one end is open."""
    return None if start is None or end is None else (end - start).total_seconds()
