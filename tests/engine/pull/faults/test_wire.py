"""The ways in which HTTP carries a blob, and the wrong lengths and bytes that come on them."""

from __future__ import annotations

from typing import Any

import pytest

from samples.registry import SampleRegistry
from tests.engine.pull.faults.helpers import (
    BIG,
    IMAGE,
    another,
    assert_whole,
    fails,
    pull_from,
    ranges,
    served,
)
from worker.engine.errors import ConnectionLost, DigestMismatch, SizeMismatch
from worker.engine.store import Store


@pytest.mark.parametrize("fault", ["no_length", "until_close", "one_answer"])
@pytest.mark.parametrize("cuts", [0, 2])
def test_every_way_to_frame_an_answer(
    store: Store, registry: SampleRegistry, name: str, fault: str, cuts: int
) -> None:
    """In chunks, up to the end of the connection, one answer per connection; whole, or cut twice."""
    setattr(registry.faults, fault, True)
    registry.faults.cut, registry.faults.cut_times = 1_000_000, cuts
    pull_from(store, name)
    assert len(ranges(registry)) == cuts + 1
    assert served(registry) == BIG.size
    assert_whole(store, name, IMAGE)


def test_a_registry_with_an_ipv6_address(store: Store) -> None:
    with another(IMAGE, address="::1") as registry:
        assert registry.host.startswith("[::1]:")
        registry.faults.where, registry.faults.cut, registry.faults.cut_times = str(BIG.digest), 1_000_000, 1
        pull_from(store, f"{registry.host}/demo:1")
        assert served(registry) == BIG.size
        assert_whole(store, f"{registry.host}/demo:1", IMAGE)


def test_connections_are_kept_for_all_layers(store: Store, registry: SampleRegistry) -> None:
    """One for TLS, which was refused, and one per layer at a time."""
    name = registry.push("demo", "1", IMAGE)
    pull_from(store, name, at_once=1)
    assert registry.connections == 2


class TestWrongLengths:
    @pytest.mark.parametrize("by", [1, -1, 1000, -1000, -BIG.size])
    def test_announced(self, store: Store, registry: SampleRegistry, name: str, by: int) -> None:
        """It is refused before a byte of it is read."""
        registry.faults.announce = by
        error = fails(store, name, SizeMismatch)
        assert str(BIG.size + by) in error.message
        assert not error.temporary
        assert len(ranges(registry)) == 1

    @pytest.mark.parametrize("fault", ["", "no_length", "until_close"])
    def test_longer(self, store: Store, registry: SampleRegistry, name: str, fault: str) -> None:
        registry.faults.longer = 1000
        if fault:
            setattr(registry.faults, fault, True)
        error = fails(store, name, SizeMismatch)
        assert not error.temporary
        assert len(ranges(registry)) == 1

    def test_shorter(self, store: Store, registry: SampleRegistry, name: str) -> None:
        registry.faults.truncate = 1000
        assert not fails(store, name, SizeMismatch).temporary

    @pytest.mark.parametrize("fault", ["no_length", "until_close"])
    def test_shorter_without_a_length(
        self, store: Store, registry: SampleRegistry, name: str, fault: str
    ) -> None:
        """At first it looks as if the connection broke; the registry, asked for the rest, has none."""
        registry.faults.truncate = 1000
        setattr(registry.faults, fault, True)
        assert not fails(store, name, SizeMismatch).temporary
        assert ranges(registry) == ["", f"bytes={BIG.size - 1000}-"]

    def test_shorter_without_length_and_ranges(
        self, store: Store, registry: SampleRegistry, name: str
    ) -> None:
        """Nothing tells it from a connection that breaks, but that it breaks each time."""
        registry.faults.truncate, registry.faults.no_length, registry.faults.ignore_range = 1000, True, True
        with pytest.raises(ConnectionLost) as raised:
            pull_from(store, name)
        assert raised.value.temporary
        assert len(ranges(registry)) <= 6
        assert store.images.all() == ()
        assert not store.blobs.has(BIG.digest)

    def test_nothing_at_all(self, store: Store, registry: SampleRegistry, name: str) -> None:
        """And no empty file is kept of it."""
        registry.faults.cut = 0
        with pytest.raises(ConnectionLost):
            pull_from(store, name)
        assert not store.blobs.partial(BIG.digest).exists()


class TestWrongBytes:
    @pytest.mark.parametrize("fault", ["", "no_length", "until_close"])
    def test_of_the_right_length(self, store: Store, registry: SampleRegistry, name: str, fault: str) -> None:
        registry.faults.corrupt = True
        if fault:
            setattr(registry.faults, fault, True)
        error = fails(store, name, DigestMismatch)
        assert str(BIG.digest) in error.message
        assert not error.temporary
        assert len(ranges(registry)) == 1

    def test_after_a_cut(self, store: Store, registry: SampleRegistry, name: str) -> None:
        """The first half is right, the second is another file's: resumed bytes are hashed with the first."""
        registry.faults.cut, registry.faults.cut_times = BIG.size // 2 - 10, 1
        registry.faults.corrupt = True
        fails(store, name, DigestMismatch)

    def test_packed_by_http(self, store: Store, registry: SampleRegistry, name: str) -> None:
        registry.faults.encoded = True
        with pytest.raises((SizeMismatch, DigestMismatch)):
            pull_from(store, name)
        assert not store.blobs.has(BIG.digest)
        assert store.blobs.partial_size(BIG.digest) == 0

    def test_called_packed_as_some_storages_call_what_is_a_packed_layer(
        self, store: Store, registry: SampleRegistry, name: str
    ) -> None:
        """The header is about the blob itself: its bytes are taken as they are."""
        registry.faults.blob_headers = {"Content-Encoding": "gzip"}
        pull_from(store, name)
        assert_whole(store, name, IMAGE)


@pytest.mark.root
@pytest.mark.parametrize(
    ("fault", "value", "kind"),
    [("corrupt", True, DigestMismatch), ("truncate", 1000, SizeMismatch), ("longer", 1000, SizeMismatch)],
)
def test_while_a_layer_is_extracted_nothing_stays_either(
    store: Store, registry: SampleRegistry, name: str, fault: str, value: Any, kind: type[SizeMismatch]
) -> None:
    setattr(registry.faults, fault, value)
    fails(store, name, kind, fetch_only=False)
