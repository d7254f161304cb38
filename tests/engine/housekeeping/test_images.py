"""Reading listed images back: what a pull told, told again from the store alone; and measuring the store."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from samples.images import image, index
from samples.registry import SampleRegistry
from tests.engine.pull.helpers import APP, BASE, IMAGE, damage, pull_it, random_layer
from worker.engine.cancel import CancelToken
from worker.engine.errors import Cancelled, StoreDamaged
from worker.engine.housekeeping import Usage, stored_images, survey
from worker.engine.store import Store

pytestmark = pytest.mark.root

OTHER = image([random_layer("other", 10_000)])


def test_each_image_is_told_as_by_a_pull_that_found_it_there(store: Store, registry: SampleRegistry) -> None:
    """With its name, in Docker's form too, and with the index that led to it."""
    docker = image([part.recompressed("gzip", "docker") for part in (BASE, APP)], flavour="docker")
    names = [
        registry.push("plain", "1", IMAGE),
        registry.push("docker", "1", docker),
        registry.push("index", "1", index([OTHER], attestations=True)),
    ]
    for name in names:
        pull_it(store, name)
    told = {name: pull_it(store, name) for name in names}
    found = {stored.name: stored for stored in stored_images(store)}
    assert {name: stored.image for name, stored in found.items()} == told
    assert found[names[1]].digest == docker.digest
    assert all(stored.error is None for stored in found.values())


def test_images_without_a_name_or_without_all_blobs_are_told_too(
    store: Store, registry: SampleRegistry
) -> None:
    name = registry.push("a", "1", IMAGE)
    pull_it(store, name)
    pull_it(store, registry.push("a", "1", OTHER))
    twin = image([part.recompressed("zstd") for part in (BASE, APP)])
    twin_name = registry.push("twin", "1", twin)
    pull_it(store, twin_name)
    found = {stored.digest: stored for stored in stored_images(store)}
    assert {digest: stored.name for digest, stored in found.items()} == {
        OTHER.digest: name, IMAGE.digest: "", twin.digest: twin_name
    }  # fmt: skip
    assert found[IMAGE.digest].origin == name
    shallow = found[twin.digest].image
    assert shallow is not None
    assert [part.blob_present for part in shallow.layers] == [False, False]


def test_a_damaged_image_is_told_with_its_error(store: Store, registry: SampleRegistry) -> None:
    for repository, sample in (("a", IMAGE), ("b", OTHER)):
        pull_it(store, registry.push(repository, "1", sample))
    damage(store.blobs.path(IMAGE.config_digest))
    found = {stored.digest: stored for stored in stored_images(store)}
    assert isinstance(found[IMAGE.digest].error, StoreDamaged)
    assert found[IMAGE.digest].image is None
    assert found[OTHER.digest].image is not None


def test_the_index_is_told_as_long_as_it_is_here(store: Store, registry: SampleRegistry) -> None:
    both = index([IMAGE])
    pull_it(store, registry.push("a", "1", both))
    (stored,) = stored_images(store)
    assert stored.image is not None
    assert stored.image.index == both.digest
    store.blobs.remove(both.digest)
    (without,) = stored_images(store)
    assert without.image == replace(
        stored.image, index=None, index_media_type="", offered=without.image.offered if without.image else ()
    )


def test_the_survey_counts_each_kind_and_no_byte_twice(store: Store, registry: SampleRegistry) -> None:
    pull_it(store, registry.push("a", "1", IMAGE))
    before = survey(store)
    kinds = before.kinds
    assert [kinds[kind].count for kind in ("blobs", "trees", "indexes", "containers")] == [4, 2, 2, 0]
    assert kinds["blobs"].bytes >= sum(
        path.stat().st_size for path in (store.root / "blobs/sha256").iterdir()
    )
    assert kinds["trees"].bytes >= 10_006 + 27_000
    assert before.bytes == sum(usage.bytes for usage in kinds.values())
    tree = store.layers.tree(BASE.diff_id)
    os.link(tree / "etc/os", tree / "etc/same")
    container = store.containers / "one" / "upper"
    container.mkdir(parents=True)
    (container / "file").write_bytes(bytes(100_000))
    partial = store.ingest / f"blob-{'0' * 64}"
    partial.write_bytes(bytes(50_000))
    after = survey(store).kinds
    assert after["trees"] == kinds["trees"]
    assert after["containers"].count == 1
    assert 100_000 <= after["containers"].bytes < 150_000
    assert after["partials"].count == 1
    assert 50_000 <= after["partials"].bytes < 60_000
    assert survey(Store(store.root / "none")).kinds["blobs"] == Usage()
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        survey(store, cancel=cancel)
