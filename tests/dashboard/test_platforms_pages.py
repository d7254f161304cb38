"""An image of several platforms, on the list and on its page."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from dashboard.queries.images import ImageFilter, page_of_images, rows
from dashboard.queries.platforms import OFFERED, together
from tests.conftest import Users
from tests.dashboard.catalog import MIB, make_image, make_tag, sha
from tests.dashboard.doors import client_of
from tests.dashboard.test_images import listed
from tests.support.api import Api
from worker.models import Image, ImageIndex, Project

AMD64, ARM64, S390X = ("linux", "amd64", ""), ("linux", "arm64", ""), ("linux", "s390x", "")


def make_index(project: Project, images: list[Image], *others: str) -> ImageIndex:
    """Let ``images`` be one, by an index that has images for the platforms ``others`` besides."""
    offered = [{"platform": one.platform, "digest": one.digest, "size": 500} for one in images]
    offered += [{"platform": name, "digest": sha("offered", name), "size": 500} for name in others]
    index = ImageIndex.objects.create(
        project=project,
        digest=sha("index", [one.pk for one in images]),
        media_type="application/vnd.oci.image.index.v1+json",
        offered=offered,
        pulled_at=max(one.pulled_at for one in images),
    )
    for one in images:
        one.index = index
        one.save(update_fields=["index"])
    return index


@pytest.fixture
def php(project: Project) -> list[Image]:
    """An image for two platforms, of the three that there are; they share one layer."""
    both = [
        make_image(project, "php", "ds", platform=AMD64, tags=["8"]),
        make_image(project, "php-arm", "es", platform=ARM64, repository="library/php", tags=[]),
    ]
    make_tag(both[1], "8")
    make_index(project, both, "linux/s390x")
    return both


class TestTheList:
    def test_it_has_one_row_with_its_platforms(
        self, viewer: Client, project: Project, php: list[Image]
    ) -> None:
        make_image(project, "debian", "d")
        assert listed(viewer) == ["debian:1", "php:8"]
        html = viewer.get("/p/team/images/").content.decode()
        assert "2 images in 2 repositories" in html
        row = next(part for part in html.split("<tr>") if ">php<" in part)
        for one in php:
            assert re.search(rf'<a class="chip[^>]*href="/p/team/images/{one.pk}/">{one.platform}</a>', row)
        assert "linux/s390x" not in row
        assert "2 of 3 platforms are here" in row
        # d, e and s: the shared one once.
        assert "183 MiB together" in row
        assert 'id="count-images">2<' in html

    def test_whatever_one_of_its_platforms_matches_finds_it(
        self, viewer: Client, project: Project, php: list[Image]
    ) -> None:
        make_image(project, "debian", "d")
        assert listed(viewer, f"?q={php[1].digest}") == ["php:8"]
        index = php[0].index
        assert index is not None
        assert listed(viewer, f"?q={index.digest[7:19]}") == ["php:8"]
        assert listed(viewer, "?q=php") == ["php:8"]

    def test_a_platform_shows_its_own_image(self, viewer: Client, project: Project, php: list[Image]) -> None:
        assert listed(viewer, "?platform=linux/arm64") == ["php:8"]
        html = viewer.get("/p/team/images/?platform=linux/arm64").content.decode()
        assert f'class="name" href="/p/team/images/{php[1].pk}/"' in html
        assert listed(viewer, "?platform=linux/s390x") == []

    def test_a_later_pull_of_another_platform_moves_it_up(
        self, viewer: Client, project: Project, php: list[Image]
    ) -> None:
        make_image(project, "debian", "d", pulled_at=timezone.now() + timedelta(hours=1))
        assert listed(viewer) == ["debian:1", "php:8"]
        ImageIndex.objects.update(pulled_at=timezone.now() + timedelta(hours=2))
        assert listed(viewer) == ["php:8", "debian:1"]

    def test_its_platforms_are_neither_twins_nor_parents(self, viewer: Client, project: Project) -> None:
        alike = [
            make_image(project, "web", "z", platform=AMD64),
            make_image(project, "web-arm", "z", platform=ARM64),
            make_image(project, "web-z", "zy", platform=S390X),
        ]
        make_index(project, alike)
        html = viewer.get("/p/team/images/").content.decode()
        assert "same layers as" not in html
        assert ">base<" not in html
        for one in alike:
            page = viewer.get(f"/p/team/images/{one.pk}/").content.decode()
            assert "nothing here" in page
            assert "image with the same layers" not in page

    def test_what_is_not_extracted_is_counted(self, viewer: Client, project: Project) -> None:
        both = [
            make_image(project, "a", "v", platform=AMD64),
            make_image(project, "b", "w", platform=ARM64, extracted=False),
        ]
        make_index(project, both)
        assert "1 of 2 not extracted" in viewer.get("/p/team/images/").content.decode()
        assert "compressed together" in viewer.get("/p/team/images/").content.decode()

    def test_queries_do_not_grow_with_the_list(
        self, viewer: Client, project: Project, php: list[Image], queries_of: Callable[..., int]
    ) -> None:
        few = queries_of(viewer.get, "/p/team/images/")
        for number in range(12):
            made = [
                make_image(project, f"n{number}{at}", f"d{at}", platform=(p, p, ""))
                for at, p in enumerate("xyz")
            ]
            make_index(project, made)
        assert len(listed(viewer)) == 13
        assert queries_of(viewer.get, "/p/team/images/") <= few + 2 < 32

    def test_ten_thousand_images_are_paged_in_the_database(self, project: Project) -> None:
        now = timezone.now()
        indexes = ImageIndex.objects.bulk_create(
            ImageIndex(project=project, digest=sha("i", at), media_type="", pulled_at=now)
            for at in range(3000)
        )
        Image.objects.bulk_create(
            Image(
                project=project, digest=sha("m", at), media_type="", registry_host="r",
                repository=f"r{at % 50}", os="linux", architecture=f"a{at // 3000}",
                config_digest=sha("c", at), layer_count=0,
                compressed_size=at, pulled_at=now + timedelta(seconds=at),
                index=indexes[at % 3000] if at < 9000 else None,
            )
            for at in range(10_000)
        )  # fmt: skip
        begun = time.monotonic()
        page = page_of_images(ImageFilter(text="r7").apply(project), "2")
        found = rows(project, list(page))
        assert page.paginator.count == Image.objects.leads().filter(repository="r7").count() == 80
        assert len(found) == 25
        assert Image.objects.all().count_leads() == 4000
        assert time.monotonic() - begun < 10


class TestItsPage:
    def test_it_leads_to_its_other_platforms(self, viewer: Client, php: list[Image]) -> None:
        for tab in ("", "config/", "tags/", "referrers/"):
            html = viewer.get(f"/p/team/images/{php[0].pk}/{tab}").content.decode()
            assert f'<a class="chip" href="/p/team/images/{php[1].pk}/{tab}">linux/arm64</a>' in html
            assert f'href="/p/team/images/{php[0].pk}/{tab}" aria-current="page">linux/amd64</a>' in html
            assert "2 platforms together 183 MiB unpacked" in html

    def test_each_platform_has_its_own_layers_and_sizes(self, viewer: Client, php: list[Image]) -> None:
        first, second = (viewer.get(f"/p/team/images/{one.pk}/").content.decode() for one in php)
        assert "173 MiB" in first
        assert "20.0 MiB" in second
        assert php[1].digest not in first

    def test_what_was_not_pulled_can_be(self, users: Users, project: Project, php: list[Image]) -> None:
        address = f"/p/team/images/{php[0].pk}/"
        index = php[0].index
        assert index is not None
        html = client_of(users.operator).get(address).content.decode()
        assert f'name="reference" value="docker.io/library/php@{index.digest}"' in html
        assert 'name="platform" value="linux/s390x"' in html
        seen = client_of(users.viewer).get(address).content.decode()
        assert "linux/s390x" in seen
        assert 'value="linux/s390x"' not in seen

    def test_an_index_of_hundreds_does_not_flood_it(self, viewer: Client, project: Project) -> None:
        one = make_image(project, "many", "d")
        make_index(project, [one], *(f"linux/b{number}" for number in range(300)))
        html = viewer.get(f"/p/team/images/{one.pk}/").content.decode()
        assert len(set(re.findall(r"linux/b\d+", html))) == OFFERED
        assert f"and {300 - OFFERED} more" in html

    def test_a_tag_is_listed_once_with_the_platforms_for_which_it_points_here(
        self, viewer: Client, php: list[Image]
    ) -> None:
        html = viewer.get(f"/p/team/images/{php[1].pk}/tags/").content.decode()
        assert html.count('data-copy="docker.io/library/php:8"') == 1
        assert "linux/amd64, linux/arm64" in html

    def test_one_that_no_tag_points_at_goes_by_its_other_platform_s(
        self, viewer: Client, php: list[Image]
    ) -> None:
        php[1].tags.all().delete()
        html = viewer.get(f"/p/team/images/{php[1].pk}/").content.decode()
        assert 'php<span class="tag">:8</span>' in html

    def test_what_other_projects_have_of_it_is_not_offered(
        self, viewer: Client, project: Project, php: list[Image]
    ) -> None:
        other = Project.objects.create(slug="other", name="Other")
        theirs = make_image(other, "php-z", "q", platform=S390X)
        index = php[0].index
        assert index is not None
        index.offered = [*index.offered, {"platform": "linux/s390x", "digest": theirs.digest, "size": 1}]
        index.save()
        assert f"/images/{theirs.pk}/" not in viewer.get(f"/p/team/images/{php[0].pk}/").content.decode()


def test_sizes_together_count_a_shared_layer_once(php: list[Image]) -> None:
    index = php[0].index
    assert index is not None
    found = together(php)[index.pk]
    assert (found.unpacked, found.compressed, found.offered) == (183 * MIB, 183 * MIB // 2, 3)


def test_the_api_lists_each_platform_and_says_what_belongs_together(
    users: Users, project: Project, php: list[Image]
) -> None:
    items = Api(users.viewer).get("images")["items"]
    assert [item["id"] for item in items] == [php[1].pk, php[0].pk]
    index = php[0].index
    assert index is not None
    for item in items:
        assert item["index"] == index.digest
        assert item["platforms"] == [
            {"platform": "linux/amd64", "image": php[0].pk},
            {"platform": "linux/arm64", "image": php[1].pk},
            {"platform": "linux/s390x", "image": None},
        ]
    alone = make_image(project, "alone", "z")
    told = Api(users.viewer).get(f"images/{alone.pk}")
    assert (told["index"], told["platforms"]) == (None, [])


def test_the_api_pulls_several_and_schedules_them(users: Users, project: Project) -> None:
    operator = Api(users.operator)
    both = ["linux/amd64", "linux/arm64"]
    status, job = operator.call("POST", "pulls", {"reference": "alpine", "platforms": both})
    assert (status, job["platform"], job["images"]) == (202, "linux/amd64,linux/arm64", [])
    status, refusal = operator.call(
        "POST", "pulls", {"reference": "alpine", "platforms": ["all", "linux/386"]}
    )
    assert (status, refusal["error"]["code"]) == (422, "invalid_platform")
    given = {"reference": "alpine", "platforms": ["all"], "cron": "0 4 * * *"}
    status, schedule = operator.call("POST", "schedules", given)
    assert (status, schedule["platforms"]) == (201, ["all"])
    status, schedule = operator.call("PATCH", f"schedules/{schedule['id']}", {"platforms": both})
    assert (status, schedule["platforms"]) == (200, both)
    status, schedule = operator.call("PATCH", f"schedules/{schedule['id']}", {"platforms": []})
    assert (status, schedule["platform"]) == (200, "")
