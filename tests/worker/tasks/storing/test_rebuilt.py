"""The catalog, made again from the store."""

from __future__ import annotations

import pytest

from tests.worker.tasks.helpers import Pull, ended
from tests.worker.tasks.storing.helpers import APP, BASE
from worker import services
from worker.engine.oci import Digest
from worker.engine.store import Store
from worker.models import (
    Blob,
    FamilyMember,
    Image,
    Job,
    Layer,
    Project,
    Tag,
)
from worker.models.growing import written
from worker.models.lineage import parents

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.services]


def test_the_catalog_comes_back_from_the_store_alone(project: Project, pull: Pull) -> None:
    pull("base", BASE)
    pull("app", APP)
    before = facts()
    for model in (Job, Tag, Image, Blob, Layer):
        model.objects.all().delete()  # type: ignore[attr-defined]
    job = ended(services.start_rebuild(project, by=None))
    assert (job.result["in_store"], job.result["added"], job.result["tags"]) == (2, 2, 2)
    assert facts() == before
    app = Image.objects.get(repository="app")
    assert [parent.repository for parent in parents(app)] == ["base"]


def facts() -> list[object]:
    """What the catalog says, save row numbers and times."""
    return [
        sorted(Image.objects.values_list("digest", "repository", "extracted", "unpacked_size", "chain_id")),
        sorted(Tag.objects.values_list("registry_host", "repository", "name", "platform", "image__digest")),
        sorted(Layer.objects.values_list("diff_id", "unpacked_size", "entries", "tree_present")),
        sorted(Blob.objects.values_list("digest", "size", "present", "layer__diff_id")),
    ]


def test_a_rebuild_mends_the_family_tree(project: Project, pull: Pull) -> None:
    pull("base", BASE)
    pull("app", APP)
    right = written(project)
    FamilyMember.objects.filter(parent=None).delete()
    ended(services.start_rebuild(project, by=None))
    assert len(right) == 2
    assert written(project) == right


def test_rebuilding_a_healthy_catalog_changes_nothing(project: Project, pull: Pull) -> None:
    pull("app", APP)
    pull("app", APP, Project.objects.create(slug="other", name="Other"))
    rows = [list(model.objects.order_by("pk").values()) for model in (Image, Tag, Layer, Blob)]
    job = ended(services.start_rebuild(project, by=None))
    assert (job.result["added"], job.result["tags"], job.result["completed"]) == (0, 0, 0)
    assert rows == [list(model.objects.order_by("pk").values()) for model in (Image, Tag, Layer, Blob)]


def test_what_was_removed_does_not_come_back(project: Project, pull: Pull) -> None:
    services.remove_image(pull("app", APP), by=None)
    assert ended(services.start_rebuild(project, by=None)).result["in_store"] == 0
    assert not Image.objects.exists()


def test_an_image_whose_rows_are_incomplete_is_completed(project: Project, pull: Pull) -> None:
    app = pull("app", APP)
    app.image_layers.filter(position=1).delete()
    assert ended(services.start_rebuild(project, by=None)).result["completed"] == 1
    assert app.image_layers.count() == 2


def test_a_rebuild_names_what_the_store_lacks_and_what_it_cannot_read(
    project: Project, store: Store, pull: Pull
) -> None:
    base, app = pull("base", BASE), pull("app", APP)
    store.images.forget(Digest.parse(base.digest))
    store.blobs.path(Digest.parse(app.digest)).unlink()
    result = ended(services.start_rebuild(project, by=None)).result
    assert [one["id"] for one in result["missing_images"]] == [base.pk]
    assert (result["missing"], result["damaged"], result["added"]) == (1, 1, 0)
    assert Image.objects.count() == 2


def test_an_image_without_a_name_comes_back_by_its_digest(project: Project, store: Store, pull: Pull) -> None:
    """Its tag moved on before the catalog was lost; the store's list still says where it came from."""
    first = pull("app", BASE)
    pull("app", APP)
    for model in (Job, Tag, Image):
        model.objects.all().delete()  # type: ignore[attr-defined]
    ended(services.start_rebuild(project, by=None))
    lost = Image.objects.get(digest=str(BASE.digest))
    assert (lost.registry_host, lost.repository, lost.tags.count()) == (first.registry_host, "app", 0)
