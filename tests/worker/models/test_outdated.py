"""An image stands on an outdated base once a tag of an ancestor names another image."""

from __future__ import annotations

import pytest
from django.utils.timezone import now

from tests.dashboard.catalog import family, make_image, make_tag
from worker.models import Image, Project, Tag, TagMovement
from worker.models.outdated import outdated_bases

pytestmark = pytest.mark.django_db


@pytest.fixture
def images(project: Project) -> dict[str, Image]:
    return family(project)


def move(tag: Tag, to: Image) -> None:
    """As a pull does it."""
    before = tag.image.digest if tag.image else ""
    TagMovement.objects.create(tag=tag, from_digest=before, to_digest=to.digest, moved_at=now())
    Tag.objects.filter(pk=tag.pk).update(image=to, moved_at=now())


def tag_of(image: Image) -> Tag:
    tag = image.tags.order_by("pk").first()
    assert tag is not None
    return tag


def told(image: Image) -> list[tuple[str, str, str]]:
    return [
        (base.tag.name, base.old.repository[8:], base.new.repository[8:]) for base in outdated_bases(image)
    ]


def test_nothing_is_outdated_as_long_as_no_tag_moves(images: dict[str, Image]) -> None:
    assert [told(image) for image in images.values()] == [[], [], [], []]


def test_every_descendant_of_the_old_one_is_outdated_and_the_old_one_itself_is_not(
    project: Project, images: dict[str, Image]
) -> None:
    new = make_image(project, "trixie", "e", tags=[])
    move(tag_of(images["debian"]), new)
    for name in ("apache", "apache-zstd", "php"):
        assert told(images[name]) == [("bookworm", "debian", "trixie")]
    assert told(images["debian"]) == []
    assert told(new) == []


def test_the_nearest_ancestor_s_tag_comes_first(project: Project, images: dict[str, Image]) -> None:
    move(tag_of(images["debian"]), make_image(project, "trixie", "e", tags=[]))
    move(tag_of(images["apache"]), make_image(project, "httpd", "eai", tags=[]))
    assert told(images["php"]) == [("2.4", "apache", "httpd"), ("bookworm", "debian", "trixie")]


def test_the_same_layers_under_another_digest_outdate_nothing(images: dict[str, Image]) -> None:
    move(tag_of(images["apache"]), images["apache-zstd"])
    assert told(images["php"]) == []


def test_a_tag_that_came_back_outdates_nothing(project: Project, images: dict[str, Image]) -> None:
    tag = tag_of(images["debian"])
    move(tag, make_image(project, "trixie", "e", tags=[]))
    tag.refresh_from_db()
    move(tag, images["debian"])
    assert told(images["php"]) == []


def test_a_tag_whose_image_was_removed_outdates_nothing(images: dict[str, Image]) -> None:
    Tag.objects.filter(image=images["debian"]).update(image=None)
    assert told(images["php"]) == []


def test_a_tag_that_grew_to_the_image_itself_or_beyond_is_its_own_name(
    project: Project, images: dict[str, Image]
) -> None:
    latest = make_tag(images["debian"], "grown")
    TagMovement.objects.create(tag=latest, to_digest=images["debian"].digest, moved_at=now())
    move(latest, images["apache"])
    assert told(images["apache"]) == []
    latest.refresh_from_db()
    move(latest, images["php"])
    assert told(images["apache"]) == []
    latest.refresh_from_db()
    move(latest, make_image(project, "elsewhere", "dz", tags=[]))
    assert told(images["apache"]) == []


def test_movements_of_another_project_say_nothing_here(images: dict[str, Image]) -> None:
    other = Project.objects.create(slug="other", name="Other")
    there = make_image(other, "debian", "d", tags=["bookworm"])
    Image.objects.filter(pk=there.pk).update(digest=images["debian"].digest)
    TagMovement.objects.filter(tag__project=other).update(to_digest=images["debian"].digest)
    move(tag_of(there), make_image(other, "trixie", "e", tags=[]))
    assert told(images["php"]) == []


def test_an_image_without_layers_has_no_base(project: Project) -> None:
    assert told(make_image(project, "bare", "")) == []
