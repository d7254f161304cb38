"""What a collection takes after images were removed, and what comes back meanwhile."""

from __future__ import annotations

import pytest

from tests.worker.tasks.helpers import Pull, ended
from tests.worker.tasks.storing.helpers import APP, BASE, trees
from worker import services
from worker.engine.store import Store
from worker.models import (
    Blob,
    Image,
    Layer,
    Project,
    RemovedManifest,
    Tag,
)
from worker.tasks import entering
from worker.tasks.forgetting import forget_removed

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.services]


def test_a_removed_image_is_collected_and_what_others_share_stays(
    project: Project, store: Store, pull: Pull
) -> None:
    pull("base", BASE)
    app = pull("app", APP)
    assert ended(services.start_collect(project, by=None)).result["count"] == 0
    services.remove_image(app, by=None)
    look = ended(services.start_preview(project, by=None))
    assert look.result["kinds"]["layer"]["count"] == 1
    assert trees(store) == {str(diff_id) for diff_id in APP.diff_ids}
    collected = ended(services.start_collect(project, by=None))
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
    assert ended(services.start_collect(project, by=None)).result["count"] == 0
    services.remove_image(theirs, by=None)
    assert ended(services.start_collect(project, by=None)).result["count"] > 0
    assert trees(store) == set()


def test_an_empty_catalog_lets_nothing_be_collected(project: Project, store: Store, pull: Pull) -> None:
    """Somebody lost the database, and cron collects before anybody rebuilds."""
    pull("app", APP)
    Image.objects.all().delete()
    Layer.objects.all().delete()
    assert ended(services.start_collect(project, by=None)).result["count"] == 0
    assert trees(store) == {str(diff_id) for diff_id in APP.diff_ids}


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
