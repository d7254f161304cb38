"""The order in which people look for a tag: the newest version first. Registries list by the alphabet."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence

_VERSION = re.compile(r"v?(\d+(?:\.\d+)*)(.*)", re.IGNORECASE)
_UNFINISHED = re.compile(
    r"(?:^|[^a-z])(?:a|alpha|b|beta|c|canary|dev|next|nightly|pre|preview|rc|snapshot)(?:$|[^a-z])"
)
_BUILD = re.compile(r"\d{6,}(?:\D.*)?|(?:19|20)\d\d-\d\d(?:-\d\d)?(?:\D.*)?")
_COMMIT = re.compile(r"(?:(?:sha|git|commit)[-_.])?(?=[0-9a-f]*[a-f])(?=[0-9a-f]*[0-9])[0-9a-f]{7,64}")
_COMPANION = re.compile(r"sha256-[0-9a-f]{64}(?:\..*)?")
_PARTS = re.compile(r"(\d+)")

_LATEST, _VERSIONS, _BUILDS, _NAMES, _COMMITS, _COMPANIONS = range(6)

# A version that says less than another stands for the newest of those that begin with it: 3.13 before 3.13.2.
_ANY = float("-inf")

Key = tuple[object, ...]


def newest_first(tags: Iterable[str]) -> list[str]:
    """Sort tags.

    ``latest`` is the first. Then come versions, the highest first, and of one version the finished before the
    unfinished, the plain before the variants (``3.13``, ``3.13-slim``, ``3.13.2``, ``3.13.2-slim``); builds
    named by a date or a number; names by the alphabet, of those that differ in a number the highest first;
    commits; and last what is no image but accompanies one (``sha256-….sig``).
    """
    return sorted(tags, key=_key)


def search(tags: Iterable[str], text: str) -> list[str]:
    """Leave those that have every word of ``text`` in them, in any case.

    One that is exactly what is looked for comes first, then those that begin with it; else the order stays.
    """
    words, wanted = text.casefold().split(), text.strip().casefold()
    found = [tag for tag in tags if all(word in tag.casefold() for word in words)]
    return sorted(found, key=lambda tag: _nearness(tag, wanted)) if words else found


def after(tags: Sequence[str], tag: str, text: str) -> int:
    """Where in sorted ``tags``, searched for ``text``, those after ``tag`` begin; it may be gone."""
    wanted = text.strip().casefold()
    return bisect_right(tags, _place(tag, wanted), key=lambda one: _place(one, wanted))


def _key(tag: str) -> Key:
    """What to compare tags by; no two have the same."""
    text = tag.casefold()
    if text == "latest":
        return (_LATEST, tag)
    if _COMPANION.fullmatch(text):
        return (_COMPANIONS, tag)
    if _COMMIT.fullmatch(text):
        return (_COMMITS, tag)
    if _BUILD.fullmatch(text):
        return (_BUILDS, _natural(text), tag)
    version = _VERSION.fullmatch(text)
    if version is not None:
        numbers = tuple(-float(part) for part in version[1].split("."))
        rest = version[2]
        return (_VERSIONS, (*numbers, _ANY), bool(_UNFINISHED.search(rest)), _natural(rest), tag)
    return (_NAMES, _natural(text), tag)


def _place(tag: str, wanted: str) -> tuple[int, Key]:
    return _nearness(tag, wanted) if wanted else 0, _key(tag)


def _nearness(tag: str, wanted: str) -> int:
    text = tag.casefold()
    if text == wanted:
        return 0
    return 1 if text.startswith(wanted) else 2


def _natural(text: str) -> tuple[tuple[str, float], ...]:
    """Text by the alphabet, numbers in it from the highest down; what ends before what goes on."""
    parts = _PARTS.split(text)
    numbers = [-float(number) for number in parts[1::2]]
    return tuple(zip(parts[::2], [*numbers, _ANY], strict=True))
