"""Reading a container's log, as conmon writes it (the CRI's log format).

Each line of the file: time, stream, ``F`` or ``P``, text; ``P`` is a part that the next line of that stream
continues.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

TAIL = 64 * 1024

Stream = Literal["stdout", "stderr"]

_LINE = re.compile(
    rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d) (stdout|stderr) ([FP])(?: (.*))?",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line that the container wrote.

    Attributes:
        at: When its first part arrived, in UTC.
        stream: ``stdout`` or ``stderr``.
        text: Without the line's end. What is not UTF-8 is replaced by U+FFFD.
    """

    at: datetime
    stream: Stream
    text: str


def tail(path: Path, limit: int = TAIL) -> list[LogLine]:
    """Read the last lines of a log, from at most the last ``limit`` bytes of the file; oldest first.

    A log that does not exist (the container never ran) has no lines.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            start = max(0, size - limit)
            file.seek(start)
            content = file.read(limit)
    except FileNotFoundError:
        return []
    if start:  # begins within a line
        content = content.partition(b"\n")[2]
    return parse(content.split(b"\n"))


def parse(lines: Iterable[bytes]) -> list[LogLine]:
    """Join the parts; skip what is no log line (the last one may be half-written)."""
    finished: list[LogLine] = []
    pending: dict[Stream, tuple[datetime, list[bytes]]] = {}
    for line in lines:
        match = _LINE.fullmatch(line)
        arrived = _time(match) if match is not None else None
        if match is None or arrived is None:
            continue
        stream: Stream = "stderr" if match[4] == b"stderr" else "stdout"
        at, parts = pending.pop(stream, (arrived, []))
        parts.append(match[6] or b"")
        if match[5] == b"P":
            pending[stream] = (at, parts)
        else:
            finished.append(_joined(at, stream, parts))
    # What has no end yet is shown as far as it goes: a prompt, a progress bar.
    rest = [_joined(at, stream, parts) for stream, (at, parts) in pending.items()]
    return finished + sorted(rest, key=lambda line: line.at)


def _joined(at: datetime, stream: Stream, parts: list[bytes]) -> LogLine:
    return LogLine(at, stream, b"".join(parts).decode("utf-8", "replace"))


def _time(match: re.Match[bytes]) -> datetime | None:
    zone = match[3].decode().replace("Z", "+00:00")
    try:
        at = datetime.fromisoformat(match[1].decode() + zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at + timedelta(microseconds=int((match[2] or b"0").ljust(6, b"0")[:6]))
