"""The job that removes images: what was foreseen goes, to the byte, and nothing else."""

from __future__ import annotations

import json
import os

import pytest

from samples.images import SampleIndex, image, index, layer, recompressed
from tests.engine.pull.helpers import damage, left
from tests.worker.tasks.helpers import Pull, ended
from tests.worker.tasks.removing.helpers import (
    APP,
    BASE,
    BASE_LAYER,
    OTHER,
    du,
    foreseen,
    removed,
    removes_what_it_foresaw,
)
from worker import services
from worker.engine.housekeeping import collect
from worker.engine.oci import Digest
from worker.engine.store import Store
from worker.models import (
    Image,
    Layer,
    Project,
    RemovedManifest,
    StoreSurvey,
    Tag,
)
from worker.services import what_would_go
from worker.tasks.measuring import measure

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.root]


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


def test_an_index_that_lies_inside_of_one_that_stays_is_known_to_stay(store: Store, pull: Pull) -> None:
    """Though the image that goes was pulled by that index itself."""
    arm = image([layer({"arm64": os.urandom(9000)})], platform="linux/arm64")
    inner = index([arm])
    entry = {"mediaType": inner.media_type, "digest": str(inner.digest), "size": len(inner.raw)}
    body = json.loads(index([APP]).raw)
    body["manifests"].append(entry)
    members = (APP, inner, arm)
    outer = SampleIndex(json.dumps(body).encode(), inner.media_type, manifests=members, images=(APP,))
    pull("outer", outer)
    removes_what_it_foresaw(store, pull("inner", inner, platforms=["all"]))
    assert store.blobs.has(inner.digest)
    removes_what_it_foresaw(store, Image.objects.get())
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
    assert not store.layers.has(BASE_LAYER.diff_id)
    assert store.layers.has(OTHER.diff_ids[1])
    assert {item.kind for item in collect(store, dry_run=True).items} == {"blob", "layer"}


def test_an_image_that_the_lists_have_lost_keeps_its_layers(store: Store, pull: Pull) -> None:
    base, app = pull("base", BASE), pull("app", APP)
    store.images.forget(Digest.parse(base.digest))
    removes_what_it_foresaw(store, app)
    assert store.layers.has(BASE_LAYER.diff_id)


def test_a_damaged_image_can_be_removed_itself(store: Store, pull: Pull) -> None:
    pull("base", BASE)
    app = pull("app", APP)
    damage(store.blobs.path(Digest.parse(app.config_digest)))
    removes_what_it_foresaw(store, app)
    assert store.layers.has(BASE_LAYER.diff_id)
    assert not store.layers.has(APP.diff_ids[1])


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
