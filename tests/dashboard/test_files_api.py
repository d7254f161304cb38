"""GET images/{id}/files: the same as the page, for programs."""

from __future__ import annotations

from pathlib import Path

import pytest

from samples.layers import Entry, directory, hardlink, layer, symlink, whiteout
from tests.conftest import Users
from tests.support.api import Api
from tests.support.files import file_entry, make_image, open_store, put_index
from worker.engine.store import Store
from worker.models import Image, Project


@pytest.fixture
def store(data_dir: Path) -> Store:
    return open_store(data_dir / "store")


@pytest.fixture
def image(project: Project, store: Store) -> Image:
    base = layer(
        entries=[
            directory("opt", 0o2755),
            Entry("opt/one", b"hello", mode=0o4711, mtime=1.5),
            hardlink("opt/two", "opt/one"),
            symlink("opt/link", "one"),
            Entry("opt/gone", b"g"),
        ]
    )
    second = layer(entries=[Entry("opt/one", b"HELLO", mode=0o4711, mtime=1.5), whiteout("opt/gone")])
    return make_image(project, store, "for programs", [base, second])


@pytest.fixture
def api(users: Users) -> Api:
    return Api(users.viewer)


def test_an_entry_says_all_that_is_known_of_it(api: Api, image: Image) -> None:
    answer = api.get(f"images/{image.pk}/files?path=/opt&layer=0")
    assert (answer["as_of"], answer["path"], answer["count"], answer["next"]) == (0, "/opt", 4, None)
    one = next(item for item in answer["items"] if item["path"] == "/opt/one")
    assert one == {
        "path": "/opt/one",
        "type": "file",
        "size": 5,
        "mode": "4711",
        "permissions": "-rws--x--x",
        "uid": 0,
        "gid": 0,
        "modified_ns": 1_500_000_000,
        "link": None,
        "hardlink_to": None,
        "sha256": "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
        "device": None,
        "layer": 0,
        "change": "added",
        "what": [],
    }
    links = {item["path"]: (item["link"], item["hardlink_to"]) for item in answer["items"]}
    assert links["/opt/link"] == ("one", None)
    assert links["/opt/two"] == (None, "/opt/one")


def test_without_a_layer_it_is_the_whole_image_with_what_the_topmost_did(api: Api, image: Image) -> None:
    answer = api.get(f"images/{image.pk}/files?path=opt/")
    assert answer["as_of"] == 1
    changes = {item["path"]: (item["change"], item["what"]) for item in answer["items"]}
    assert changes["/opt/one"] == ("changed", ["content"])
    assert changes["/opt/gone"] == ("removed", [])
    assert changes["/opt/link"] == ("", [])


def test_a_directory_weighs_what_is_in_it_as_du_counts(api: Api, image: Image) -> None:
    (opt,) = api.get(f"images/{image.pk}/files?layer=0")["items"]
    assert (opt["path"], opt["size"], opt["permissions"]) == ("/opt", 6, "drwxr-sr-x")


@pytest.mark.parametrize(
    ("query", "paths"),
    [
        ("recursive=true&layer=0", ["/opt", "/opt/gone", "/opt/link", "/opt/one", "/opt/two"]),
        ("q=*n*&type=file&layer=0", ["/opt/gone", "/opt/one"]),
        ("type=hardlink&layer=0", ["/opt/one", "/opt/two"]),
        ("change=removed", ["/opt/gone"]),
        ("bits=setuid", ["/opt/one", "/opt/two"]),
        ("least=2&sort=-size&layer=0", ["/opt/one", "/opt/two"]),
    ],
)
def test_filters_look_below_the_directory(api: Api, image: Image, query: str, paths: list[str]) -> None:
    found = api.get(f"images/{image.pk}/files?{query}")
    assert [item["path"] for item in found["items"]] == paths


def test_pages_follow_each_other_to_the_last(api: Api, project: Project, store: Store) -> None:
    index = put_index(store, "seven", [file_entry(f"f{number}") for number in range(7)])
    image = make_image(project, store, "seven", [index])
    seen, cursor = [], ""
    while cursor is not None:
        page = api.get(f"images/{image.pk}/files?limit=3&cursor={cursor}")
        assert page["count"] == 7
        seen += [item["path"] for item in page["items"]]
        cursor = page["next"]
    assert seen == [f"/f{number}" for number in range(7)]


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("path=/none", 404, "not_found"),
        ("path=/opt/one", 422, "invalid_input"),
        ("path=%5Cx", 422, "invalid_input"),
        ("layer=2", 422, "invalid_input"),
        ("layer=-1", 422, "invalid_input"),
        ("least=much", 422, "invalid_input"),
        ("sort=colour", 422, "invalid_input"),
        ("cursor=x", 422, "invalid_input"),
        ("limit=0", 422, "invalid_input"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_a_code(
    api: Api, image: Image, query: str, status: int, code: str
) -> None:
    answered, body = api.call("GET", f"images/{image.pk}/files?{query}")
    assert (answered, body["error"]["code"]) == (status, code)


def test_an_image_that_is_not_extracted_is_refused_and_one_without_layers_is_empty(
    api: Api, project: Project, store: Store
) -> None:
    raw = make_image(project, store, "raw", [put_index(store, "raw one", [])], extracted=False)
    assert api.call("GET", f"images/{raw.pk}/files")[1]["error"]["code"] == "layer_missing"
    bare = make_image(project, store, "bare", [])
    assert api.get(f"images/{bare.pk}/files")["items"] == []


def test_strangers_and_nobody_get_nothing_and_nothing_is_written(users: Users, image: Image) -> None:
    assert Api(users.stranger).call("GET", f"images/{image.pk}/files")[0] == 404
    for verb in ("POST", "PUT", "DELETE"):
        assert Api(users.admin).call(verb, f"images/{image.pk}/files")[0] == 405
