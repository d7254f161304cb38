"""Sparse files: in each of GNU tar's forms, with the whole content and the holes."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from tests.engine.layers.agreement import disagreements
from tests.engine.layers.archives import BLOCK, END, file, header, padded, pax, unpack_here
from worker.engine.errors import CorruptLayer, UnsafeLayer
from worker.engine.layers import Limits

pytestmark = pytest.mark.root

HOLE = 1 << 16
FORMS = {
    "gnu": ["--format=gnu"],
    "0.0": ["--format=posix", "--sparse-version=0.0"],
    "0.1": ["--format=posix", "--sparse-version=0.1"],
    "1.0": ["--format=posix", "--sparse-version=1.0"],
}


def make_sparse(path: Path, stretches: int, *, end: int = 0) -> None:
    """A file of so many stretches of data with holes before them; and one after them up to ``end``."""
    with path.open("wb") as made:
        for number in range(stretches):
            made.seek((2 * number + 1) * HOLE)
            made.write(os.urandom(5000))
        made.truncate(max(end, made.tell()))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("stretches", "end"), [(0, 10 * HOLE), (1, 0), (3, 50 * HOLE), (70, 200 * HOLE)])
def test_what_gnu_tar_packs_as_sparse(tmp_path: Path, form: str, stretches: int, end: int) -> None:
    """No stretch at all, one, some, and more than a header and its first continuation can name."""
    source = tmp_path / "source"
    name = "d" * 90 + "/" + "sparse" * 10
    (source / name).parent.mkdir(parents=True)
    make_sparse(source / name, stretches, end=end)
    (source / "after").write_text("plain")
    packed = subprocess.run(
        ["tar", "-c", "-S", *FORMS[form], "-C", source, name, "after"], check=True, capture_output=True
    ).stdout
    assert len(packed) < (source / name).stat().st_size
    tree = unpack_here(tmp_path, packed)
    content = (source / name).read_bytes()
    there, entry = tree.root / name, tree.entries[name.encode()]
    assert there.read_bytes() == content
    assert there.stat().st_blocks * 512 < len(content), "the holes have been filled"
    assert (entry.size, entry.sha256) == (len(content), hashlib.sha256(content).digest())
    assert (tree.root / "after").read_text() == "plain"
    assert disagreements(tree.root, tree.entries.values()) == []
    assert tree.done.content_size == len(content) + 5


def sparse_01(size: bytes, extents: bytes, count: bytes, content: bytes, kind: bytes = b"0") -> bytes:
    records = {
        b"GNU.sparse.size": size,
        b"GNU.sparse.numblocks": count,
        b"GNU.sparse.map": extents,
        b"GNU.sparse.name": b"real",
    }
    return pax(records) + header(b"GNUSparseFile.1/real", kind, len(content)) + padded(content)


def sparse_10(size: bytes, extents: bytes, content: bytes = b"", **records: bytes) -> bytes:
    form = {b"GNU.sparse.major": b"1", b"GNU.sparse.minor": b"0", b"GNU.sparse.realsize": size}
    form |= {b"GNU.sparse." + key.encode(): value for key, value in records.items()}
    stored = padded(extents) + content
    return pax(form) + header(b"f", b"0", len(stored)) + padded(stored)


def gnu(
    size: bytes, pairs: list[bytes], content: bytes = b"", more: bytes = b"\0", magic: bytes = b"ustar  \0"
) -> bytes:
    """A header of the type S: four pairs at 386, a flag at 482, the whole size at 483."""
    block = bytearray(header(b"f", b"S", len(content), magic=magic))
    block[386:482] = b"".join(pairs).ljust(96, b"\0")
    block[482:483] = more
    block[483:495] = size
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + padded(content)


def octal(number: int) -> bytes:
    return b"%011o\0" % number


def test_a_map_with_stretches_of_nothing(tmp_path: Path) -> None:
    """GNU tar ends a map with one, to tell where the file ends."""
    tree = unpack_here(tmp_path, sparse_01(b"9000", b"0,0,4096,2,9000,0", b"3", b"ab") + file(b"after") + END)
    assert (tree.root / "real").read_bytes() == bytes(4096) + b"ab" + bytes(4902)
    assert set(tree.entries) == {b"", b"real", b"after"}


def test_binary_numbers_in_a_header(tmp_path: Path) -> None:
    big = b"\x80" + (1 << 24).to_bytes(11, "big")
    tree = unpack_here(
        tmp_path, gnu(b"\x80" + ((1 << 24) + 3).to_bytes(11, "big"), [big + octal(3)], b"end") + END
    )
    with (tree.root / "f").open("rb") as made:
        made.seek(1 << 24)
        assert made.read() == b"end"


@pytest.mark.parametrize(
    ("archive", "why"),
    [
        (sparse_01(b"10", b"0,5", b"2", b"12345"), "not as long as it says"),
        (sparse_01(b"10", b"0,5,7", b"1", b"12345"), "not as long as it says"),
        (sparse_01(b"10", b"0,x", b"1", b"12345"), "not a number"),
        (sparse_01(b"10", b"-1,5", b"1", b"12345"), "not a number"),
        (sparse_01(b"", b"0,5", b"", b"12345"), "not a number"),
        (sparse_01(b"10", b"8,5", b"1", b"12345"), "leads out"),
        (sparse_01(b"10", b"5,3,2,2", b"2", b"12345"), "leads out"),
        (sparse_01(b"10", b"0,3,2,2", b"2", b"12345"), "leads out"),
        (sparse_01(b"10", b"0,4", b"1", b"12345"), "does not fit"),
        (sparse_01(b"10", b"0,6", b"1", b"12345"), "does not fit"),
        (sparse_01(b"9" * 20, b"", b"0", b""), "impossible size"),
        (sparse_01(b"10", b"0,0", b"1", b"", kind=b"5"), "no file"),
        (sparse_01(b"10", b"0,0", b"1", b"", kind=b"2"), "no file"),
        (pax({b"GNU.sparse.major": b"2", b"GNU.sparse.minor": b"0"}) + header(), "unknown form"),
        (pax({b"GNU.sparse.size": b"10"}) + header(), "unknown form"),
        (pax({b"GNU.sparse.numbytes": b"10"}) + header(), "malformed pax"),
        (pax({b"GNU.sparse.offset": b"1,2"}) + header(), "malformed pax"),
        (pax({b"SCHILY.realsize": b"10"}) + header(), "star's own form"),
        (sparse_10(b"10", b"300\n" + b"0\n" * 254), "incomplete"),
        (sparse_10(b"10", b"one\n0\n0\n"), "not a number"),
        (sparse_10(b"10", b"1" * 600), "not a number"),
        (sparse_10(b"10", b"1\n0\n5\n", b"1234"), "does not fit"),
        (sparse_10(b"10", b"600000\n" + b"0\n" * 600_000), "too long"),
        (gnu(octal(10), [octal(0) + octal(5)], b"12345", magic=b"ustar\x0000"), "unknown form"),
        (gnu(octal(10), [octal(0) + octal(5)], b"1234"), "does not fit"),
        (gnu(octal(4), [octal(0) + octal(5)], b"12345"), "leads out"),
        (gnu(octal(9), [octal(4) + b"\xff" * 12], b""), "leads out"),
        (gnu(b"\xff" * 12, []), "impossible size"),
        (gnu(octal(10), [b"zzzzzzzzzzz\0" + octal(5)], b"12345"), "not a number"),
        (gnu(octal(10), [octal(0) + octal(0)], more=b"\1")[:BLOCK], "truncated"),
        (
            gnu(octal(10), [octal(0) + octal(0)], more=b"\1") + (bytes(504) + b"\1" + bytes(7)) * 3000,
            "too long",
        ),
    ],
)
def test_maps_that_lie_are_refused(tmp_path: Path, archive: bytes, why: str) -> None:
    with pytest.raises(CorruptLayer, match=why):
        unpack_here(tmp_path, archive if why == "truncated" else archive + END)


def test_truncation_anywhere_is_noticed(tmp_path: Path) -> None:
    whole = sparse_10(b"70000", b"2\n100\n300\n60000\n900\n", os.urandom(1200))
    for length in range(BLOCK, len(whole) - len(padded(b"x" * 1200)) % BLOCK, 111):
        if length < len(whole) - BLOCK:
            place = tmp_path / str(length)
            place.mkdir()
            with pytest.raises(CorruptLayer, match=r"truncated|incomplete"):
                unpack_here(place, whole[:length])


class TestAFileThatIsLargerThanItsLayerIsNoBomb:
    """Its holes cost time to hash, and whoever copies it later: they count, and before that time is spent."""

    def test_holes_are_a_part_of_the_limit(self, tmp_path: Path) -> None:
        archive = sparse_01(b"%d" % (1 << 62), b"", b"0", b"") + END
        with pytest.raises(UnsafeLayer, match="holes"):
            unpack_here(tmp_path, archive)
        assert not (tmp_path / "tree/real").exists()

    def test_many_files_count_together(self, tmp_path: Path) -> None:
        archive = sparse_01(b"%d" % (1 << 18), b"", b"0", b"") * 5 + END
        with pytest.raises(UnsafeLayer, match="holes"):
            unpack_here(tmp_path, archive, Limits(unpacked_bytes=1 << 22))

    def test_together_with_what_is_stored(self, tmp_path: Path) -> None:
        archive = file(b"full", bytes(900_000)) + sparse_01(b"250000", b"", b"0", b"") + END
        with pytest.raises(UnsafeLayer, match="unpacks to more"):
            unpack_here(tmp_path, archive, Limits(unpacked_bytes=1_000_448))
