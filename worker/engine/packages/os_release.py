"""Which distribution an image is (os-release(5))."""

from __future__ import annotations

import shlex

from worker.engine.packages.values import Distribution, short, text_of

PATHS = (b"etc/os-release", b"usr/lib/os-release")
"""In the order in which they count."""
HEAD_BYTES = 1 << 14


def read_os_release(head: bytes) -> Distribution:
    """Return what an os-release file says; lines that are none are passed over."""
    fields: dict[str, str] = {}
    for line in head.split(b"\n"):
        key, equals, value = line.strip().partition(b"=")
        if equals and not key.startswith(b"#"):
            fields[text_of(key)] = _unquoted(text_of(value))
    return Distribution(
        id=short(fields.get("ID", ""), 64),
        version=short(fields.get("VERSION_ID", ""), 64),
        name=short(fields.get("PRETTY_NAME", "") or fields.get("NAME", ""), 120),
    )


def _unquoted(value: str) -> str:
    try:
        return "".join(shlex.split(value, posix=True)[:1])
    except ValueError:
        return value.strip("\"'")
