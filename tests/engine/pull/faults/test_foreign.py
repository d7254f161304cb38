"""Foreign layers, which the registry need not have: from their vendor, without secrets, verified."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from samples.images import SampleImage
from samples.registry import Auth, SampleRegistry
from tests.engine.pull.faults.helpers import (
    BIG,
    IMAGE,
    another,
    assert_whole,
    fails,
    fails_keeping,
    foreign,
    pull_from,
    ranges,
    secrets_of,
)
from worker.engine.errors import BlobNotFound, DigestMismatch, SizeMismatch, StrataError
from worker.engine.oci import MediaType
from worker.engine.registry import Credentials
from worker.engine.store import Store

ALICE = Credentials("alice", "secret")


class TestForeignLayers:
    """Layers that the registry need not have, as Windows' base layers were."""

    @pytest.fixture
    def vendor(self) -> Iterator[SampleRegistry]:
        with another(IMAGE) as running:
            yield running

    def push(self, registry: SampleRegistry, sample: SampleImage, *, also_the_blob: bool = False) -> str:
        name = registry.push("demo", "1", sample)
        if not also_the_blob:
            del registry.blobs[BIG.digest]
        return name

    def at(self, vendor: SampleRegistry) -> str:
        return f"{vendor.url}/v2/windows/blobs/{BIG.digest}"

    @pytest.mark.parametrize(
        "media_type", [MediaType.DOCKER_FOREIGN_LAYER_GZIP, MediaType.OCI_FOREIGN_LAYER_GZIP]
    )
    def test_are_fetched_from_their_vendor_without_credentials(
        self, store: Store, registry: SampleRegistry, vendor: SampleRegistry, media_type: str
    ) -> None:
        registry.auth = Auth("basic", "alice", "secret")
        vendor.faults.cut, vendor.faults.cut_times = 1_000_000, 1
        sample = foreign("ftp://nowhere/x", f"{vendor.url}/gone", self.at(vendor), media_type=media_type)
        name = self.push(registry, sample)
        pull_from(store, name, credentials=ALICE)
        assert ranges(vendor) == ["", "bytes=1000000-"]
        assert secrets_of(vendor) == []
        assert_whole(store, name, sample)

    def test_that_the_registry_has_come_from_there(
        self, store: Store, registry: SampleRegistry, vendor: SampleRegistry
    ) -> None:
        sample = foreign(self.at(vendor))
        name = self.push(registry, sample, also_the_blob=True)
        pull_from(store, name)
        assert vendor.requests == []
        assert_whole(store, name, sample)

    @pytest.mark.parametrize(
        ("fault", "value", "kind"),
        [("corrupt", True, DigestMismatch), ("truncate", 5, SizeMismatch), ("longer", 5, SizeMismatch)],
    )
    def test_are_verified(
        self,
        store: Store,
        registry: SampleRegistry,
        vendor: SampleRegistry,
        fault: str,
        value: Any,
        kind: type[StrataError],
    ) -> None:
        setattr(vendor.faults, fault, value)
        fails(store, self.push(registry, foreign(self.at(vendor))), kind)

    def test_of_a_vendor_who_does_not_answer_now_are_asked_for_again(
        self, store: Store, registry: SampleRegistry, vendor: SampleRegistry
    ) -> None:
        vendor.faults.fail(503, times=2)
        name = self.push(registry, foreign(self.at(vendor)))
        pull_from(store, name)
        assert len(ranges(vendor)) == 3

    @pytest.mark.parametrize("urls", [(), ("ftp://x/y",), ("nonsense", "")])
    def test_without_a_usable_address_are_explained(
        self, store: Store, registry: SampleRegistry, urls: tuple[str, ...]
    ) -> None:
        error = fails_keeping(store, self.push(registry, foreign(*urls)), BlobNotFound)
        assert "foreign layer" in error.message
        assert not error.temporary

    def test_that_nobody_gives_are_explained(
        self, store: Store, registry: SampleRegistry, vendor: SampleRegistry
    ) -> None:
        vendor.faults.fail(403, times=9)
        error = fails_keeping(store, self.push(registry, foreign(self.at(vendor))), BlobNotFound)
        assert vendor.host in error.message

    def test_ordinary_layers_are_not_fetched_from_elsewhere(
        self, store: Store, registry: SampleRegistry, vendor: SampleRegistry
    ) -> None:
        name = self.push(registry, foreign(self.at(vendor), media_type=MediaType.OCI_LAYER_GZIP))
        fails_keeping(store, name, BlobNotFound)
        assert vendor.requests == []

    def test_a_registry_with_tls_has_them_fetched_with_tls_alone(
        self, store: Store, vendor: SampleRegistry
    ) -> None:
        with another(IMAGE, tls=True) as registry:
            name = self.push(registry, foreign(self.at(vendor)))
            error = fails_keeping(store, name, BlobNotFound, insecure=False, ca_file=registry.ca_file)
        assert "https" in error.hint
        assert vendor.requests == []
