"""Housekeeping on a disk that is full, and on one that is read-only."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from samples.images import image, layer
from samples.registry import SampleRegistry
from tests.engine.pull.helpers import damage, left, pull_it, random_layer, unfinished
from tests.support.disks import small_disk
from worker.engine.errors import DiskFull, StoreNotWritable
from worker.engine.extract import extract
from worker.engine.housekeeping import collect, scrub, stored_images, survey
from worker.engine.registry import Endpoint
from worker.engine.store import Store

pytestmark = pytest.mark.root

PART = random_layer("part", 1 << 20)
IMAGE = image([layer({"small": b"x"}), PART])
SMALLER = image([random_layer("smaller", 900_000)])
OTHER = image([random_layer("other", 1 << 20)])


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB."""
    with small_disk(tmp_path / "disk", "size=8m") as disk:
        yield disk


@pytest.fixture
def store(disk: Path, registry: SampleRegistry) -> Store:
    """A store with one image, on that disk."""
    store = Store(disk / "store")
    pull_it(store, registry.push("a", "1", IMAGE))
    return store


@pytest.fixture
def read_only(store: Store, tmp_path: Path) -> Iterator[Store]:
    """The same store, seen through a mount that is read-only."""
    view = tmp_path / "view"
    view.mkdir()
    subprocess.run(["mount", "--bind", store.root, view], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", view], check=True)
    try:
        yield Store(view)
    finally:
        subprocess.run(["umount", "--lazy", view], check=True)


def fill(disk: Path) -> Path:
    """Use every byte that is left."""
    filler = disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    assert shutil.disk_usage(disk).free == 0
    return filler


def endpoint_of(host: str) -> Endpoint:
    return Endpoint(host, insecure=True)


class TestFull:
    def test_collecting_makes_room(self, disk: Path, store: Store, registry: SampleRegistry) -> None:
        """It needs none itself."""
        pull_it(store, registry.push("b", "1", OTHER))
        store.images.forget(OTHER.digest)
        fill(disk)
        assert len(collect(store).items) == 4
        assert extract(store, IMAGE.digest).unchanged
        assert pull_it(store, registry.push("c", "1", SMALLER)).layers_extracted == 1

    def test_a_repair_says_so_and_leaves_nothing(self, disk: Path, store: Store) -> None:
        """A tree that is damaged stays as it is; with room, it is mended."""
        (store.layers.tree(PART.diff_id) / "stranger").touch()
        filler = fill(disk)
        before = left(store)
        with pytest.raises(DiskFull):
            scrub(store, repair=True)
        assert left(store) == before
        filler.unlink()
        assert scrub(store, repair=True).sound

    def test_a_blob_that_cannot_be_fetched_again_is_left_as_it_is(self, disk: Path, store: Store) -> None:
        damage(store.blobs.path(PART.digest))
        filler = fill(disk)
        with pytest.raises(DiskFull):
            scrub(store, repair=True, endpoint_of=endpoint_of)
        assert unfinished(store) == []
        assert store.blobs.has(PART.digest)
        filler.unlink()
        assert scrub(store, repair=True, endpoint_of=endpoint_of).sound

    def test_an_extraction_says_so_and_leaves_nothing(self, disk: Path, store: Store) -> None:
        store.layers.remove(PART.diff_id)
        filler = fill(disk)
        before = left(store)
        with pytest.raises(DiskFull):
            extract(store, IMAGE.digest)
        assert left(store) == before
        filler.unlink()
        assert extract(store, IMAGE.digest).layers_extracted == 1

    def test_looking_needs_no_room(self, disk: Path, store: Store) -> None:
        fill(disk)
        assert scrub(store).findings == ()
        assert collect(store, dry_run=True).items == ()
        assert survey(store).bytes > 0


class TestReadOnly:
    def test_looking_is_possible(self, read_only: Store) -> None:
        assert scrub(read_only).findings == ()
        assert collect(read_only, dry_run=True).items == ()
        assert survey(read_only).bytes > 0
        assert [pulled.image is not None for pulled in stored_images(read_only)] == [True]

    def test_changing_is_not(self, read_only: Store, registry: SampleRegistry) -> None:
        before = left(read_only)
        with pytest.raises(StoreNotWritable):
            collect(read_only)
        with pytest.raises(StoreNotWritable):
            scrub(read_only, repair=True)
        with pytest.raises(StoreNotWritable):
            pull_it(read_only, registry.push("b", "1", OTHER))
        with pytest.raises(StoreNotWritable):
            extract(read_only, IMAGE.digest)
        assert left(read_only) == before
