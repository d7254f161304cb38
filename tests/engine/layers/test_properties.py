"""What holds for every archive, however it was made up: properties, over thousands of them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.layers.agreement import disagreements, snapshot
from tests.engine.layers.archives import END, gnu_long, header, padded, pax, unpack_here
from worker.engine.errors import StrataError
from worker.engine.layers import Limits

pytestmark = pytest.mark.root

# Most archives should be good ones, or the properties would say little; so what is refused is rare.
_USUAL = [b"a", b"b", b"c", b"outside"] * 3 + [b".", b"", b"\xff"]
_LAST = [b"a", b"b", b"c", b"outside"] * 12
_LAST += b". .wh.a .wh.b .wh.c .wh..wh..opq .wh..wh..opq .wh..wh.aufs .. .wh. .wh... .wh..".split()
_NAMES = st.builds(
    lambda lead, parts, last, tail: lead + b"/".join([*parts, last]) + tail,
    st.sampled_from(
        [b""] * 20 + [b"/", b"./", b".wh..wh.plnk/", b"a/../", b"../", b".wh.a/", b"n" * 256 + b"/"]
    ),
    st.lists(st.sampled_from(_USUAL), max_size=3),
    st.sampled_from(_LAST),
    st.sampled_from([b""] * 10 + [b"/"]),
)
_TARGETS = st.builds(
    lambda lead, parts: lead + b"/".join(parts),
    st.sampled_from([b"", b"", b"", b"/", b"../", b"../../", b".wh..wh.plnk/"]),
    st.lists(st.sampled_from([*_USUAL, b".."]), min_size=1, max_size=3),
)
_CAPABILITY = bytes.fromhex("0100000200200000000000000000000000000000")
_LIST = bytes.fromhex("0200000001000600ffffffff04000600ffffffff10000400ffffffff20000400ffffffff")
_LIST_OF_OTHERS = bytes.fromhex(
    "0200000001000700ffffffff02000700e803000004000500ffffffff10000700ffffffff20000100ffffffff"
)
_XATTRS = st.dictionaries(
    st.sampled_from(
        [
            b"user.note",
            b"security.capability",
            b"trusted.overlay.opaque",
            b"user.overlay.opaque",
            b"system.posix_acl_access",
            b"system.posix_acl_default",
            b"security.selinux",
            b"user.",
        ]
    ),
    st.sampled_from([b"", b"y", _CAPABILITY, _LIST, _LIST_OF_OTHERS]),
    max_size=2,
)


@st.composite
def _entries(draw: st.DrawFn) -> bytes:
    """One entry: any type, with any name, target and attributes."""
    name, link = draw(_NAMES), draw(_TARGETS)
    kind = draw(
        st.sampled_from([b"0", b"0", b"5", b"5", b"2", b"2", b"1", b"1", b"3", b"4", b"6", b"s", b"7"])
    )
    records = {b"SCHILY.xattr." + key: value for key, value in draw(_XATTRS).items()}
    mtime = draw(st.sampled_from([b"", b"1700000000.123456789", b"-5", b"0"]))
    if mtime:
        records[b"mtime"] = mtime
    fields = {
        "mode": draw(st.sampled_from([b"0000644\0", b"0000755\0", b"0007777\0", b"0000000\0", b"0002770\0"])),
        "uid": draw(
            st.sampled_from([b"0000000\0", b"0001750\0", b"\x80" + bytes(3) + b"\xff" * 3 + b"\xfe"])
        ),
        "gid": draw(st.sampled_from([b"0000000\0", b"0000062\0"])),
    }
    content = draw(st.sampled_from([b"", b"old", b"new content" * 100]))
    if kind == b"s" and not name.endswith(b"/"):
        records |= {b"GNU.sparse.major": b"0", b"GNU.sparse.minor": b"1", b"GNU.sparse.size": b"20000"}
        records |= {b"GNU.sparse.numblocks": b"1", b"GNU.sparse.map": b"4096,%d" % len(content)}
    long = [gnu_long(b"L", name)] if len(name) > 100 else []
    long += [gnu_long(b"K", link)] if len(link) > 100 else []
    device = draw(st.sampled_from([(b"0000001\0", b"0000003\0")] * 5 + [(b"0000000\0", b"0000000\0")]))
    size = len(content) if kind in b"0s7" and not name.endswith(b"/") else 0
    block = header(
        name[:100],
        b"0" if kind == b"s" else kind,
        size,
        link=link[:100],
        device=device,
        **fields,  # type: ignore[arg-type]
    )
    return (pax(records) if records else b"") + b"".join(long) + block + (padded(content) if size else b"")


@contextmanager
def _guarded() -> Iterator[Path]:
    """A place for a tree, with things around it that must not be touched."""
    with tempfile.TemporaryDirectory() as name:
        around = Path(name)
        place = around / "place"
        for path in (around / "outside", around / "a" / "b", place / "outside", place / "a" / "c"):
            path.parent.mkdir(exist_ok=True, parents=True)
            path.write_text("untouched")
        (around / "c").symlink_to("outside")
        (place / "work").mkdir()
        before = snapshot(around, place / "work")
        yield place / "work"
        assert snapshot(around, place / "work") == before


def _open_in(place: Path) -> list[Path]:
    """What this process has open in a directory; it may have threads that open and close other things."""
    found = []
    for fd in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(fd.readlink())
    return [path for path in found if path.is_relative_to(place)]


def _extract(blob: bytes) -> bool:
    """Extract, and check all that must hold; False if it was refused."""
    with _guarded() as work:
        try:
            tree = unpack_here(work, blob, Limits(unpacked_bytes=1 << 26, entries=1000))
        except StrataError as error:
            assert error.code in {"corrupt_layer", "unsafe_layer"}, error.message  # noqa: PT017
            return False
        assert _open_in(work) == []
        assert disagreements(tree.root, tree.entries.values()) == []
        return True


@settings(max_examples=150, deadline=None)
@given(st.lists(_entries(), max_size=12))
def test_whatever_comes_stays_inside_and_the_index_tells_the_tree(entries: list[bytes]) -> None:
    """Types, links, whiteouts, duplicates in any order: nothing around the tree changes, and of what is in it
    the index tells type, mode, owner, time, size, link, names of one file, attributes and content."""
    _extract(b"".join(entries) + END)


@settings(max_examples=120, deadline=None)
@given(st.lists(_entries(), max_size=8), st.data())
def test_damaged_archives_are_extracted_or_refused(entries: list[bytes], data: st.DataObject) -> None:
    """Bytes overwritten, cut out, doubled: it is one or the other, and never another error."""
    archive = bytearray(b"".join(entries) + END)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(archive)))
        length = data.draw(st.integers(0, 700))
        how = data.draw(st.sampled_from(["overwrite", "cut", "double", "header"]))
        if how == "overwrite":
            archive[at : at + length] = data.draw(st.binary(max_size=40))
        elif how == "cut":
            del archive[at : at + length]
        elif how == "double":
            archive[at:at] = archive[at : at + length]
        else:
            archive[at - at % 512 : at - at % 512] = data.draw(_entries())
    _extract(_with_right_checksums(bytes(archive)) if data.draw(st.booleans()) else bytes(archive))


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=2000))
def test_any_bytes_are_extracted_or_refused(rubbish: bytes) -> None:
    for head in (b"", b"\x1f\x8b\x08\0", b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18"):
        _extract(head + rubbish)


def _with_right_checksums(archive: bytes) -> bytes:
    """So that damage gets past the first check."""
    blocks = [archive[at : at + 512] for at in range(0, len(archive), 512)]
    return b"".join(_with_right_checksum(block) if block[257:262] == b"ustar" else block for block in blocks)


def _with_right_checksum(block: bytes) -> bytes:
    return block[:148] + b"%06o\0 " % (sum(block[:148]) + 8 * 32 + sum(block[156:])) + block[156:]
