"""How files are written on pages."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from dashboard.templatetags.files import (
    exact_time,
    file_time,
    kind,
    kind_icon,
    mode,
    owner,
    shown,
    shown_path,
)
from worker.engine.layers import EntryType


@pytest.mark.parametrize(
    ("type", "bits", "written"),
    [
        (EntryType.FILE, 0o644, "-rw-r--r--"),
        (EntryType.FILE, 0o4755, "-rwsr-xr-x"),
        (EntryType.FILE, 0o2644, "-rw-r-Sr--"),
        (EntryType.DIRECTORY, 0o2755, "drwxr-sr-x"),
        (EntryType.DIRECTORY, 0o1777, "drwxrwxrwt"),
        (EntryType.SYMLINK, 0o777, "lrwxrwxrwx"),
        (EntryType.CHAR, 0o666, "crw-rw-rw-"),
        (EntryType.BLOCK, 0o660, "brw-rw----"),
        (EntryType.FIFO, 0o600, "prw-------"),
        (EntryType.HARDLINK, 0, "----------"),
    ],
)
def test_a_mode_is_written_as_ls_writes_it(type: EntryType, bits: int, written: str) -> None:
    assert mode(SimpleNamespace(type=type, mode=bits, uid=0, gid=0)) == written


def test_every_type_has_words_and_an_icon() -> None:
    for type in EntryType:
        node = SimpleNamespace(type=type, mode=0, uid=0, gid=42)
        assert kind(node)
        assert kind_icon(node)
        assert owner(node) == "0:42"
    socket = SimpleNamespace(type="socket", mode=0o755)
    assert (kind(socket), kind_icon(socket), mode(socket)[1:]) == ("socket", "file", "rwxr-xr-x"), (
        "a container may have what no layer has"
    )


@pytest.mark.parametrize(
    ("mtime_ns", "short", "exact"),
    [
        (0, "1970-01-01 00:00", "1970-01-01 00:00:00 UTC"),
        (1_700_000_000_123_000_000, "2023-11-14 22:13", "2023-11-14 22:13:20.123 UTC"),
        (-1, "1969-12-31 23:59", "1969-12-31 23:59:59.999999999 UTC"),
        (10**30, f"@{10**21}", f"@{10**21}"),
        (-(10**22), f"@{-(10**13)}", f"@{-(10**13)}"),
    ],
)
def test_times_that_no_calendar_has_are_written_as_seconds(mtime_ns: int, short: str, exact: str) -> None:
    assert (file_time(mtime_ns), exact_time(mtime_ns)) == (short, exact)


def test_a_name_breaks_no_line_and_flips_no_direction() -> None:
    assert shown("a\nb\u202ec".encode()) == r"a\x0ab\xe2\x80\xaec"
    assert shown(b"caf\xe9") == r"caf\xe9"
    assert shown_path("א/ב/<x>".encode()) == (
        '<span class="a-path" dir="ltr">/<bdi>א</bdi>/<bdi>ב</bdi>/<bdi>&lt;x&gt;</bdi></span>'
    )
    assert shown_path(b"") == "/"
