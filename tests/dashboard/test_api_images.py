"""Images, lineage and layers, as the API tells of them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tests.conftest import Users
from tests.dashboard.catalog import make_job, make_tag
from tests.support.api import Api
from tests.worker.models.test_lineage import image
from worker.models import Image, Project


@pytest.fixture
def operator(users: Users) -> Api:
    return Api(users.operator)


def test_a_list_asks_the_same_number_of_queries_however_long(
    project: Project, operator: Api, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(30):
        image(project, f"i{number}", "d")
        make_job(project)
    with django_assert_max_num_queries(6):
        assert len(operator.get("images")["items"]) == 30
    with django_assert_max_num_queries(6):
        assert len(operator.get("jobs")["items"]) == 30


def test_images_are_narrowed_by_every_filter(project: Project, operator: Api) -> None:
    php, debian = image(project, "php", "dp"), image(project, "debian", "d")
    Image.objects.filter(pk=debian.pk).update(architecture="arm64", variant="v8", extracted=True)
    for name in ("8", "latest"):
        make_tag(php, name)

    def ids(query: str) -> list[int]:
        return [item["id"] for item in operator.get(f"images?{query}")["items"]]

    assert ids("") == [debian.pk, php.pk]
    assert ids("repository=library/php") == [php.pk]
    assert ids("registry=ghcr.io") == []
    assert ids("tag=8") == [php.pk]
    assert ids("q=latest") == [php.pk]
    assert ids(f"digest={debian.digest}") == [debian.pk]
    assert ids("platform=linux/arm64/v8") == [debian.pk]
    assert ids("platform=linux/arm64") == []
    assert ids("extracted=true") == [debian.pk]


def test_an_image_is_named_by_the_tag_moved_last(project: Project, operator: Api) -> None:
    php = image(project, "php", "dp")
    assert operator.get(f"images/{php.pk}")["reference"] == f"docker.io/library/php@{php.digest}"
    for name, age in (("8", 2), ("latest", 1)):
        make_tag(php, name, at=timezone.now() - timedelta(hours=age))
    told = operator.get(f"images/{php.pk}")
    assert told["reference"] == "docker.io/library/php:latest"
    assert told["tags"] == ["docker.io/library/php:latest", "docker.io/library/php:8"]


def test_an_image_s_layers_come_base_first(project: Project, operator: Api) -> None:
    php = image(project, "php", "dabp")
    layers = operator.get(f"images/{php.pk}")["layers"]
    assert [layer["position"] for layer in layers] == [0, 1, 2, 3]
    assert layers[-1]["chain_id"] == php.chain_id
    assert set(layers[0]) >= {
        "position", "diff_id", "digest", "media_type", "compressed_size", "unpacked_size", "created_by",
    }  # fmt: skip


def test_lineage_names_parents_ancestors_children_and_twins(project: Project, operator: Api) -> None:
    debian, apache = image(project, "debian", "d"), image(project, "apache", "da")
    php, twin = image(project, "php", "dap"), image(project, "apache-zstd", "da", compression="zstd")
    family = operator.get(f"images/{apache.pk}/lineage")
    assert family.pop("ambiguous") is False
    assert family.pop("evidence") == [{"image": debian.pk, "evidence": []}]
    assert family.pop("outdated") == []
    assert [step["images"][0]["id"] for step in family.pop("rebuild_order")] == [php.pk]
    assert {name: [one["id"] for one in members] for name, members in family.items()} == {
        "parents": [debian.pk],
        "ancestors": [debian.pk],
        "children": [php.pk],
        "twins": [twin.pk],
        "siblings": [],
    }
    Image.objects.filter(pk=php.pk).update(base_digest=twin.digest)
    above = operator.get(f"images/{php.pk}/lineage")
    assert [one["id"] for one in above["parents"]] == [twin.pk, apache.pk]
    assert above["ambiguous"] is True
    assert above["evidence"] == [
        {"image": twin.pk, "evidence": ["digest"]},
        {"image": apache.pk, "evidence": []},
    ]


def test_layers_are_counted_within_the_project_only(project: Project, users: Users, operator: Api) -> None:
    other = Project.objects.create(slug="other", name="Other")
    image(project, "a", "d")
    image(project, "b", "de")
    image(other, "c", "df")
    counts = sorted(item["images"] for item in operator.get("layers")["items"])
    assert counts == [1, 2]
