"""The Lineage tab of an image: why its parent is, what is outdated, what to rebuild, who is beside it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.dashboard.catalog import family, make_image
from worker.models import Container, Image, Project, TagMovement


@pytest.fixture
def images(project: Project) -> dict[str, Image]:
    return family(project)


def said(client: Client, image: Image, tab: str = "lineage/") -> str:
    html = client.get(f"/p/team/images/{image.pk}/{tab}").content.decode().split("<main", 1)[1]
    return re.sub(r"\s+", " ", re.sub(r"<title>.*?</title>|<[^>]+>", " ", html))


def moved(project: Project, image: Image) -> Image:
    """Let the image's tag go on to another one."""
    new = make_image(project, "trixie", "e", tags=[])
    tag = image.tags.get()
    tag.image = new
    tag.save()
    TagMovement.objects.create(
        tag=tag, from_digest=image.digest, to_digest=new.digest, moved_at=timezone.now()
    )
    return new


def test_of_several_candidates_all_are_told_and_the_most_likely_leads_everywhere(
    viewer: Client, images: dict[str, Image]
) -> None:
    Image.objects.filter(pk=images["php"].pk).update(base_digest=images["apache-zstd"].digest)
    text = said(viewer, images["php"])
    assert "ambiguous 2 images have the same layers" in text
    assert "apache-zstd:2.4 most likely The image declares that it was built from this very digest" in text
    assert "3 from apache-zstd:2.4" in text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "It may be built FROM it, or its build only shared a cache."),
        ({"base_name": "debian:bookworm"}, "built from a name that this one has or had"),
        ({"base_name": "alpine:3"}, "declares alpine:3 as its base; that is not known to be this one"),
    ],
)
def test_what_speaks_for_a_single_parent_is_said(
    viewer: Client, project: Project, fields: dict[str, Any], words: str
) -> None:
    make_image(project, "debian", "d", tags=["bookworm"], config={"history": []})
    child = make_image(project, "child", "dz", config={"history": []})
    Image.objects.filter(pk=child.pk).update(**fields)
    text = said(viewer, child)
    assert words in text
    assert "ambiguous" not in text


def test_a_history_that_goes_on_is_not_called_a_proof(viewer: Client, project: Project) -> None:
    steps = [{"created_by": "ADD rootfs"}, {"created_by": "RUN more"}]
    make_image(project, "debian", "d", config={"history": steps[:1]})
    child = make_image(project, "child", "dz", config={"history": steps})
    assert "a build that only shares its cache with this one looks the same" in said(viewer, child)


def test_an_unnamed_ancestor_stands_in_the_line_with_its_command(viewer: Client, project: Project) -> None:
    left = make_image(project, "left", "dul")
    make_image(project, "right", "dur")
    text = said(viewer, left)
    assert "An unnamed ancestor in 1 other RUN make u &amp;&amp; true" in text
    assert "What speaks for the parent" not in text


def test_every_descendant_of_a_base_whose_tag_moved_says_so_on_each_tab(
    viewer: Client, project: Project, images: dict[str, Image]
) -> None:
    new = moved(project, images["debian"])
    html = viewer.get(f"/p/team/images/{images['php'].pk}/lineage/").content.decode()
    assert f'/p/team/compare/?a={images["debian"].pk}&amp;b={new.pk}"' in html
    for name in ("apache", "php"):
        assert "outdated base" in said(viewer, images[name], "")
        assert "docker.io/library/debian:bookworm named" in said(viewer, images[name])
    for image in (images["debian"], new):
        assert "outdated base" not in said(viewer, image, "")


def test_the_rebuild_order_is_numbered_with_twins_together(viewer: Client, images: dict[str, Image]) -> None:
    text = said(viewer, images["debian"])
    assert "2 steps in 2 waves" in text
    assert "1 apache:2.4 , apache-zstd:2.4 same layers wave 1 2 php:8 after step 1, wave 2" in text
    assert "Rebuild order" not in said(viewer, images["php"])


def test_siblings_are_listed_and_twins_are_none(
    viewer: Client, project: Project, images: dict[str, Image]
) -> None:
    make_image(project, "beside", "dz")
    text = said(viewer, images["apache"])
    assert "Siblings 1 other image stands directly on debian:bookworm beside:1" in text


def test_containers_hang_under_the_images_that_they_run(
    viewer: Client, project: Project, images: dict[str, Image]
) -> None:
    for number in range(7):
        Container.objects.create(project=project, image=images["debian"], name=f"box{number}", node="x")
    text = said(viewer, images["php"])
    assert "box6 creating" in text
    assert "box1 creating" not in text
    assert "7 containers in all" in text


def test_nothing_of_another_project_shows(viewer: Client, project: Project) -> None:
    image = make_image(project, "child", "dz")
    other = Project.objects.create(slug="other", name="Other")
    base = make_image(other, "secret-base", "d")
    make_image(other, "secret-beside", "dq")
    make_image(other, "secret-above", "dzz")
    moved(other, base)
    assert "secret" not in said(viewer, image)
    assert "utdated" not in said(viewer, image)
