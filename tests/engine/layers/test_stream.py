"""Decompression: every form, measured, hashed, bounded."""

from __future__ import annotations

import hashlib

import pytest
import zstandard
from isal import igzip

from tests.engine.layers.archives import Pipe
from worker.engine.errors import CorruptLayer, UnsafeLayer
from worker.engine.layers import Limits
from worker.engine.layers.stream import CHUNK, Inflated

DATA = bytes(range(256)) * 10000 + b"end"


def gzip(data: bytes) -> bytes:
    packed: bytes = igzip.compress(data, 2)
    return packed


def inflate(blob: bytes, limits: Limits | None = None, piece: int = 1 << 16) -> tuple[bytes, Inflated]:
    stream = Inflated(Pipe(blob, piece), limits or Limits())
    return b"".join(bytes(chunk) for chunk in stream), stream


@pytest.mark.parametrize(
    "blob",
    [
        DATA,
        gzip(DATA),
        zstandard.compress(DATA),
        gzip(DATA[:1000]) + gzip(DATA[1000:]),
        gzip(DATA) + gzip(b""),
        zstandard.compress(DATA[:1000]) + zstandard.compress(DATA[1000:]),
        b"\x50\x2a\x4d\x18\x04\0\0\0skip" + zstandard.compress(DATA),
        zstandard.compress(DATA) + b"\x5e\x2a\x4d\x18\x04\0\0\0skip",
    ],
    ids=["plain", "gzip", "zstd", "members", "empty member", "frames", "skippable first", "skippable last"],
)
@pytest.mark.parametrize("piece", [1 << 16, 7])
def test_every_form_gives_the_same_bytes(blob: bytes, piece: int) -> None:
    data, stream = inflate(blob, piece=piece)
    assert data == DATA
    assert stream.digest == hashlib.sha256(DATA).hexdigest()
    assert (stream.unpacked, stream.compressed) == (len(DATA), len(blob))


def test_all_chunks_but_the_last_have_the_same_length() -> None:
    """A header of a tar never straddles two chunks, since they are whole blocks."""
    lengths = [len(chunk) for chunk in Inflated(Pipe(gzip(DATA), 1000), Limits())]
    assert lengths[:-1] == [CHUNK] * (len(DATA) // CHUNK)


def test_an_empty_stream_is_empty() -> None:
    assert inflate(b"")[0] == b""


@pytest.mark.parametrize("cut", [1, 5, 8, 1000])
def test_truncated_gzip_is_noticed(cut: int) -> None:
    with pytest.raises(CorruptLayer, match="truncated"):
        inflate(gzip(DATA)[:-cut])


def test_damaged_gzip_is_noticed_by_its_checksum() -> None:
    blob = bytearray(gzip(DATA))
    blob[-6] ^= 1
    with pytest.raises(CorruptLayer, match="damaged"):
        inflate(bytes(blob))


def test_rubbish_after_gzip_is_noticed() -> None:
    with pytest.raises(CorruptLayer):
        inflate(gzip(DATA) + b"rubbish")


def test_damaged_zstd_is_noticed() -> None:
    blob = bytearray(zstandard.compress(DATA))
    blob[12:52] = b"\xff" * 40
    with pytest.raises(CorruptLayer, match="damaged"):
        inflate(bytes(blob))


def test_a_bomb_is_stopped_by_its_size() -> None:
    stream = Inflated(Pipe(gzip(bytes(50 << 20))), Limits(unpacked_bytes=5 << 20))
    with pytest.raises(UnsafeLayer, match="unpacks to more than"):
        for _ in stream:
            pass
    assert stream.unpacked <= 7 << 20


def test_a_bomb_is_stopped_by_its_ratio() -> None:
    with pytest.raises(UnsafeLayer, match="times its size"):
        inflate(gzip(bytes(50 << 20)), Limits(ratio=100, ratio_from=1 << 20))


def test_small_layers_of_zeros_are_harmless() -> None:
    assert len(inflate(gzip(bytes(1 << 20)), Limits(ratio=100, ratio_from=1 << 20))[0]) == 1 << 20


def test_leaving_early_ends_the_thread() -> None:
    """Whoever stops reading does not leave a thread that inflates for nobody."""
    stream = Inflated(Pipe(gzip(bytes(100 << 20))), Limits())
    chunks = iter(stream)
    next(chunks)
    chunks.close()  # type: ignore[attr-defined]
    before = stream.unpacked
    assert before < 20 << 20
