"""Packages and SBOMs in the API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import Users
from tests.dashboard.catalog import make_image
from tests.dashboard.package_images import BASH, LIB, NEW, OLD, contents, npm, read
from tests.support.api import Api
from worker.models import Image, Project


@pytest.fixture
def api(users: Users) -> Api:
    return Api(users.viewer)


@pytest.fixture
def php(project: Project) -> Image:
    image = make_image(project, "php", "dax", tags=["8"])
    with_npm = contents(NEW, LIB, BASH, npm("@s/left-pad", "1.0.0"), notes=["Not read."])
    return read(image, contents(OLD, LIB, BASH), contents(NEW, LIB, BASH), with_npm)


def test_the_packages_of_an_image(api: Api, php: Image) -> None:
    found = api.get(f"images/{php.pk}/packages")
    assert (found["state"], found["total"], found["next"]) == ("read", 4, None)
    assert found["distribution"] == {
        "id": "debian",
        "version": "12",
        "name": "Debian GNU/Linux 12 (bookworm)",
    }
    assert found["notes"] == [{"path": r"a\x0ab", "text": "Not read."}]
    openssl = found["items"][2]
    assert openssl == {
        "ecosystem": "deb", "name": "openssl", "version": "3.0.13-1~deb12u1", "architecture": "amd64",
        "source": None, "source_version": None, "license": None, "size": 2 << 20,
        "path": "var/lib/dpkg/status", "layer": 1,
        "diff_id": php.image_layers.get(position=1).layer.diff_id,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("q=ssl", ["libssl3", "openssl"]),
        ("ecosystem=npm", ["@s/left-pad"]),
        ("layer=0", ["bash", "libssl3"]),
        ("limit=2", ["bash", "libssl3"]),
        ("limit=2&cursor=2", ["openssl", "@s/left-pad"]),
    ],
)
def test_filters_and_pages(api: Api, php: Image, query: str, names: list[str]) -> None:
    found = api.get(f"images/{php.pk}/packages?{query}")
    assert [one["name"] for one in found["items"]] == names
    assert found["next"] == ("2" if query == "limit=2" else None)


def test_what_is_not_read_is_said(api: Api, project: Project) -> None:
    fresh = make_image(project, "fresh", "w")
    assert api.get(f"images/{fresh.pk}/packages")["state"] == "pending"
    status, body = api.call("GET", f"images/{fresh.pk}/sbom")
    assert (status, body["error"]["code"]) == (409, "conflict")


def test_which_images_have_a_package(api: Api, php: Image, project: Project) -> None:
    debian = make_image(project, "debian", "d", tags=["bookworm"])
    found = api.get("packages?q=openssl%20%3C%203.0.11")
    assert (found["total"], found["unread"], found["next"]) == (1, 0, None)
    (hit,) = found["items"]
    assert hit["image"]["id"] == debian.pk
    assert [(one["name"], one["version"], one["layer"]) for one in hit["packages"]] == [
        ("openssl", "3.0.9-1", 0)
    ]
    assert found["versions"] == [
        {"ecosystem": "deb", "name": "openssl", "version": "3.0.9-1", "architecture": "amd64", "images": 1}
    ]
    both = api.get("packages?q=openssl&limit=1")
    assert (both["total"], both["next"]) == (2, "1")
    (second,) = api.get("packages?q=openssl&limit=1&cursor=1")["items"]
    assert {both["items"][0]["image"]["id"], second["image"]["id"]} == {debian.pk, php.pk}
    assert api.get("packages?q=openssl&source=true&ecosystem=deb")["total"] == 2


@pytest.mark.parametrize(
    "query", ["", "q=", "q=%3C1", "q=a&cursor=x", "q=a&cursor=-1", "q=a&ecosystem=x", "q=a&limit=0"]
)
def test_bad_questions_are_refused(api: Api, project: Project, query: str) -> None:
    status, body = api.call("GET", f"packages?{query}")
    assert status == 422
    assert body["error"]["code"] == "invalid_input"


@pytest.mark.parametrize(
    ("form", "says"), [("", "bomFormat"), ("?format=cyclonedx", "bomFormat"), ("?format=spdx", "SPDXID")]
)
def test_sboms(api: Api, php: Image, form: str, says: str) -> None:
    document: Any = api.get(f"images/{php.pk}/sbom{form}")
    assert says in document
    assert "3.0.13-1~deb12u1" in json.dumps(document)


def test_strangers_find_nothing(users: Users, php: Image, project: Project) -> None:
    stranger = Api(users.stranger)
    for path in (
        f"images/{php.pk}/packages",
        f"images/{php.pk}/sbom",
        "packages?q=a&project=team",
        "packages?q=a",
    ):
        assert stranger.call("GET", path)[0] == 404, path


def test_other_projects_do_not_count(api: Api, php: Image) -> None:
    other = Project.objects.create(slug="other", name="Other")
    make_image(other, "copy", "dax")
    found = api.get("packages?q=openssl")
    assert found["total"] == 1
    assert found["versions"][0]["images"] == 1
