"""Blobs: streamed, resumed, cut, and lied about."""

from __future__ import annotations

import dataclasses
import hashlib

import pytest

from samples.images import Content, SampleImage
from samples.registry import SampleRegistry
from tests.engine.registry.conftest import BIG, BLOB, QUICK
from worker.engine.errors import (
    BlobNotFound,
    ConnectionLost,
    DigestMismatch,
    InvalidManifest,
    RegistryMisbehaved,
    RegistryTimeout,
    RegistryUnavailable,
    SizeMismatch,
)
from worker.engine.oci import Descriptor, Digest, MediaType
from worker.engine.registry import Endpoint, RegistryClient


def test_streams_in_pieces(client: RegistryClient) -> None:
    with client.open_blob("team/app", BLOB) as stream:
        pieces = list(stream)
        assert stream.read() == b""
        assert stream.offset == stream.size == BIG.size
    assert len(pieces) > 2
    assert max(map(len, pieces)) <= 1 << 20
    assert hashlib.sha256(b"".join(pieces)).hexdigest() == BIG.digest.hex


def test_a_connection_serves_many_blobs(client: RegistryClient, registry: SampleRegistry) -> None:
    """Connections are kept, so that an image of many layers does not shake hands for each."""
    for _ in range(5):
        with client.open_blob("team/app", BLOB) as stream:
            assert sum(map(len, stream)) == BIG.size
    assert registry.connections == 2  # one for TLS, which was refused


@pytest.mark.parametrize("offset", [1, BIG.size - 1])
def test_resumes_where_it_stopped(client: RegistryClient, registry: SampleRegistry, offset: int) -> None:
    with client.open_blob("team/app", BLOB, offset) as stream:
        assert stream.offset == offset
        assert b"".join(stream) == BIG.blob[offset:]
    assert registry.requests[-1].headers["range"] == f"bytes={offset}-"


def test_says_when_the_registry_starts_over(client: RegistryClient, registry: SampleRegistry) -> None:
    registry.faults.ignore_range = True
    with client.open_blob("team/app", BLOB, 1000) as stream:
        assert stream.offset == 0
        assert b"".join(stream) == BIG.blob


def test_starts_over_after_416(client: RegistryClient, registry: SampleRegistry) -> None:
    registry.faults.where = "blobs"
    registry.faults.fail(416)
    with client.open_blob("team/app", BLOB, 1000) as stream:
        assert stream.offset == 0


@pytest.mark.parametrize("offset", [-1, BIG.size + 1])
def test_an_offset_outside_is_a_mistake_of_the_caller(client: RegistryClient, offset: int) -> None:
    with pytest.raises(ValueError, match="outside"):
        client.open_blob("team/app", BLOB, offset)


def test_a_cut_connection_can_be_resumed(client: RegistryClient, registry: SampleRegistry) -> None:
    registry.faults.cut, registry.faults.cut_times = 1_000_000, 1
    got: list[bytes] = []
    stream = client.open_blob("team/app", BLOB)
    with pytest.raises(ConnectionLost), stream:
        got.extend(stream)
    assert stream.offset == sum(map(len, got)) == 1_000_000
    with client.open_blob("team/app", BLOB, stream.offset) as rest:
        assert b"".join([*got, *rest]) == BIG.blob


def test_a_cut_connection_without_a_length_is_noticed(
    client: RegistryClient, registry: SampleRegistry
) -> None:
    registry.faults.no_length, registry.faults.cut = True, 1_000_000
    with pytest.raises(ConnectionLost), client.open_blob("team/app", BLOB) as stream:
        list(stream)


def test_chunks_without_a_length_are_fine(client: RegistryClient, registry: SampleRegistry) -> None:
    registry.faults.no_length = True
    with client.open_blob("team/app", BLOB) as stream:
        assert b"".join(stream) == BIG.blob


def test_a_truncated_blob_is_noticed_before_it_is_read(
    client: RegistryClient, registry: SampleRegistry
) -> None:
    registry.faults.truncate = 10
    with pytest.raises(SizeMismatch, match=str(BIG.size - 10)):
        client.open_blob("team/app", BLOB)
    with pytest.raises(SizeMismatch):
        client.open_blob("team/app", BLOB, 100)


def test_too_many_bytes_are_noticed(client: RegistryClient, registry: SampleRegistry) -> None:
    shorter = dataclasses.replace(BLOB, size=BIG.size - 5)
    with pytest.raises(SizeMismatch):
        client.open_blob("team/app", shorter)
    registry.faults.no_length = True
    with pytest.raises(SizeMismatch), client.open_blob("team/app", shorter) as stream:
        list(stream)


def test_stalling_ends(registry: SampleRegistry) -> None:
    registry.faults.stall = 1_000_000
    endpoint = Endpoint(registry.host, insecure=True, stall_timeout=0.3)
    with RegistryClient(endpoint, retries=QUICK) as client:
        stream = client.open_blob("team/app", BLOB)
        with pytest.raises(RegistryTimeout), stream:
            list(stream)
        assert stream.offset == 1_000_000


def test_a_missing_blob_is_named(client: RegistryClient) -> None:
    missing = Digest.of(b"missing")
    with pytest.raises(BlobNotFound, match=f"{missing} in the repository team/app"):
        client.open_blob("team/app", Descriptor(MediaType.OCI_LAYER, missing, 7))


def test_a_missing_foreign_layer_is_explained(client: RegistryClient) -> None:
    foreign = Descriptor(MediaType.DOCKER_FOREIGN_LAYER_GZIP, Digest.of(b"windows"), 7)
    with pytest.raises(BlobNotFound, match="foreign layer") as caught:
        client.open_blob("team/app", foreign)
    assert "names no address" in caught.value.hint


@pytest.mark.parametrize(
    "wrong",
    ["bytes 0-9/10", "", "bytes x-y/z", "items 100-200/300", "bytes 99-2999/*", f"bytes {'9' * 5000}-1/*"],
)
def test_another_part_than_asked_is_not_taken_for_it(
    client: RegistryClient, registry: SampleRegistry, wrong: str
) -> None:
    """Who is no good at parts is asked for the whole."""
    registry.faults.where = "blobs"
    registry.faults.fail(206, headers={"Content-Range": wrong.replace("/10", f"/{BIG.size}")})
    with client.open_blob("team/app", BLOB, 100) as stream:
        assert stream.offset == 0
        assert b"".join(stream) == BIG.blob


@pytest.mark.parametrize("status", [206, 416])
def test_a_part_of_something_else_is_refused(
    client: RegistryClient, registry: SampleRegistry, status: int
) -> None:
    registry.faults.where = "blobs"
    registry.faults.fail(status, headers={"Content-Range": "bytes 100-200/201"})
    with pytest.raises(SizeMismatch, match="201"):
        client.open_blob("team/app", BLOB, 100)


def test_less_than_asked_for_ends_where_it_ends(client: RegistryClient, registry: SampleRegistry) -> None:
    registry.faults.part_of_range = 1_000_000
    with client.open_blob("team/app", BLOB, 500_000) as stream:
        assert stream.end == 1_500_000
        assert b"".join(stream) == BIG.blob[500_000:1_500_000]


def test_small_blobs_are_verified(
    client: RegistryClient, registry: SampleRegistry, sample: SampleImage
) -> None:
    config = Descriptor(MediaType.OCI_CONFIG, sample.config_digest, len(sample.config_raw))
    assert client.blob_bytes("team/app", config, 1 << 20) == sample.config_raw
    registry.faults.corrupt = True
    with pytest.raises(DigestMismatch, match="team/app"):
        client.blob_bytes("team/app", config, 1 << 20)


def test_small_blobs_survive_a_cut_connection(
    client: RegistryClient, registry: SampleRegistry, sample: SampleImage
) -> None:
    config = Descriptor(MediaType.OCI_CONFIG, sample.config_digest, len(sample.config_raw))
    registry.faults.cut, registry.faults.cut_times = 10, 2
    assert client.blob_bytes("team/app", config, 1 << 20) == sample.config_raw


def test_a_large_config_is_not_fetched(client: RegistryClient, registry: SampleRegistry) -> None:
    with pytest.raises(InvalidManifest, match="at most 1000"):
        client.blob_bytes("team/app", BLOB, 1000)
    assert registry.requests == []


def test_an_empty_blob(client: RegistryClient, registry: SampleRegistry) -> None:
    registry.push("team/app", "empty", Content(b"{}", MediaType.OCI_MANIFEST, blobs=(b"",)))
    with client.open_blob("team/app", Descriptor(MediaType.OCI_LAYER, Digest.of(b""), 0)) as stream:
        assert stream.read() == b""


def test_a_web_page_in_place_of_a_blob_is_named(client: RegistryClient, registry: SampleRegistry) -> None:
    registry.faults.page = True
    with pytest.raises(RegistryMisbehaved, match="web page"):
        client.open_blob("team/app", BLOB)


def test_a_broken_link_to_the_storage_is_temporary(client: RegistryClient, registry: SampleRegistry) -> None:
    """Its signature may have expired; asking again gets a new link."""
    with SampleRegistry() as storage:
        registry.faults.redirect = storage.url
        storage.faults.fail(403, times=9)
        with pytest.raises(RegistryUnavailable, match=storage.host):
            client.open_blob("team/app", BLOB)
