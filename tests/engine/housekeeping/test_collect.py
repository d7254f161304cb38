"""Collecting: what nothing needs goes, all else stays; and a dry run tells exactly that."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from samples.builders import Content as SampleContent
from samples.builders import SampleIndex
from samples.images import index
from samples.registry import SampleRegistry
from tests.engine.pull.helpers import APP, BASE, IMAGE, damage, image, left, pull_it, random_layer
from worker.engine.cancel import CancelToken
from worker.engine.errors import Cancelled, StoreDamaged
from worker.engine.events import Event, Keeping
from worker.engine.extract import extract
from worker.engine.housekeeping import Collected, Garbage, collect, filesystem
from worker.engine.layers import EntryType, FileEntry
from worker.engine.oci import Digest, MediaType
from worker.engine.store import Content, Store

pytestmark = pytest.mark.root

OTHER = image([BASE, random_layer("other", 50_000)])


def names(collected: Collected, kind: str) -> set[str]:
    return {item.name for item in collected.items if item.kind == kind}


def collected_as_foretold(store: Store) -> Collected:
    foretold = collect(store, dry_run=True)
    assert collect(store) == foretold
    return foretold


def forget(store: Store, digest: Digest) -> None:
    for images in (store.images, store.shallow_images):
        images.forget(digest)


def test_an_empty_store_has_no_garbage(tmp_path: Path) -> None:
    """And one that does not exist is not made by a dry run."""
    store = Store(tmp_path / "none")
    assert collect(store, dry_run=True) == Collected()
    assert not store.root.exists()
    assert collect(store) == Collected()


def test_nothing_of_a_listed_image_goes(store: Store, registry: SampleRegistry) -> None:
    pull_it(store, registry.push("a", "1", IMAGE))
    before = left(store)
    assert collected_as_foretold(store) == Collected()
    assert left(store) == before


def test_a_forgotten_image_goes_but_for_what_others_share(store: Store, registry: SampleRegistry) -> None:
    pull_it(store, registry.push("a", "1", IMAGE))
    pull_it(store, registry.push("b", "1", OTHER))
    forget(store, IMAGE.digest)
    collected = collected_as_foretold(store)
    assert names(collected, "blob") == {str(IMAGE.digest), str(IMAGE.config_digest), str(APP.digest)}
    assert names(collected, "layer") == {str(APP.diff_id)}
    assert collected.bytes == sum(item.size for item in collected.items)
    assert Garbage("layer", str(APP.diff_id), len(b"app") * 9000) in collected.items
    assert not store.blobs.has(APP.digest)
    assert not store.layers.has(APP.diff_id)
    assert pull_it(store, registry.push("b", "1", OTHER)).unchanged
    assert collected_as_foretold(store) == Collected()


def test_a_name_that_moved_on_still_holds_what_it_meant(store: Store, registry: SampleRegistry) -> None:
    pull_it(store, registry.push("a", "1", IMAGE))
    pull_it(store, registry.push("a", "1", OTHER))
    assert collected_as_foretold(store) == Collected()
    assert extract(store, IMAGE.digest).unchanged


def test_everything_that_led_to_an_image_stays(store: Store, registry: SampleRegistry) -> None:
    """An index in an index; a manifest in Docker's form, and the OCI form that is listed for it."""
    docker = image([layer.recompressed("gzip", "docker") for layer in (BASE, APP)], flavour="docker")
    inner = index([docker])
    outer = index_of_index(inner)
    name = registry.push("a", "1", outer)
    pull_it(store, name, platform="linux/amd64")
    assert store.blobs.has(inner.digest)
    assert collected_as_foretold(store) == Collected()
    registry.requests.clear()
    assert pull_it(store, name, platform="linux/amd64").unchanged
    assert not any("/manifests/" in path or "/blobs/" in path for path in registry.paths("GET"))
    forget(store, docker.digest)
    assert names(collected_as_foretold(store), "layer") == {str(BASE.diff_id), str(APP.diff_id)}
    assert left(store) == []


def test_several_platforms_of_one_name_stay(store: Store, registry: SampleRegistry) -> None:
    """And the index that is made for them, for other tools, stays with them."""
    arm = image([random_layer("arm", 1000)], platform="linux/arm64")
    both = index([IMAGE, arm])
    name = registry.push("a", "1", both)
    for platform in ("linux/amd64", "linux/arm64"):
        pull_it(store, name, platform=platform)
    (made,) = store.images.made()
    assert collected_as_foretold(store) == Collected()
    assert store.blobs.has(made)
    forget(store, arm.digest)
    assert str(made) in names(collected_as_foretold(store), "blob")


def test_what_is_pinned_stays_as_long_as_it_is(store: Store, registry: SampleRegistry) -> None:
    pull_it(store, registry.push("a", "1", IMAGE))
    forget(store, IMAGE.digest)
    with store.pin() as pin:
        pin.add(Content(frozenset({APP.digest}), frozenset({BASE.diff_id})))
        collect(store)
        assert left(store)[:2] == [f"blobs/sha256/{APP.digest.hex}", f"ingest/{pin_of(store)}"]
        assert store.layers.has(BASE.diff_id)
    collect(store)
    assert left(store) == []


def test_a_container_holds_its_layers(store: Store, registry: SampleRegistry) -> None:
    pull_it(store, registry.push("a", "1", IMAGE))
    record = store.containers / "one" / "container.json"
    record.parent.mkdir()
    record.write_text(json.dumps({"diff_ids": [str(BASE.diff_id)], "stop_signal": "", "created_at": "2026"}))
    forget(store, IMAGE.digest)
    collected = collected_as_foretold(store)
    assert names(collected, "layer") == {str(APP.diff_id)}
    assert store.layers.has(BASE.diff_id)


def test_what_dead_processes_left_goes(store: Store) -> None:
    """Half-made layers, scratch files, locks and pins that nobody holds; what is held stays."""
    digest = Digest.of(b"some")
    half = store.ingest / f"layer-{digest.hex}-abcdefgh"
    half.mkdir()
    (half / "file").write_bytes(b"half")
    caps = store.ingest / "locks" / "registry-1" / "download-0"
    caps.parent.mkdir()
    caps.touch()
    leftover = store.trash.path / "something"
    leftover.write_bytes(b"x" * 10)
    (store.ingest / "probe-dead").mkdir()
    (store.ingest / "probe-dead" / "entry").touch()
    with store.layers.lock(digest), store.pin():
        for name in ("write-index.json", "pin-1-dead", "locks/blob-dead"):
            (store.ingest / name).touch()
        collected = collected_as_foretold(store)
        assert names(collected, "partial") == {str(digest)}
        assert names(collected, "other") == {
            "ingest/locks/blob-dead", "ingest/pin-1-dead", "ingest/probe-dead", "ingest/trash/something",
            "ingest/write-index.json",
        }  # fmt: skip
        assert (store.ingest / "locks" / f"layer-{digest.hex}").exists()
        assert caps.exists()
        assert len(list(store.ingest.glob("pin-*"))) == 1
    assert not half.exists()


def test_what_a_scrub_tries_out_stays_as_long_as_it_does(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A collect beside it takes nothing; afterwards there is nothing to take."""
    tried = []

    def set_xattrs(fd: int, xattrs: object) -> None:
        tried.append(collect(store, partials_older_than=0))

    monkeypatch.setattr(filesystem, "set_xattrs", set_xattrs)
    entry = FileEntry(path=b"f", type=EntryType.FILE, size=0, mode=0o640, uid=0, gid=0, mtime_ns=5)
    kept = filesystem.FileSystem(store.ingest).keeps(entry)
    assert kept is not None
    assert (kept.mode, kept.mtime_ns) == (0o640, 5)
    assert tried == [Collected()]
    assert left(store) == []


def test_an_unfinished_download_goes_when_it_is_old(store: Store) -> None:
    digest = Digest.of(b"some")
    with store.blobs.ingest(digest, 100) as writer:
        writer.write(b"a part")
    assert collected_as_foretold(store) == Collected()
    old = time.time() - 2 * 86400
    os.utime(store.blobs.partial(digest), (old, old))
    with store.pin() as pin:
        pin.add(Content(frozenset({digest})))
        assert collect(store) == Collected()
    assert collected_as_foretold(store) == Collected((Garbage("partial", str(digest), 6),), 6)
    assert store.blobs.partial_size(digest) == 0


def test_a_half_made_container_goes_when_it_is_old(store: Store) -> None:
    home = store.containers / "half"
    (home / "upper").mkdir(parents=True)
    assert collect(store) == Collected()
    os.utime(home, (0, 0))
    assert names(collected_as_foretold(store), "container") == {"half"}
    assert not home.exists()


def test_nothing_goes_while_an_image_cannot_be_read(store: Store, registry: SampleRegistry) -> None:
    """It might need anything."""
    name = registry.push("a", "1", IMAGE)
    pull_it(store, name)
    damage(store.blobs.path(IMAGE.config_digest))
    store.blobs.put(b"garbage")
    before = left(store)
    for dry_run in (True, False):
        with pytest.raises(StoreDamaged, match="what it needs cannot be told") as raised:
            collect(store, dry_run=dry_run)
        assert name in raised.value.message
    assert left(store) == before
    forget(store, IMAGE.digest)
    collect(store)
    assert left(store) == []


def test_progress_and_cancelling(store: Store) -> None:
    """What is out of sight when it is cancelled goes the next time."""
    for at in range(3):
        store.blobs.put(b"%d" % at)
    events: list[Event] = []
    collect(store, listener=events.append)
    assert events[0] == Keeping("looking", 0, 0, 0, "")
    assert isinstance(events[-1], Keeping)
    assert (events[-1].done, events[-1].total, events[-1].bytes) == (3, 3, 3)
    cancel = CancelToken()
    cancel.cancel()
    store.blobs.put(b"more")
    with pytest.raises(Cancelled):
        collect(store, cancel=cancel)
    assert len(collect(store).items) == 1
    assert left(store) == []


def index_of_index(inner: SampleIndex) -> SampleContent:
    entry = {"mediaType": inner.media_type, "digest": str(inner.digest), "size": len(inner.raw)}
    raw = json.dumps({"schemaVersion": 2, "mediaType": MediaType.OCI_INDEX, "manifests": [entry]}).encode()
    return SampleContent(raw, MediaType.OCI_INDEX, manifests=(inner, *inner.manifests))


def pin_of(store: Store) -> str:
    (pin,) = store.ingest.glob("pin-*")
    return pin.name
