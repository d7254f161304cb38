"""Layers become searchable by themselves, and stop to be when they are gone."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import call_command

from tests.dashboard.catalog import make_image
from tests.engine.search.layers import file
from worker.engine.errors import DiskFull
from worker.engine.layers.index import IndexWriter
from worker.engine.oci import Digest
from worker.engine.search import FileQuery, SearchIndex, database, upkeep
from worker.engine.store import Store
from worker.models import Layer, PackageReading, Project
from worker.tasks import indexing

pytestmark = pytest.mark.django_db


@pytest.fixture
def store(data_dir: Path, project: Project) -> Store:
    """A store with the file indexes of an image's two layers."""
    store = Store(data_dir / "store")
    store.prepare()
    make_image(project, "one", "ab")
    for number, layer in enumerate(Layer.objects.order_by("pk")):
        write_index(store, layer, f"etc/name{number}")
    return store


def write_index(store: Store, layer: Layer, path: str) -> None:
    home = store.layers.index_path(Digest.parse(layer.diff_id))
    home.parent.mkdir(parents=True, exist_ok=True)
    with home.open("w+b") as opened:
        writer = IndexWriter(opened)
        writer.add(file(path, path).pack())
        writer.close()


def found(store: Store, text: str = "name") -> list[str]:
    index = SearchIndex(store.root.parent / "search")
    return [one.places[0].path.decode() for one in index.search(FileQuery(text), index.layers()).items]


def test_a_round_makes_searchable_what_is_here_and_forgets_what_is_gone(store: Store) -> None:
    indexing.index()
    assert found(store) == ["etc/name0", "etc/name1"]
    Layer.objects.filter(pk=Layer.objects.latest("pk").pk).update(tree_present=False)
    indexing.index()
    assert found(store) == ["etc/name0"]


def test_a_layer_whose_file_index_is_damaged_does_not_hold_up_the_others(store: Store) -> None:
    first = Layer.objects.earliest("pk")
    store.layers.index_path(Digest.parse(first.diff_id)).write_bytes(b"no index")
    indexing.index()
    assert found(store) == ["etc/name1"]
    write_index(store, first, "etc/name again")
    indexing.index()
    assert found(store) == ["etc/name1", "etc/name again"]


@pytest.mark.parametrize("damage", [b"", b"no database", b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_database_is_made_again_by_itself(store: Store, damage: bytes) -> None:
    indexing.index()
    path = database.current(store.root.parent / "search")
    assert path is not None
    path.write_bytes(damage)
    indexing.index(suspicious=True)
    assert found(store) == ["etc/name0", "etc/name1"]


def test_a_database_of_another_form_is_replaced(store: Store) -> None:
    search = store.root.parent / "search"
    search.mkdir()
    (search / "files-0-7.sqlite3").write_bytes(b"of an older program")
    indexing.index()
    assert found(store) == ["etc/name0", "etc/name1"]
    assert [one.name for one in search.glob("files-*.sqlite3")] == [f"files-{database.FORM}-1.sqlite3"]


def test_packages_are_read_though_files_cannot_be_searched(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise DiskFull("Could not write the search database: the disk is full.")

    monkeypatch.setattr(upkeep, "keep_up", refuse)
    indexing.index()
    assert PackageReading.objects.exists()


def test_while_another_process_does_it_a_round_is_left_out(store: Store) -> None:
    with upkeep.alone(store.root.parent / "search"):
        indexing.index()
    assert found(store) == []


def test_the_command_makes_a_new_database_and_readers_go_over_to_it(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    indexing.index()
    index = SearchIndex(store.root.parent / "search")
    assert len(index.layers()) == 2
    Layer.objects.filter(pk=Layer.objects.latest("pk").pk).update(tree_present=False)
    call_command("rebuild_search")
    assert "1 of 1 layers can be searched" in capsys.readouterr().out
    assert len(index.layers()) == 1
    assert [one.name for one in (store.root.parent / "search").glob("files-*.sqlite3")] == [
        f"files-{database.FORM}-2.sqlite3"
    ]
