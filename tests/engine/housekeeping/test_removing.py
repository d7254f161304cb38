"""Removing certain images: what only they need goes, the disk is freed of that, and nothing else goes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping

import pytest

from samples.images import index
from samples.registry import SampleRegistry
from tests.engine.pull.helpers import APP, BASE, IMAGE, damage, image, left, pull_it, random_layer
from worker.engine.cancel import CancelToken
from worker.engine.errors import Cancelled
from worker.engine.housekeeping import Cleared, clear, collect, lists_of, own_parts, parts_of
from worker.engine.oci import Digest
from worker.engine.pipeline.needed import Needed
from worker.engine.store import Content, Store, made_without

pytestmark = pytest.mark.root

OTHER = image([BASE, random_layer("other", 50_000)])


def du(store: Store) -> int:
    """Bytes on disk of blobs and layers, as the program of that name counts them."""
    out = subprocess.check_output(
        ["du", "--summarize", "--block-size=1", "--total", store.root / "blobs", store.root / "layers"]
    )
    return int(out.split()[-2])


def own(store: Store, *digests: Digest) -> Content:
    return own_parts(Needed(store), parts_of(store, lists_of(store), digests), digests)


def forget(store: Store, *digests: Digest) -> None:
    for images in (store.images, store.shallow_images):
        images.forget(*digests)


def cleared(store: Store, parts: Content, sizes: Mapping[str, int] | None = None) -> Cleared:
    return clear(store, parts, sizes or {}, measured=lambda sizes: None)


def test_what_only_it_needs_goes_and_frees_what_du_says(store: Store, registry: SampleRegistry) -> None:
    pull_it(store, registry.push("a", "1", IMAGE))
    pull_it(store, registry.push("b", "1", OTHER))
    parts = own(store, IMAGE.digest)
    assert parts.layers == {APP.diff_id}
    assert parts.blobs == {IMAGE.digest, IMAGE.config_digest, APP.digest}
    forget(store, IMAGE.digest)
    before = du(store)
    result = cleared(store, parts)
    assert result.kept == ()
    assert {item.name for item in result.gone} == set(map(str, parts.blobs | parts.layers))
    assert result.bytes == before - du(store) > 0
    assert pull_it(store, registry.push("b", "1", OTHER)).unchanged
    assert collect(store, dry_run=True).items == ()


def test_other_garbage_stays(store: Store, registry: SampleRegistry) -> None:
    """Also what a killed collection left in the trash: it is not what was asked for."""
    pull_it(store, registry.push("a", "1", IMAGE))
    stray = store.blobs.put(b"nobody needs this")
    (store.trash.path / "other-0123456789ab").write_bytes(b"x")
    parts = own(store, IMAGE.digest)
    forget(store, IMAGE.digest)
    cleared(store, parts)
    assert left(store) == [f"blobs/sha256/{stray.hex}", "ingest/trash/other-0123456789ab"]


def test_what_a_pull_has_begun_to_need_stays_and_says_why(store: Store, registry: SampleRegistry) -> None:
    pull_it(store, registry.push("a", "1", IMAGE))
    parts = own(store, IMAGE.digest)
    forget(store, IMAGE.digest)
    with store.pin() as pin:
        pin.add(Content(layers=frozenset({BASE.diff_id})))
        result = cleared(store, parts)
    assert [(kept.garbage.name, kept.why) for kept in result.kept] == [(str(BASE.diff_id), "work")]
    assert store.layers.has(BASE.diff_id)
    assert not store.layers.has(APP.diff_id)
    pull_it(store, registry.push("b", "1", OTHER))
    again = cleared(store, parts)
    assert {kept.why for kept in again.kept} == {"image"}
    assert {kept.garbage.name for kept in again.kept} == {str(BASE.diff_id)}


def test_a_container_on_a_layer_keeps_it(store: Store, registry: SampleRegistry) -> None:
    pull_it(store, registry.push("a", "1", IMAGE))
    record = store.containers / "one" / "container.json"
    record.parent.mkdir()
    record.write_text(f'{{"diff_ids": ["{BASE.diff_id}"]}}')
    parts = own(store, IMAGE.digest)
    forget(store, IMAGE.digest)
    assert [(kept.garbage.kind, kept.why) for kept in cleared(store, parts).kept] == [("layer", "container")]


def test_a_killed_one_is_ended_by_the_next_and_tells_the_whole(
    store: Store, registry: SampleRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed when all is out of sight and nothing is deleted yet."""
    pull_it(store, registry.push("a", "1", IMAGE))
    parts = own(store, IMAGE.digest)
    forget(store, IMAGE.digest)
    before = du(store)
    kept_sizes: dict[str, int] = {}

    def die(*arguments: object, **named: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(store.trash, "empty", die)
        with pytest.raises(KeyboardInterrupt):
            clear(store, parts, {}, measured=kept_sizes.update)
    assert not store.layers.has(APP.diff_id)
    assert len(list(store.trash.path.iterdir())) == len(parts.blobs) + len(parts.layers)
    result = cleared(store, parts, kept_sizes)
    assert result.bytes == before - du(store)
    assert left(store) == []
    assert cleared(store, parts, kept_sizes) == result


def test_cancelled_before_it_begins_it_removes_nothing(store: Store, registry: SampleRegistry) -> None:
    pull_it(store, registry.push("a", "1", IMAGE))
    parts = own(store, IMAGE.digest)
    forget(store, IMAGE.digest)
    before = left(store)
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        clear(store, parts, {}, measured=lambda sizes: None, cancel=cancel)
    assert left(store) == before


def test_hard_links_count_once(store: Store, registry: SampleRegistry) -> None:
    pull_it(store, registry.push("a", "1", image([random_layer("linked", 300_000)])))
    (diff_id,) = (Digest("sha256", path.name) for path in (store.root / "layers" / "sha256").iterdir())
    tree = store.layers.tree(diff_id)
    (first, *_) = [path for path in tree.rglob("*") if path.is_file()]
    os.link(first, tree / "again")
    ((digest),) = {one.digest for one in store.images.all()}
    parts = own(store, digest)
    forget(store, digest)
    before = du(store)
    assert cleared(store, parts).bytes == before - du(store)


def test_one_platform_of_a_name_goes_with_the_index_that_was_made_for_it(
    store: Store, registry: SampleRegistry
) -> None:
    """With three platforms another index is made, of the two that stay."""
    arm = image([random_layer("arm", 1000)], platform="linux/arm64")
    riscv = image([random_layer("riscv", 1000)], platform="linux/riscv64")
    both = index([IMAGE, arm, riscv])
    name = registry.push("a", "1", both)
    for platform in ("linux/amd64", "linux/arm64", "linux/riscv64"):
        pull_it(store, name, platform=platform)
    collect(store)  # the index that was made for the first two
    (made,) = store.images.made()
    gone, comes = made_without(store.images.all(), [arm.digest])
    assert gone == {made}
    parts = own(store, arm.digest)
    assert parts.layers == set(arm.diff_ids)
    assert parts.blobs == {arm.digest, arm.config_digest, arm.layers[0].digest, made}
    forget(store, arm.digest)
    assert store.images.made() == comes.keys()
    ((digest, size),) = comes.items()
    assert store.blobs.path(digest).stat().st_size == size
    cleared(store, parts)
    assert collect(store, dry_run=True).items == ()
    forget(store, IMAGE.digest)
    assert store.images.made() == frozenset()


def test_an_image_that_cannot_be_read_does_not_keep_itself(store: Store, registry: SampleRegistry) -> None:
    pull_it(store, registry.push("a", "1", IMAGE))
    pull_it(store, registry.push("b", "1", OTHER))
    damage(store.blobs.path(IMAGE.config_digest))
    assert own(store, IMAGE.digest).blobs == {IMAGE.digest}
