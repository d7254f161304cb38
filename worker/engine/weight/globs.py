"""Patterns of paths in rules: ``/root/.ssh/*``, ``**/node_modules``, ``*.pem``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from worker.engine.errors import InvalidInput

_TEXT_MAX = 1000
_CLASS = re.compile(rb"\[([!^]?)(\]?[^\]/]*)\]")
_ANY_DIRECTORIES = rb"(?:[^/]+/)*?"


@dataclass(frozen=True, slots=True)
class PathGlob:
    """A pattern that whole paths match.

    ``*``, ``?`` and ``[a-z]`` stand for characters within one name, ``**`` for any number of directories; a
    backslash takes the next character as it is. A pattern without a slash is about names, in whatever
    directory; any other one begins at the root. One that ends in a slash is about directories alone.

    Attributes:
        text: As it was written.
        regex: Matches paths without a leading slash. It takes no more than a few steps for each character of
            a path, whatever the pattern.
        directories_only: Whether it is about directories alone.
    """

    text: str
    regex: re.Pattern[bytes]
    directories_only: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a pattern.

        Raises:
            InvalidInput: it is empty, far too long, or names nothing that can be in an image.
        """
        if len(text) > _TEXT_MAX:
            raise InvalidInput(f"The pattern {text[:40]!r}… is longer than {_TEXT_MAX} characters.")
        try:
            pattern = os.fsencode(text)
        except UnicodeEncodeError as error:
            raise InvalidInput(f"The pattern {text!r} is not text.") from error
        if b"\0" in pattern:
            raise InvalidInput("A pattern of a path holds no NUL character.")
        names = [name for name in pattern.split(b"/") if name not in (b"", b".")]
        if not names:
            raise InvalidInput("A pattern of a path is empty.", hint="Write one like /root/.ssh/* or *.pem")
        if b".." in names:
            raise InvalidInput(f"The pattern {text!r} leads upwards.", hint="Write it from the root: /etc/*")
        if b"/" not in pattern.rstrip(b"/"):
            names.insert(0, b"**")
        try:
            return cls(text, re.compile(_translate(names), re.DOTALL), pattern.endswith(b"/"))
        except re.error as error:
            raise InvalidInput(f"The pattern {text!r} cannot be read: {error}.") from error

    def matches(self, path: bytes) -> bool:
        return self.regex.fullmatch(path) is not None


def _translate(names: list[bytes]) -> bytes:
    """The expression for the names of a pattern.

    What follows a wildcard is looked for once, at the first place that fits (an atomic group): a later
    wildcard of the same kind makes up for whatever an earlier one took, so nothing has to be tried again.
    """
    runs: list[list[bytes]] = [[]]
    for name in names:
        if name == b"**":
            runs.append([])
        else:
            runs[-1].append(_name(name))
    first, *rest = runs
    if not rest:
        return b"/".join(first)
    *middle, last = rest
    parts = [b"".join(name + b"/" for name in first)]
    parts.extend(
        b"(?>" + _ANY_DIRECTORIES + b"".join(name + b"/" for name in run) + b")" for run in middle if run
    )
    # A pattern that ends in ** is about everything below, not about the directory itself.
    parts.append(_ANY_DIRECTORIES + b"/".join(last) if last else rb".+")
    return b"".join(parts)


def _name(name: bytes) -> bytes:
    """The expression for one name of a pattern."""
    runs: list[list[bytes]] = [[]]
    for piece in _pieces(name):
        if piece is None:
            runs.append([])
        else:
            runs[-1].append(piece)
    first, *rest = (b"".join(run) for run in runs)
    if not rest:
        return first
    *middle, last = rest
    return first + b"".join(b"(?>[^/]*?" + run + b")" for run in middle if run) + b"[^/]*" + last


def _pieces(name: bytes) -> Iterator[bytes | None]:
    """The parts of one name: expressions for one character each, and None for a star."""
    at = 0
    while at < len(name):
        one = name[at : at + 1]
        match = _CLASS.match(name, at)
        at += 1
        if one == b"*":
            yield None
        elif one == b"?":
            yield b"[^/]"
        elif one == b"\\" and at < len(name):
            yield re.escape(name[at : at + 1])
            at += 1
        elif match:
            negated = b"^/" if match[1] else b""
            yield b"[" + negated + re.sub(rb"([\\\[\]&~|])", rb"\\\1", match[2]) + b"]"
            at = match.end()
        else:
            yield re.escape(one)
