"""One image and its tabs."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.test import Client
from django.utils import timezone

from dashboard.queries.image import strata, summary
from dashboard.queries.relatives import family as kin
from tests.conftest import Users
from tests.dashboard.catalog import MIB, diff_id, family, make_image
from tests.dashboard.doors import client_of
from worker.engine.errors import Conflict
from worker.models import Container, Image, Job, Project, Registry, Tag, TagMovement

TABS = ["", "lineage/", "config/", "tags/", "containers/"]


@pytest.fixture
def images(project: Project) -> dict[str, Image]:
    return family(project)


def text_of(client: Client, address: str) -> str:
    html = client.get(address).content.decode().split("<main", 1)[1]
    return re.sub(r"\s+", " ", re.sub(r"<title>.*?</title>|<[^>]+>", " ", html))


@pytest.mark.parametrize("tab", TABS)
class TestEachTab:
    def test_members_see_it(self, users: Users, images: dict[str, Image], tab: str) -> None:
        for user in (users.viewer, users.operator, users.admin, users.superuser):
            response = client_of(user).get(f"/p/team/images/{images['php'].pk}/{tab}")
            assert response.status_code == 200
            assert b"php" in response.content

    def test_strangers_find_nothing(self, users: Users, images: dict[str, Image], tab: str) -> None:
        assert client_of(users.stranger).get(f"/p/team/images/{images['php'].pk}/{tab}").status_code == 404

    def test_visitors_are_led_to_sign_in(self, client: Client, images: dict[str, Image], tab: str) -> None:
        assert client.get(f"/p/team/images/{images['php'].pk}/{tab}").status_code == 302

    def test_an_image_of_another_project_does_not_exist_here(self, viewer: Client, tab: str) -> None:
        other = Project.objects.create(slug="other", name="Other")
        image = make_image(other, "secret", "z")
        response = viewer.get(f"/p/team/images/{image.pk}/{tab}")
        assert response.status_code == 404
        assert b"no such image" in response.content

    def test_it_is_only_read(self, viewer: Client, images: dict[str, Image], tab: str) -> None:
        assert viewer.post(f"/p/team/images/{images['php'].pk}/{tab}").status_code == 405

    def test_an_image_without_layers_has_it_too(self, viewer: Client, project: Project, tab: str) -> None:
        bare = make_image(project, "bare", "")
        assert viewer.get(f"/p/team/images/{bare.pk}/{tab}").status_code == 200


@pytest.mark.parametrize("tab", [*TABS, "files/", "weight/", "packages/", "referrers/"])
def test_the_rail_says_that_one_is_among_the_images(
    viewer: Client, images: dict[str, Image], tab: str
) -> None:
    html = viewer.get(f"/p/team/images/{images['php'].pk}/{tab}").content.decode()
    assert '<a class="item" href="/p/team/images/" aria-current="true">' in html


def test_the_head_tells_where_it_is_from_and_what_it_weighs(viewer: Client, images: dict[str, Image]) -> None:
    text = text_of(viewer, f"/p/team/images/{images['php'].pk}/")
    assert "docker.io / library/php" in text
    assert "436 MiB 218 MiB compressed" in text
    assert "116 MiB in no other image of this project" in text
    assert "5 3 from apache:2.4" in text
    assert "apache:2.4 on debian:bookworm, the base" in text


def test_the_layers_are_listed_from_the_top_with_every_figure(
    project: Project, images: dict[str, Image]
) -> None:
    facts = summary(project, images["php"])
    rows = strata(project, facts)
    assert [row.place for row in rows] == [5, 4, 3, 2, 1]
    assert [row.layer.diff_id for row in rows] == [diff_id(letter) for letter in "xpiad"]
    assert [str(row.arrived_with) for row in rows] == [
        "php:8",
        "php:8",
        "apache:2.4",
        "apache:2.4",
        "debian:bookworm",
    ]
    assert [row.up_to_here for row in rows] == [total * MIB for total in (436, 434, 320, 319, 163)]
    assert [row.also_in for row in rows] == [0, 0, 2, 2, 3]


def test_the_layers_tab_shows_command_diff_id_and_blob_digest(
    viewer: Client, images: dict[str, Image]
) -> None:
    html = viewer.get(f"/p/team/images/{images['php'].pk}/").content.decode()
    top = images["php"].image_layers.select_related("blob").get(position=4)
    assert 'id="layer-5"' in html
    assert "RUN make x &amp;&amp; true" in html
    assert f'data-copy="{diff_id("x")}"' in html
    assert f'data-copy="{top.blob.digest}"' in html
    assert html.count('<a href="#layer-') == 5


def test_the_sum_stays_unknown_above_a_layer_that_was_never_extracted(project: Project) -> None:
    make_image(project, "base", "d")
    image = make_image(project, "raw", "dzq", extracted=False)
    rows = strata(project, summary(project, image))
    assert [row.up_to_here for row in rows] == [None, None, 163 * MIB]


def test_lineage_goes_from_the_base_to_the_children(project: Project, images: dict[str, Image]) -> None:
    php = kin(summary(project, images["php"]))
    assert [str(one.named) for one in php.line] == ["debian:bookworm", "apache:2.4", "php:8"]
    assert [one.added for one in php.line] == [163 * MIB, 157 * MIB, 116 * MIB]
    assert [one.others for one in php.line] == [0, 1, 0]
    assert max(one.share for one in php.line) == 1.0
    apache = kin(summary(project, images["apache"]))
    assert [str(one) for one in apache.twins] == ["apache-zstd:2.4"]
    assert [str(one.named) for one in apache.children] == ["php:8"]
    assert apache.children_count == 1
    debian = kin(summary(project, images["debian"]))
    assert sorted(str(one.named) for one in debian.children) == ["apache-zstd:2.4", "apache:2.4"]


def test_an_image_with_no_relatives_says_so(viewer: Client, project: Project) -> None:
    image = make_image(project, "lonely", "z")
    text = text_of(viewer, f"/p/team/images/{image.pk}/lineage/")
    assert "No image stands on it yet" in text
    assert "no other image is below it" in text


def test_the_config_is_shown_in_full_and_escaped(viewer: Client, images: dict[str, Image]) -> None:
    html = viewer.get(f"/p/team/images/{images['php'].pk}/config/").content.decode()
    for shown in ("/entry", "--flag", "serve", "www-data", "/srv", "80/tcp", "/data", "SIGWINCH"):
        assert shown in html
    assert '<dt><code>GREETING</code></dt><dd><code dir="auto">a=b</code></dd>' in html
    assert "&lt;b&gt;bold&lt;/b&gt;" in html
    assert "<b>bold</b>" not in html
    assert html.count('<span class="chip">no layer</span>') == 1
    assert "&quot;StopSignal&quot;: &quot;SIGWINCH&quot;" in html


def test_a_config_that_cannot_be_read_is_still_shown_raw(viewer: Client, project: Project) -> None:
    image = make_image(project, "odd", "z", config={"config": "not an object"})
    response = viewer.get(f"/p/team/images/{image.pk}/config/")
    assert response.status_code == 200
    assert b"not an object" in response.content


def test_tags_come_and_go(viewer: Client, project: Project, images: dict[str, Image]) -> None:
    old = make_image(project, "php-old", "daip", repository="library/php", tags=[])
    tag = Tag.objects.get(repository="library/php", name="8")
    TagMovement.objects.create(
        tag=tag,
        from_digest=old.digest,
        to_digest=images["php"].digest,
        moved_at=timezone.now() + timedelta(1),
    )
    came = text_of(viewer, f"/p/team/images/{images['php'].pk}/tags/")
    assert f"library/php:8 came here from php@{old.digest[7:19]}" in came
    assert "library/php:8 was first seen, here" in came
    went = text_of(viewer, f"/p/team/images/{old.pk}/tags/")
    assert "No tag points at this image" in went
    assert "library/php:8 went on to php:8" in went


def test_the_containers_on_it(viewer: Client, project: Project, images: dict[str, Image]) -> None:
    Container.objects.create(
        project=project, image=images["php"], name="brave-otter", node="local", state="stopped", exit_code=137
    )
    text = text_of(viewer, f"/p/team/images/{images['php'].pk}/containers/")
    assert "brave-otter" in text
    assert "stopped, exit 137" in text
    assert "No container on this image" in text_of(
        viewer, f"/p/team/images/{images['debian'].pk}/containers/"
    )


def test_what_to_do_next_is_offered_to_who_may(
    users: Users, project: Project, images: dict[str, Image]
) -> None:
    address = f"/p/team/images/{images['php'].pk}/"
    operator = client_of(users.operator).get(address).content.decode()
    assert f'/p/team/containers/new/?image={images["php"].pk}"' in operator
    assert 'name="reference" value="docker.io/library/php:8"' in operator
    assert "/extract/" not in operator
    viewer = client_of(users.viewer).get(address).content.decode()
    assert "New container" not in viewer
    assert "Pull again" not in viewer


def test_an_untagged_image_is_pulled_again_by_its_digest(project: Project) -> None:
    image = make_image(project, "raw", "z", tags=[])
    assert summary(project, image).reference == f"docker.io/library/raw@{image.digest}"


def test_what_was_pulled_without_tls_is_pulled_again_so_until_an_admin_enters_the_registry(
    users: Users, project: Project
) -> None:
    image = make_image(project, "raw", "z")
    address, insecurely = f"/p/team/images/{image.pk}/", 'name="insecure" value="on"'
    operator = client_of(users.operator)
    Job.objects.create(project=project, kind="pull", state="succeeded", image=image, arguments={})
    assert insecurely not in operator.get(address).content.decode()
    Job.objects.create(
        project=project, kind="pull", state="succeeded", image=image, arguments={"insecure": True}
    )
    assert insecurely in operator.get(address).content.decode()
    Registry.objects.create(project=project, host=image.registry_host)
    assert insecurely not in operator.get(address).content.decode()


class TestExtract:
    @pytest.fixture
    def raw(self, project: Project) -> Image:
        return make_image(project, "raw", "z", extracted=False)

    @pytest.fixture
    def asked(self, monkeypatch: pytest.MonkeyPatch) -> list[object]:
        """The images whose extraction was asked for; a job of the number 7 answers."""
        asked: list[object] = []

        def start(image: Image, *, by: object) -> object:
            asked.append((image, by))
            return SimpleNamespace(pk=7)

        monkeypatch.setattr("dashboard.views.image.start_extract", start)
        return asked

    def test_operators_start_it_and_watch(self, users: Users, raw: Image, asked: list[object]) -> None:
        client = client_of(users.operator)
        assert "Extract the layers" in client.get(f"/p/team/images/{raw.pk}/").content.decode()
        response = client.post(f"/p/team/images/{raw.pk}/extract/")
        assert response["Location"] == "/p/team/jobs/7/"
        assert asked == [(raw, users.operator)]

    def test_viewers_may_not(self, users: Users, raw: Image, asked: list[object]) -> None:
        response = client_of(users.viewer).post(f"/p/team/images/{raw.pk}/extract/")
        assert response.status_code == 403
        assert b"operator" in response.content
        assert asked == []

    def test_strangers_find_nothing(self, users: Users, raw: Image, asked: list[object]) -> None:
        assert client_of(users.stranger).post(f"/p/team/images/{raw.pk}/extract/").status_code == 404
        assert asked == []

    def test_a_link_cannot_start_it(self, users: Users, raw: Image) -> None:
        assert client_of(users.operator).get(f"/p/team/images/{raw.pk}/extract/").status_code == 405

    def test_a_second_time_is_explained(
        self, users: Users, raw: Image, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(image: Image, *, by: object) -> object:
            raise Conflict("This image is being extracted already.")

        monkeypatch.setattr("dashboard.views.image.start_extract", refuse)
        response = client_of(users.operator).post(f"/p/team/images/{raw.pk}/extract/", follow=True)
        assert response.redirect_chain == [(f"/p/team/images/{raw.pk}/", 302)]
        assert b"is being extracted already" in response.content


def test_127_layers_are_drawn_and_listed(viewer: Client, project: Project) -> None:
    image = make_image(project, "deep", [f"layer {number}" for number in range(127)])
    html = viewer.get(f"/p/team/images/{image.pk}/").content.decode()
    assert html.count('<a href="#layer-') == 127
    assert 'id="layer-127"' in html


@pytest.mark.parametrize("tab", TABS)
def test_the_number_of_queries_does_not_grow_with_the_relatives(
    viewer: Client, project: Project, images: dict[str, Image], tab: str, queries_of: Callable[..., int]
) -> None:
    address = f"/p/team/images/{images['apache'].pk}/{tab}"
    few = queries_of(viewer.get, address)
    for number in range(20):
        make_image(project, f"child{number}", ["d", "a", "i", f"c{number}"])
        Container.objects.create(project=project, image=images["apache"], name=f"c{number}", node="x")
    assert queries_of(viewer.get, address) == few < 45
