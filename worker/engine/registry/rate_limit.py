"""How many pulls a registry still grants, as it says itself in the headers of its answers.

Docker Hub sends ``ratelimit-limit: 100;w=21600``, ``ratelimit-remaining: 76;w=21600`` and
``docker-ratelimit-source: 192.0.2.1`` (or the account's ID) with manifests: asking by HEAD costs nothing, by
GET one. The window slides, and nothing says when the next pull comes free; it does so within the window.
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from worker.engine.errors import RateLimited

_QUOTA = re.compile(r"\s*([0-9]{1,9})\s*(?:[;,](?:.*?\bw=([0-9]{1,9})\b)?.*)?")
_HEADER_MAX = 200  # characters; searched in longer ones, an expression may take seconds
_SOURCE_MAX = 100
_RESET_MAX = 7 * 86400  # seconds
_WORTH_TELLING = 60.0  # seconds; shorter waits are waited out


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What one answer said.

    Attributes:
        limit: Pulls within the window.
        remaining: How many of them are left.
        window: In seconds; 0 if it was not said.
        source: Who is counted, in the registry's words: an address or an account; may be empty.
        reset: Seconds until there are more; None where it was not said.
    """

    limit: int
    remaining: int
    window: int = 0
    source: str = ""
    reset: int | None = None

    @property
    def wait(self) -> int:
        """Seconds after which there are certainly more."""
        return self.window if self.reset is None else self.reset

    def spare(self, reserve: float) -> int:
        """How many are left when ``reserve``, a part of the limit from 0 to 1, is for others."""
        return max(0, self.remaining - math.ceil(self.limit * reserve))


OnRateLimit = Callable[[str, RateLimit], None]


def ignore_rate_limit(host: str, limit: RateLimit) -> None:
    """Tell nobody."""


def parse_rate_limit(headers: Mapping[str, str]) -> RateLimit | None:
    """Read the headers of an answer; None if they say nothing usable."""
    limit = _QUOTA.fullmatch(headers.get("ratelimit-limit", "")[:_HEADER_MAX])
    remaining = _QUOTA.fullmatch(headers.get("ratelimit-remaining", "")[:_HEADER_MAX])
    if limit is None or remaining is None or int(limit[1]) == 0:
        return None
    source = headers.get("docker-ratelimit-source", "")
    return RateLimit(
        int(limit[1]),
        min(int(remaining[1]), int(limit[1])),
        int(remaining[2] or limit[2] or 0),
        "".join(character for character in source if character.isprintable())[:_SOURCE_MAX],
        _seconds(headers.get("ratelimit-reset", "")),
    )


class Allowance:
    """What one registry grants, as far as its answers told; may be used from several threads.

    Attributes:
        host: Whose it is.
    """

    def __init__(self, host: str, reserve: float = 0.0, told: OnRateLimit = ignore_rate_limit) -> None:
        self.host = host
        self._reserve = reserve
        self._told = told
        self._lock = threading.Lock()
        self._latest: RateLimit | None = None
        self._granted = False

    def note(self, headers: Mapping[str, str]) -> None:
        """Look whether an answer says something about it, and pass that on if it is new."""
        found = parse_rate_limit(headers)
        with self._lock:
            if found is None or found == self._latest:
                return
            self._latest = found
        self._told(self.host, found)

    def require(self) -> None:
        """Raise RateLimited rather than ask for what the registry has just said that it will refuse.

        Only before the first manifest: registries count an image once, not each of its manifests.
        """
        latest = self._latest
        if not self._granted and latest is not None and latest.spare(self._reserve) == 0:
            raise exhausted(self.host, latest)
        self._granted = True


def exhausted(host: str, limit: RateLimit) -> RateLimited:
    """Say that a limit is used up, or so far that the rest is for others, and until when."""
    per = f" in {_duration(limit.window)}" if limit.window else ""
    counted = f" (counted for {limit.source})" if limit.source else ""
    if limit.remaining:
        rest = (
            f"{limit.remaining} of {limit.limit} pulls{per} are left{counted}, and those are kept for people"
        )
    else:
        rest = f"none of {limit.limit} pulls{per} is left{counted}"
    again = _works_again(limit.wait, at_the_latest=limit.reset is None) if limit.wait else ""
    error = RateLimited(f"{host} limits how often it may be asked: {rest}.{again}")
    # Not to be tried again at once, whatever else is not known.
    error.retry_after = float(limit.wait or _RESET_MAX)
    return error


def refused(words: str, limit: RateLimit | None, retry_after: float | None) -> RateLimited:
    """What a refusal (429) means: ``words``, and when it works again, as far as the registry said.

    Args:
        retry_after: Seconds, as the answer's own header says; None if it does not.
    """
    if retry_after is None and limit is not None and limit.remaining == 0 and limit.wait:
        error = RateLimited(words + _works_again(limit.wait, at_the_latest=limit.reset is None))
        error.retry_after = float(limit.wait)
    elif retry_after is not None and retry_after >= _WORTH_TELLING:
        error = RateLimited(words + _works_again(retry_after))
        error.retry_after = retry_after
    else:
        error = RateLimited(words)
        error.retry_after = retry_after
    return error


def _works_again(seconds: float, *, at_the_latest: bool = False) -> str:
    moment = datetime.now(UTC) + timedelta(seconds=min(seconds, _RESET_MAX))
    certain = " at the latest" if at_the_latest else ""
    return f" It works again{certain} at {moment:%H:%M} UTC{_on(moment)}."


def _on(moment: datetime) -> str:
    return "" if moment.date() == datetime.now(UTC).date() else f" on {moment:%-d %B}"


def _duration(seconds: int) -> str:
    for size, name in ((3600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= size and seconds % size == 0:
            count = seconds // size
            return f"{count} {name}{'s' if count != 1 else ''}"
    return "no time"


def _seconds(value: str) -> int | None:
    digits = value.partition(";")[0].strip()
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 12):
        return None
    # Some send the moment instead of the seconds until then.
    seconds = int(digits)
    if seconds > _RESET_MAX:
        seconds -= int(datetime.now(UTC).timestamp())
    return seconds if 0 <= seconds <= _RESET_MAX else None
