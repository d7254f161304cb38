"""Loopback ports for what only this machine talks to."""

from __future__ import annotations

import socket
from pathlib import Path


def remembered(file: Path, preferred: int = 0) -> int:
    """Return the port kept in ``file``, else ``preferred``, or any if that is not free; keep it in ``file``.

    A port that stays the same lets other terminals, and references that carry it, go on working.
    """
    kept = file.read_text().strip() if file.is_file() else ""
    wanted = int(kept) if kept.isdigit() else preferred
    port = wanted if wanted and _is_free(wanted) else _is_free(0)
    file.write_text(f"{port}\n")
    return port


def _is_free(port: int) -> int:
    """Return ``port`` (for 0: one that the kernel picks) if it can be listened on, else 0."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except (OSError, OverflowError):
            return 0
        return int(probe.getsockname()[1])
