"""A page that finds a layer's file index damaged has it made anew, by itself."""

from __future__ import annotations

import pytest
from django.conf import settings

from dashboard.queries.file_trees import FilesNotHere, files_of, files_or_why_not
from samples.layers import layer
from tests.conftest import Users
from tests.support.files import make_image, open_store
from worker import services
from worker.engine.errors import BeingMended, NotFound
from worker.engine.files import ImageFiles
from worker.engine.oci import Digest
from worker.engine.store import Store
from worker.models import Image, Project
from worker.progress.mending import Mending
from worker.tasks.mend_index import mend_index

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.root]


@pytest.fixture
def store(data_dir: object) -> Store:
    return open_store(settings.STORE_DIR)


@pytest.fixture
def image(project: Project, store: Store) -> Image:
    return make_image(project, store, "app", [layer({"f": b"1"}), layer({"g": b"2"})])


def spoil(image: Image, store: Store) -> str:
    """Cut the top layer's index short; return the diff ID."""
    diff_id = image.image_layers.get(position=1).layer.diff_id
    path = next(path for path in store.root.rglob("files.msgpack.zst") if diff_id[7:] in str(path))
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[: len(content) // 2])
    return diff_id


def test_what_is_damaged_is_made_anew_and_there_again(
    redis_server: object, image: Image, store: Store, users: Users
) -> None:
    diff_id = spoil(image, store)
    found = files_or_why_not(image, users.viewer)
    assert isinstance(found, FilesNotHere)
    assert found.mending
    with pytest.raises(BeingMended) as caught:
        files_of(image)
    assert caught.value.diff_id == diff_id
    assert services.mend_index(diff_id, by=users.viewer) == Mending(under_way=True), "asked once is enough"
    mend_index(diff_id)
    files = files_or_why_not(image, users.viewer)
    assert isinstance(files, ImageFiles)
    assert [node.path for node in files.view().walk()] == [b"", b"f", b"g"]


def test_what_cannot_be_made_anew_is_said_with_its_reason(
    redis_server: object, image: Image, store: Store, users: Users
) -> None:
    diff_id = spoil(image, store)
    for blob in (store.root / "blobs/sha256").iterdir():
        blob.unlink()
    tree = next(path for path in store.root.rglob("tree") if diff_id[7:] in str(path))
    (tree / "more").write_text("more")
    assert isinstance(files_or_why_not(image, users.viewer), FilesNotHere)
    mend_index(diff_id)
    found = files_or_why_not(image, users.viewer)
    assert isinstance(found, FilesNotHere)
    assert not found.mending
    assert "cannot be made anew" in found.message


def test_without_a_worker_the_page_says_so(image: Image, store: Store, users: Users) -> None:
    spoil(image, store)
    found = files_or_why_not(image, users.viewer)
    assert isinstance(found, FilesNotHere)
    assert (found.extracted, found.mending) == (True, False)
    assert "no worker" in found.message


def test_strangers_can_have_nothing_mended(image: Image, store: Store, users: Users) -> None:
    with pytest.raises(NotFound):
        services.mend_index(spoil(image, store), by=users.stranger)
    with pytest.raises(NotFound):
        services.mend_index("sha256:" + 64 * "0", by=users.admin)


def test_an_image_that_is_not_extracted_is_told_apart(project: Project, store: Store, users: Users) -> None:
    image = make_image(project, store, "app", [layer({"f": b"1"})])
    store.layers.remove(Digest.parse(image.image_layers.get().layer.diff_id))
    found = files_or_why_not(image, users.viewer)
    assert isinstance(found, FilesNotHere)
    assert (found.extracted, found.mending) == (False, False)


def test_images_share_what_was_read(image: Image) -> None:
    assert files_of(image).view() is files_of(image).view()
