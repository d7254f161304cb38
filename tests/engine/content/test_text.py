"""Bytes that are text are read in their encoding; what is none is told; nothing in a line hides."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.engine.content.hexdump import hex_rows
from worker.engine.content.images import raster_type
from worker.engine.content.text import read_text, shown

FRENCH = "Les élèves étaient fâchés à Noël, très extrêmement.\n" * 20
RUSSIAN = "Привет, мир. Это строка текста на русском языке.\n" * 20
JAPANESE = "これは日本語のテキストです。文字コードの判定。\n" * 20


@pytest.mark.parametrize(
    ("text", "codec", "name"),
    [
        ("Grüße\n", "utf-8", "UTF-8"),
        ("Grüße\n", "utf-8-sig", "UTF-8"),
        ("Hello, this is wide.\r\n" * 9, "utf-16", "UTF-16 LE"),
        ("Hello, this is wide.\r\n" * 9, "utf-16-le", "UTF-16 LE"),
        ("Hello, this is wide.\r\n" * 9, "utf-16-be", "UTF-16 BE"),
        ("Hello, this is wider.\r\n" * 9, "utf-32", "UTF-32 LE"),
        (FRENCH, "latin-1", "Windows-1252"),
        ("# Author: Jürgen\n" + "set -e\necho hello\n" * 50, "latin-1", "Windows-1252"),
        (RUSSIAN, "koi8-r", "KOI8-R"),
        (RUSSIAN, "cp1251", "Windows-1251"),
        (JAPANESE, "shift-jis", "Shift JIS"),
        ("", "utf-8", "UTF-8"),
    ],
)
def test_the_encoding_of_a_text_is_found_out(text: str, codec: str, name: str) -> None:
    found = read_text(text.encode(codec))
    assert found is not None
    assert (found.text, found.encoding) == (text, name)


@pytest.mark.parametrize(
    "data",
    [
        b"\x7fELF\x02\x01\x01" + bytes(100),
        b"looks like text" + bytes(1) + b"but is none",
        bytes(range(256)) * 16,
        b"\x1f\x8b\x08\x00" + os.urandom(5000),
        b"\x01\x02\x03\x04\x05\x06" * 100,
    ],
)
def test_what_is_no_text_is_none_whatever_its_name(data: bytes) -> None:
    assert read_text(data) is None


def test_programs_of_this_machine_are_no_text() -> None:
    for program in ("/bin/ls", "/bin/cat", "/bin/sh"):
        assert read_text(Path(program).read_bytes()[: 1 << 20], whole=False) is None


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_character_cut_at_the_end_is_left_out(cut: int) -> None:
    data = "text 🎈".encode()
    found = read_text(data[:-cut], whole=False)
    assert found is not None
    assert (found.text, found.encoding) == ("text ", "UTF-8")


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_text_or_not(data: bytes, whole: bool) -> None:
    found = read_text(data, whole=whole)
    assert found is None or "\0" not in found.text


@pytest.mark.parametrize(
    ("text", "ends", "lines"),
    [
        ("", "", []),
        ("one", "", ["one"]),
        ("one\ntwo\n", "LF", ["one", "two"]),
        ("one\n\n", "LF", ["one", ""]),
        ("one\r\ntwo", "CRLF", ["one", "two"]),
        ("one\r\ntwo\nthree", "mixed", ["one", "two", "three"]),
        ("one\rtwo\r", "CR", ["one", "two"]),
        ("a\u2028b\x0bc\x85d\n", "LF", ["a\u2028b\x0bc\x85d"]),
    ],
)
def test_lines_end_as_the_file_ends_them(text: str, ends: str, lines: list[str]) -> None:
    found = read_text(text.encode())
    assert found is not None
    assert (found.line_ends, found.lines()) == (ends, lines)


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("plain\ttext é 日本 مرحبا", [("plain\ttext é 日本 مرحبا", False)]),
        ("if \u202eadmin\u2066", [("if ", False), ("\\u202e", True), ("admin", False), ("\\u2066", True)]),
        ("\x1b[31mred\x7f", [("\\x1b", True), ("[31mred", False), ("\\x7f", True)]),
        ("zero\u200bwidth\ufeff", [("zero", False), ("\\u200b", True), ("width", False), ("\\ufeff", True)]),
        ("soft\xadhyphen", [("soft", False), ("\\xad", True), ("hyphen", False)]),
        ("tag\U000e0041", [("tag", False), ("\\U000e0041", True)]),
        ("a\u2028b\rc", [("a", False), ("\\u2028", True), ("b", False), ("\\x0d", True), ("c", False)]),
        ("", []),
    ],
)
def test_what_would_hide_or_turn_a_line_is_written_as_an_escape(
    line: str, parts: list[tuple[str, bool]]
) -> None:
    assert list(shown(line)) == parts


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\x10\0\0\0WAVEfmt ", None),
        (b"\0\0\0\x1cftypavif", "image/avif"),
        (b"BM\x9a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0", "image/bmp"),
        (b"BMW is a car, and this is a text", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", None),
        (b"<!DOCTYPE html>", None),
        (b"", None),
    ],
)
def test_only_raster_formats_are_pictures(head: bytes, media_type: str | None) -> None:
    assert raster_type(head) == media_type


def test_a_hex_dump_tells_offsets_and_what_is_printable() -> None:
    first, last = hex_rows(b"\x7fELF" + bytes(14), 0x1000)
    assert (first.offset, first.left, first.right) == (
        0x1000,
        "7f 45 4c 46 00 00 00 00",
        " ".join(["00"] * 8),
    )
    assert first.text == ".ELF............"
    assert (last.offset, last.left, last.right, last.text) == (0x1010, "00 00", "", "..")
