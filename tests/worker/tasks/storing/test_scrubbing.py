"""A scrub on a real store, its repair, and what they tell the catalog."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from samples.images import SampleImage
from tests.engine.pull.helpers import damage
from tests.worker.tasks.helpers import Pull, ended
from tests.worker.tasks.storing.helpers import APP, BASE
from worker import services
from worker.engine.cancel import CancelToken
from worker.engine.events import Event, Keeping
from worker.engine.store import Store
from worker.models import (
    Blob,
    JobState,
    Layer,
    Project,
)
from worker.tasks.pulling import extract_image
from worker.tasks.running import run_job
from worker.tasks.storing import keep

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.services]


def harm(store: Store, sample: SampleImage) -> None:
    """Alter one blob, and one file of an extracted layer."""
    damage(store.blobs.path(sample.layers[1].digest))
    (store.layers.tree(sample.diff_ids[0]) / "etc" / "name").write_bytes(b"evil")


def test_a_scrub_finds_and_a_repair_mends(project: Project, store: Store, pull: Pull) -> None:
    pull("app", APP)
    assert ended(services.start_scrub(project, repair=False, by=None)).result["found"] == 0
    harm(store, APP)
    found = ended(services.start_scrub(project, repair=False, by=None)).result
    assert (found["found"], found["repaired"]) == (2, 0)
    subjects = {finding["subject"] for finding in found["findings"]}
    assert subjects == {str(APP.layers[1].digest), str(APP.diff_ids[0])}
    repaired = ended(services.start_scrub(project, repair=True, by=None)).result
    assert (repaired["found"], repaired["repaired"]) == (2, 2), repaired["findings"]
    assert (store.layers.tree(APP.diff_ids[0]) / "etc" / "name").read_bytes() == b"base"
    assert ended(services.start_scrub(project, repair=False, by=None)).result["found"] == 0


def test_a_repair_is_bound_by_what_a_layer_may_be(
    project: Project, store: Store, pull: Pull, settings: Settings
) -> None:
    pull("app", APP)
    harm(store, APP)
    settings.LAYER_MAX_ENTRIES = 1
    _blob, tree = ended(services.start_scrub(project, repair=True, by=None)).result["findings"][::-1]
    assert "it has more than 1 entries" in tree["message"]


def test_a_lost_tree_is_lost_in_the_catalog_too(project: Project, store: Store, pull: Pull) -> None:
    app = pull("app", APP)
    store.layers.remove(APP.diff_ids[1])
    ended(services.start_scrub(project, repair=False, by=None))
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
