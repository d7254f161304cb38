"""The numbers that stand for types of entries in the database."""

from __future__ import annotations

from worker.engine.layers import EntryType

_ORDER = (
    EntryType.FILE,
    EntryType.DIRECTORY,
    EntryType.SYMLINK,
    EntryType.HARDLINK,
    # From here on they are rare, and found by an index of their own (``entry_rare``).
    EntryType.CHAR,
    EntryType.BLOCK,
    EntryType.FIFO,
    EntryType.IMPLIED,
    EntryType.WHITEOUT,
    EntryType.OPAQUE,
)
FIRST_RARE = 4
NUMBERS = {kind: number for number, kind in enumerate(_ORDER)}
TYPES = dict(enumerate(_ORDER))
