"""The header of an RPM package, as rpm's database keeps it (rpm manual, "RPM v4 header format").

Two numbers, big-endian: how many index entries, how many bytes of data. Then the entries (tag, type, offset
into the data, count), then the data. Only the few tags that tell what a package is are looked at.
"""

from __future__ import annotations

import struct

from worker.engine.packages.values import (
    MAX_VERSION,
    Ecosystem,
    Package,
    Unreadable,
    is_name,
    short,
    text_of,
)

_NAME, _VERSION, _RELEASE, _EPOCH, _SIZE, _LICENSE = 1000, 1001, 1002, 1003, 1009, 1014
_ARCHITECTURE, _SOURCE_RPM, _LONG_SIZE = 1022, 1044, 5009
_WANTED = frozenset(
    {_NAME, _VERSION, _RELEASE, _EPOCH, _SIZE, _LICENSE, _ARCHITECTURE, _SOURCE_RPM, _LONG_SIZE}
)
_INT32, _INT64, _STRINGS = 4, 5, (6, 8, 9)
_START = struct.Struct(">II")
_ENTRY = struct.Struct(">IIII")
_MAX_ENTRIES = 1 << 16  # rpm's own bound
_MAX_TEXT = 1 << 12
_PUBLIC_KEY = "gpg-pubkey"


def read_header(blob: bytes) -> Package | None:
    """Return the package that a header describes; None for a public key, which rpm keeps like a package.

    Raises:
        Unreadable: it is no header, or tells no name or version.
    """
    tags = _tags(blob)
    name, version = _text(tags, _NAME), _text(tags, _VERSION)
    if name == _PUBLIC_KEY:
        return None
    release, epoch = _text(tags, _RELEASE), tags.get(_EPOCH)
    prefix = f"{epoch}:" if isinstance(epoch, int) and epoch else ""
    whole = f"{prefix}{version}-{release}" if release else prefix + version
    if not is_name(name) or not version or not is_name(whole, MAX_VERSION):
        raise Unreadable("a header has no name or no version")
    size = tags.get(_LONG_SIZE, tags.get(_SIZE))
    source, source_version = _source(_text(tags, _SOURCE_RPM))
    return Package(
        Ecosystem.RPM,
        name,
        whole,
        architecture=_text(tags, _ARCHITECTURE)[:64],
        source=source if source != name and is_name(source) else "",
        source_version=_other_version(source_version, version, release),
        license=short(_text(tags, _LICENSE)),
        size=size if isinstance(size, int) and size < 1 << 62 else None,
    )


def _tags(blob: bytes) -> dict[int, bytes | int]:
    try:
        count, length = _START.unpack_from(blob)
        data = _START.size + count * _ENTRY.size
        if count > _MAX_ENTRIES or data + length > len(blob):
            raise Unreadable("a header is cut off")
        found: dict[int, bytes | int] = {}
        for at in range(_START.size, data, _ENTRY.size):
            tag, kind, offset, _ = _ENTRY.unpack_from(blob, at)
            if tag in _WANTED and tag not in found and offset < length:
                found[tag] = _value(blob, kind, data + offset, data + length)
    except struct.error as error:
        raise Unreadable("a header is cut off") from error
    return found


def _value(blob: bytes, kind: int, start: int, end: int) -> bytes | int:
    if kind == _INT32:
        return int.from_bytes(blob[start : start + 4], "big")
    if kind == _INT64:
        return int.from_bytes(blob[start : start + 8], "big")
    if kind not in _STRINGS:
        raise Unreadable("a header holds something else than it should")
    return blob[start : min(end, start + _MAX_TEXT)].partition(b"\0")[0]


def _text(tags: dict[int, bytes | int], tag: int) -> str:
    value = tags.get(tag, b"")
    return text_of(value) if isinstance(value, bytes) else ""


def _other_version(source: str, version: str, release: str) -> str:
    is_other = source not in (version, f"{version}-{release}") and is_name(source, MAX_VERSION)
    return source if is_other else ""


def _source(file_name: str) -> tuple[str, str]:
    """Split ``openssl-3.0.7-27.el9.src.rpm`` into name and version."""
    stem = file_name.removesuffix(".rpm").rpartition(".")[0]
    name, _, release = stem.rpartition("-")
    name, _, version = name.rpartition("-")
    return (name, f"{version}-{release}") if name else ("", "")
