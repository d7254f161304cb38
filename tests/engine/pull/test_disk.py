"""A pull onto a disk that is full or read-only."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from samples.images import image, layer
from samples.registry import SampleRegistry
from tests.engine.pull.helpers import left, pull_it, random_layer
from tests.support.disks import small_disk
from worker.engine.errors import DiskFull, StoreNotWritable
from worker.engine.store import Store

pytestmark = pytest.mark.root


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    with small_disk(tmp_path / "disk", "size=4m") as disk:
        yield disk


def test_a_disk_that_fills_with_blobs(disk: Path, registry: SampleRegistry) -> None:
    store = Store(disk)
    name = registry.push("big", "1", image([random_layer("big", 6 << 20)]))
    with pytest.raises(DiskFull):
        pull_it(store, name)
    assert left(store) == []
    assert not store.images.all()


def test_a_disk_that_fills_with_a_tree(disk: Path, registry: SampleRegistry) -> None:
    """Here the child meets the end of the disk; the layer's blob itself would have fitted."""
    store = Store(disk)
    name = registry.push("zeros", "1", image([layer({"zeros": bytes(6 << 20)})]))
    with pytest.raises(DiskFull):
        pull_it(store, name)
    assert left(store) == []
    small = registry.push("small", "1", image([layer({"small": b"x"})]))
    assert pull_it(store, small).layers_extracted == 1


def test_what_was_finished_before_stays(disk: Path, registry: SampleRegistry) -> None:
    store = Store(disk)
    first, second = layer({"small": b"x"}), random_layer("big", 6 << 20)
    name = registry.push("both", "1", image([first, second]))
    with pytest.raises(DiskFull):
        pull_it(store, name, at_once=1)
    subprocess.run(["mount", "-o", "remount,size=32m", disk], check=True)
    assert all(part.extracted for part in pull_it(store, name).layers)


def test_a_read_only_store(disk: Path, registry: SampleRegistry) -> None:
    store = Store(disk / "store")
    name = registry.push("small", "1", image([layer({"small": b"x"})]))
    pull_it(store, name)
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    with pytest.raises(StoreNotWritable) as raised:
        pull_it(store, registry.push("other", "1", image([layer({"other": b"x"})])))
    assert "write" in raised.value.hint
    assert os.access(store.root, os.R_OK)


def test_a_store_that_cannot_be_made(disk: Path, registry: SampleRegistry) -> None:
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    with pytest.raises(StoreNotWritable):
        pull_it(Store(disk / "store"), registry.push("small", "1", image([])))
