"""Entries of trees for tests, by as few words as possible."""

from __future__ import annotations

import hashlib
from typing import Any

from worker.engine.compare import Entry


def entry(path: str | bytes, content: bytes | None = b"", **fields: Any) -> Entry:
    """A file with this content; of another ``type`` without."""
    name = path.encode() if isinstance(path, str) else path
    is_file = fields.get("type", "file") == "file"
    given: dict[str, Any] = {
        "path": name,
        "type": "file",
        "size": len(content or b"") if is_file else 0,
        "mode": 0o644 if is_file else 0o755,
        "uid": 0,
        "gid": 0,
        "mtime_ns": 0,
        "link": b"",
        "sha256": hashlib.sha256(content or b"").digest() if is_file else None,
        "xattrs": {},
        "device": None,
        "linked": b"",
        "layer": 0,
    }
    return Entry(**given | fields)


def directory(path: str, **fields: Any) -> Entry:
    return entry(path, type="directory", **fields)
