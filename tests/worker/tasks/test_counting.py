"""Counting contents: what is the same, whose alone it is, and what a project is told of others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils.timezone import now
from pytest_django import Settings

from tests.support.files import file_entry, make_image, open_store, put_index
from worker import services
from worker.engine.cancel import CancelToken
from worker.engine.oci import Digest
from worker.engine.search import upkeep
from worker.engine.store import Store
from worker.engine.weight import same_contents
from worker.models import ContentCount, ContentShare, Image, Project
from worker.tasks.counting import count_contents
from worker.tasks.indexing import layers_to_search


@pytest.fixture
def store(data_dir: Path, settings: Settings) -> Store:
    settings.SEARCH_DIR = data_dir / "search"
    settings.SEARCH_DIR.mkdir()
    return open_store(data_dir / "store")


def image(project: Project, store: Store, name: str, *layers: dict[str, tuple[int, bytes]]) -> Image:
    """Each layer: its files with their size and content."""
    diff_ids = []
    for files in layers:
        diff_id = Digest.of(repr(files).encode())
        if not store.layers.has(diff_id):
            put_index(store, repr(files), [file_entry(path, *what) for path, what in files.items()])
        diff_ids.append(diff_id)
    return make_image(project, store, name, diff_ids)


def count(store: Store, settings: Settings, *projects: Project) -> None:
    upkeep.keep_up(settings.SEARCH_DIR, store.layers, layers_to_search, lambda _: None, cancel=CancelToken())
    for project in projects:
        ContentCount.objects.update_or_create(project=project, defaults={"asked_at": now()})
    count_contents(CancelToken())


@pytest.mark.parametrize("most", [1 << 20, 0])
def test_the_same_content_counts_once_in_whatever_layer(
    project: Project, store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """Also if no two contents of the same layers can be kept together in memory."""
    monkeypatch.setattr(same_contents, "_MOST", most)
    base = {"a": (100, b"x"), "b": (100, b"x"), "c": (7, b"c")}
    one = image(project, store, "one", base, {"d": (100, b"x"), "e": (30, b"e")})
    two = image(project, store, "two", base, {"f": (30, b"e"), "g": (5, b"g")})

    count(store, settings, project)

    counted = ContentCount.objects.get(project=project)
    assert (counted.distinct, counted.distinct_files, counted.layers) == (142, 4, 3)
    assert counted.counted_at is not None
    assert counted.asked_at is None
    repositories = ContentShare.objects.filter(project=project, image=None)
    assert set(repositories.values_list("repository", "distinct", "own")) == {
        ("library/one", 137, 0),
        ("library/two", 142, 5),
    }
    own = ContentShare.objects.exclude(image=None)
    assert set(own.values_list("image", "own")) == {(two.pk, 5)}
    assert not ContentShare.objects.filter(image=one).exists()


def test_what_another_project_has_changes_nothing(project: Project, store: Store, settings: Settings) -> None:
    other = Project.objects.create(slug="other", name="Other")
    mine = image(project, store, "one", {"a": (100, b"x")})
    image(other, store, "one", {"b": (100, b"x"), "z": (9, b"z")})

    count(store, settings, project)

    assert ContentCount.objects.get(project=project).distinct == 100
    assert ContentShare.objects.get(image=mine).own == 100
    assert not ContentShare.objects.filter(project=other).exists()


def test_two_projects_are_counted_in_one_pass(
    project: Project, store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Project.objects.create(slug="other", name="Other")
    base = {"a": (100, b"x")}
    image(project, store, "one", base, {"b": (9, b"b")})
    image(other, store, "one", base)
    passes: list[Path] = []

    def content_groups(directory: Path, cancel: CancelToken) -> Iterator[same_contents.ContentGroup]:
        passes.append(directory)
        return same_contents.content_groups(directory, cancel)

    monkeypatch.setattr("worker.tasks.counting.content_groups", content_groups)
    count(store, settings, project, other)

    counts = ContentCount.objects.values_list("project__slug", "distinct", "distinct_files", "layers")
    assert set(counts) == {(project.slug, 109, 2, 2), ("other", 100, 1, 1)}
    assert len(passes) == 1


def test_without_a_search_database_nothing_is_counted(
    project: Project, store: Store, settings: Settings
) -> None:
    image(project, store, "one", {"a": (100, b"x")})
    ContentCount.objects.create(project=project, asked_at=now())

    count_contents(CancelToken())

    counted = ContentCount.objects.get(project=project)
    assert (counted.distinct, counted.layers) == (0, 0)


def test_a_cancelled_count_leaves_the_last_one(project: Project, store: Store, settings: Settings) -> None:
    image(project, store, "one", {"a": (100, b"x")})
    count(store, settings, project)
    ContentCount.objects.update(asked_at=now())
    token = CancelToken()
    token.cancel()

    count_contents(token)

    assert ContentCount.objects.get(project=project).distinct == 100


def test_a_page_asks_once_until_the_count_has_come(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    monkeypatch.setattr("worker.services.contents.ask_to_count_contents", lambda: not asked.append(True))

    first, second = services.contents_of(project), services.contents_of(project)

    assert len(asked) == 1
    assert services.is_counted_now(first)
    assert services.is_counted_now(second)


def test_without_redis_nothing_is_waited_for(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.services.contents.ask_to_count_contents", lambda: False)

    assert not services.is_counted_now(services.contents_of(project))
