"""Server-sent events as bytes (WHATWG HTML, section "Server-sent events")."""

from __future__ import annotations

RETRY = b"retry: 1000\n\n"
"""How long a browser waits before it connects again, in milliseconds. Sent first on every stream."""

HEARTBEAT = b": still here\n\n"
"""A comment: proxies see traffic, and the server notices a viewer that is gone."""


def message(data: str, *, event: str = "", id: str = "") -> bytes:
    """Return one message. ``data`` may have several lines; ``event`` and ``id`` are ours, and have none."""
    lines = []
    if event:
        lines.append(f"event: {event}")
    if id:
        lines.append(f"id: {id}")
    # Only these three end a line on the wire; str.splitlines would also cut at others.
    text = data.replace("\r\n", "\n").replace("\r", "\n")
    lines += [f"data: {line}" for line in text.split("\n")]
    return ("\n".join(lines) + "\n\n").encode()
