"""A project at a glance."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from dashboard.queries.figures import holdings, lately
from tests.conftest import Users
from tests.dashboard.catalog import MIB, family, make_image
from tests.dashboard.doors import assert_door, assert_verbs, client_of
from worker.models import Blob, Container, Job, JobState, Project, Role, Tag, TagMovement


def test_an_empty_project_says_what_to_do_next(users: Users) -> None:
    operator = client_of(users.operator).get("/p/team/").content.decode()
    assert "Pull a first image" in operator
    assert 'href="/p/team/registries/new/"' not in operator
    assert 'href="/p/team/registries/new/"' in client_of(users.admin).get("/p/team/").content.decode()
    assert "Nothing runs at the moment." in operator


def test_it_shows_figures_images_jobs_and_containers(viewer: Client, project: Project) -> None:
    images = family(project)
    Container.objects.create(
        project=project,
        image=images["php"],
        name="brave-otter",
        node="local",
        state="running",
        started_at=timezone.now(),
    )
    Container.objects.create(project=project, image=images["php"], name="idle", node="local", state="stopped")
    Job.objects.create(project=project, kind="pull", state="running", reference="docker.io/library/alpine:3")
    html = viewer.get("/p/team/").content.decode()
    assert "814 MiB" in html
    assert "803 MiB" in html
    assert "brave-otter" in html
    assert ">idle<" not in html
    assert "alpine:3" in html
    assert ">php<" in html


def test_the_rails_counts_are_served_alone_to_members(
    users: Users, viewer: Client, project: Project, queries_of: Callable[..., int]
) -> None:
    """Queued and running jobs count, finished ones do not; none is no number at all."""
    assert_door(users, "get", "/p/team/counts/", needs=Role.VIEWER)
    assert_verbs(users.viewer, "/p/team/counts/", refused="post put delete")
    family(project)
    jobs = '<hx-partial hx-target="#count-jobs" hx-swap="innerHTML">{}</hx-partial>'
    assert jobs.format("") in viewer.get("/p/team/counts/").content.decode()
    for state in (JobState.QUEUED, JobState.RUNNING, JobState.FAILED):
        Job.objects.create(project=project, kind="pull", state=state, reference="x", error_code="x")
    html = viewer.get("/p/team/counts/").content.decode()
    assert jobs.format(2) in html
    assert '"#count-images" hx-swap="innerHTML">4<' in html
    assert "<html" not in html


def test_what_other_projects_do_is_not_shown(viewer: Client, project: Project) -> None:
    other = Project.objects.create(slug="other", name="Other")
    image = make_image(other, "secret-image", "z")
    Container.objects.create(
        project=other,
        image=image,
        name="secret-box",
        node="local",
        state="running",
        started_at=timezone.now(),
    )
    Job.objects.create(
        project=other, kind="pull", state="running", reference="docker.io/library/secret-job:1"
    )
    html = viewer.get("/p/team/").content.decode()
    assert "secret" not in html


@pytest.mark.parametrize("part", ["figures", "work", "images", "containers"])
def test_each_part_is_served_alone_for_live_updates(viewer: Client, project: Project, part: str) -> None:
    family(project)
    html = viewer.get(f"/p/team/?part={part}", headers={"HX-Request": "true"}).content.decode()
    assert f'hx-get="?part={part}"' in html
    assert html.count("hx-get=") == 1
    assert "<html" not in html


def test_a_part_asks_only_for_itself(
    viewer: Client, project: Project, queries_of: Callable[..., int]
) -> None:
    family(project)
    part = queries_of(viewer.get, "/p/team/?part=work", headers={"HX-Request": "true"})
    assert part < queries_of(viewer.get, "/p/team/") / 2


def test_what_ran_lately_is_told_by_the_page_and_by_the_part_that_is_fetched_anew(
    viewer: Client, project: Project
) -> None:
    Job.objects.create(project=project, kind="pull", state=JobState.FAILED, reference="x", error_code="x")
    for address, headers in (("/p/team/", {}), ("/p/team/?part=work", {"HX-Request": "true"})):
        html = viewer.get(address, headers=headers).content.decode()
        assert "1 pull in the last 24 hours" in html
        assert '<a href="/p/team/jobs/?state=failed">1 failed</a>' in html


def test_a_job_under_way_is_asked_for_again_soon(viewer: Client, project: Project) -> None:
    part = {"HX-Request": "true"}
    assert b"every 2s" not in viewer.get("/p/team/?part=work", headers=part).content
    Job.objects.create(project=project, kind="pull", state="queued", reference="docker.io/library/alpine:3")
    assert b"every 2s" in viewer.get("/p/team/?part=work", headers=part).content


def test_holdings_count_each_layer_and_each_blob_once(project: Project) -> None:
    family(project)
    make_image(project, "raw", "dq", tags=[], extracted=False)
    whole = holdings(project)
    assert (whole.images, whole.repositories, whole.not_extracted) == (5, 5, 1)
    assert (whole.layers, whole.shared) == (6, 3)
    assert whole.trees == 436 * MIB
    assert whole.blobs == (218 + 160 + 5) * MIB
    assert whole.saved == 803 * MIB


def test_a_blob_that_was_not_fetched_weighs_nothing_on_disk(project: Project) -> None:
    """A recompressed twin whose trees were here already."""
    family(project)
    before = holdings(project)
    make_image(project, "apache-again", "dai", compression="br")
    Blob.objects.filter(media_type__endswith="+br").update(present=False)
    assert holdings(project).images == before.images + 1
    assert holdings(project).blobs == before.blobs


def test_holdings_follow_a_new_image_at_once(project: Project) -> None:
    make_image(project, "one", "d")
    assert holdings(project).layers == 1
    make_image(project, "two", "da")
    assert holdings(project).layers == 2


def test_an_empty_project_holds_nothing(project: Project) -> None:
    whole = holdings(project)
    assert (whole.images, whole.on_disk, whole.saved) == (0, 0, 0)


def test_lately_counts_pulls_of_a_day_and_moves_of_a_week(project: Project) -> None:
    images = family(project)
    job = {"project": project, "kind": "pull", "reference": "x"}
    Job.objects.create(**job, state=JobState.SUCCEEDED, result={"unchanged": True})
    Job.objects.create(**job, state=JobState.SUCCEEDED, result={})
    Job.objects.create(**job, state=JobState.FAILED, error_code="x")
    old = Job.objects.create(**job, state=JobState.FAILED, error_code="x")
    Job.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=2))
    tag = Tag.objects.get(name="8")
    TagMovement.objects.create(
        tag=tag,
        from_digest=images["apache"].digest,
        to_digest=images["php"].digest,
        moved_at=timezone.now() - timedelta(days=1),
    )
    what = lately(project)
    assert (what.pulls, what.unchanged, what.failed) == (3, 1, 1)
    assert (what.moved, what.last_moved) == (1, tag)


def test_the_number_of_queries_does_not_grow(
    viewer: Client, project: Project, queries_of: Callable[..., int]
) -> None:
    images = family(project)

    def add(number: int) -> None:
        make_image(project, f"n{number}", f"d{number}")
        Container.objects.create(
            project=project,
            image=images["php"],
            name=f"c{number}",
            node="local",
            state="running",
            started_at=timezone.now(),
        )
        Job.objects.create(project=project, kind="pull", state="queued", reference=f"docker.io/x/y:{number}")

    add(0)
    few = queries_of(viewer.get, "/p/team/")
    for number in range(1, 6):
        add(number)
    assert queries_of(viewer.get, "/p/team/") <= few < 35
