"""Blobs: complete and verified, or not there; resumed from what is on disk."""

from __future__ import annotations

import pytest

from worker.engine.errors import DigestMismatch, SizeMismatch, StoreDamaged
from worker.engine.oci import Digest
from worker.engine.store import Store

CONTENT = b"what a registry sends" * 1000
DIGEST = Digest.of(CONTENT)


def ingested(store: Store) -> list[str]:
    return [path.name for path in (store.root / "ingest").iterdir() if path.is_file()]


def test_a_committed_blob_stands_under_its_digest_and_is_read_only(store: Store) -> None:
    with store.blobs.ingest(DIGEST, len(CONTENT)) as writer:
        writer.write(CONTENT)
        assert not store.blobs.has(DIGEST)
        writer.commit()
    path = store.root / "blobs" / "sha256" / DIGEST.hex
    assert path.read_bytes() == CONTENT
    assert path.stat().st_mode & 0o777 == 0o444
    assert store.blobs.has(DIGEST)
    assert path.stat().st_size == len(CONTENT)
    assert ingested(store) == []


def test_an_unfinished_blob_is_resumed_and_its_hash_rebuilt(store: Store) -> None:
    """The bytes that one writer left are hashed and passed on by the next, which then needs only the rest."""
    with store.blobs.ingest(DIGEST, len(CONTENT)) as writer:
        writer.write(CONTENT[:5000])
    assert store.blobs.partial_size(DIGEST) == 5000
    with store.blobs.ingest(DIGEST, len(CONTENT)) as writer:
        assert writer.offset == 0
        assert b"".join(bytes(piece) for piece in writer.replay()) == CONTENT[:5000]
        assert (writer.offset, writer.replayed) == (5000, 5000)
        writer.write(CONTENT[5000:])
        writer.commit()
    assert store.blobs.read(DIGEST, 1 << 20) == CONTENT


def test_a_partial_file_longer_than_the_blob_is_not_believed(store: Store) -> None:
    with store.blobs.ingest(DIGEST, len(CONTENT) + 10) as writer:
        writer.write(CONTENT + b"x" * 10)
    with store.blobs.ingest(DIGEST, len(CONTENT)) as writer:
        assert list(writer.replay()) == []
        writer.write(CONTENT)
        writer.commit()
    assert store.blobs.read(DIGEST, 1 << 20) == CONTENT


def test_a_blob_with_another_digest_is_not_committed(store: Store) -> None:
    with store.blobs.ingest(DIGEST, len(CONTENT)) as writer:
        writer.write(b"?" + CONTENT[1:])
        with pytest.raises(DigestMismatch, match=DIGEST.hex):
            writer.commit()
        writer.discard()
    assert not store.blobs.has(DIGEST)
    assert ingested(store) == []


def test_a_truncated_blob_is_not_committed(store: Store) -> None:
    with store.blobs.ingest(DIGEST, len(CONTENT)) as writer:
        writer.write(CONTENT[:-1])
        with pytest.raises(SizeMismatch):
            writer.commit()
    assert not store.blobs.has(DIGEST)


def test_more_bytes_than_announced_are_refused_at_once(store: Store) -> None:
    with store.blobs.ingest(DIGEST, len(CONTENT)) as writer:
        writer.write(CONTENT)
        with pytest.raises(SizeMismatch):
            writer.write(b"!")


def test_putting_the_same_content_twice_is_no_error(store: Store) -> None:
    assert store.blobs.put(b"{}") == store.blobs.put(b"{}") == Digest.of(b"{}")
    assert store.blobs.read(Digest.of(b"{}"), 2) == b"{}"


def test_a_damaged_blob_is_not_read(store: Store) -> None:
    """A manifest that changed on disk is noticed when it is used."""
    digest = store.blobs.put(b'{"a": 1}')
    path = store.blobs.path(digest)
    path.chmod(0o644)
    path.write_bytes(b'{"a": 2}')
    with pytest.raises(StoreDamaged):
        store.blobs.read(digest, 100)


def test_a_blob_larger_than_the_limit_is_not_read(store: Store) -> None:
    digest = store.blobs.put(b"12345")
    with pytest.raises(StoreDamaged):
        store.blobs.read(digest, 4)


def test_a_blob_that_is_not_here_is_named(store: Store) -> None:
    with pytest.raises(StoreDamaged, match=DIGEST.hex):
        store.blobs.open(DIGEST)


def test_an_empty_blob_can_be_stored(store: Store) -> None:
    empty = Digest.of(b"")
    with store.blobs.ingest(empty, 0) as writer:
        writer.commit()
    assert store.blobs.path(empty).stat().st_size == 0


def test_removing_a_blob_twice_is_no_error(store: Store) -> None:
    digest = store.blobs.put(b"gone soon")
    store.blobs.remove(digest)
    store.blobs.remove(digest)
    assert not store.blobs.has(digest)
    assert list((store.root / "blobs" / "sha256").iterdir()) == []
