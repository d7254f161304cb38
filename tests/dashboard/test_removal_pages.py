"""Removing images from pages: first it is said to the byte what goes, what stays, and because of whom."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.asserts import assertContains, assertNotContains, assertRedirects

from tests.conftest import Users
from tests.dashboard.catalog import diff_id, family, make_image, make_job
from tests.dashboard.doors import assert_door, assert_verbs, client_of
from worker.models import Container, Image, ImageIndex, Job, JobKind, Project, Role, Schedule, Tag
from worker.services import what_would_go
from worker.services.removal import remove_image

ALL = "/p/team/images/removal/"


def page_of(image: Image) -> str:
    return f"/p/team/images/{image.pk}/remove/"


def of(*images: Image) -> str:
    return f"{ALL}?image={','.join(str(image.pk) for image in images)}"


def mark_of(*images: Image) -> str:
    return what_would_go(images, by=None).mark


def test_the_doors_are_open_to_operators(users: Users, project: Project) -> None:
    image = make_image(project, "debian", "d")
    for address in (page_of(image), ALL):
        for method in ("get", "post"):
            assert_door(users, method, address, needs=Role.OPERATOR, image=str(image.pk))
        assert_verbs(users.operator, address, refused="put delete")
    assert Image.objects.exists()
    assert not Job.objects.exists()
    assert client_of(users.operator).get("/p/team/images/999999/remove/").status_code == 404


def test_it_says_what_stays_because_of_whom(operator: Client, project: Project) -> None:
    images = family(project)
    Schedule.objects.create(
        project=project,
        reference="docker.io/library/php:8",
        cron="0 4 * * *",
        next_run_at=timezone.now(),
    )
    page = operator.get(page_of(images["php"]))
    assertContains(page, "Remove <bdi>php:8</bdi>")
    row = re.search(rf"<tr[^>]*>(?:(?!</tr>).)*{diff_id('d')}.*?</tr>", page.content.decode(), re.DOTALL)
    assert row is not None
    assert "debian:bookworm" in row[0]
    assert "2 more images" in row[0]
    assertContains(page, "nobody else needs it", count=2)
    assertContains(page, "2 tags point at nothing then")
    assertContains(page, "pulls it again at the next run")


def test_images_of_other_projects_are_told_by_nothing_but_that(operator: Client, project: Project) -> None:
    other = Project.objects.create(slug="secret", name="Hush")
    mine = make_image(project, "mine", "da")
    for number in range(3):
        make_image(other, f"private-{number}", "d")
    page = operator.get(page_of(mine))
    assertContains(page, "an image of another project")
    for hidden in ("Hush", "secret", "private", "3 "):
        assertNotContains(page, f">{hidden}" if hidden == "3 " else hidden)


def test_images_that_only_another_project_needs_cannot_be_chosen(operator: Client, project: Project) -> None:
    theirs = make_image(Project.objects.create(slug="other", name="Other"), "private", "d")
    page = operator.get(of(theirs))
    assertContains(page, "1 of the chosen images is not in this project")
    assertNotContains(page, "private")
    answer = operator.post(ALL, {"image": str(theirs.pk), "mark": "x"}, follow=True)
    assertContains(answer, "not in this project")
    assert not Job.objects.exists()
    assert Image.objects.exists()


def test_several_are_chosen_and_one_is_left_out(operator: Client, project: Project) -> None:
    images = family(project)
    chosen = (images["apache"], images["apache-zstd"], images["php"])
    page = operator.get(f"{ALL}?image={chosen[0].pk}&image={chosen[1].pk},{chosen[2].pk}")
    assertContains(page, "Remove <bdi>3 images</bdi>")
    assertContains(page, f"?image={chosen[0].pk},{chosen[1].pk}")
    assertContains(page, "Remove 3 images, free")


def test_confirming_begins_a_job_that_knows_what_was_foreseen(operator: Client, project: Project) -> None:
    images = family(project)
    chosen = (images["apache"], images["php"])
    ids = ",".join(str(image.pk) for image in chosen)
    answer = operator.post(ALL, {"image": ids, "mark": mark_of(*chosen), "shown": "0"})
    job = Job.objects.get()
    assertRedirects(answer, f"/p/team/jobs/{job.pk}/")
    assert (job.kind, job.reference, job.slot) == (JobKind.REMOVE, "Remove 2 images", "")
    assert [one["id"] for one in job.arguments["images"]] == [image.pk for image in chosen]
    assert job.arguments["foreseen"] == 0  # nothing of them is in a store here
    again = operator.post(ALL, {"image": ids, "mark": mark_of(*chosen)}, follow=True)
    assertContains(again, "are being removed already")


def test_what_changed_since_is_said_and_nothing_begins(operator: Client, project: Project) -> None:
    """Somebody pulled an image meanwhile that needs a layer of it."""
    image = make_image(project, "debian", "d")
    mark = mark_of(image)
    make_image(project, "apache", "da")
    assert mark_of(image) == mark, "nothing of it is in the store, so nothing changed in what it frees"
    answer = operator.post(page_of(image), {"mark": "other", "shown": "4096"}, follow=True)
    assertContains(answer, "Something has changed since this was looked at")
    assertContains(answer, "When you looked, 4.00 KiB would have been freed; now it is 0 B.")
    assert not Job.objects.exists()
    assert operator.post(page_of(image)).status_code == 302
    assert not Job.objects.exists(), "without having been shown anything nobody confirms"


def test_containers_are_named_and_nothing_can_be_pressed(operator: Client, project: Project) -> None:
    image, other = make_image(project, "debian", "d"), make_image(project, "php", "dp")
    container = Container.objects.create(project=project, image=image, name="quiet-basalt", node="local")
    page = operator.get(of(image, other))
    assertContains(page, "quiet-basalt")
    assertContains(page, f"/p/team/containers/{container.pk}/")
    assertNotContains(page, 'type="submit">Remove')
    assertNotContains(page, "free 0 B")
    assertContains(page, f'href="{of(other)}">Leave it out')
    answer = operator.post(
        ALL, {"image": f"{image.pk},{other.pk}", "mark": mark_of(image, other)}, follow=True
    )
    assertContains(answer, "The container quiet-basalt stands on these images.")
    assert not Job.objects.exists()


def test_an_extraction_holds_an_image(operator: Client, project: Project) -> None:
    image = make_image(project, "debian", "d", extracted=False)
    make_job(project, kind=JobKind.EXTRACT, image=image)
    assertContains(operator.get(page_of(image)), "is being extracted, so it cannot be removed now")


def test_other_platforms_are_offered_and_stay_otherwise(operator: Client, project: Project) -> None:
    first = make_image(project, "a", "d")
    second = make_image(project, "b", "d", platform=("linux", "arm64", ""))
    index = ImageIndex.objects.create(
        project=project, digest="sha256:" + "7" * 64, media_type="x", pulled_at=first.pulled_at
    )
    Image.objects.update(index=index)
    page = operator.get(page_of(first))
    assertContains(page, "linux/arm64, too; that stays")
    assertContains(page, of(first, second))


def test_nothing_chosen_says_how_to_choose(operator: Client, project: Project) -> None:
    assertContains(operator.get(ALL), "No image is chosen")
    make_image(project, "debian", "d")
    assertContains(operator.get(ALL), "Choose by a rule")
    assert operator.post(ALL, {"image": ""}).status_code == 302
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    "query", ["image=x", "image=-1", "image=" + "9" * 30, "keep=-1", "days=1e3", "keep=2000"]
)
def test_what_cannot_be_meant_is_refused_clearly(operator: Client, project: Project, query: str) -> None:
    assert operator.get(f"{ALL}?{query}").status_code == 422


class TestRules:
    def test_the_newest_of_each_repository_stay(self, operator: Client, project: Project) -> None:
        now = timezone.now()
        made = {
            (name, age): make_image(
                project,
                f"{name}{age}",
                "d",
                repository=name,
                tags=[f"{age}"],
                pulled_at=now - timedelta(days=age),
            )
            for name in ("a", "b")
            for age in (1, 2, 3)
        }
        page = operator.get(f"{ALL}?keep=2")
        assertContains(page, "Remove <bdi>2 images</bdi>")
        assertContains(page, f'value="{made["a", 3].pk},{made["b", 3].pk}"')
        one = operator.get(f"{ALL}?keep=1&repository=docker.io/a")
        assertContains(one, f'value="{made["a", 2].pk},{made["a", 3].pk}"')
        assertContains(operator.get(f"{ALL}?keep=3"), "No image fits this rule")

    def test_what_a_tag_was_found_to_point_at_lately_stays(self, operator: Client, project: Project) -> None:
        long_ago = timezone.now() - timedelta(days=100)
        old = make_image(project, "old", "d", pulled_at=long_ago)
        checked = make_image(project, "checked", "d", pulled_at=long_ago)
        make_image(project, "new", "d")
        Tag.objects.filter(image=checked).update(checked_at=timezone.now())
        page = operator.get(f"{ALL}?days=90")
        assertContains(page, f'name="image" value="{old.pk}"')


def test_the_list_lets_operators_choose(operator: Client, viewer: Client, project: Project) -> None:
    first = make_image(project, "a", "d")
    second = make_image(project, "b", "d", platform=("linux", "arm64", ""))
    third = make_image(project, "c", "d")
    index = ImageIndex.objects.create(
        project=project, digest="sha256:" + "7" * 64, media_type="x", pulled_at=first.pulled_at
    )
    Image.objects.filter(pk__in=[first.pk, second.pk]).update(index=index)
    page = operator.get("/p/team/images/")
    assertContains(page, f'name="image" value="{first.pk},{second.pk}"')
    assertContains(page, f'name="image" value="{third.pk}"')
    assertContains(page, f'action="{ALL}"')
    narrowed = operator.get("/p/team/images/?platform=linux/arm64")
    assertContains(narrowed, f'name="image" value="{first.pk},{second.pk}"')
    assertNotContains(viewer.get("/p/team/images/"), 'name="image"')


def test_the_image_page_leads_there_for_who_may(operator: Client, viewer: Client, project: Project) -> None:
    image = make_image(project, "debian", "d")
    address = f"/p/team/images/{image.pk}/"
    assertContains(operator.get(address), page_of(image))
    assertNotContains(viewer.get(address), page_of(image))


def test_a_tag_that_pointed_at_nothing_meanwhile_says_so(operator: Client, project: Project) -> None:
    """It came, its image was removed, and it came again: none of that is hidden."""
    image = make_image(project, "debian", "d", tags=["bookworm"])
    digest = image.digest
    remove_image(image, by=None)
    again = make_image(project, "debian", "d", tags=[])
    Image.objects.filter(pk=again.pk).update(digest=digest)
    assertContains(operator.get(f"/p/team/images/{again.pk}/tags/"), "the image was removed")
