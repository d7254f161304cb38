"""The job that removes images, on a real store: exactly what was foreseen goes, whoever comes in between."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from samples.images import image, index, layer, recompressed
from samples.registry import SampleRegistry
from tests.engine.pull.helpers import damage, left
from worker import services
from worker.engine.cancel import CancelToken
from worker.engine.errors import Conflict
from worker.engine.events import Event, Keeping
from worker.engine.housekeeping import collect
from worker.engine.oci import Digest
from worker.engine.store import Content, Store
from worker.models import (
    Container,
    Image,
    Job,
    JobKind,
    JobState,
    Layer,
    Project,
    RemovedManifest,
    StoreSurvey,
    Tag,
)
from worker.services import WhatWouldGo, what_would_go
from worker.tasks import removing
from worker.tasks.measuring import measure
from worker.tasks.pulling import pull_image
from worker.tasks.running import run_job
from worker.tasks.storing import keep
from worker.tasks.weighing import weigh_trees

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.root]

_BASE = layer({"etc/name": b"base", "big": os.urandom(40_000)})
BASE = image([_BASE])
APP = image([_BASE, layer({"app": os.urandom(60_000)})])
OTHER = image([_BASE, layer({"other": os.urandom(30_000)})])

Pull = Callable[..., Image]


@pytest.fixture
def store(data_dir: Path) -> Store:
    return Store(settings.STORE_DIR)


@pytest.fixture
def pull(project: Project, store: Store, sample_registry: SampleRegistry) -> Pull:
    """Push an image to a registry, pull it as a worker does, and measure what it takes."""

    def bring(name: str, sample: Any, into: Project | None = None, **named: Any) -> Image:
        reference = sample_registry.push(name, "1", sample)
        job = services.start_pull(into or project, reference, insecure=True, by=None, **named)
        assert run_job(job.pk, pull_image) is JobState.SUCCEEDED, Job.objects.get(pk=job.pk).error_message
        weigh_trees(store)
        return Image.objects.get(jobs=job)

    return bring


def du(store: Store) -> int:
    """Bytes on disk of blobs and layers, as the program of that name counts them."""
    out = subprocess.check_output(
        ["du", "--summarize", "--block-size=1", "--total", store.root / "blobs", store.root / "layers"]
    )
    return int(out.split()[-2])


def foreseen(*images: Image) -> WhatWouldGo:
    what = what_would_go(images, by=None)
    assert not what.unmeasured
    return what


def removed(*images: Image) -> Job:
    """Remove them, by a job run here; return its row."""
    return ended(services.remove_images(images, by=None))


def ended(job: Job) -> Job:
    state = run_job(job.pk, keep)
    job.refresh_from_db()
    assert state is JobState.SUCCEEDED, job.error_message
    return job


def removes_what_it_foresaw(store: Store, *images: Image) -> Job:
    what, before = foreseen(*images), du(store)
    job = removed(*images)
    assert job.result["bytes"] == what.freed == before - du(store)
    assert (job.result["foreseen"], job.result["stay"]) == (what.freed, 0)
    return job


def test_what_du_says_before_and_after_is_what_was_foreseen(store: Store, pull: Pull) -> None:
    """One that shares its base; then both that are left, which share everything with each other."""
    base, app, other = pull("base", BASE), pull("app", APP), pull("other", OTHER)
    what = foreseen(app)
    kept, gone = what.layers
    assert (kept.goes, kept.keepers.images, kept.keepers.first) == (0, 2, base.pk)
    assert gone.goes == gone.here
    assert not gone.keepers.any
    assert what.documents.count == 2
    job = removes_what_it_foresaw(store, app)
    assert job.result["removed"] == 1
    assert Tag.objects.get(repository="app").image is None
    assert not RemovedManifest.objects.exists()
    assert foreseen(base).trees.count == 0, "the other one needs its only layer"
    removes_what_it_foresaw(store, base, other)
    assert left(store) == []
    assert not Layer.objects.exists()


def test_what_only_differs_in_compression_goes_without_its_trees(store: Store, pull: Pull) -> None:
    """The same config and the same trees: the manifest alone is its own, and the blob, if it was fetched."""
    pull("base", BASE)
    twin = pull("twin", recompressed(BASE, "zstd"))
    what = foreseen(twin)
    assert (what.trees.count, what.blobs.count, what.documents_stay.count) == (0, 1, 1)
    removes_what_it_foresaw(store, twin)


def test_the_rest_of_a_name_with_several_platforms_gets_its_index_anew(
    project: Project, store: Store, pull: Pull
) -> None:
    """What comes for that is taken off what is freed."""
    arm, riscv = (
        image([layer({name: os.urandom(9000)})], platform=f"linux/{name}") for name in ("arm64", "riscv64")
    )
    pull("app", index([APP, arm, riscv]), platforms=["all"])
    collect(store)  # the index that was made for the first two
    removes_what_it_foresaw(store, Image.objects.get(architecture="arm64"))
    assert collect(store, dry_run=True).items == ()
    removes_what_it_foresaw(store, *Image.objects.all())
    assert left(store) == []


def test_an_image_that_another_project_has_too_stays_in_the_store(store: Store, pull: Pull) -> None:
    other = Project.objects.create(slug="other", name="Other")
    mine = pull("app", APP)
    pull("app", APP, other)
    what = foreseen(mine)
    assert (what.freed, what.elsewhere) == (0, {mine.pk})
    assert {fate.keepers.elsewhere for fate in what.layers} == {True}
    assert {fate.keepers.images for fate in what.layers} == {0}
    removes_what_it_foresaw(store, mine)
    assert Image.objects.get().project == other
    assert [one.digest for one in store.images.all()] == [APP.digest]


def test_only_fetched_images_go_with_their_blobs(store: Store, pull: Pull) -> None:
    app = pull("app", APP, fetch_only=True)
    assert foreseen(app).trees.count == 0
    removes_what_it_foresaw(store, app)
    assert left(store) == []


def test_other_garbage_is_left_to_the_collection(store: Store, pull: Pull) -> None:
    """Also of an image that was removed before, without its own job; what they shared goes."""
    before, app = pull("other", OTHER), pull("app", APP)
    services.remove_image(before, by=None)
    removes_what_it_foresaw(store, app)
    assert not store.layers.has(_BASE.diff_id)
    assert store.layers.has(OTHER.diff_ids[1])
    assert {item.kind for item in collect(store, dry_run=True).items} == {"blob", "layer"}


def test_a_pull_that_begins_to_need_a_layer_keeps_it_and_the_result_says_so(store: Store, pull: Pull) -> None:
    app = pull("app", APP)
    what = foreseen(app)
    job = services.remove_images([app], mark=what.mark, by=None)
    with store.pin() as pin:
        pin.add(Content(layers=frozenset({_BASE.diff_id})))
        ended(job)
    stay = what.layers[0].tree or 0
    assert job.result["bytes"] == what.freed - stay
    assert [(one["name"], one["size"], one["why"]) for one in job.result["stays"]] == [
        (str(_BASE.diff_id), stay, "work")
    ]
    assert store.layers.has(_BASE.diff_id)


def test_what_a_running_pull_needs_is_known_beforehand(store: Store, pull: Pull) -> None:
    app = pull("app", APP)
    free = foreseen(app)
    with store.pin() as pin:
        pin.add(Content(layers=frozenset({_BASE.diff_id})))
        what = foreseen(app)
        assert what.layers[0].keepers.work
        assert what.freed == free.freed - (free.layers[0].tree or 0)
        assert what.mark != free.mark
        with pytest.raises(Conflict, match="Something has changed"):
            services.remove_images([app], mark=free.mark, by=None)


def test_an_image_that_comes_between_the_catalog_and_the_sweep_keeps_its_layers(
    store: Store, pull: Pull, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = pull("app", APP)
    forget = removing.forget_removed

    def pulled_first(store: Store) -> None:
        forget(store)
        pull("other", OTHER)

    monkeypatch.setattr(removing, "forget_removed", pulled_first)
    job = removed(app)
    assert {one["why"] for one in job.result["stays"]} == {"image"}
    other = Image.objects.get()
    assert other.extracted
    assert store.layers.has(_BASE.diff_id)
    assert not store.layers.has(APP.diff_ids[1])


def test_it_runs_again_after_its_worker_died(
    store: Store, pull: Pull, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each of the places where it can have come to; it tells the whole in the end."""
    for place in ("_leave_catalog", "forget_removed", "clear", "bring_in_line"):
        pull("base", BASE)
        app = pull("app", APP)
        what, before = foreseen(app), du(store)
        job = services.remove_images([app], by=None)
        for when in ("before", "after"):
            with monkeypatch.context() as patched:
                patched.setattr(removing, place, _dying(getattr(removing, place), when))
                with pytest.raises(SystemExit):
                    run_job(job.pk, keep)
            Job.objects.filter(pk=job.pk).update(state=JobState.QUEUED)
        ended(job)
        assert job.result["bytes"] == what.freed == before - du(store), place
        assert job.attempt == 3
        assert [one.repository for one in Image.objects.all()] == ["base"]
        removed(Image.objects.get())
        assert left(store) == []


def _dying(genuine: Callable[..., Any], when: str) -> Callable[..., Any]:
    def work(*arguments: Any, **named: Any) -> Any:
        if when == "after":
            genuine(*arguments, **named)
        raise SystemExit

    return work


def test_one_that_is_gone_keeps_all(store: Store, pull: Pull) -> None:
    base, app = pull("base", BASE), pull("app", APP)
    job = services.remove_images([base, app], by=None)
    services.remove_image(base, by=None)
    assert run_job(job.pk, keep) is JobState.FAILED
    job.refresh_from_db()
    assert job.error_message == "1 of the 2 images are gone already; nothing was removed."
    assert Image.objects.get() == app
    assert store.layers.has(APP.diff_ids[1])


def test_a_container_that_came_meanwhile_keeps_all(project: Project, store: Store, pull: Pull) -> None:
    base, app = pull("base", BASE), pull("app", APP)
    job = services.remove_images([base, app], by=None)
    Container.objects.create(project=project, image=app, name="quick", node="local")
    assert run_job(job.pk, keep) is JobState.FAILED
    job.refresh_from_db()
    assert "quick" in job.error_message
    assert Image.objects.count() == 2


def test_cancelled_it_has_removed_nothing_or_leaves_the_rest_to_the_collection(
    project: Project, store: Store, pull: Pull
) -> None:
    app = pull("app", APP)
    early = CancelToken()
    early.cancel()
    job = services.remove_images([app], by=None)
    assert run_job(job.pk, keep, early) is JobState.CANCELLED
    assert Image.objects.exists()
    late = CancelToken()

    def listen(event: Event) -> None:
        if isinstance(event, Keeping) and event.step == "measuring":
            late.cancel()

    job = services.remove_images([app], by=None)
    assert run_job(job.pk, keep, late, listen) is JobState.CANCELLED
    assert not Image.objects.exists()
    assert store.layers.has(APP.diff_ids[1])
    again = services.retry(Job.objects.get(pk=job.pk), by=None)
    ended(again)
    assert left(store) == []


def test_an_image_that_the_lists_have_lost_keeps_its_layers(store: Store, pull: Pull) -> None:
    base, app = pull("base", BASE), pull("app", APP)
    store.images.forget(Digest.parse(base.digest))
    removes_what_it_foresaw(store, app)
    assert store.layers.has(_BASE.diff_id)


def test_a_damaged_image_of_anybody_stops_it_before_anything_goes(store: Store, pull: Pull) -> None:
    """And is not named: it may be of another project."""
    other = Project.objects.create(slug="other", name="Other")
    app, secret = pull("app", APP), pull("secret", OTHER, other)
    damage(store.blobs.path(Digest.parse(secret.config_digest)))
    job = services.remove_images([app], by=None)
    assert run_job(job.pk, keep) is JobState.FAILED
    job.refresh_from_db()
    assert "secret" not in job.error_message + job.error_hint
    assert job.error_message.endswith("Nothing was removed.")
    assert Image.objects.count() == 2


def test_a_damaged_image_can_be_removed_itself(store: Store, pull: Pull) -> None:
    pull("base", BASE)
    app = pull("app", APP)
    damage(store.blobs.path(Digest.parse(app.config_digest)))
    removes_what_it_foresaw(store, app)
    assert store.layers.has(_BASE.diff_id)
    assert not store.layers.has(APP.diff_ids[1])


def test_two_at_once_leave_nothing_between_them(
    store: Store, pull: Pull, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each foresaw that the other's image keeps the base; the one that is later takes it."""
    app, other = pull("app", APP), pull("other", OTHER)
    first = services.remove_images([app], by=None)
    second = services.remove_images([other], by=None)
    forget = removing.forget_removed

    def the_other_first(store: Store) -> None:
        forget(store)
        monkeypatch.setattr(removing, "forget_removed", forget)
        ended(second)

    monkeypatch.setattr(removing, "forget_removed", the_other_first)
    ended(first)
    assert left(store) == []


def test_no_removal_goes_on_beside_a_rebuild(project: Project, pull: Pull) -> None:
    """What goes must not come back by what was read before."""
    app = pull("app", APP)
    job = services.remove_images([app], by=None)
    with pytest.raises(Conflict, match="Images are being removed just now"):
        services.start_rebuild(project, by=None)
    services.cancel(job, by=None)
    services.start_rebuild(project, by=None)
    with pytest.raises(Conflict, match="The catalog is being rebuilt just now"):
        services.remove_images([app], by=None)
    assert Job.objects.filter(kind=JobKind.REMOVE, state=JobState.QUEUED).count() == 0


def test_what_was_never_measured_is_counted_as_such(store: Store, pull: Pull) -> None:
    app = pull("app", APP)
    Layer.objects.update(tree_bytes=None)
    what = what_would_go([app], by=None)
    assert (what.unmeasured, what.layers[0].goes, what.trees.bytes) == (2, None, 0)
    before = du(store)
    job = removed(app)
    assert (job.result["foreseen"], job.result["bytes"]) == (None, before - du(store))


def test_a_measurement_of_the_store_measures_its_trees(store: Store, pull: Pull) -> None:
    pull("app", APP)
    weighed = dict(Layer.objects.values_list("diff_id", "tree_bytes"))
    Layer.objects.update(tree_bytes=None)
    measure(store)
    assert dict(Layer.objects.values_list("diff_id", "tree_bytes")) == weighed
    assert StoreSurvey.objects.get().kinds["trees"]["bytes"] == sum(filter(None, weighed.values()))


def test_a_tree_that_is_gone_has_no_weight(store: Store, pull: Pull, project: Project) -> None:
    pull("app", APP)
    store.layers.remove(APP.diff_ids[1])
    ended(services.start_scrub(project, repair=False, by=None))
    assert Layer.objects.get(tree_present=False).tree_bytes is None
