"""The Weight tab of an image: what it says, whom it lets in, what it does with nonsense."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from samples.images import layer
from tests.conftest import Users
from tests.dashboard.doors import assert_door, assert_verbs
from tests.support.files import file_entry, make_image, open_store, put_index
from worker.engine.layers import EntryType, FileEntry
from worker.engine.oci import Digest
from worker.engine.store import Store
from worker.models import Image, Project, Role
from worker.services import issue_token

SECRET = "-----BEGIN"


@pytest.fixture
def store(data_dir: Path) -> Store:
    return open_store(data_dir / "store")


@pytest.fixture
def image(project: Project, store: Store) -> Image:
    """A base, a layer that renews a file and adds a secret, and one that deletes the secret."""
    return make_image(
        project,
        store,
        "app",
        [
            layer({"etc/conf": b"c" * 3000, "usr/bin/tool": b"t" * 5000}),
            layer({"etc/conf": b"d" * 2000, "root/key.pem": SECRET.encode()}),
            layer({"root/.wh.key.pem": b""}),
        ],
        commands=["FROM base", "RUN make conf", "RUN rm key.pem"],
    )


def address(image: Image, query: str = "") -> str:
    return reverse("image_weight", args=[image.project.slug, image.pk]) + query


def page(client: Client, image: Image, query: str = "", status: int = 200, **headers: str) -> str:
    answer = client.get(address(image, query), headers=headers)
    assert answer.status_code == status
    return answer.content.decode()


def test_it_says_what_is_wasted_worst_first(viewer: Client, image: Image) -> None:
    shown = page(viewer, image)

    assert shown.index("/etc/conf</a>") < shown.index("/root/key.pem</a>")
    assert "4.88 KiB" in shown  # both copies of conf
    assert "deleted" in shown


def test_members_only(users: Users, image: Image) -> None:
    assert_door(users, "get", address(image), needs=Role.VIEWER)
    assert_verbs(users.superuser, address(image), refused="post put delete patch")


def test_the_image_of_another_project_is_not_found(viewer: Client, store: Store) -> None:
    other = make_image(Project.objects.create(slug="other", name="Other"), store, "x", [layer({"a": b"b"})])

    assert viewer.get(reverse("image_weight", args=["team", other.pk])).status_code == 404


def test_a_directory_can_be_entered(viewer: Client, image: Image) -> None:
    whole, inside = page(viewer, image), page(viewer, image, "?path=usr%2Fbin")

    assert "?path=usr" in whole
    assert 'aria-current="page"><bdi>bin</bdi>' in inside
    assert "tool" in inside


def test_a_fragment_holds_one_part_alone(viewer: Client, image: Image) -> None:
    shown = page(viewer, image, "?path=usr", **{"HX-Request": "true", "HX-Target": "section#map"})

    assert 'id="map"' in shown
    assert 'id="wasted"' not in shown
    assert "<html" not in shown


def test_a_directory_entered_renews_the_addresses_of_the_pages_beside_it(
    viewer: Client, project: Project, store: Store
) -> None:
    files = [f"d/f{number}" for number in range(30)]
    layers = [put_index(store, name, [file_entry(path, 10) for path in files]) for name in ("one", "two")]
    many = make_image(project, store, "many", layers)

    part = page(viewer, many, "?path=d", hx_request="true", hx_target="map")

    assert 'id="wasted" hx-swap-oob="true"' in part
    assert "?path=d&amp;page=2" in part
    assert "hx-swap-oob" not in page(viewer, many, "?path=d&page=2", hx_request="true", hx_target="wasted")
    assert "hx-swap-oob" not in page(viewer, many, "?path=d")


@pytest.mark.parametrize(
    "query", ["?path=nowhere", "?path=etc%2Fconf", "?path=a%5Cq", "?path=..%2F..", "?path=%5Cx00"]
)
def test_a_directory_that_is_none_is_told_so(viewer: Client, image: Image, query: str) -> None:
    shown = page(viewer, image, query)

    assert "Show the whole image" in shown


def test_names_of_any_bytes_stand_in_boxes_and_addresses(
    viewer: Client, project: Project, store: Store
) -> None:
    entries = [
        FileEntry("d\n\udce9".encode("utf-8", "surrogateescape"), EntryType.DIRECTORY, mode=0o755),
        file_entry("d\n\udce9/<b>\N{RIGHT-TO-LEFT OVERRIDE}x", 5000, b"x"),
    ]
    image = make_image(project, store, "odd", [put_index(store, "odd", entries)])

    assert r"d\x0a\xe9" in page(viewer, image)
    shown = page(viewer, image, r"?path=d%5Cx0a%5Cxe9")
    assert "&lt;b&gt;" in shown
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in shown


def test_rules_are_checked_and_the_command_for_ci_is_given(viewer: Client, image: Image) -> None:
    shown = page(viewer, image, "?check=1&lowest_efficiency=0.1&forbid_path=*.pem")

    assert "hidden by layer 3, but still in the image" in shown
    assert "check_image" in shown
    assert "--lowest-efficiency 0.1 --forbid-path &#x27;*.pem&#x27;" in shown


def test_a_rule_that_cannot_be_meant_is_told_at_its_field(viewer: Client, image: Image) -> None:
    shown = page(viewer, image, "?check=1&highest_wasted_bytes=20QB")

    assert "is not a size" in shown
    assert "aria-invalid" in shown


def test_without_files_layers_are_weighed(viewer: Client, project: Project, store: Store) -> None:
    fetched = make_image(project, store, "fetched", [layer({"a": b"b"})], extracted=False)
    empty = make_image(project, store, "empty", [])

    assert "until this image is extracted" in page(viewer, fetched)
    assert "no layers" in page(viewer, empty)


def test_a_missing_or_damaged_index_is_told_and_no_failure(
    viewer: Client, project: Project, store: Store
) -> None:
    diff_id = put_index(store, "to be damaged", [file_entry("a", 1)])
    image = make_image(project, store, "damaged", [diff_id])
    index = store.layers.index_path(diff_id)
    index.chmod(0o600)
    index.write_bytes(b"nonsense")
    assert "cannot be weighed" in page(viewer, image)
    index.unlink()
    assert "cannot be weighed" in page(viewer, image)


def api(users: Users, image: Image, path: str) -> tuple[int, dict[str, object]]:
    _, token = issue_token(users.viewer)
    answer = Client().get(f"/api/v1/images/{image.pk}/{path}", headers={"authorization": f"Bearer {token}"})
    return answer.status_code, json.loads(answer.content)


def test_the_api_tells_what_is_unique_shared_and_repeated(
    users: Users, project: Project, store: Store
) -> None:
    base = layer({"a": b"1" * 100, "b": b"1" * 100})
    image = make_image(project, store, "one", [base, layer({"c": b"1" * 100, "a": b"2" * 10})])
    make_image(project, store, "two", [base])

    status, weight = api(users, image, "weight")
    assert status == 200
    assert [weight[part]["content"] for part in ("whole", "unique", "shared")] == [310, 110, 200]  # type: ignore[index]
    assert weight["files"] == {
        "content": 310, "seen": 210, "hidden": 100, "distinct": 110, "repeated": 200,
        "files": 4, "distinct_files": 2,
    }  # fmt: skip


def test_the_api_checks_rules(users: Users, image: Image) -> None:
    status, report = api(users, image, "check?lowest_efficiency=1&forbid_path=*.pem&forbid_path=tool")

    assert (status, report["passed"]) == (200, False)
    rules = {rule["rule"]: rule for rule in report["rules"]}  # type: ignore[attr-defined]
    assert [one["path"] for one in rules["forbid-path"]["findings"]] == ["/root/key.pem", "/usr/bin/tool"]
    assert rules["forbid-path"]["findings"][0]["hidden_by"] == 2


@pytest.mark.parametrize(
    "query",
    ["lowest_efficiency=95%25", "highest_wasted_bytes=20QB", "forbid_path=..", "forbid_setuid_added=maybe"],
)
def test_the_api_refuses_what_cannot_be_meant_by_its_name(users: Users, image: Image, query: str) -> None:
    status, answer = api(users, image, f"check?{query}")

    assert status == 422
    assert query.partition("=")[0].replace("_", "-") in str(answer).replace("_", "-")


def test_what_is_not_extracted_cannot_be_checked(users: Users, project: Project, store: Store) -> None:
    image = make_image(project, store, "one", [layer({"a": b"1"})])
    for diff_id in image.layers.values_list("diff_id", flat=True):
        store.layers.remove(Digest.parse(diff_id))

    assert api(users, image, "check")[0] == 409
