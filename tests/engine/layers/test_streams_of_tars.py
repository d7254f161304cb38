"""Archives and compression together: cut anywhere, packed in pieces, followed by something, far too large."""

from __future__ import annotations

import itertools
import os
import random
import resource
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from samples.images import Entry, directory, hardlink, layer, write_tar
from tests.engine.layers.archives import END, file, header, pax, unpack_here
from worker.engine.errors import CorruptLayer, StrataError, UnsafeLayer
from worker.engine.layers import Limits
from worker.engine.layers.extraction import Extraction

pytestmark = pytest.mark.root

CONTENT = random.Random(1).randbytes(3000)
TAR = (
    pax({b"path": b"long/" * 30 + b"name"})
    + file(b"short", CONTENT)
    + write_tar([directory("d"), Entry("d/f", b"content"), hardlink("h", "d/f")])
)


def gzip(data: bytes) -> bytes:
    return zlib.compress(
        data, 9, wbits=31
    )  # zeros a thousandfold: ISA-L packs them less than by three hundred


@pytest.mark.parametrize("pack", [gzip, zstandard.compress])
def test_a_compressed_layer_cut_anywhere_is_refused(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    """Also where the tar inside is whole already: what is missing might have been more."""
    blob = pack(TAR)
    for length in [*range(1, len(blob) - 10, 97), *range(len(blob) - 10, len(blob))]:
        place = tmp_path / str(length)
        place.mkdir()
        with pytest.raises(CorruptLayer):
            unpack_here(place, blob[:length])


def test_a_tar_in_members_that_end_anywhere(tmp_path: Path) -> None:
    """Inside of headers, names and contents; with empty members between, and in both forms."""
    for pack in (gzip, zstandard.compress):
        place = tmp_path / pack.__name__
        place.mkdir()
        cuts = [0, 1, 100, 511, 600, 2000, 2048, len(TAR)]
        members = [pack(TAR[at:to]) + pack(b"") for at, to in itertools.pairwise(cuts)]
        tree = unpack_here(place, b"".join(members))
        assert tree.entries[b"long/" * 30 + b"name"].size == 3000
        assert (tree.root / "h").read_bytes() == b"content"


@pytest.mark.parametrize("after", [bytes(20 * 512), b"rubbish" * 1000, write_tar([Entry("hidden", b"x")])])
def test_what_follows_the_end_mark_is_no_part_of_the_layer(tmp_path: Path, after: bytes) -> None:
    """As the other engines have it. It counts for the diff ID, and for the limits."""
    tree = unpack_here(tmp_path, gzip(TAR + after))
    assert b"hidden" not in tree.entries
    assert tree.done.unpacked_size == len(TAR) + len(after)


def test_what_follows_is_measured_too(tmp_path: Path) -> None:
    with pytest.raises(UnsafeLayer):
        unpack_here(tmp_path, gzip(TAR + bytes(30 << 20)), Limits(unpacked_bytes=20 << 20))


@pytest.mark.parametrize("tail", [b"\0", b"\0" * 100, b"\x1f", b"\x1f\x8b\x08", b"rubbish"])
@pytest.mark.parametrize("pack", [gzip, zstandard.compress])
def test_what_follows_the_compressed_stream_is_damage(
    tmp_path: Path, pack: Callable[[bytes], bytes], tail: bytes
) -> None:
    """But for zeros after gzip, with which tapes were filled up."""
    blob = pack(TAR) + tail
    if pack is gzip and not tail.strip(b"\0"):
        assert b"h" in unpack_here(tmp_path, blob).entries
        return
    with pytest.raises(CorruptLayer):
        unpack_here(tmp_path, blob)


def test_layers_are_not_unpacked_twice(tmp_path: Path) -> None:
    """A compressed stream inside of one is no tar."""
    with pytest.raises(CorruptLayer, match="not a valid tar"):
        unpack_here(tmp_path, gzip(gzip(bytes(TAR) * 2)))


BOMBS = {
    "gzip": lambda: gzip(bytes(64 << 20)) * 40,
    "zstd": lambda: zstandard.compress(bytes(512 << 20)) * 5,
    "many members": lambda: gzip(bytes(1 << 15)) * 90_000,
    "one file of zeros": lambda: (
        gzip(header(b"zeros", size=b"\x80" + (1 << 40).to_bytes(11, "big"))) + gzip(bytes(64 << 20)) * 40
    ),
    "after the end": lambda: gzip(END) + gzip(bytes(64 << 20)) * 40,
}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_is_refused_and_takes_no_memory(tmp_path: Path, kind: str) -> None:
    """By the usual limits: more than a gibibyte, three hundred times as much as came."""
    (tmp_path / "tree").mkdir()
    blob = BOMBS[kind]()
    assert len(blob) < 8 << 20
    with Extraction(tmp_path / "tree", tmp_path / "index") as extraction:
        extraction.feed(blob)
        with pytest.raises(UnsafeLayer, match="times its size"):
            extraction.finish(lambda: None)
    assert sum(path.stat().st_size for path in (tmp_path / "tree").iterdir()) <= 1 << 31


_MEASURED = """
import io, os, resource, sys
from tests.engine.layers.archives import Pipe
from worker.engine.errors import StrataError
from worker.engine.layers import Limits
from worker.engine.layers.stream import Inflated
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
blob = open(sys.argv[1], "rb").read()
try:
    for _ in Inflated(Pipe(blob), Limits(ratio=10**9)):
        pass
    print("read")
except StrataError as error:
    print(error.code)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before - len(blob) // 1024) // 1024)
"""


@pytest.mark.parametrize("kind", ["gzip", "zstd", "window", "wider window", "long header", "skippable"])
def test_inflating_takes_little_memory_whatever_comes(tmp_path: Path, kind: str) -> None:
    """At most the largest window that zstd may have, 128 MiB, and some chunks; measured in a new process."""
    window = zstandard.ZstdCompressor(compression_params=zstandard.ZstdCompressionParameters(window_log=27))
    wider = zstandard.ZstdCompressor(compression_params=zstandard.ZstdCompressionParameters(window_log=31))
    blob = {
        "gzip": lambda: gzip(bytes(400 << 20)),
        "zstd": lambda: zstandard.compress(bytes(400 << 20)),
        "window": lambda: _streamed(window),
        "wider window": lambda: _streamed(wider),
        "long header": lambda: b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * (50 << 20),
        "skippable": lambda: b"\x50\x2a\x4d\x18" + (100 << 20).to_bytes(4, "little") + bytes(100 << 20),
    }[kind]()
    (tmp_path / "blob").write_bytes(blob)
    ran = subprocess.run(
        [sys.executable, "-c", _MEASURED, tmp_path / "blob"], capture_output=True, text=True, check=True
    )
    outcome, mebibytes = ran.stdout.split()
    assert outcome == ("corrupt_layer" if kind in {"wider window", "long header"} else "read")
    assert int(mebibytes) < 200


def _streamed(compressor: zstandard.ZstdCompressor) -> bytes:
    """Without its size in front, a frame keeps the whole window."""
    stream = compressor.compressobj()
    return stream.compress(os.urandom(1 << 20) * 300) + stream.flush()


@pytest.mark.parametrize(
    ("blob", "limits"),
    [
        (write_tar([Entry("f", b"x" * 100_000), Entry("../evil", b"x")]), Limits()),
        (gzip(TAR)[:-9], Limits()),
        (TAR[:3000] + b"rubbish" * 300, Limits()),
        (layer({"a": b"x" * 5000, "b": b""}).blob, Limits(entries=1)),
        (layer({"a": b"x" * 5000, "b": b"x" * (3 << 20)}).blob, Limits(unpacked_bytes=1 << 20)),
    ],
)
def test_a_refusal_leaves_a_tree_that_can_be_dropped(tmp_path: Path, blob: bytes, limits: Limits) -> None:
    """And no process, no mount, no open file."""
    (tmp_path / "tree").mkdir()
    mounts = Path("/proc/self/mounts").read_text()
    with Extraction(tmp_path / "tree", tmp_path / "index", limits) as extraction:
        extraction.feed(blob)
        with pytest.raises(StrataError) as raised:
            extraction.finish(lambda: None)
    assert raised.value.code in {"corrupt_layer", "unsafe_layer"}
    assert Path("/proc/self/mounts").read_text() == mounts
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 4 << 20
