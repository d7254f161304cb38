"""The job that removes images: whoever comes in between, and wherever its worker dies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

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
)
from worker import services
from worker.engine.cancel import CancelToken
from worker.engine.errors import Conflict
from worker.engine.events import Event, Keeping
from worker.engine.oci import Digest
from worker.engine.store import Content, Store
from worker.models import (
    Container,
    Image,
    Job,
    JobKind,
    JobState,
    Project,
)
from worker.tasks import removing
from worker.tasks.running import run_job
from worker.tasks.storing import keep

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.root]


def test_a_pull_that_begins_to_need_a_layer_keeps_it_and_the_result_says_so(store: Store, pull: Pull) -> None:
    app = pull("app", APP)
    what = foreseen(app)
    job = services.remove_images([app], mark=what.mark, by=None)
    with store.pin() as pin:
        pin.add(Content(layers=frozenset({BASE_LAYER.diff_id})))
        ended(job)
    stay = what.layers[0].tree or 0
    assert job.result["bytes"] == what.freed - stay
    assert [(one["name"], one["size"], one["why"]) for one in job.result["stays"]] == [
        (str(BASE_LAYER.diff_id), stay, "work")
    ]
    assert store.layers.has(BASE_LAYER.diff_id)


def test_what_a_running_pull_needs_is_known_beforehand(store: Store, pull: Pull) -> None:
    app = pull("app", APP)
    free = foreseen(app)
    with store.pin() as pin:
        pin.add(Content(layers=frozenset({BASE_LAYER.diff_id})))
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
    assert store.layers.has(BASE_LAYER.diff_id)
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


@pytest.mark.parametrize("whose", ["mine", "another"])
def test_a_damaged_image_of_anybody_stops_it_before_anything_goes(
    whose: str, project: Project, store: Store, pull: Pull, caplog: pytest.LogCaptureFixture
) -> None:
    """And is named to its own project alone; and to whoever reads the log."""
    other = project if whose == "mine" else Project.objects.create(slug="other", name="Other")
    app, secret = pull("app", APP), pull("secret", OTHER, other)
    damage(store.blobs.path(Digest.parse(secret.config_digest)))
    job = services.remove_images([app], by=None)
    assert run_job(job.pk, keep) is JobState.FAILED
    job.refresh_from_db()
    named = f"The image {secret.called} is damaged"
    assert job.error_message.startswith(named) is (whose == "mine")
    assert ("secret" in job.error_message + job.error_hint) is (whose == "mine")
    assert job.error_message.endswith("Nothing was removed.")
    assert "secret:1 is damaged" in caplog.text
    assert Image.objects.count() == 2


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
