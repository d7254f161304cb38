"""What was read is kept for the next page: shared, bounded, and never a reason for another answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.files import file_entry, open_store, put_index
from tests.support.threads import at_once
from worker.engine.errors import LayerMissing, StoreDamaged
from worker.engine.files import FilesCache, ImageFiles
from worker.engine.oci import Digest
from worker.engine.store import Store

PLENTY = 1 << 30


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "store")


def put(store: Store, name: str, count: int = 100) -> Digest:
    return put_index(store, name, [file_entry(f"{name}/{number}", number) for number in range(count)])


def listed(files: ImageFiles) -> list[bytes]:
    return [node.path for node in files.view().walk()]


def test_images_share_the_views_of_the_layers_that_they_share(store: Store) -> None:
    cache = FilesCache(PLENTY)
    base, one, other = put(store, "base"), put(store, "one"), put(store, "other")
    first, second = cache.image(store.layers, [base, one]), cache.image(store.layers, [base, other])
    assert first.view(0) is second.view(0)
    assert first.view() is cache.image(store.layers, [base, one]).view()
    assert first.view() is not second.view()


def test_it_stays_within_its_bounds_and_answers_all_the_same(store: Store) -> None:
    ids = [put(store, f"layer{number}") for number in range(20)]
    size = FilesCache(PLENTY)
    size.image(store.layers, ids[:1]).view()
    cache = FilesCache(3 * size.nbytes)
    for count in range(1, 20):
        found = cache.image(store.layers, ids[:count])
        assert listed(found) == listed(ImageFiles.of(store.layers, ids[:count]))
        assert cache.nbytes <= 3 * size.nbytes


def test_what_is_larger_than_the_whole_cache_drives_nothing_out(store: Store) -> None:
    small, large = put(store, "small", 10), put(store, "large", 10_000)
    cache = FilesCache(20_000)
    view = cache.image(store.layers, [small]).view()
    assert len(cache.image(store.layers, [large]).view()) == 10_002
    assert cache.image(store.layers, [small]).view() is view


def test_a_layer_that_was_removed_is_missing_whatever_is_kept(store: Store) -> None:
    cache, diff_id = FilesCache(PLENTY), put(store, "layer")
    cache.image(store.layers, [diff_id]).view()
    store.layers.remove(diff_id)
    with pytest.raises(LayerMissing):
        cache.image(store.layers, [diff_id])


def test_a_failure_is_not_kept(store: Store) -> None:
    cache, diff_id = FilesCache(PLENTY), put(store, "layer")
    path = store.layers.index_path(diff_id)
    content = path.read_bytes()
    path.unlink()
    with pytest.raises(StoreDamaged):
        cache.image(store.layers, [diff_id])
    path.write_bytes(content)
    assert len(cache.image(store.layers, [diff_id]).view()) == 102


def test_of_many_that_ask_at_once_one_makes_it(store: Store) -> None:
    cache, diff_id = FilesCache(PLENTY), put(store, "layer", 5000)
    views = at_once([lambda: cache.image(store.layers, [diff_id]).view()] * 8)
    assert len({id(view) for view in views}) == 1
