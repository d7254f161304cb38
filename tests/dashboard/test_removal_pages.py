"""Removing an image from its page: first it is said what goes, and what stays."""

from __future__ import annotations

from django.test import Client
from django.utils import timezone
from pytest_django.asserts import assertContains, assertNotContains, assertRedirects

from tests.conftest import Users
from tests.dashboard.catalog import family, make_image
from tests.dashboard.doors import assert_door, assert_verbs, client_of
from worker.models import Container, Image, ImageIndex, Project, Role, Schedule


def page_of(image: Image) -> str:
    return f"/p/team/images/{image.pk}/remove/"


def test_the_door_is_open_to_operators(users: Users, project: Project) -> None:
    image = make_image(project, "debian", "d")
    for method in ("get", "post"):
        assert_door(users, method, page_of(image), needs=Role.OPERATOR)
    assert_verbs(users.operator, page_of(image), refused="put delete")
    assert Image.objects.exists()
    assert client_of(users.operator).get("/p/team/images/999999/remove/").status_code == 404


def test_it_says_what_goes_and_what_stays(operator: Client, project: Project) -> None:
    """Of php five layers: three are apache's, too; its own two weigh 116 MiB unpacked."""
    images = family(project)
    Schedule.objects.create(
        project=project,
        reference="docker.io/library/php:8",
        cron="0 4 * * *",
        next_run_at=timezone.now(),
    )
    page = operator.get(page_of(images["php"]))
    assertContains(page, "116 MiB unpacked and 58.0 MiB compressed")
    assertContains(page, "3 of its 5 layers, which other images have too")
    assertContains(page, "library/php:latest")
    assertContains(page, "point at nothing then")
    assertContains(page, "pulls it again at the next run")
    base = operator.get(page_of(images["debian"]))
    assertContains(base, "Nothing on the disk: other images have all of its layers.")
    assertContains(base, "3 images that stand on it")


def test_the_image_page_leads_there_for_who_may(operator: Client, viewer: Client, project: Project) -> None:
    image = make_image(project, "debian", "d")
    address = f"/p/team/images/{image.pk}/"
    assertContains(operator.get(address), page_of(image))
    assertNotContains(viewer.get(address), page_of(image))


def test_it_goes_and_the_list_says_so(operator: Client, project: Project) -> None:
    image = make_image(project, "debian", "d", tags=["bookworm"])
    answer = operator.post(page_of(image), follow=True)
    assertRedirects(answer, "/p/team/images/")
    assertContains(answer, "debian:bookworm is removed.")
    assert not Image.objects.exists()


def test_containers_are_named_and_nothing_can_be_pressed(operator: Client, project: Project) -> None:
    image = make_image(project, "debian", "d")
    Container.objects.create(project=project, image=image, name="quiet-basalt", node="local")
    page = operator.get(page_of(image))
    assertContains(page, "quiet-basalt")
    assertNotContains(page, "Remove the image")
    answer = operator.post(page_of(image), follow=True)
    assertContains(answer, "The container quiet-basalt stands on this image.")
    assert Image.objects.exists()


def test_other_platforms_go_only_when_ticked(operator: Client, project: Project) -> None:
    first = make_image(project, "a", "d")
    second = make_image(project, "b", "d", platform=("linux", "arm64", ""))
    index = ImageIndex.objects.create(
        project=project, digest="sha256:" + "7" * 64, media_type="x", pulled_at=first.pulled_at
    )
    Image.objects.update(index=index)
    assertContains(operator.get(page_of(first)), "linux/arm64")
    operator.post(page_of(first))
    assert list(Image.objects.all()) == [second]
    third = make_image(project, "c", "d")
    Image.objects.update(index=index)
    operator.post(page_of(third), {"platforms": "all"})
    assert not Image.objects.exists()


def test_a_tag_that_pointed_at_nothing_meanwhile_says_so(operator: Client, project: Project) -> None:
    """It came, its image was removed, and it came again: none of that is hidden."""
    image = make_image(project, "debian", "d", tags=["bookworm"])
    digest = image.digest
    operator.post(page_of(image))
    again = make_image(project, "debian", "d", tags=[])
    Image.objects.filter(pk=again.pk).update(digest=digest)
    assertContains(operator.get(f"/p/team/images/{again.pk}/tags/"), "the image was removed")
