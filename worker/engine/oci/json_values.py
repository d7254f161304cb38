"""Typed reading of JSON that a stranger wrote: the right type, or one sentence about which field is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from worker.engine.errors import InvalidDigest, InvalidManifest
from worker.engine.oci.digest import Digest

JsonObject = dict[str, Any]

NESTING_MAX = 64  # what stands in manifests and configs is nested 5 or 6 deep
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def load_object(raw: bytes, what: str) -> JsonObject:
    """Parse ``raw`` as one JSON object (RFC 8259), in a way that no other reader can understand otherwise.

    So it is UTF-8, has no NaN, and no object names anything twice: of two values one tool takes the first and
    another the last. And it is not nested so deeply that whoever writes it out again would fail.

    Raises:
        InvalidManifest: ``what`` is not that.
    """
    try:
        value = json.loads(
            raw.decode(), object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant
        )
    except _Ambiguous as error:
        raise InvalidManifest(f"The {what} names {error.args[0][:100]!r} twice.") from error
    except (ValueError, RecursionError) as error:
        raise InvalidManifest(f"The {what} is not valid JSON.") from error
    if not isinstance(value, dict):
        raise InvalidManifest(f"The {what} is not a JSON object.")
    if raw.count(b"[") + raw.count(b"{") > NESTING_MAX and _depth(value) > NESTING_MAX:
        raise InvalidManifest(f"The {what} is nested more than {NESTING_MAX} deep.")
    return value


def legible(value: str) -> str:
    """Return a string with what no page and no database holds as text replaced by U+FFFD.

    JSON can have a NUL, and half a character.
    """
    return _NO_TEXT.sub("\ufffd", value)


def text(holder: Mapping[str, Any], key: str, what: str, default: str | None = None) -> str:
    """Read a string; ``default`` stands for absent and null, and without one the field is required."""
    value = holder.get(key)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise InvalidManifest(f"The {what} has no valid {key!r}: it must be a string.")
    return value


def texts(holder: Mapping[str, Any], key: str, what: str) -> tuple[str, ...]:
    """Read a list of strings; absent and null mean empty."""
    value = holder.get(key)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InvalidManifest(f"The {what} has no valid {key!r}: it must be a list of strings.")
    return tuple(value)


def text_map(holder: Mapping[str, Any], key: str, what: str) -> dict[str, str]:
    """Read an object whose values are strings; absent and null mean empty."""
    value = child(holder, key, what)
    if not all(isinstance(item, str) for item in value.values()):
        raise InvalidManifest(f"The {what} has no valid {key!r}: its values must be strings.")
    return value


def natural(holder: Mapping[str, Any], key: str, what: str) -> int:
    """Read a required whole number of at least 0 that fits into 63 bits."""
    value = holder.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 63:
        raise InvalidManifest(f"The {what} has no valid {key!r}: it must be a whole number from 0.")
    return value


def child(holder: Mapping[str, Any], key: str, what: str) -> JsonObject:
    """Read an object; absent and null mean empty."""
    value = holder.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidManifest(f"The {what} has no valid {key!r}: it must be an object.")
    return value


def children(holder: Mapping[str, Any], key: str, what: str) -> list[JsonObject]:
    """Read a list of objects; absent and null mean empty."""
    value = holder.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise InvalidManifest(f"The {what} has no valid {key!r}: it must be a list of objects.")
    return value


def digest(value: str, what: str) -> Digest:
    """Read a digest; raises InvalidManifest, for here it is content and not input."""
    try:
        return Digest.parse(value)
    except InvalidDigest as error:
        raise InvalidManifest(f"The {what} has an invalid digest: {error.message}") from error


def moment(value: object) -> datetime | None:
    """Read an RFC 3339 time to the microsecond; None for absent, malformed, and Go's zero time.

    Times only inform in an image, and builders write odd ones: a bad one is no reason to refuse the image.
    """
    match = _RFC3339.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    seconds, fraction, zone = match.groups()
    try:
        parsed = datetime.fromisoformat(f"{seconds}{(fraction or '.0')[:7]:0<7}{zone}".upper())
        return parsed.astimezone(UTC) if parsed.year > 1 else None
    except (ValueError, OverflowError):
        return None


class _Ambiguous(Exception):
    """An object names something twice."""


def _without_duplicates(pairs: list[tuple[str, Any]]) -> JsonObject:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _Ambiguous(next(name for name in names if names.count(name) > 1))
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _depth(value: JsonObject) -> int:
    depth: int = 0
    level: list[Any] = [value]
    while level and depth <= NESTING_MAX:
        depth += 1
        inner = [part for item in level for part in (item.values() if isinstance(item, dict) else item)]
        level = [part for part in inner if isinstance(part, dict | list)]
    return depth
