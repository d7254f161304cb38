"""The jobs that keep the store in order, on a real store: what they do to it and to the catalog."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from pytest_django import Settings

from samples.images import SampleImage, image, layer, recompressed
from samples.registry import SampleRegistry
from tests.engine.pull.helpers import damage
from worker import services
from worker.engine.cancel import CancelToken
from worker.engine.events import Event, Keeping
from worker.engine.oci import Digest
from worker.engine.store import Store
from worker.models import (
    Blob,
    FamilyMember,
    Image,
    Job,
    JobState,
    Layer,
    Project,
    RemovedManifest,
    StoreSurvey,
    Tag,
)
from worker.models.growing import written
from worker.models.lineage import parents
from worker.tasks import entering
from worker.tasks.forgetting import forget_removed
from worker.tasks.measuring import measure
from worker.tasks.pulling import extract_image, pull_image
from worker.tasks.running import run_job
from worker.tasks.storing import keep

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.services]

_BASE = layer({"etc/name": b"base", "big": os.urandom(40_000)})
BASE = image([_BASE])
APP = image([_BASE, layer({"app": os.urandom(60_000)})])

Pull = Callable[..., Image]


@pytest.fixture
def store(data_dir: Path) -> Store:
    return Store(settings.STORE_DIR)


@pytest.fixture
def pull(project: Project, store: Store, sample_registry: SampleRegistry) -> Pull:
    """Push an image to a registry, and pull it as a worker does."""

    def bring(
        name: str, sample: SampleImage, into: Project | None = None, *, fetch_only: bool = False
    ) -> Image:
        reference = sample_registry.push(name, "1", sample)
        job = services.start_pull(into or project, reference, insecure=True, fetch_only=fetch_only, by=None)
        assert run_job(job.pk, pull_image) is JobState.SUCCEEDED, Job.objects.get(pk=job.pk).error_message
        return Image.objects.get(jobs=job)

    return bring


def done(job: Job) -> Job:
    """Run a job of the store here; return its row."""
    state = run_job(job.pk, keep)
    job.refresh_from_db()
    assert state is JobState.SUCCEEDED, job.error_message
    return job


def trees(store: Store) -> set[str]:
    return {f"sha256:{path.name}" for path in (store.root / "layers" / "sha256").iterdir()}


def test_a_removed_image_is_collected_and_what_others_share_stays(
    project: Project, store: Store, pull: Pull
) -> None:
    pull("base", BASE)
    app = pull("app", APP)
    assert done(services.start_collect(project, by=None)).result["count"] == 0
    services.remove_image(app, by=None)
    look = done(services.start_preview(project, by=None))
    assert look.result["kinds"]["layer"]["count"] == 1
    assert trees(store) == {str(diff_id) for diff_id in APP.diff_ids}
    collected = done(services.start_collect(project, by=None))
    assert collected.result["bytes"] == look.result["bytes"] >= 60_000
    assert collected.result["kinds"] == look.result["kinds"]
    assert trees(store) == {str(BASE.diff_ids[0])}
    assert [layer.diff_id for layer in Layer.objects.all()] == [str(BASE.diff_ids[0])]
    assert Blob.objects.count() == 1
    assert not RemovedManifest.objects.exists()
    # And back again: the tag that pointed at nothing points once more.
    assert pull("app", APP).extracted
    assert Tag.objects.get(repository="app").image is not None


def test_what_another_project_has_is_not_collected(project: Project, store: Store, pull: Pull) -> None:
    other = Project.objects.create(slug="other", name="Other")
    mine, theirs = pull("app", APP), pull("app", APP, other)
    services.remove_image(mine, by=None)
    assert done(services.start_collect(project, by=None)).result["count"] == 0
    services.remove_image(theirs, by=None)
    assert done(services.start_collect(project, by=None)).result["count"] > 0
    assert trees(store) == set()


def test_an_empty_catalog_lets_nothing_be_collected(project: Project, store: Store, pull: Pull) -> None:
    """Somebody lost the database, and cron collects before anybody rebuilds."""
    pull("app", APP)
    Image.objects.all().delete()
    Layer.objects.all().delete()
    assert done(services.start_collect(project, by=None)).result["count"] == 0
    assert trees(store) == {str(diff_id) for diff_id in APP.diff_ids}


def test_the_catalog_comes_back_from_the_store_alone(project: Project, pull: Pull) -> None:
    pull("base", BASE)
    pull("app", APP)
    before = facts()
    for model in (Job, Tag, Image, Blob, Layer):
        model.objects.all().delete()  # type: ignore[attr-defined]
    job = done(services.start_rebuild(project, by=None))
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
    done(services.start_rebuild(project, by=None))
    assert len(right) == 2
    assert written(project) == right


def test_rebuilding_a_healthy_catalog_changes_nothing(project: Project, pull: Pull) -> None:
    pull("app", APP)
    pull("app", APP, Project.objects.create(slug="other", name="Other"))
    rows = [list(model.objects.order_by("pk").values()) for model in (Image, Tag, Layer, Blob)]
    job = done(services.start_rebuild(project, by=None))
    assert (job.result["added"], job.result["tags"], job.result["completed"]) == (0, 0, 0)
    assert rows == [list(model.objects.order_by("pk").values()) for model in (Image, Tag, Layer, Blob)]


def test_what_was_removed_does_not_come_back(project: Project, pull: Pull) -> None:
    services.remove_image(pull("app", APP), by=None)
    assert done(services.start_rebuild(project, by=None)).result["in_store"] == 0
    assert not Image.objects.exists()


def test_an_image_whose_rows_are_incomplete_is_completed(project: Project, pull: Pull) -> None:
    app = pull("app", APP)
    app.image_layers.filter(position=1).delete()
    assert done(services.start_rebuild(project, by=None)).result["completed"] == 1
    assert app.image_layers.count() == 2


def test_a_rebuild_names_what_the_store_lacks_and_what_it_cannot_read(
    project: Project, store: Store, pull: Pull
) -> None:
    base, app = pull("base", BASE), pull("app", APP)
    store.images.forget(Digest.parse(base.digest))
    store.blobs.path(Digest.parse(app.digest)).unlink()
    result = done(services.start_rebuild(project, by=None)).result
    assert [one["id"] for one in result["missing_images"]] == [base.pk]
    assert (result["missing"], result["damaged"], result["added"]) == (1, 1, 0)
    assert Image.objects.count() == 2


def harm(store: Store, sample: SampleImage) -> None:
    """Alter one blob, and one file of an extracted layer."""
    damage(store.blobs.path(sample.layers[1].digest))
    (store.layers.tree(sample.diff_ids[0]) / "etc" / "name").write_bytes(b"evil")


def test_a_scrub_finds_and_a_repair_mends(project: Project, store: Store, pull: Pull) -> None:
    pull("app", APP)
    assert done(services.start_scrub(project, repair=False, by=None)).result["found"] == 0
    harm(store, APP)
    found = done(services.start_scrub(project, repair=False, by=None)).result
    assert (found["found"], found["repaired"]) == (2, 0)
    subjects = {finding["subject"] for finding in found["findings"]}
    assert subjects == {str(APP.layers[1].digest), str(APP.diff_ids[0])}
    repaired = done(services.start_scrub(project, repair=True, by=None)).result
    assert (repaired["found"], repaired["repaired"]) == (2, 2), repaired["findings"]
    assert (store.layers.tree(APP.diff_ids[0]) / "etc" / "name").read_bytes() == b"base"
    assert done(services.start_scrub(project, repair=False, by=None)).result["found"] == 0


def test_a_repair_is_bound_by_what_a_layer_may_be(
    project: Project, store: Store, pull: Pull, settings: Settings
) -> None:
    pull("app", APP)
    harm(store, APP)
    settings.LAYER_MAX_ENTRIES = 1
    _blob, tree = done(services.start_scrub(project, repair=True, by=None)).result["findings"][::-1]
    assert "it has more than 1 entries" in tree["message"]


def test_a_lost_tree_is_lost_in_the_catalog_too(project: Project, store: Store, pull: Pull) -> None:
    app = pull("app", APP)
    store.layers.remove(APP.diff_ids[1])
    done(services.start_scrub(project, repair=False, by=None))
    app.refresh_from_db()
    assert not app.extracted
    assert Layer.objects.filter(tree_present=False).get().diff_id == str(APP.diff_ids[1])


def test_a_cancelled_scrub_says_so(project: Project, pull: Pull) -> None:
    pull("app", APP)
    token = CancelToken()
    token.cancel()
    job = services.start_scrub(project, repair=False, by=None)
    assert run_job(job.pk, keep, token) is JobState.CANCELLED


def test_progress_tells_the_step(project: Project, pull: Pull) -> None:
    pull("app", APP)
    told: list[Event] = []
    job = services.start_scrub(project, repair=False, by=None)
    run_job(job.pk, keep, listener=told.append)
    steps = [event for event in told if isinstance(event, Keeping)]
    assert len({event.step for event in steps}) >= 2
    assert max(event.total for event in steps) >= 4


def test_a_pull_lists_its_image_again_that_was_removed_meanwhile(
    project: Project, store: Store, pull: Pull, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the end of the pull and its record, the removal of the same image takes it off the lists."""
    row = pull("app", APP)
    services.remove_image(row, by=None)

    def forgotten_first(*arguments: object) -> None:
        # What runs in between in the worst case: the row is there, the list has just lost it.
        store.images.forget(APP.digest)
        genuine(*arguments)  # type: ignore[arg-type]

    genuine = entering.keep_listed
    monkeypatch.setattr("worker.tasks.pulling.keep_listed", forgotten_first)
    pull("app", APP)
    assert [listed.digest for listed in store.images.all()] == [APP.digest]


def test_forgetting_leaves_what_came_back_meanwhile(project: Project, store: Store, pull: Pull) -> None:
    services.remove_image(pull("app", APP), by=None)
    pull("app", APP)
    forget_removed(store)
    assert [listed.digest for listed in store.images.all()] == [APP.digest]
    assert not RemovedManifest.objects.exists()


def test_a_measurement_tells_what_sharing_saves(project: Project, store: Store, pull: Pull) -> None:
    """Two images on one base: on their own, the base would be there twice, unpacked and compressed."""
    pull("base", BASE)
    pull("app", APP)
    pull("twin", recompressed(BASE, "zstd"))
    measure(store)
    survey = StoreSurvey.objects.get()
    base = Layer.objects.get(diff_id=str(BASE.diff_ids[0]))
    assert base.unpacked_size is not None
    # The twin's blob was never fetched: its tree was here. So it would have a tree alone.
    assert survey.saved == 2 * base.unpacked_size + BASE.layers[0].size
    assert survey.bytes > 100_000
    assert survey.kinds["trees"]["count"] == 2
    assert 0 < survey.disk_free <= survey.disk_total
    assert survey.measured_at is not None


def test_a_store_can_be_measured_before_anything_was_pulled(db: None, store: Store) -> None:
    assert not store.root.exists()
    measure(store)
    survey = StoreSurvey.objects.get()
    assert (survey.saved, survey.bytes) == (0, 0)
    assert survey.disk_total > 0
    store.prepare()
    measure(store)
    assert StoreSurvey.objects.get().saved == 0


def test_an_image_without_a_name_comes_back_by_its_digest(project: Project, store: Store, pull: Pull) -> None:
    """Its tag moved on before the catalog was lost; the store's list still says where it came from."""
    first = pull("app", BASE)
    pull("app", APP)
    for model in (Job, Tag, Image):
        model.objects.all().delete()  # type: ignore[attr-defined]
    done(services.start_rebuild(project, by=None))
    lost = Image.objects.get(digest=str(BASE.digest))
    assert (lost.registry_host, lost.repository, lost.tags.count()) == (first.registry_host, "app", 0)


def test_an_extraction_that_finds_a_damaged_blob_tells_the_catalog_that_it_is_gone(
    project: Project, store: Store, pull: Pull
) -> None:
    fetched = pull("app", BASE, fetch_only=True)
    damage(store.blobs.path(BASE.layers[0].digest))
    job = services.start_extract(fetched, by=None)
    assert run_job(job.pk, extract_image) is JobState.FAILED
    job.refresh_from_db()
    assert job.error_code == "store_damaged"
    assert not Blob.objects.get().present
