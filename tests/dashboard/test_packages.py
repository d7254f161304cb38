"""The Packages tab of an image, the search for packages, and SBOMs: pages."""

from __future__ import annotations

import json
import re

import pytest
from django.test import Client

from tests.conftest import Users
from tests.dashboard.catalog import make_image
from tests.dashboard.doors import assert_door, assert_verbs, client_of
from tests.dashboard.package_images import BASH, LIB, NEW, OLD, contents, deb, npm, read
from worker.engine.packages import UNKNOWN, Contents, Ecosystem, Package, Record
from worker.models import Image, Project, Role


@pytest.fixture
def php(project: Project) -> Image:
    """An image that upgraded openssl, and brought an npm package."""
    image = make_image(project, "php", "dax", tags=["8"])
    return read(
        image,
        contents(OLD, LIB, BASH),
        contents(NEW, LIB, BASH),
        contents(NEW, LIB, BASH, npm("@s/left-pad", "1.0.0")),
    )


@pytest.fixture
def debian(project: Project, php: Image) -> Image:
    return make_image(project, "debian", "d", tags=["bookworm"])


@pytest.fixture
def viewer(users: Users) -> Client:
    return client_of(users.viewer)


def page(client: Client, address: str, *, status: int = 200, **headers: str) -> str:
    answer = client.get(address, headers=headers)
    assert answer.status_code == status
    return re.sub(r"\s+", " ", answer.content.decode())


def names(html: str) -> list[str]:
    return re.findall(r'<span class="name" dir="auto">([^<]+)</span>', html)


def images(html: str) -> list[str]:
    return re.findall(r'<a class="name" href="[^"]+">([^<]+)<span class="tag">', html)


def test_the_tab_lists_packages_with_the_layer_that_brought_them(viewer: Client, php: Image) -> None:
    html = page(viewer, f"/p/team/images/{php.pk}/packages/")
    assert names(html) == ["bash", "libssl3", "openssl", "@s/left-pad"]
    assert "Debian GNU/Linux 12 (bookworm)" in html
    assert "3.0.13-1~deb12u1" in html
    assert "3.0.9-1</span> <span" in html  # libssl3's
    assert "of openssl" in html
    assert "2.00 MiB" in html
    assert "/node_modules/@s/left-pad" in html
    assert "Not everything could be read" not in html


@pytest.mark.parametrize(
    ("query", "listed"),
    [
        ("q=ssl", ["libssl3", "openssl"]),
        ("q=OPENSSL", ["libssl3", "openssl"]),
        ("ecosystem=npm", ["@s/left-pad"]),
        ("layer=1", ["bash", "libssl3"]),
        ("layer=2", ["openssl"]),
        ("layer=2&q=bash", []),
        ("sort=-size", ["openssl", "bash", "libssl3", "@s/left-pad"]),
        ("sort=-layer", ["@s/left-pad", "openssl", "bash", "libssl3"]),
        ("ecosystem=cobol&layer=x&sort=y&page=z", ["bash", "libssl3", "openssl", "@s/left-pad"]),
        ("layer=²", ["bash", "libssl3", "openssl", "@s/left-pad"]),
    ],
)
def test_the_tab_is_filtered_and_sorted(viewer: Client, php: Image, query: str, listed: list[str]) -> None:
    assert names(page(viewer, f"/p/team/images/{php.pk}/packages/?{query}")) == listed


def test_htmx_gets_the_list_alone(viewer: Client, php: Image) -> None:
    html = page(viewer, f"/p/team/images/{php.pk}/packages/?q=ssl&layer=", **{"HX-Request": "true"})
    assert html.strip().startswith('<div id="packages">')
    assert names(html) == ["libssl3", "openssl"]


def test_three_thousand_packages_come_in_pages(viewer: Client, project: Project) -> None:
    image = make_image(project, "large", "q")
    read(image, contents(*(deb(f"p{number:04}", "1") for number in range(3000))))
    html = page(viewer, f"/p/team/images/{image.pk}/packages/?page=2")
    assert names(html)[0] == "p0100"
    assert len(names(html)) == 100
    assert "3,000" in html


def test_what_could_not_be_read_is_said(viewer: Client, project: Project) -> None:
    image = read(make_image(project, "odd", "q"), contents(BASH, notes=["Not read: it is not JSON."]))
    html = page(viewer, f"/p/team/images/{image.pk}/packages/")
    assert "Not everything could be read" in html
    assert r"/a\x0ab" in html
    assert names(html) == ["bash"]


def test_an_image_of_which_nothing_could_be_read_does_not_count_as_one_without_packages(
    viewer: Client, project: Project
) -> None:
    image = read(make_image(project, "rhel8", "q"), contents(notes=["This rpm database is not read."]))
    html = page(viewer, f"/p/team/images/{image.pk}/packages/")
    assert "None that could be read" in html
    assert "No package database" not in html


def test_the_states_of_an_image_without_packages(viewer: Client, users: Users, project: Project) -> None:
    nothing = read(make_image(project, "static", "q"), contents(distribution=UNKNOWN))
    pending = make_image(project, "fresh", "w")
    packed = make_image(project, "packed", "e", extracted=False)
    assert "No package database" in page(viewer, f"/p/team/images/{nothing.pk}/packages/")
    assert "are being read" in page(viewer, f"/p/team/images/{pending.pk}/packages/")
    assert "Not extracted" in page(viewer, f"/p/team/images/{packed.pk}/packages/")
    assert "Extract it" not in page(viewer, f"/p/team/images/{packed.pk}/packages/")
    assert "Extract it" in page(client_of(users.operator), f"/p/team/images/{packed.pk}/packages/")
    whole = {"HX-Request": "true", "HX-Target": "div#package-tab"}
    assert (
        page(viewer, f"/p/team/images/{pending.pk}/packages/", **whole)
        .strip()
        .startswith('<div id="package-tab">')
    )


def test_names_of_strangers_are_text(viewer: Client, project: Project) -> None:
    image = read(make_image(project, "evil", "q"), contents(deb("<script>x", '1"><b>')))
    html = page(viewer, f"/p/team/images/{image.pk}/packages/")
    assert "<script>x" not in html
    assert "&lt;script&gt;x" in html
    found = page(viewer, "/p/team/packages/?q=%2Ascript%2A")
    assert "<script>x" not in found
    assert images(found) == ["evil"]


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("openssl", ["debian", "php"]),
        ("openssl < 3.0.11", ["debian"]),
        ("openssl>=3.0.11", ["php"]),
        ("openssl >= 3.0.9-1, < 3.0.13", ["debian"]),
        ("openssl = 3.0.9-1", ["debian"]),
        ("openssl < 3.0.9", []),
        ("OpenSSL", ["debian", "php"]),
        ("libssl3", ["debian", "php"]),
        ("*ssl*", ["debian", "php"]),
        ("open*", ["debian", "php"]),
        ("open", []),
        ("open.*", []),
        ("@s/left-pad", ["php"]),
    ],
)
def test_which_images_have_a_package(
    viewer: Client, php: Image, debian: Image, question: str, found: list[str]
) -> None:
    """What a layer brought and a later one removed or upgraded, an image does not have."""
    answer = viewer.get("/p/team/packages/", {"q": question})
    assert answer.status_code == 200
    assert sorted(images(answer.content.decode())) == found


def test_a_source_package_counts_if_one_says_so(viewer: Client, project: Project) -> None:
    read(make_image(project, "slim", "q"), contents(LIB))
    assert images(page(viewer, "/p/team/packages/?q=openssl")) == []
    assert images(page(viewer, "/p/team/packages/?q=openssl&source=1")) == ["slim"]
    assert "libssl3" in page(viewer, "/p/team/packages/?q=openssl")  # suggested


def test_python_names_are_compared_as_pip_does(viewer: Client, project: Project) -> None:
    image = make_image(project, "py", "q")
    read(
        image,
        Contents(
            {b"a.dist-info/METADATA": Record(frozenset({Package(Ecosystem.PYPI, "Some_Thing", "1.0")}))}
        ),
    )
    assert images(page(viewer, "/p/team/packages/?q=some.thing")) == ["py"]
    assert images(page(viewer, "/p/team/packages/?q=some.thing&ecosystem=deb")) == []


def test_versions_that_cannot_be_compared_are_named(viewer: Client, project: Project) -> None:
    read(make_image(project, "odd", "q"), contents(npm("a", "latest"), npm("b", "1.0.0")))
    html = page(viewer, "/p/team/packages/?q=a+%3C+2")
    assert images(html) == []
    assert "cannot compare" in html
    assert images(page(viewer, "/p/team/packages/?q=a")) == ["odd"]


@pytest.mark.parametrize("question", ["< 3", "a 3", "a < ", "*", "***a", "a < 1 2", "a" * 599 + " < 1"])
def test_a_question_that_is_none_is_told_what_is_missing(
    viewer: Client, project: Project, question: str
) -> None:
    answer = viewer.get("/p/team/packages/", {"q": question})
    assert answer.status_code == 422
    assert "or example" in answer.content.decode()


def test_other_projects_are_neither_found_nor_counted(
    viewer: Client, users: Users, php: Image, project: Project
) -> None:
    """The rows are shared; who may see them is decided by the images."""
    other = Project.objects.create(slug="other", name="Other")
    read(make_image(other, "secret", "q"), contents(deb("secret-tool", "1")))
    make_image(other, "copy", "dax")
    assert images(page(viewer, "/p/team/packages/?q=openssl")) == ["php"]
    for question in ("secret-tool", "secret*", "%2Asecret%2A"):
        html = page(viewer, f"/p/team/packages/?q={question}")
        assert "No image has it" in html
        assert "secret-tool 1" not in html
        assert ">secret-tool<" not in html.replace("<strong>secret-tool</strong>", "")
    assert images(page(client_of(users.superuser), "/p/other/packages/?q=openssl")) == ["copy"]


def test_images_that_are_not_read_are_counted(viewer: Client, php: Image, project: Project) -> None:
    make_image(project, "fresh", "w")
    assert "1 image of this project is not told of" in page(viewer, "/p/team/packages/?q=openssl")


def test_the_search_page_before_a_question(viewer: Client, project: Project) -> None:
    assert "No packages are known yet" in page(viewer, "/p/team/packages/")
    read(make_image(project, "read", "q"), contents(BASH))
    assert "all images of this project" in page(viewer, "/p/team/packages/")
    make_image(project, "fresh", "w")
    assert "of 1 of 2 images are known" in page(viewer, "/p/team/packages/")


@pytest.mark.parametrize(("form", "key"), [("cyclonedx", "bomFormat"), ("spdx", "spdxVersion")])
def test_an_sbom_is_a_file(viewer: Client, php: Image, form: str, key: str) -> None:
    answer = viewer.get(f"/p/team/images/{php.pk}/sbom/?format={form}")
    assert answer.status_code == 200
    assert key in json.loads(answer.content)
    assert re.fullmatch(
        r'attachment; filename="library-php-8\.(cdx|spdx)\.json"', answer["Content-Disposition"]
    )


def test_an_sbom_in_no_format_or_of_an_image_that_is_not_read_is_refused(
    viewer: Client, php: Image, project: Project
) -> None:
    assert viewer.get(f"/p/team/images/{php.pk}/sbom/?format=xml").status_code == 422
    fresh = make_image(project, "fresh", "w")
    assert viewer.get(f"/p/team/images/{fresh.pk}/sbom/").status_code == 409


def test_doors(users: Users, php: Image) -> None:
    for address in (
        f"/p/team/images/{php.pk}/packages/",
        f"/p/team/images/{php.pk}/sbom/",
        "/p/team/packages/",
    ):
        assert_door(users, "get", address, needs=Role.VIEWER)
        assert_verbs(users.viewer, address, refused="post put delete patch")
    assert client_of(users.viewer).get("/p/team/images/999999/packages/").status_code == 404
    assert client_of(users.viewer).get("/p/team/images/999999/sbom/").status_code == 404
