"""Which paths are meant: a text, a glob or a regular expression, held against whole blocks of paths.

RE2 needs time in proportion to the text, whatever the expression (docs/decisions/0001): nothing can explode.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Protocol

import re2

from worker.engine.errors import InvalidInput
from worker.engine.search.blocks import as_text
from worker.engine.search.globs import to_regex
from worker.engine.search.query import FileQuery, Mode

_LINES = "(?m)"  # ^ and $ are the ends of a line
_MEMORY = 16 << 20  # bytes, for one expression and its automaton


class Matcher(Protocol):
    """Says which lines of a block are meant."""

    def lines(self, text: bytes) -> Iterator[int]:
        """Yield the numbers of the lines that match, ascending."""
        ...

    def matches(self, text: bytes) -> bool:
        """Whether this line, or any of these, matches."""
        ...


def matcher_of(query: FileQuery, text: bytes) -> Matcher | None:
    """Return what tells the paths that ``query`` means; None if it means all of them.

    Args:
        text: The query's text as bytes of paths: what was written as an escape is the byte itself.

    Raises:
        InvalidInput: the glob or expression cannot be read, or is too large.
    """
    if not query.text or query.mode is Mode.SHA256:
        return None
    match query.mode:
        case Mode.TEXT:
            return _Expression(re2.escape(as_text(text)), query.ignore_case)
        case Mode.GLOB:
            return _Expression(to_regex(query.text).encode(), query.ignore_case)
        case _:
            return _Expression(query.text.encode(), query.ignore_case)


class _Expression:
    def __init__(self, pattern: bytes, ignore_case: bool) -> None:
        options = re2.Options()
        options.never_nl = True  # what matches is within one line
        options.log_errors = False
        options.case_sensitive = not ignore_case
        options.max_mem = _MEMORY
        try:
            self._expression: Any = re2.compile(_LINES.encode() + pattern, options)
        except re2.error as error:
            raise _refusal(error) from error

    def lines(self, text: bytes) -> Iterator[int]:
        def find(begin: int) -> int:
            found = self._expression.search(text, begin)
            return -1 if found is None or found.start() >= len(text) else int(found.start())

        return _numbers(text, find)

    def matches(self, text: bytes) -> bool:
        return self._expression.search(text) is not None


def _numbers(text: bytes, find: Any) -> Iterator[int]:
    """Turn places in a text into numbers of lines, each once."""
    number, counted, at = 0, 0, find(0)
    while at >= 0:
        number += text.count(b"\n", counted, at)
        counted = at
        yield number
        following = text.find(b"\n", at) + 1
        if not 0 < following < len(text):
            return
        at = find(following)


def _refusal(error: Exception) -> InvalidInput:
    said = error.args[0] if error.args else error
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    text = text.replace(_LINES, "", 1)
    if "repetition" in text or "too large" in text:
        return InvalidInput(
            f"The expression is too large: {text}.",
            hint="Repeat less: {1000} is the most that a part may be.",
        )
    if re.search(r"\\[0-9]|perl operator", text):
        return InvalidInput(
            f"The expression cannot be used: {text}.",
            hint="Back-references and look-around are not understood, since their time has no bound.",
        )
    return InvalidInput(f"The expression cannot be read: {text}.", hint="Expressions are written as for RE2.")
