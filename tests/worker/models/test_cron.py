"""When cron lines come due."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from worker.engine.errors import InvalidInput
from worker.models.cron import describe_cron, next_run


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "zone", "after", "due"),
    [
        ("* * * * *", "UTC", "2026-11-24 10:00:30", "2026-11-24 10:01:00"),
        ("* * * * *", "UTC", "2026-11-24 10:00:00", "2026-11-24 10:01:00"),
        ("30 4 * * *", "Europe/Berlin", "2026-11-24 10:00:00", "2026-11-25 03:30:00"),
        ("0 0 29 2 *", "UTC", "2026-11-24 10:00:00", "2028-02-29 00:00:00"),
        ("0 9 * * MON-FRI", "America/New_York", "2026-11-27 15:00:00", "2026-11-30 14:00:00"),
    ],
)
def test_a_line_is_meant_in_its_time_zone(cron: str, zone: str, after: str, due: str) -> None:
    assert next_run(cron, zone, utc(after)) == utc(due)


def test_a_time_that_spring_skips_runs_right_after_the_gap() -> None:
    """On 2026-03-29 Berlin goes from 02:00 to 03:00 (01:00 UTC)."""
    assert next_run("30 2 * * *", "Europe/Berlin", utc("2026-03-28 12:00")) == utc("2026-03-29 01:00")


def test_a_time_that_autumn_repeats_runs_once() -> None:
    """On 2026-10-25 Berlin has 02:30 twice: at 00:30 and at 01:30 UTC."""
    first = next_run("30 2 * * *", "Europe/Berlin", utc("2026-10-24 12:00"))
    assert first == utc("2026-10-25 00:30")
    assert next_run("30 2 * * *", "Europe/Berlin", first) == utc("2026-10-26 01:30")


def test_within_the_repeated_hour_the_next_time_is_never_past() -> None:
    """At the second 02:10 a line for 02:30 has run: the next one is tomorrow's."""
    after = utc("2026-10-25 01:10")
    assert next_run("30 2 * * *", "Europe/Berlin", after) == utc("2026-10-26 01:30")


@pytest.mark.parametrize("cron", ["", "* * * *", "* * * * * *", "61 * * * *", "a b c d e", "0 0 31 2 *"])
def test_a_line_that_cannot_be_meant_is_refused(cron: str) -> None:
    with pytest.raises(InvalidInput):
        next_run(cron, "UTC", utc("2026-11-24 10:00"))


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd", "/etc/localtime"])
def test_a_time_zone_that_does_not_exist_is_refused(zone: str) -> None:
    with pytest.raises(InvalidInput, match="time zone"):
        next_run("* * * * *", zone, utc("2026-11-24 10:00"))


def test_a_line_can_be_said_in_words() -> None:
    assert describe_cron("30 2 * * *", "Europe/Berlin") == "At 02:30 every day, Europe/Berlin"
