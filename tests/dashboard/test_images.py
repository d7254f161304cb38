"""The list of images."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from dashboard.queries.images import rows
from dashboard.queries.names import Name
from tests.conftest import Users
from tests.dashboard.catalog import MIB, family, make_image
from tests.dashboard.doors import client_of
from worker.models import Image, Project, Tag


def listed(client: Client, query: str = "") -> list[str]:
    """Return the names on the page, in order."""
    html = client.get(f"/p/team/images/{query}").content.decode()
    found = re.findall(r'<a class="name" href="/p/team/images/\d+/"[^>]*>(.*?)</a>', html)
    return [re.sub(r"<[^>]+>", "", name) for name in found]


def test_an_empty_project_says_what_to_do_next(users: Users) -> None:
    operator = client_of(users.operator).get("/p/team/images/").content.decode()
    assert "No image yet" in operator
    assert "Pull a first one" in operator
    viewer = client_of(users.viewer).get("/p/team/images/").content.decode()
    assert "An operator or admin of this project can pull images" in viewer


def test_a_row_shows_an_image_as_it_is(viewer: Client, project: Project) -> None:
    family(project)
    html = viewer.get("/p/team/images/").content.decode()
    row = next(part for part in html.split("<tr>") if ">php<" in part)
    text = re.sub(r"\s+", " ", re.sub(r"<title>.*?</title>|<[^>]+>", " ", row))
    assert "+1 tag" in text
    assert " 5 " in text
    assert "436 MiB" in text  # unpacked
    assert "218 MiB" in text  # compressed
    assert "116 MiB" in text  # only here: p and x
    assert "apache:2.4" in text  # its parent, the older of the twins
    assert row.count("<rect class=") == 5
    assert "just now" in text


def test_bases_and_twins_are_marked(viewer: Client, project: Project) -> None:
    family(project)
    html = viewer.get("/p/team/images/").content.decode()
    assert html.count('<span class="chip">base</span>') == 1
    assert html.count("same layers as apache:2.4") == 1


def test_an_image_without_a_tag_or_trees_says_so(viewer: Client, project: Project) -> None:
    make_image(project, "raw", "z", tags=[], extracted=False)
    html = viewer.get("/p/team/images/").content.decode()
    assert "no tag" in html
    assert "not extracted" in html
    assert listed(viewer) == ["raw"]


def test_the_figures_count_each_layer_once(viewer: Client, project: Project) -> None:
    family(project)
    html = viewer.get("/p/team/images/").content.decode()
    # Trees: d a i p x = 163+156+1+114+2 MiB. Blobs: half of that each, d a i also as zstd: 218 + 160 MiB
    assert "814 MiB" in html
    # Four images unpacked: 163 + 320 + 320 + 436 = 1239 MiB, of which 436 MiB are kept.
    assert "803 MiB saved by sharing" in html
    assert "3 shared by several images" in html


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("?q=php", ["php:8"]),
        ("?q=apache", ["apache-zstd:2.4", "apache:2.4"]),
        ("?q=library/deb", ["debian:bookworm"]),
        ("?q=docker.io/library/deb", ["debian:bookworm"]),
        ("?q=php:8", ["php:8"]),
        ("?q=php:9", []),
        ("?q=apache:2", ["apache-zstd:2.4", "apache:2.4"]),
        ("?q=LATEST", ["php:8"]),
        ("?q=%25", []),
        ("?q=nothing+like+it", []),
        ("?registry=docker.io", ["php:8", "apache-zstd:2.4", "apache:2.4", "debian:bookworm"]),
        ("?registry=ghcr.io", []),
        ("?repository=library/php", ["php:8"]),
        ("?platform=linux/amd64&q=php", ["php:8"]),
        ("?platform=linux/arm64", []),
        ("?sort=name", ["apache:2.4", "apache-zstd:2.4", "debian:bookworm", "php:8"]),
        ("?sort=-unpacked&q=a", ["php:8", "apache-zstd:2.4", "apache:2.4", "debian:bookworm"]),
        ("?sort=layers&q=docker", ["debian:bookworm", "apache:2.4", "apache-zstd:2.4", "php:8"]),
        ("?sort=nonsense", ["php:8", "apache-zstd:2.4", "apache:2.4", "debian:bookworm"]),
        ("?page=99", ["php:8", "apache-zstd:2.4", "apache:2.4", "debian:bookworm"]),
        ("?page=x", ["php:8", "apache-zstd:2.4", "apache:2.4", "debian:bookworm"]),
    ],
)
def test_search_filter_and_sort(viewer: Client, project: Project, query: str, names: list[str]) -> None:
    family(project)
    assert listed(viewer, query) == names


def test_an_image_is_found_by_the_beginning_of_its_digest(viewer: Client, project: Project) -> None:
    php = family(project)["php"]
    assert listed(viewer, f"?q={php.digest}") == ["php:8"]
    assert listed(viewer, f"?q={php.digest[7:19]}") == ["php:8"]
    assert listed(viewer, f"?q={php.config_digest[7:19]}") == ["php:8"]
    assert listed(viewer, f"?q={php.digest[8:19]}") == []


def test_no_match_says_how_to_search_and_how_to_get_back(viewer: Client, project: Project) -> None:
    family(project)
    html = viewer.get("/p/team/images/?q=nothing").content.decode()
    assert "No image matches" in html
    assert 'href="/p/team/images/">Show all images' in html


def test_images_of_other_projects_are_neither_listed_nor_counted(viewer: Client, project: Project) -> None:
    family(project)
    other = Project.objects.create(slug="other", name="Other")
    make_image(other, "secret", "daipx", tags=["1"])
    make_image(other, "more", "dai", tags=["1"])
    assert "secret:1" not in listed(viewer)
    html = viewer.get("/p/team/images/").content.decode()
    assert "secret" not in html
    assert "116 MiB" in html  # php's own layers are still only here, though another project has them


def test_htmx_gets_the_list_alone_at_the_same_address(viewer: Client, project: Project) -> None:
    family(project)
    response = viewer.get("/p/team/images/?q=php&registry=&sort=", headers={"HX-Request": "true"})
    html = response.content.decode()
    assert html.strip().startswith('<section class="card" id="images"')
    assert "<html" not in html
    assert response["HX-Push-Url"] == "/p/team/images/?q=php"
    assert "HX-Request" in response["Vary"]


def test_pages_hold_25_and_link_to_each_other(viewer: Client, project: Project) -> None:
    start = timezone.now()
    for number in range(53):
        make_image(project, f"n{number:02}", f"d{number}", pulled_at=start - timedelta(minutes=number))
    assert listed(viewer) == [f"n{number:02}:1" for number in range(25)]
    assert listed(viewer, "?page=3") == ["n50:1", "n51:1", "n52:1"]
    html = viewer.get("/p/team/images/?page=2&q=n").content.decode()
    assert "26\u201350 of 53" in html
    assert 'href="?page=3&amp;q=n"' in html


def test_the_number_of_queries_does_not_grow_with_the_list(
    viewer: Client, project: Project, queries_of: Callable[..., int]
) -> None:
    family(project)
    few = queries_of(viewer.get, "/p/team/images/")
    for number in range(30):
        make_image(project, f"n{number}", f"da{number}", compression="zstd")
    assert len(listed(viewer)) == 25
    assert queries_of(viewer.get, "/p/team/images/") <= few < 30


def test_only_here_counts_a_layer_that_occurs_twice_once(project: Project) -> None:
    image = make_image(project, "twice", "zqz")
    assert rows(project, [image.pk])[0].only_here == 20 * MIB


def test_only_here_is_unknown_before_extraction(project: Project) -> None:
    image = make_image(project, "raw", "z", extracted=False)
    assert rows(project, [image.pk])[0].only_here is None


def test_long_names_keep_both_ends() -> None:
    name = Name.of("docker.io", "team/" + "x" * 240 + "/end", "v" * 100 + "-end")
    assert name.is_long
    assert name.shown_path.startswith("team/x")
    assert name.shown_path.endswith("/end")
    assert name.shown_tag.endswith("-end")
    assert len(name.shown_path) == 48
    assert len(name.shown_tag) == 32


@pytest.mark.parametrize(
    ("host", "repository", "shown"),
    [
        ("docker.io", "library/php", "php"),
        ("docker.io", "team/php", "team/php"),
        ("ghcr.io", "library/php", "library/php"),
    ],
)
def test_names_are_as_people_say_them(host: str, repository: str, shown: str) -> None:
    assert str(Name.of(host, repository, "8")) == f"{shown}:8"
    assert Name.of(host, repository, "8").reference == f"{host}/{repository}:8"


def test_names_and_labels_are_escaped(viewer: Client, project: Project) -> None:
    image = make_image(project, "x", "z")
    Tag.objects.filter(image=image).update(name="<i>")
    Image.objects.filter(pk=image.pk).update(repository="<b>")
    html = viewer.get("/p/team/images/?q=%3Cscript%3E").content.decode()
    assert "<script>" not in html
    assert "<i>" not in viewer.get("/p/team/images/").content.decode()
