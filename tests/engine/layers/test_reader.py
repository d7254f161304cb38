"""The tar reader: every form that tools write, and nothing that is damaged."""

from __future__ import annotations

import hashlib
import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.layers.archives import BLOCK, END, file, gnu_long, header, padded, pax
from worker.engine.errors import CorruptLayer, StrataError, UnsafeLayer
from worker.engine.layers import Limits
from worker.engine.layers.header import TarEntry, TarType
from worker.engine.layers.reader import TarReader


def read(archive: bytes, chunk: int = 4096, limits: Limits | None = None) -> list[tuple[TarEntry, bytes]]:
    """All entries with their content; the archive comes in chunks."""
    view = memoryview(archive)
    chunks = (view[at : at + chunk] for at in range(0, len(view), chunk))
    reader = TarReader(chunks, limits or Limits())
    return [(entry, b"".join(bytes(piece) for piece in reader.content())) for entry in reader]


def only(archive: bytes) -> TarEntry:
    (entry, _content), *others = read(archive + END)
    assert not others
    return entry


def test_files_and_their_content_come_in_order_whatever_the_chunks() -> None:
    archive = file(b"a", b"first" * 1000) + file(b"b") + file(b"c", b"x" * BLOCK) + END
    for chunk in (BLOCK, 3 * BLOCK, 1 << 20, 100):
        found = [(entry.name, content) for entry, content in read(archive, chunk)]
        assert found == [(b"a", b"first" * 1000), (b"b", b""), (b"c", b"x" * BLOCK)]


def test_unread_content_is_skipped() -> None:
    reader = TarReader(iter([memoryview(file(b"a", b"x" * 5000) + file(b"b") + END)]), Limits())
    assert [entry.name for entry in reader] == [b"a", b"b"]


def test_all_fields_of_a_ustar_header() -> None:
    entry = only(
        header(
            b"null",
            b"3",
            mode=b"0004751\0",
            uid=b"0001750\0",
            gid=b"0000144\0",
            mtime=b"14000000001\0",
            device=(b"0000001\0", b"0000003\0"),
            prefix=b"dev/deep",
        )
    )
    assert entry == TarEntry(
        b"dev/deep/null", TarType.CHAR, 0o4751, 1000, 100, 0, 0o14000000001 * 10**9, device=(1, 3)
    )


def test_the_prefix_of_a_gnu_header_is_something_else() -> None:
    assert only(header(b"name", magic=b"ustar  \0", prefix=b"14000000001")).name == b"name"


def test_the_prefix_of_a_star_header_ends_before_its_times() -> None:
    prefix = b"dir".ljust(131, b"\0") + b"14000000001\x0014000000001\0"
    assert only(header(b"name", prefix=prefix[:155], tail=b"tar\0")).name == b"dir/name"


def test_old_headers_without_magic_are_read() -> None:
    assert only(header(b"old", b"\0", magic=b"")).type is TarType.FILE
    assert only(header(b"old/", b"\0", magic=b"")).type is TarType.DIRECTORY


def test_binary_numbers() -> None:
    """GNU's form for what octal digits cannot hold: large sizes and owners, and times before 1970."""
    entry = only(
        header(
            uid=b"\x80" + (2097152).to_bytes(7, "big"),
            gid=b"\x80" + (4294967294).to_bytes(7, "big"),
            mtime=b"\xff" + (-5).to_bytes(11, "big", signed=True),
        )
    )
    assert (entry.uid, entry.gid, entry.mtime_ns) == (2097152, 4294967294, -5 * 10**9)


def test_numbers_may_be_padded_with_spaces_or_missing() -> None:
    entry = only(header(mode=b"   755 \0", uid=bytes(8), gid=b" " * 8))
    assert (entry.mode, entry.uid, entry.gid) == (0o755, 0, 0)


def test_pax_records_take_the_place_of_the_header() -> None:
    long_name, long_link = b"d/" * 200 + b"f", b"t" * 300
    entry = only(
        pax({b"path": long_name, b"uid": b"3000000", b"gid": b"3000001", b"mtime": b"1700000000.123456789"})
        + header(b"short")
    )
    assert (entry.name, entry.uid, entry.gid) == (long_name, 3000000, 3000001)
    assert entry.mtime_ns == 1700000000123456789
    assert only(pax({b"linkpath": long_link}) + header(b"l", b"2", link=b"short")).link == long_link


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        (b"1", 10**9),
        (b"1.5", 1_500_000_000),
        (b"-1.25", -1_250_000_000),
        (b"0.0000000019", 1),
        (b"1.", 10**9),
    ],
)
def test_times_of_pax(text: bytes, nanoseconds: int) -> None:
    assert only(pax({b"mtime": text}) + header()).mtime_ns == nanoseconds


def test_pax_size_rules_where_the_content_ends() -> None:
    archive = pax({b"size": b"600"}) + header(b"a", size=0) + padded(b"x" * 600) + file(b"b") + END
    assert [(entry.name, len(content)) for entry, content in read(archive)] == [(b"a", 600), (b"b", 0)]


def test_extended_attributes_may_hold_any_bytes() -> None:
    value = b"\x01\0\0\x02\n=\xff"
    entry = only(pax({b"SCHILY.xattr.security.capability": value}) + header())
    assert entry.xattrs == {b"security.capability": value}


def test_a_pax_header_describes_one_entry_only() -> None:
    found = read(pax({b"path": b"renamed"}) + file(b"a") + file(b"b") + END)
    assert [entry.name for entry, _ in found] == [b"renamed", b"b"]


def test_global_headers_are_ignored_as_docker_does() -> None:
    found = read(pax({b"path": b"everywhere"}, kind=b"g") + file(b"a") + END)
    assert [entry.name for entry, _ in found] == [b"a"]


def test_gnu_long_names_and_links() -> None:
    name, link = b"n" * 500, b"l" * 500
    entry = only(gnu_long(b"K", link) + gnu_long(b"L", name) + header(b"short", b"1", link=b"short"))
    assert (entry.name, entry.link, entry.type) == (name, link, TarType.HARDLINK)


def test_links_have_no_content_whatever_their_header_says() -> None:
    archive = header(b"link", b"1", size=999, link=b"a") + file(b"b") + END
    assert [entry.name for entry, _ in read(archive)] == [b"link", b"b"]


def test_what_follows_the_end_mark_is_ignored() -> None:
    assert [entry.name for entry, _ in read(file(b"a") + END + b"rubbish" * 1000)] == [b"a"]


@pytest.mark.parametrize("end", [b"", bytes(BLOCK), END])
def test_the_end_mark_may_be_missing(end: bytes) -> None:
    assert len(read(file(b"a", b"content") + end)) == 1


def test_an_empty_stream_holds_nothing() -> None:
    assert read(b"") == read(END) == []


@pytest.mark.parametrize(
    ("archive", "why"),
    [
        (header(checksum=b"000000\0 "), "checksum"),
        (b"not a tar at all" * 64, "not a"),
        (header(size=b"-0000000001\0"), "not a number"),
        (header(size=b"99999999999\0"), "octal"),
        (header(size=b"\xff" * 12), "negative"),
        (header(kind=b"?"), "unknown type"),
        (header() + bytes(BLOCK) + header(), "between its entries"),
        (pax({b"uid": b"me"}) + header(), "not a number"),
        (pax({b"mtime": b"now"}) + header(), "not a time"),
        (header(b"p", b"x", 5) + padded(b"9 a=b") + header(), "malformed pax"),
        (header(b"p", b"x", 6) + padded(b"6 a b\n") + header(), "malformed pax"),
        (header(b"p", b"x", 6) + padded(b"0 a=b\n") + header(), "malformed pax"),
        (header(b"p", b"x", 2 << 20), "more than"),
        (header(b"p", b"L", 2 << 20), "more than"),
    ],
)
def test_damage_is_named(archive: bytes, why: str) -> None:
    with pytest.raises(CorruptLayer, match=why):
        read(archive + END)


def test_truncation_inside_of_anything_is_noticed() -> None:
    """Only between two entries may an archive end: there it is a whole one without its end mark."""
    parts = [pax({b"path": b"renamed"}) + header(b"a", size=700), padded(b"x" * 700), file(b"b")]
    archive = b"".join(parts)
    whole = {0, len(parts[0]) + len(parts[1]), len(archive)}
    # A last block that is short, but holds all content, is complete too.
    whole |= set(range(len(parts[0]) + 700, len(parts[0]) + len(parts[1])))
    for length in range(0, len(archive), 37):
        if length not in whole:
            with pytest.raises(CorruptLayer):
                read(archive[:length], chunk=BLOCK)


def test_more_entries_than_the_limit_are_refused() -> None:
    with pytest.raises(UnsafeLayer, match="more than 2 entries"):
        read(file(b"a") * 3 + END, limits=Limits(entries=2))


_NAMES = st.text(st.characters(exclude_characters="\0/", codec="utf-8"), min_size=1, max_size=150)


@given(
    st.lists(st.tuples(_NAMES, st.binary(max_size=3000)), max_size=6),
    st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]),
    st.integers(0, 2**33),
)
def test_what_python_writes_is_read_back(files: list[tuple[str, bytes]], form: int, mtime: int) -> None:
    """Whatever names, sizes and times: the standard library's writer and this reader agree."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as tar:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(content), mtime
            tar.addfile(info, io.BytesIO(content))
    found = [(e.name.decode(), content, e.mtime_ns) for e, content in read(buffer.getvalue(), 1024)]
    assert found == [(name, content, mtime * 10**9) for name, content in files]


@given(st.binary(max_size=4096), st.integers(0, 4096), st.integers(1, 64))
def test_rubbish_is_refused_and_nothing_else_happens(rubbish: bytes, at: int, length: int) -> None:
    """A valid archive with bytes overwritten anywhere is read, or refused with an error of our own."""
    archive = bytearray(
        pax({b"path": b"p"}) + file(b"a", b"x" * 600) + file(b"b", hashlib.sha256().digest()) + END
    )
    archive[at : at + length] = rubbish[:length]
    for candidate in (bytes(archive), rubbish):
        try:
            read(candidate, BLOCK)
        except StrataError as error:
            assert error.code in {"corrupt_layer", "unsafe_layer"}  # noqa: PT017
