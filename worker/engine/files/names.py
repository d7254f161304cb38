r"""Paths as text: whatever bytes a name has, a form that can be shown, put into an address, and read back.

UTF-8 stands as it is, a backslash as ``\\``. Whatever would break a line, flip the direction of writing or
not be seen at all (control and format characters, separators but for the space, what Unicode has not
assigned), and bytes that are no UTF-8, stand as ``\xNN``, byte by byte. So no two names look the same because
of what cannot be seen, and no name does more on a terminal or a page than to stand there.
"""

from __future__ import annotations

import re

from worker.engine.errors import InvalidInput

_ESCAPE = re.compile(rb"\\(?:\\|x([0-9a-fA-F]{2}))?")


def to_text(path: bytes) -> str:
    """The text form of a path, or of a name or link target."""
    try:
        text = path.decode()
    except UnicodeDecodeError:
        text = path.decode("utf-8", "surrogateescape")
    if text.isprintable() and "\\" not in text:
        return text
    return "".join(map(_shown, text))


def from_text(text: str) -> bytes:
    """The path that :func:`to_text` made ``text`` of. What need not be escaped may be.

    Raises:
        InvalidInput: a backslash does not begin an escape, or a zero byte is meant, which no name has.
    """
    try:
        path = text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        raise InvalidInput("The path is not text.") from None
    if b"\\" in path:
        path = _ESCAPE.sub(_meant, path)
    if b"\0" in path:
        raise InvalidInput("No path has a zero byte.")
    return path


def _shown(character: str) -> str:
    if character == "\\":
        return r"\\"
    if character.isprintable():
        return character
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))


def _meant(escape: re.Match[bytes]) -> bytes:
    if escape[1]:
        return bytes.fromhex(escape[1].decode())
    if escape[0] == rb"\\":
        return b"\\"
    raise InvalidInput(
        r"A backslash in a path begins an escape: \\ is a backslash, \xNN the byte with this number.",
        hint="Write a backslash as two.",
    )
