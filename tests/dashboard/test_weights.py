"""The weight of a project and its repositories: layers once, by who has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from dashboard.queries.weights import project_weight
from tests.conftest import Users
from tests.dashboard.catalog import MIB, SIZES, family, make_image
from tests.dashboard.doors import assert_door, assert_verbs
from worker.engine.errors import NotFound
from worker.models import ContentCount, ContentShare, Project, Role
from worker.services import issue_token

ADDRESS = "/p/team/weight/"


class Ask(Protocol):
    def __call__(self, query: str, status: int = 200) -> dict[str, Any]: ...


@pytest.fixture
def viewer_api(client: Client, users: Users) -> Ask:
    _, token = issue_token(users.viewer)

    def ask(query: str, status: int = 200) -> dict[str, Any]:
        answer = client.get(f"/api/v1/weight{query}", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == status, answer.content
        found: dict[str, Any] = answer.json()
        return found

    return ask


def mib(letters: str) -> int:
    return sum(SIZES[letter] for letter in letters) * MIB


def test_layers_count_once_and_belong_to_who_alone_has_them(project: Project) -> None:
    family(project)

    weight = project_weight(project)
    assert weight.images == 4
    assert (weight.whole.layers, weight.whole.unpacked) == (5, mib("daipx"))
    assert weight.single.unpacked == mib("px")
    assert weight.apart == mib("d") + 2 * mib("dai") + mib("daipx")
    assert {one.path: (one.whole.unpacked, one.own.unpacked, one.shared) for one in weight.repositories} == {
        "php": (mib("daipx"), mib("px"), mib("dai")),
        "apache": (mib("dai"), 0, mib("dai")),
        "apache-zstd": (mib("dai"), 0, mib("dai")),
        "debian": (mib("d"), 0, mib("d")),
    }
    assert weight.between == mib("dai")
    assert weight.repositories[0].path == "php"  # the most of its own comes first


def test_each_compressed_form_counts(project: Project) -> None:
    family(project)

    # Of d, a and i there are two forms.
    assert project_weight(project).whole.compressed == (mib("daipx") + mib("dai")) // 2


def test_images_of_one_repository_share_among_themselves(project: Project) -> None:
    make_image(project, "one", "da", repository="library/app", tags=["1"])
    make_image(project, "two", "di", repository="library/app", tags=["2"])

    (one,) = project_weight(project).repositories
    assert (one.images, one.own.unpacked, one.shared, one.apart) == (
        2,
        mib("dai"),
        0,
        2 * mib("d") + mib("ai"),
    )


def test_layers_that_were_never_unpacked_are_counted_as_unknown(project: Project) -> None:
    make_image(project, "raw", "da", extracted=False)

    assert project_weight(project).whole.unknown == 2


def test_a_repository_without_any_layer_is_listed(viewer: Client, project: Project) -> None:
    """An image may be a config alone; then no layer gives its repository a colour."""
    make_image(project, "bare", "")

    page = viewer.get(ADDRESS)
    assert page.status_code == 200
    assert "library%2Fbare" in page.content.decode()


def test_what_other_projects_have_says_nothing(project: Project) -> None:
    make_image(project, "one", "da")
    make_image(Project.objects.create(slug="other", name="Other"), "two", "da")

    assert project_weight(project).repositories[0].own.unpacked == mib("da")


def test_a_new_image_shows_at_once(project: Project) -> None:
    make_image(project, "one", "d")
    assert project_weight(project).images == 1
    make_image(project, "two", "da")

    assert project_weight(project).images == 2


def test_a_repository_is_found_by_its_name_and_host(project: Project) -> None:
    make_image(project, "one", "d", repository="app", host="a.example")
    make_image(project, "two", "a", repository="app", host="b.example")
    weight = project_weight(project)

    assert weight.repository("b.example", "app").whole.unpacked == mib("a")
    for host, name in (("", "app"), ("", "nothing"), ("c.example", "app")):
        with pytest.raises(NotFound):
            weight.repository(host, name)


def test_members_only(users: Users, project: Project) -> None:
    make_image(project, "one", "d")
    for address in (ADDRESS, f"{ADDRESS}?repository=library/one"):
        assert_door(users, "get", address, needs=Role.VIEWER)
        assert_verbs(users.superuser, address, refused="post put delete patch")


def test_pages_of_the_project_and_of_a_repository(viewer: Client, project: Project) -> None:
    family(project)

    shown = viewer.get(ADDRESS).content.decode()
    assert "repository=library%2Fphp&amp;registry=docker.io" in shown
    assert "not counted yet" in shown
    one = viewer.get(f"{ADDRESS}?repository=library/php&registry=docker.io").content.decode()
    assert "Only in this repository" in one
    assert viewer.get(f"{ADDRESS}?repository=nothing").status_code == 404


def test_a_count_of_contents_is_shown_with_its_date(viewer: Client, project: Project) -> None:
    php = family(project)["php"]
    ContentCount.objects.create(
        project=project, distinct=3 * MIB, distinct_files=7, layers=5, counted_at=now()
    )
    ContentShare.objects.create(
        project=project, registry_host="docker.io", repository="library/php", distinct=2 * MIB, own=MIB
    )
    ContentShare.objects.create(project=project, image=php, own=MIB)

    shown = viewer.get(ADDRESS).content.decode()
    assert "3.00 MiB" in shown
    assert "counted <time" in shown
    assert (
        "1.00 MiB in no other repository" in viewer.get(f"{ADDRESS}?repository=library/php").content.decode()
    )
    assert "1.00 MiB" in viewer.get(reverse("image_weight", args=["team", php.pk])).content.decode()


def test_an_empty_project_says_what_would_be_here(viewer: Client, project: Project) -> None:
    assert "Nothing to weigh yet" in viewer.get(ADDRESS).content.decode()


def test_more_images_need_no_more_queries(
    viewer: Client, project: Project, queries_of: Callable[..., int]
) -> None:
    family(project)
    few = queries_of(viewer.get, ADDRESS)
    for number in range(12):
        make_image(project, f"more-{number}", "daip", tags=[str(number)])

    assert queries_of(viewer.get, ADDRESS) == few


def test_the_api_tells_what_the_page_does(viewer_api: Ask, project: Project) -> None:
    family(project)
    known = project_weight(project)

    answer = viewer_api("?limit=1")

    assert answer["whole"]["unpacked"] == known.whole.unpacked
    assert answer["between"] == known.between
    assert answer["total"] == len(known.repositories) > 1
    first, second = known.repositories[:2]
    (item,) = answer["items"]
    assert (item["repository"], item["unique"]["unpacked"]) == (first.repository, first.own.unpacked)
    assert viewer_api(f"?limit=1&cursor={answer['next']}")["items"][0]["repository"] == second.repository
    only = viewer_api(f"?repository={second.repository}")
    assert [one["repository"] for one in only["items"]] == [second.repository]
    assert only["next"] is None


def test_the_api_knows_no_project_of_others(viewer_api: Ask, project: Project) -> None:
    Project.objects.create(slug="other", name="Other")
    assert viewer_api("?project=other", 404)["error"]["code"] == "not_found"
    assert viewer_api("?cursor=x", 422)["error"]["code"] == "invalid_input"
