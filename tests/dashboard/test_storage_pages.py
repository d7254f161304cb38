"""The Storage page, and the work that administrators of the install start from it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.asserts import assertContains, assertNotContains, assertRedirects

from tests.conftest import Users
from tests.dashboard.catalog import MIB, make_job
from tests.dashboard.doors import assert_door, assert_verbs, client_of, knock
from worker.models import Job, JobKind, JobState, Project, Role, StoreSurvey

PAGE = "/p/team/storage/"
STARTS = ["collect/", "preview/", "scrub/", "rebuild/", "measure/"]


@pytest.fixture
def admin(users: Users) -> Client:
    """The browser of the install's administrator."""
    return client_of(users.superuser)


@pytest.fixture
def survey(db: None) -> StoreSurvey:
    moment = timezone.now() - timedelta(minutes=3)
    kinds = {"trees": {"count": 5, "bytes": 300 * MIB}, "blobs": {"count": 9, "bytes": 100 * MIB}}
    return StoreSurvey.objects.create(
        pk=1,
        kinds=kinds,
        apart=900 * MIB,
        shared=400 * MIB,
        disk_total=2**40,
        disk_free=2**39,
        measured_at=moment,
        asked_at=moment,
    )


def kept(project: Project, kind: JobKind, result: dict[str, object], **fields: object) -> Job:
    moment = timezone.now() - timedelta(hours=2)
    return make_job(
        project,
        **{
            "kind": kind,
            "reference": str(kind),
            "state": JobState.SUCCEEDED,
            "result": result,
            "started_at": moment,
            "finished_at": moment,
        }
        | fields,
    )


FINDING = {"kind": "blob", "subject": "sha256:" + "ab" * 32, "code": "damaged", "repaired": False}
SCRUBBED = {
    "repair": False, "blobs": 9, "layers": 5, "bytes": 400 * MIB, "found": 250, "repaired": 1,
    "findings": [{**FINDING, "message": f"The blob sha256:{'ab' * 32} holds other bytes."}],
}  # fmt: skip
LOOK = {
    "dry_run": True, "count": 260, "bytes": 70 * MIB, "kinds": {"layer": {"count": 260, "bytes": 70 * MIB}},
    "items": [{"kind": "layer", "name": "sha256:" + "cd" * 32, "size": 60 * MIB}],
}  # fmt: skip


def test_the_page_is_for_members(users: Users) -> None:
    assert_door(users, "get", PAGE, needs=Role.VIEWER)
    assert_verbs(users.superuser, PAGE, refused="post put delete")


@pytest.mark.parametrize("address", STARTS)
def test_work_is_started_by_administrators_of_the_install_only(users: Users, address: str) -> None:
    for user in (users.viewer, users.operator, users.admin):
        assert knock(user, "post", PAGE + address).status_code == 403
    assert knock(users.stranger, "post", PAGE + address).status_code == 404
    assert "/sign-in/" in knock(None, "post", PAGE + address)["Location"]
    assert not Job.objects.exists()
    gettable = address in ("collect/", "rebuild/")
    assert_verbs(users.superuser, PAGE + address, refused="put delete" if gettable else "get put delete")
    if gettable:
        assert knock(users.admin, "get", PAGE + address).status_code == 403


def test_it_says_what_the_store_takes_and_what_sharing_saves(viewer: Client, survey: StoreSurvey) -> None:
    page = viewer.get(PAGE)
    assertContains(page, "<dd>400 MiB</dd>", html=True)
    assertContains(page, "<dd>500 MiB</dd>", html=True)
    assertContains(page, "each image for itself would take 900 MiB, together they take 400 MiB")
    assertContains(page, "3 min ago")
    assertContains(page, "75.0 %")
    assertContains(page, "512 GiB")


def test_before_the_first_measurement_it_says_so(viewer: Client) -> None:
    page = viewer.get(PAGE)
    assertContains(page, "Not measured yet")
    assertContains(page, "Never scrubbed.")


def test_buttons_are_there_for_who_may_press_them(viewer: Client, admin: Client, survey: StoreSurvey) -> None:
    assertNotContains(viewer.get(PAGE), "storage/scrub/")
    assertContains(viewer.get(PAGE), "Administrators of this install can start these.")
    assertContains(admin.get(PAGE), "storage/scrub/")


def test_the_last_scrub_is_told_to_all_its_details_to_administrators(
    viewer: Client, admin: Client, project: Project, survey: StoreSurvey
) -> None:
    """Digests and paths may belong to projects that a member does not see."""
    other = Project.objects.create(slug="other", name="Other")
    job = kept(other, JobKind.SCRUB, SCRUBBED, slot="scrub")
    for client in (viewer, admin):
        assertContains(client.get(PAGE), "250 findings, 1 repaired: 249 remain.")
    assertNotContains(viewer.get(PAGE), "holds other bytes")
    assertNotContains(viewer.get(PAGE), f"/p/other/jobs/{job.pk}/")
    page = admin.get(PAGE)
    assertContains(page, f"The blob sha256:{'ab' * 6}… holds other bytes.")
    assertContains(page, "and 249 more")
    assertContains(page, f"/p/other/jobs/{job.pk}/")


def test_the_job_shows_details_to_administrators_only(
    viewer: Client, admin: Client, project: Project
) -> None:
    job = kept(project, JobKind.SCRUB, SCRUBBED)
    address = f"/p/team/jobs/{job.pk}/"
    assertContains(admin.get(address), "holds other bytes")
    assertNotContains(viewer.get(address), "holds other bytes")
    assertContains(viewer.get(address), "Administrators of this install see the details.")
    assertContains(admin.get(address), "Run again")
    assertNotContains(viewer.get(address), "Run again")


def test_what_is_being_done_is_shown_with_its_progress(
    admin: Client, viewer: Client, project: Project, survey: StoreSurvey
) -> None:
    make_job(
        project,
        kind=JobKind.SCRUB,
        reference="Scrub the store",
        state=JobState.RUNNING,
        heartbeat_at=timezone.now(),
        progress={
            "job": 1, "state": "running", "kind": "scrub", "reference": "Scrub the store",
            "at": "2026-11-24T10:00:00+00:00",
            "keeping": {"step": "reading blobs", "done": 30, "total": 40, "bytes": 9, "subject": ""},
        },
    )  # fmt: skip
    for client in (admin, viewer):
        page = client.get(PAGE)
        assertContains(page, "Reading blobs: 30 of 40")
        assertContains(page, "75 %")
        assertContains(page, "every 2s")


@pytest.mark.parametrize(
    ("address", "data", "kind", "arguments"),
    [
        ("collect/", {}, JobKind.COLLECT, {"dry_run": False}),
        ("scrub/", {}, JobKind.SCRUB, {"repair": False}),
        ("scrub/", {"repair": "yes"}, JobKind.SCRUB, {"repair": True}),
        ("rebuild/", {}, JobKind.REBUILD, {}),
    ],
)
def test_a_button_starts_a_job_and_leads_to_its_page(
    admin: Client, project: Project, address: str, data: dict[str, str], kind: JobKind, arguments: object
) -> None:
    answer = admin.post(PAGE + address, data)
    job = Job.objects.get()
    assertRedirects(answer, f"/p/team/jobs/{job.pk}/")
    assert (job.kind, job.arguments) == (kind, arguments)


def test_a_second_one_is_refused_with_the_reason(admin: Client, project: Project) -> None:
    admin.post(PAGE + "collect/")
    answer = admin.post(PAGE + "rebuild/", follow=True)
    assertRedirects(answer, PAGE)
    assertContains(answer, "Garbage is being collected already")
    assert Job.objects.count() == 1


def test_collecting_begins_with_a_look(admin: Client, project: Project) -> None:
    assertContains(admin.get(PAGE + "collect/"), "Look for garbage")
    answer = admin.post(PAGE + "preview/")
    assertRedirects(answer, PAGE + "collect/")
    assert admin.post(PAGE + "preview/").status_code == 302
    assert Job.objects.get().arguments == {"dry_run": True}
    assertContains(admin.get(PAGE + "collect/"), "Looking for garbage")
    assertContains(admin.get(PAGE + "collect/"), "every 1s")


def test_the_look_says_what_would_go_the_largest_first(admin: Client, project: Project) -> None:
    look = kept(project, JobKind.COLLECT, LOOK, slot="preview", arguments={"dry_run": True})
    Job.objects.update(finished_at=timezone.now())
    page = admin.get(PAGE + "collect/")
    assertContains(page, "<dd>70.0 MiB</dd>", html=True)
    assertContains(page, "Extracted layers")
    assertContains(page, "sha256:" + "cd" * 32)
    assertContains(page, "and 259 more")
    assertContains(page, "Collect now")
    assertNotContains(page, "every 1s")
    Job.objects.filter(pk=look.pk).update(result=LOOK | {"count": 0, "kinds": {}, "items": []})
    assertContains(admin.get(PAGE + "collect/"), "There is no garbage")


def test_an_old_look_or_one_that_was_acted_upon_counts_no_more(admin: Client, project: Project) -> None:
    kept(project, JobKind.COLLECT, LOOK, slot="preview", arguments={"dry_run": True})
    assertContains(admin.get(PAGE + "collect/"), "Look first")
    Job.objects.update(finished_at=timezone.now())
    assertContains(admin.get(PAGE + "collect/"), "Collect now")
    kept(project, JobKind.COLLECT, LOOK | {"dry_run": False}, slot="store")
    assertContains(admin.get(PAGE + "collect/"), "Look first")


def test_a_rebuild_says_where_images_go_before_it_begins(admin: Client, project: Project) -> None:
    page = admin.get(PAGE + "rebuild/")
    assertContains(page, "The store does not know which project an image belonged to")
    assertContains(page, "Rebuild into Team")


def test_a_fragment_is_the_part_alone(admin: Client, survey: StoreSurvey) -> None:
    part = admin.get(PAGE, headers={"hx-request": "true"}).content.decode()
    assert re.match(r'\s*<div id="store"', part)
    assert "<html" not in part


def test_the_page_asks_as_many_questions_with_ten_thousand_images_as_with_none(
    admin: Client, survey: StoreSurvey, django_assert_max_num_queries: object
) -> None:
    """Everything that would grow was counted when the store was measured."""
    with django_assert_max_num_queries(22):  # type: ignore[operator]
        admin.get(PAGE)


def test_a_removal_of_another_project_is_told_without_its_name(
    viewer: Client, operator: Client, project: Project
) -> None:
    other = Project.objects.create(slug="hush", name="Hush")
    Job.objects.create(project=other, kind=JobKind.REMOVE, reference="Remove docker.io/secret:1")
    page = viewer.get("/p/team/storage/")
    assertContains(page, "Images of another project are being removed")
    for hidden in ("secret", "hush", "Hush"):
        assertNotContains(page, hidden)
    Job.objects.create(project=project, kind=JobKind.REMOVE, reference="Remove docker.io/ours:1")
    assertContains(viewer.get("/p/team/storage/"), "Remove docker.io/ours:1")


def test_the_last_removal_is_told_where_it_was(operator: Client, project: Project) -> None:
    counts = {"removed": 2, "foreseen": 4096, "bytes": 4096, "count": 1, "stay": 0, "stay_bytes": 0}
    job = kept(project, JobKind.REMOVE, counts)
    assertContains(operator.get("/p/team/storage/"), "2 images removed, 4.00 KiB freed.")
    assertContains(operator.get(f"/p/team/jobs/{job.pk}/"), "exactly what went")
    other = Project.objects.create(slug="hush", name="Hush")
    Job.objects.filter(pk=job.pk).update(project=other)
    assertContains(operator.get("/p/team/storage/"), "None removed in this project.")
