"""What was read is kept for the next page: shared, bounded, and never a reason for another answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.files import file_entry, open_store, put_index
from tests.support.threads import at_once
from worker.engine.errors import LayerMissing, StoreDamaged, TooManyFiles
from worker.engine.files import FilesCache, ImageFiles
from worker.engine.files.loading import make_table
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


def test_an_index_that_is_gone_is_noticed_whatever_is_kept(store: Store) -> None:
    """Or nobody would mend it as long as pages are answered from memory."""
    cache, diff_id = FilesCache(PLENTY), put(store, "layer")
    cache.image(store.layers, [diff_id]).view()
    store.layers.index_path(diff_id).unlink()
    with pytest.raises(StoreDamaged):
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


def test_an_image_that_takes_more_than_may_be_is_refused_in_one_piece_or_in_several(store: Store) -> None:
    small, one, other = (put(store, name, 500) for name in ("small", "one", "other"))
    deep = b"/".join([b"d"] * 1000)
    paths = put_index(store, "paths", [file_entry(f"{deep.decode()}/{at}/f") for at in range(200)])
    said = {b"user.%d" % at: bytes(1000) for at in range(200)}
    attributes = put_index(store, "attributes", [file_entry("f", xattrs=said)])
    cache = FilesCache(PLENTY, largest=100_000)
    assert len(cache.image(store.layers, [small, small]).view()) == 502
    for stack in ([small, one, other], [paths], [attributes], [put(store, "large", 5000)]):
        with pytest.raises(TooManyFiles):
            cache.image(store.layers, stack)


def test_directories_that_no_record_is_of_are_bounded() -> None:
    """Each of a few long paths implies a thousand directories with paths as long."""
    deep = [b"%d/" % at + b"/".join([b"d"] * 1000) + b"/f" for at in range(1000)]
    with pytest.raises(TooManyFiles):
        make_table(((path, 0) for path in deep), max_bytes=1 << 23)


def test_a_view_counts_with_the_tables_that_are_not_kept_themselves(store: Store) -> None:
    ids = [put(store, f"layer{number}") for number in range(5)]
    cache = FilesCache(6_000)  # less than a table, more than a view
    for diff_id in ids:
        files = cache.image(store.layers, [diff_id])
        assert files.view().nbytes < 6_000 < files.tables[0].nbytes
    assert cache.nbytes == 0


def test_what_was_made_of_views_is_kept_within_the_same_bounds() -> None:
    cache = FilesCache(1000)
    made: list[int] = []

    def make(size: int) -> Callable[[], SimpleNamespace]:
        return lambda: made.append(size) or SimpleNamespace(nbytes=size)  # type: ignore[func-returns-value]

    for size in (400, 500, 400, 600, 500, 2000, 2000):
        assert cache.keep(size, make(size)).nbytes == size
        assert cache.nbytes <= 1000
    assert made == [400, 500, 600, 500, 2000, 2000]


def test_of_many_that_ask_at_once_one_makes_it(store: Store) -> None:
    cache, diff_id = FilesCache(PLENTY), put(store, "layer", 5000)
    views = at_once([lambda: cache.image(store.layers, [diff_id]).view()] * 8)
    assert len({id(view) for view in views}) == 1
