"""Removing images: who may, what refuses, and what stays."""

from __future__ import annotations

import pytest

from tests.conftest import Users
from tests.dashboard.catalog import family, make_image, make_job
from worker import services
from worker.engine.errors import Conflict, NotAllowed, NotFound
from worker.models import (
    Container,
    Image,
    ImageIndex,
    ImageLayer,
    JobKind,
    Layer,
    Project,
    RemovedManifest,
    Tag,
    TagMovement,
)


@pytest.fixture
def image(project: Project) -> Image:
    return make_image(project, "php", "daipx", tags=["8", "latest"])


def test_operators_may_viewers_may_not(image: Image, users: Users) -> None:
    for user in (users.viewer, users.stranger):
        with pytest.raises(NotAllowed):
            services.remove_image(image, by=user)
    services.remove_image(image, by=users.operator)
    assert not Image.objects.exists()
    with pytest.raises(NotFound):
        services.remove_image(image, by=users.operator)


def test_containers_refuse_it_by_name(project: Project, image: Image) -> None:
    for number in range(7):
        Container.objects.create(project=project, image=image, name=f"c{number}", node="local")
    with pytest.raises(Conflict, match=r"The containers c0, c1, c2, c3, c4 and 2 more stand on this image\."):
        services.remove_image(image, by=None)
    Container.objects.exclude(name="c3").delete()
    with pytest.raises(Conflict, match=r"The container c3 stands on this image\."):
        services.remove_image(image, by=None)
    assert Image.objects.exists()


def test_an_extraction_that_has_not_ended_refuses_it(project: Project, image: Image) -> None:
    make_job(project, kind=JobKind.EXTRACT, image=image)
    with pytest.raises(Conflict, match="being extracted"):
        services.remove_image(image, by=None)


def test_its_tags_point_at_nothing_and_keep_their_past(project: Project, image: Image) -> None:
    services.remove_image(image, by=None)
    assert list(Tag.objects.values_list("name", "image")) == [("8", None), ("latest", None)]
    moves = TagMovement.objects.filter(tag__name="8").order_by("pk").values_list("from_digest", "to_digest")
    assert list(moves) == [("", image.digest), (image.digest, "")]


def test_images_that_share_its_layers_lose_nothing(project: Project) -> None:
    images = family(project)
    services.remove_image(images["apache"], by=None)
    assert ImageLayer.objects.filter(image=images["php"]).count() == 5
    assert Layer.objects.count() == 5
    assert [row.repository for row in Image.objects.order_by("pk")] == [
        "library/debian", "library/apache-zstd", "library/php",
    ]  # fmt: skip


def test_the_store_is_to_forget_it_once_no_project_has_it(project: Project, image: Image) -> None:
    other = Project.objects.create(slug="other", name="Other")
    twin = make_image(other, "elsewhere", "d")
    Image.objects.filter(pk=twin.pk).update(digest=image.digest)
    services.remove_image(image, by=None)
    assert not RemovedManifest.objects.exists()
    services.remove_image(Image.objects.get(), by=None)
    assert [row.digest for row in RemovedManifest.objects.all()] == [image.digest]


def test_the_quota_counts_again(project: Project, image: Image) -> None:
    Project.objects.update(quota_bytes=1)
    project.refresh_from_db()
    with pytest.raises(Conflict, match="quota"):
        services.start_pull(project, "alpine", by=None)
    services.remove_image(image, by=None)
    assert services.used_bytes(project) == 0
    services.start_pull(project, "alpine", by=None)


@pytest.mark.parametrize("every", [False, True])
def test_other_platforms_stay_unless_they_are_asked_for(project: Project, every: bool) -> None:
    first = make_image(project, "a", "d")
    second = make_image(project, "b", "d", platform=("linux", "arm64", ""))
    index = ImageIndex.objects.create(
        project=project, digest="sha256:" + "7" * 64, media_type="x", pulled_at=first.pulled_at
    )
    Image.objects.update(index=index)
    first.refresh_from_db()
    services.remove_image(first, every_platform=every, by=None)
    assert list(Image.objects.all()) == ([] if every else [second])
    assert ImageIndex.objects.exists() is not every


def test_a_container_on_one_platform_keeps_them_all(project: Project) -> None:
    first = make_image(project, "a", "d")
    second = make_image(project, "b", "d", platform=("linux", "arm64", ""))
    index = ImageIndex.objects.create(
        project=project, digest="sha256:" + "7" * 64, media_type="x", pulled_at=first.pulled_at
    )
    Image.objects.update(index=index)
    first.refresh_from_db()
    Container.objects.create(project=project, image=second, name="web", node="local")
    with pytest.raises(Conflict, match="web"):
        services.remove_image(first, every_platform=True, by=None)
    assert Image.objects.count() == 2
