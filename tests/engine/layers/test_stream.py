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


@pytest.mark.parametrize("level", [-5, 3])
def test_zstd_truncated_anywhere_is_noticed(level: int) -> None:
    """Also between two blocks, where the decompressor sees nothing amiss; and in frames of every form."""
    long = hashlib.sha256().digest() * 20_000  # several blocks
    sized = zstandard.ZstdCompressor(level, write_checksum=True).compress(long)
    writer = zstandard.ZstdCompressor(level, write_content_size=False).compressobj()
    streamed = writer.compress(bytes(range(256)) * 9) + writer.flush()
    skippable = b"\x50\x2a\x4d\x18\x05\0\0\0skip!"
    frames = [skippable, sized, streamed, zstandard.compress(b""), skippable]
    blob = b"".join(frames)
    whole = {sum(len(frame) for frame in frames[:count]) for count in range(len(frames) + 1)}
    assert inflate(blob)[0] == long + bytes(range(256)) * 9
    for length in range(4, len(blob), 1 if len(blob) < 2000 else 7):
        if length not in whole:
            with pytest.raises(CorruptLayer, match="truncated"):
                inflate(blob[:length])


def test_rubbish_after_zstd_is_noticed() -> None:
    for rubbish in (b"\0", b"rubbish", zstandard.compress(DATA)[:-1]):
        with pytest.raises(CorruptLayer):
            inflate(zstandard.compress(DATA) + rubbish)


def test_damaged_zstd_is_noticed() -> None:
    blob = bytearray(zstandard.compress(DATA))
    blob[12:52] = b"\xff" * 40
    with pytest.raises(CorruptLayer, match="damaged"):
        inflate(bytes(blob))


def test_a_gzip_header_without_an_end_is_refused() -> None:
    """The name in it may be as long as one likes; nobody waits for its end, and nobody keeps it all."""
    with pytest.raises(CorruptLayer, match="damaged"):
        inflate(b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * (4 << 20))


def test_whatever_goes_wrong_while_inflating_reaches_the_reader() -> None:
    """The thread that inflates never dies silently: whoever waits for its chunks would wait for ever."""

    class Broken(Pipe):
        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            if self.tell_of:
                raise ZeroDivisionError
            self.tell_of = True
            return super().readinto(buffer)

        tell_of = False

    with pytest.raises(ZeroDivisionError):
        list(Inflated(Broken(b"xxxx"), Limits()))


def test_a_bomb_is_stopped_by_its_size() -> None:
    stream = Inflated(Pipe(gzip(bytes(50 << 20))), Limits(unpacked_bytes=5 << 20))
    with pytest.raises(UnsafeLayer, match="unpacks to more than"):
        for _ in stream:
            pass
    assert stream.unpacked <= 7 << 20


def test_a_bomb_is_stopped_by_its_ratio() -> None:
    with pytest.raises(UnsafeLayer, match="times its size"):
        inflate(gzip(bytes(50 << 20)), Limits(ratio=100, ratio_from=1 << 20))


def test_members_without_content_are_passed_over() -> None:
    """A hundred thousand empty gzip members, or zstd frames: each costs its input bytes, and no memory."""
    assert inflate(gzip(b"x") + gzip(b"") * 100_000)[0] == b"x"
    assert inflate(zstandard.compress(b"x") + zstandard.compress(b"") * 100_000)[0] == b"x"


def test_a_bomb_of_many_small_members_is_stopped() -> None:
    with pytest.raises(UnsafeLayer, match="times its size"):
        inflate(gzip(bytes(100_000)) * 1000, Limits(ratio=100, ratio_from=1 << 20))


def test_a_bomb_of_runs_is_stopped() -> None:
    """Zstandard packs zeros by the ten thousand: four bytes for a block of 128 KiB."""
    with pytest.raises(UnsafeLayer, match="times its size"):
        inflate(zstandard.compress(bytes(200 << 20)), Limits(ratio_from=1 << 20))


def test_a_zstd_window_that_takes_too_much_memory_is_refused() -> None:
    """A frame may ask for a window of up to 2 TiB; of more than 128 MiB the decompressor makes none."""
    for exponent in range(18, 32):
        frame = b"\x28\xb5\x2f\xfd\0" + bytes([exponent << 3]) + b"\x0b\0\0x"
        with pytest.raises(CorruptLayer, match="memory"):
            inflate(frame)


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
