"""Reading bytes as text, if they are text in whatever encoding; and writing it so that nothing in it hides.

Imported by its own name: finding out an encoding needs a library that takes its time to load.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from charset_normalizer import CharsetMatch, from_bytes

#: What is considered if it is not UTF-8, the likeliest first: it is taken among equals.
_CANDIDATES = (
    "cp1252", "cp1251", "koi8_r", "iso8859_2", "cp1250", "cp1253", "cp1254", "cp932", "euc_jp", "gb18030",
    "big5", "cp949", "utf_16_le", "utf_16_be", "utf_32_le", "utf_32_be",
)  # fmt: skip
_MARKS = (
    (codecs.BOM_UTF8, "utf_8"),
    (codecs.BOM_UTF32_LE, "utf_32_le"),  # begins as the one of UTF-16 does
    (codecs.BOM_UTF32_BE, "utf_32_be"),
    (codecs.BOM_UTF16_LE, "utf_16_le"),
    (codecs.BOM_UTF16_BE, "utf_16_be"),
)
_NAMES = {
    "utf_8": "UTF-8", "utf_16_le": "UTF-16 LE", "utf_16_be": "UTF-16 BE", "utf_32_le": "UTF-32 LE",
    "utf_32_be": "UTF-32 BE", "cp1252": "Windows-1252", "cp1251": "Windows-1251", "koi8_r": "KOI8-R",
    "iso8859_2": "ISO 8859-2", "cp1250": "Windows-1250", "cp1253": "Windows-1253", "cp1254": "Windows-1254",
    "cp932": "Shift JIS", "euc_jp": "EUC-JP", "gb18030": "GB 18030", "big5": "Big5", "cp949": "Windows-949",
}  # fmt: skip
_JUDGED = 1 << 16  # first bytes that decide on an encoding
#: Control characters that texts have: tab, ends of lines and pages, backspace, escape (a terminal's colours).
_TEXTUAL = frozenset(b"\t\n\v\f\r\b\x1b")
_MAX_CONTROLS = 0.02  # of the first bytes; more are no text
_HIDDEN = re.compile(r"[^ -~\xa1-\xac\xae-\u02ff]")  # worth a look; the rest is surely visible


@dataclass(frozen=True, slots=True)
class Text:
    """Bytes that are text.

    Attributes:
        text: Decoded, without a byte order mark.
        encoding: Its usual name: ``UTF-8``.
        marked: Whether a byte order mark says so.
        guessed: Whether it is only the likeliest.
        line_ends: ``LF``, ``CRLF``, ``CR`` or ``mixed``; empty for no more than one line.
    """

    text: str
    encoding: str
    marked: bool = False
    guessed: bool = False

    @property
    def line_ends(self) -> str:
        crlf = self.text.count("\r\n")
        lf = self.text.count("\n") - crlf
        cr = self.text.count("\r") - crlf
        if crlf and not lf:
            return "CRLF"
        if crlf:
            return "mixed"
        if lf:
            return "LF"
        return "CR" if cr else ""

    def lines(self) -> list[str]:
        """The lines without their ends. A last one that is empty is none."""
        text = self.text
        ends = self.line_ends
        if ends == "CR":
            text = text.replace("\r", "\n")
        elif ends in ("CRLF", "mixed"):
            text = text.replace("\r\n", "\n")
        lines = text.split("\n")
        if not lines[-1]:
            lines.pop()
        return lines


def read_text(head: bytes, *, whole: bool = True) -> Text | None:
    """Decode the first bytes of a file; None if they are no text.

    Args:
        whole: Whether that is all of it. Otherwise a character may be cut at the end, and is left out.
    """
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            text = _decode(head[len(mark) :], encoding, whole)
            return None if text is None or _is_binary(text) else Text(text, _NAMES[encoding], marked=True)
    text = None if b"\0" in head else _decode(head, "utf_8", whole)
    if text is not None:
        return None if _is_binary(text) else Text(text, _NAMES["utf_8"])
    guess = _guess(head[:_JUDGED])
    text = None if guess is None else _decode(head, guess, whole, errors="replace")
    return (
        None if guess is None or text is None or _is_binary(text) else Text(text, _NAMES[guess], guessed=True)
    )


def shown(line: str) -> Iterator[tuple[str, bool]]:
    """Cut a line into what is shown as it is, and, marked by True, escapes for what would hide or turn it.

    Control and format characters (Unicode Cc, Cf, Zl, Zp) but the tab: direction marks, zero-width ones,
    colours of a terminal; and those for private use.
    """
    start = 0
    for found in _HIDDEN.finditer(line):
        escape = _escape(found[0])
        if escape:
            if start < found.start():
                yield line[start : found.start()], False
            yield escape, True
            start = found.end()
    if start < len(line):
        yield line[start:], False


def _escape(character: str) -> str:
    if character == "\t" or unicodedata.category(character) not in ("Cc", "Cf", "Zl", "Zp", "Co", "Cs"):
        return ""
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _decode(data: bytes, encoding: str, whole: bool, errors: str = "strict") -> str | None:
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    try:
        return decoder.decode(data, final=whole)
    except UnicodeDecodeError:
        return None


def _is_binary(text: str) -> bool:
    """Whether there is a NUL, or more control characters than texts have."""
    head = text[:_JUDGED]
    if "\0" in head:
        return True
    controls = sum(head.count(chr(code)) for code in range(1, 32) if code not in _TEXTUAL)
    return controls > len(head) * _MAX_CONTROLS


def _guess(data: bytes) -> str | None:
    """The likeliest encoding, by what letters of known languages would come of it; None for no text."""
    matches = list(from_bytes(data, cp_isolation=list(_CANDIDATES)))
    if not matches:
        return None
    best = matches[0]
    possible = {name for match in matches if _equal(match, best) for name in match.could_be_from_charset}
    return next((name for name in _CANDIDATES if name in possible), None)


def _equal(one: CharsetMatch, other: CharsetMatch) -> bool:
    return (one.chaos, one.coherence) == (other.chaos, other.coherence)
