"""The page of a project's family tree."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from dashboard.views import lineage as view
from tests.conftest import Users
from tests.dashboard.catalog import diff_id, family, make_image
from tests.dashboard.doors import assert_door, assert_verbs
from worker.models import FamilyMember, Project, Role

ADDRESS = "/p/team/lineage/"


def page(client: Client, query: str = "") -> str:
    answer = client.get(f"{ADDRESS}{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def drawing(html: str) -> str:
    found = re.search(r"<svg class=\"tree.*?</svg>", html, re.DOTALL)
    return found.group() if found else ""


def test_its_door(users: Users) -> None:
    assert_door(users, "get", ADDRESS, needs=Role.VIEWER)
    assert_verbs(users.admin, ADDRESS, refused="post put delete")


def test_an_empty_project_says_what_will_be_here(viewer: Client) -> None:
    assert "No images yet" in page(viewer)


def test_the_family_of_the_drawings(project: Project, viewer: Client) -> None:
    """debian <- apache = apache-zstd <- php: three nodes, two edges, each node a link to its image."""
    images = family(project)
    svg = drawing(page(viewer))
    assert svg.count('class="node"') == 3
    edges = re.search(r'class="edge" d="([^"]*)"', svg)
    assert edges is not None
    assert edges[1].count("M") == 2
    for name in ("debian", "apache", "php"):
        assert f'href="/p/team/images/{images[name].pk}/"' in svg
    assert "= apache-zstd:2.4" in svg
    assert "+163 MiB · 1 layer<" in svg
    assert "+157 MiB · 2 layers<" in svg
    assert "+116 MiB · 2 layers<" in svg


def test_the_list_holds_the_same_images_nested(project: Project, viewer: Client) -> None:
    family(project)
    html = page(viewer, "?view=list")
    assert not drawing(html)
    listing = html[html.index('<ul class="family">') :]
    assert listing.index("debian:bookworm") < listing.index("apache:2.4") < listing.index("php:8")
    assert listing.count("<details") == 2


def test_unless_asked_both_are_there_and_the_screen_decides(project: Project, viewer: Client) -> None:
    family(project)
    html = page(viewer)
    assert 'class="drawing hide-s"' in html
    assert 'class="card listing only-s"' in html


def test_a_filter_shows_matches_and_what_they_stand_on(project: Project, viewer: Client) -> None:
    family(project)
    make_image(project, "other", "o")
    html = page(viewer, "?q=php&view=drawing")
    assert "1 match;" in html
    assert drawing(html).count('class="node context"') == 2
    assert "other:1" not in drawing(html)


def test_a_digest_finds_its_image(project: Project, viewer: Client) -> None:
    images = family(project)
    html = page(viewer, f"?q={images['php'].digest[7:19]}")
    assert "1 match;" in html


def test_registry_and_platform_filter(project: Project, viewer: Client) -> None:
    family(project)
    make_image(
        project, "arm", "r", host="localhost:5000", repository="arm", platform=("linux", "arm64", "v8")
    )
    assert "1 match;" in page(viewer, "?registry=localhost:5000")
    assert "1 match;" in page(viewer, "?platform=linux/arm64/v8")
    html = page(viewer, "?registry=localhost:5000&platform=linux/amd64")
    assert "Nothing matches" in html


def test_platforms_are_named_only_where_there_are_several(project: Project, viewer: Client) -> None:
    family(project)
    assert "layer · linux/amd64" not in page(viewer).split("<title>")[0]
    assert 'class="adds" x="14" y="38.5">+163 MiB · 1 layer<' in page(viewer)
    make_image(project, "arm", "r", platform=("linux", "arm64", ""))
    assert 'y="38.5">+163 MiB · 1 layer · linux/amd64<' in page(viewer)


def test_one_family_is_shown_with_its_line(project: Project, viewer: Client) -> None:
    images = family(project)
    make_image(project, "other", "o")
    html = page(viewer, f"?family={images['apache'].pk}")
    assert "Family of apache:2.4" in html
    svg = drawing(html)
    assert svg.count("<a ") == 3
    assert svg.count('aria-current="true"') == 1


def test_layers_in_common_on_which_no_image_ends_are_drawn_by_their_command(
    project: Project, viewer: Client
) -> None:
    family(project)
    for name in ("left", "right"):
        make_image(project, name, ["d", "u", name])
    html = page(viewer)
    svg = drawing(html)
    assert svg.count('class="node fork"') == 1
    assert f'href="/p/team/layers/{diff_id("u")}/"' in svg
    assert "No image here ends on this layer" in svg
    assert "RUN make u &amp;&amp; true" in svg
    edges = re.search(r'class="edge" d="([^"]*)"', svg)
    assert edges is not None
    assert edges[1].count("M") == 2 + 3
    assert 'aria-label="Family tree of 5 images"' in svg
    assert "6 images on 1 base" in html
    assert "no image here ends on it" in page(viewer, "?view=list")


def test_the_family_of_layers_without_an_image_can_be_opened(project: Project, viewer: Client) -> None:
    for name in ("left", "right"):
        make_image(project, name, ["u", name])
    make_image(project, "other", "o")
    fork = FamilyMember.objects.get(named=False)
    html = page(viewer, f"?family=-{fork.pk}")
    assert "Family of RUN make u &amp;&amp; true" in html
    assert drawing(html).count('class="node') == 3
    assert "Open the layer" in html


def test_a_search_finds_no_layers_but_those_that_a_match_stands_on(project: Project, viewer: Client) -> None:
    for name in ("left", "right"):
        make_image(project, name, ["u", name])
    svg = drawing(page(viewer, "?q=left"))
    assert svg.count('class="node context fork"') == 1
    assert "0 match" not in page(viewer, "?q=left")
    assert "Nothing matches" in page(viewer, "?q=nobody")


def test_a_twin_leads_to_the_same_family(project: Project, viewer: Client) -> None:
    images = family(project)
    assert "Family of apache:2.4" in page(viewer, f"?family={images['apache-zstd'].pk}")


def test_an_unknown_family_is_not_found(viewer: Client) -> None:
    assert viewer.get(f"{ADDRESS}?family=999").status_code == 404


def test_another_projects_image_is_no_family_here(viewer: Client, users: Users) -> None:
    other = Project.objects.create(slug="other", name="Other")
    image = make_image(other, "secret", "s")
    assert viewer.get(f"{ADDRESS}?family={image.pk}").status_code == 404


@pytest.mark.parametrize("query", ["?family=x&start=-1&view=nonsense", "?start=99999999999999999999999"])
def test_nonsense_in_the_address_is_no_error(project: Project, viewer: Client, query: str) -> None:
    family(project)
    assert drawing(page(viewer, query))


def test_names_that_look_like_markup_stay_text(project: Project, viewer: Client) -> None:
    make_image(project, "evil", "e", host="registry", repository="<script>alert(1)</script>")
    html = page(viewer)
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in drawing(html)


def test_an_image_that_was_only_fetched_counts_compressed_bytes(project: Project, viewer: Client) -> None:
    make_image(project, "fetched", "d", extracted=False)
    assert "+81.5 MiB compressed · 1 layer" in drawing(page(viewer))


def test_htmx_gets_the_tree_alone(project: Project, viewer: Client) -> None:
    family(project)
    answer = viewer.get(ADDRESS, headers={"HX-Request": "true"})
    html = answer.content.decode().lstrip()
    assert html.startswith('<div id="tree">')
    assert "<html" not in html


def test_a_large_project_is_folded_and_says_so(
    project: Project, viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view, "DRAWN_IN_FULL", 6)
    monkeypatch.setattr(view, "DRAWN_FOLDED", 4)
    base = make_image(project, "base", "d")
    for number in range(9):
        make_image(project, f"leaf{number}", ["d", f"own{number}"])
    html = page(viewer)
    assert re.search(r"\d of 10 are shown", html)
    svg = drawing(html)
    assert "more images" in svg
    assert f'href="?family={base.pk}"' in svg
    inside = page(viewer, f"?family={base.pk}")
    assert f'href="?family={base.pk}&amp;start=3"' in drawing(inside)
    assert drawing(page(viewer, f"?family={base.pk}&start=3")) != drawing(inside)


def test_all_of_a_large_project_can_be_drawn_as_marks(
    project: Project, viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view, "DRAWN_IN_FULL", 3)
    for number in range(5):
        make_image(project, f"leaf{number}", ["d", f"own{number}"])
    svg = drawing(page(viewer, "?whole=1"))
    assert svg.startswith('<svg class="tree tiny"')
    assert svg.count("<a ") == 6  # five images, and the layer that they have in common


def test_queries_do_not_grow_with_images(
    project: Project, users: Users, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    """As many queries for 23 images as for 4; the frame's own are among them."""
    client = Client()
    client.force_login(users.viewer)
    family(project)
    for number in range(19):
        make_image(project, f"leaf{number}", ["d", f"own{number}"])
    client.get(ADDRESS)
    with django_assert_max_num_queries(14):
        client.get(ADDRESS)


def test_an_administrator_who_is_no_member_sees_it(project: Project, users: Users) -> None:
    family(project)
    client = Client()
    client.force_login(users.superuser)
    assert drawing(page(client))
