"""Builds rpm databases of the SQLite form, header by header."""

from __future__ import annotations

import sqlite3
import struct
from pathlib import Path

INT32, STRING, STRING_ARRAY, I18N = 4, 6, 8, 9


def header(**values: str | int) -> bytes:
    """The header of a package; ``values`` by the names of the tags."""
    tags = {
        "name": (1000, STRING), "version": (1001, STRING), "release": (1002, STRING), "epoch": (1003, INT32),
        "size": (1009, INT32), "license": (1014, STRING), "arch": (1022, STRING), "sourcerpm": (1044, STRING),
    }  # fmt: skip
    index, data = b"", b""
    for name, value in values.items():
        tag, kind = tags[name]
        if kind == INT32:
            data += bytes(-len(data) % 4)
        index += struct.pack(">IIII", tag, kind, len(data), 1)
        data += struct.pack(">I", value) if isinstance(value, int) else value.encode() + b"\0"
    return struct.pack(">II", len(values), len(data)) + index + data


def write(
    path: Path, *headers: bytes, schema: str = "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB)"
) -> Path:
    database = sqlite3.connect(path)
    with database:
        database.execute(schema)
        database.executemany("INSERT INTO Packages (blob) VALUES (?)", [(one,) for one in headers])
    database.close()
    return path
