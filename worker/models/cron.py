"""Cron lines: what they mean, and when they come due."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from worker.engine.errors import InvalidInput

_HINT = (
    "Five fields: minute, hour, day of month, month, day of week; for example 30 4 * * * for 4:30 every day."
)


def next_run(cron: str, timezone: str, after: datetime) -> datetime:
    """Return the first time later than ``after`` at which ``cron`` is due, in UTC.

    The line is meant in ``timezone``. Daylight saving is treated as Debian's cron does: a fixed time that is
    skipped runs right after the gap, one that occurs twice runs once.

    Raises:
        InvalidInput: the line cannot be parsed or never comes due, or the time zone is unknown.
    """
    simulation = _simulate(cron, after.astimezone(_zone(timezone)))
    try:
        # In the repeated hour of autumn the first candidate may lie before ``after``.
        return next(due for moment in simulation if (due := moment.astimezone(UTC)) > after)
    except StopIteration:
        raise InvalidInput(f"The cron line {cron!r} never comes due.", hint=_HINT) from None


def describe_cron(cron: str, timezone: str) -> str:
    """Return ``cron`` in words, such as "At 04:30 every day, Europe/Berlin".

    Raises:
        InvalidInput: as :func:`next_run`.
    """
    words: str = _simulate(cron, datetime.now(_zone(timezone))).explain()
    return f"{words}, {timezone}"


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidInput(
            f"There is no time zone {name!r}.", hint="Use an IANA name such as UTC or Europe/Berlin."
        ) from error


def _simulate(cron: str, start: datetime) -> CronSim:
    # CronSim also takes six fields (with seconds); crontab(5) does not.
    if len(cron.split()) != 5:
        raise InvalidInput(f"The cron line {cron!r} does not have five fields.", hint=_HINT)
    try:
        return CronSim(cron, start)
    except CronSimError as error:
        raise InvalidInput(f"The cron line {cron!r} cannot be read: {error}.", hint=_HINT) from error
