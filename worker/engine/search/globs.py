"""Globs, as regular expressions of RE2.

``*`` stands for anything within one name, ``**`` for anything at all, ``?`` for one character, ``[...]`` for
one of a set (``[!...]`` for none of it). A glob without a slash is held against the name alone, as in a
``.gitignore``; one with a slash against the whole path.
"""

from __future__ import annotations

import re

from worker.engine.errors import InvalidInput


def to_regex(glob: str) -> str:
    """Return what matches the same paths, given as whole lines with a slash in front.

    Raises:
        InvalidInput: a set has no end.
    """
    if "/" in glob:
        begin, glob = "^/", glob.lstrip("/")
    else:
        begin = "^(?:.*/)?"
    parts, at = [begin], 0
    while at < len(glob):
        part, at = _part(glob, at)
        parts.append(part)
    return "".join([*parts, "$"])


def _part(glob: str, at: int) -> tuple[str, int]:
    """The next part of a glob, and where the one after it begins."""
    if glob.startswith("**/", at) and (at == 0 or glob[at - 1] == "/"):
        return "(?:.*/)?", at + 3
    if glob.startswith("**", at):
        return ".*", at + 2
    match glob[at]:
        case "*":
            return "[^/]*", at + 1
        case "?":
            return "[^/]", at + 1
        case "[":
            return _set(glob, at + 1)
        case other:
            return re.escape(other), at + 1


def _set(glob: str, at: int) -> tuple[str, int]:
    negated = glob[at : at + 1] in ("!", "^")
    first = at + negated
    # A closing bracket right at the beginning belongs to the set (POSIX).
    end = glob.find("]", first + 1)
    if end < 0:
        raise InvalidInput("The glob has a “[” without its “]”.", hint="Write [[] for the character itself.")
    inside = re.sub(r"([\\\[\]^&~|])", r"\\\1", glob[first:end])
    return (f"[^/{inside}]" if negated else f"[{inside}]"), end + 1
