"""What the Files tab and the page of a file say while there is nothing to show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client

from tests.conftest import Users
from tests.dashboard.files_tab import address
from tests.support.files import file_entry, make_image, open_store, put_index
from worker.engine.layers import EntryType, FileEntry
from worker.engine.oci import Digest
from worker.engine.store import Store
from worker.models import Image, Project
from worker.progress.mending import Mending


@pytest.fixture
def store(data_dir: Path) -> Store:
    return open_store(data_dir / "store")


def test_an_image_that_is_not_extracted_offers_to(users: Users, project: Project, store: Store) -> None:
    raw = make_image(project, store, "raw", [put_index(store, "raw", [])], extracted=False)
    store.layers.remove(next(iter(_diff_ids(raw))))
    for user, offers in ((users.viewer, False), (users.operator, True)):
        client = Client()
        client.force_login(user)
        html = client.get(address(raw)).content.decode()
        assert "Not extracted yet" in html
        assert ("Extract the layers" in html.split('id="files"')[1]) == offers


def test_an_image_without_layers_says_so(viewer: Client, project: Project, store: Store) -> None:
    bare = make_image(project, store, "bare", [])
    assert "This image has no layers" in viewer.get(address(bare)).content.decode()


def test_an_empty_root_says_so(viewer: Client, project: Project, store: Store) -> None:
    root = FileEntry(b"", EntryType.DIRECTORY, mode=0o755)
    image = make_image(project, store, "root", [put_index(store, "a root alone", [root])])
    assert "This directory is empty" in viewer.get(address(image)).content.decode()


@pytest.fixture
def torn(project: Project, store: Store) -> Image:
    """An image whose file index ends in the middle."""
    image = make_image(project, store, "torn", [put_index(store, "torn", [file_entry("whole")])])
    (diff_id,) = _diff_ids(image)
    path = store.layers.index_path(diff_id)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:20])
    return image


def test_a_damaged_index_that_nobody_can_mend_now_is_said(viewer: Client, torn: Image) -> None:
    html = viewer.get(address(torn)).content.decode()
    assert "The files cannot be listed" in html
    assert "no worker can be reached" in html
    assert "Try again" in html


def test_while_an_index_is_mended_the_page_asks_again_until_it_is_there(
    viewer: Client, torn: Image, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.services.mend_index", lambda diff_id, by: Mending(under_way=True))
    html = viewer.get(address(torn, "?sort=-size")).content.decode()
    assert f'hx-get="{address(torn, "?sort=-size")}" hx-trigger="every 2s"' in html
    assert '<noscript><meta http-equiv="refresh"' in html
    htmx = {"HX-Request": "true", "HX-Target": "section#files"}
    assert b"every 2s" in viewer.get(address(torn), headers=htmx).content
    (diff_id,) = _diff_ids(torn)
    store.layers.remove(diff_id)
    put_index(store, "torn", [file_entry("whole")])
    there = viewer.get(address(torn), headers=htmx).content.decode()
    assert there.strip().startswith('<div id="files">')
    assert 'data-path="/whole"' in there


def test_the_page_of_a_file_comes_back_by_itself_too(
    viewer: Client, torn: Image, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.services.mend_index", lambda diff_id, by: Mending(under_way=True))
    where = f"/p/team/images/{torn.pk}/file/?path=whole"
    html = viewer.get(where).content.decode()
    assert "it is being made anew" in html
    assert '<meta http-equiv="refresh" content="3">' in html
    (diff_id,) = _diff_ids(torn)
    store.layers.remove(diff_id)
    put_index(store, "torn", [file_entry("whole")])
    html = viewer.get(where).content.decode()
    assert "Comes from layer" in html
    assert "refresh" not in html


def _diff_ids(image: Image) -> Iterator[Digest]:
    for text in image.layers.values_list("diff_id", flat=True):
        yield Digest.parse(text)
