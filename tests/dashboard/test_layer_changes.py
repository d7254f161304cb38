"""What a layer did, on its page and in the API: in the stack of an image, the largest first."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from urllib.parse import quote

import pytest
from django.test import Client

from samples.layers import Entry, directory, layer, whiteout
from tests.conftest import Users
from tests.dashboard.doors import client_of
from tests.support.api import Api
from tests.support.files import file_entry, make_image, open_store, put_index
from worker.engine.oci import Digest
from worker.engine.store import Store
from worker.models import Container, Image, Project
from worker.progress.mending import Mending

BASE = layer(
    entries=[
        directory("etc"),
        Entry("etc/conf", b"c" * 100),
        Entry("etc/gone", b"g" * 5000),
        Entry("etc/same", b"s" * 10),
    ]
)
ABOVE = layer(
    entries=[
        directory("etc"),
        Entry("etc/conf", b"C" * 300),
        Entry("etc/new", b"n" * 2000),
        Entry("etc/same", b"s" * 10),
        whiteout("etc/gone"),
    ]
)


@pytest.fixture
def store(data_dir: Path) -> Store:
    return open_store(data_dir / "store")


@pytest.fixture
def image(project: Project, store: Store) -> Image:
    return make_image(project, store, "tool", [BASE, ABOVE])


def address(diff_id: Digest, query: str = "") -> str:
    return f"/p/team/layers/{diff_id}/{query}"


def shown(client: Client, diff_id: Digest, query: str = "") -> str:
    answer = client.get(address(diff_id, query))
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def deeds(html: str) -> list[tuple[str, str]]:
    """The paths that are listed, each with what was done to it."""
    rows = re.findall(
        r'class="where-it-is" href="[^"]*\?path=([^&"]*).*?class="chip [a-z]+">(\w+)', html, re.S
    )
    return [(unescape(path), change) for path, change in rows]


def sums(html: str) -> list[str]:
    found = re.search(r'<nav class="sums".*?</nav>', html, re.S)
    assert found
    return [
        re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", part)).strip() for part in found[0].split("</a>")[:-1]
    ]


def test_what_it_added_changed_and_removed_is_told_with_bytes(viewer: Client, image: Image) -> None:
    html = shown(viewer, ABOVE.diff_id)
    assert sums(html) == [
        "Added 1.95 KiB 1 file",
        "Changed 300 B 1 file; 100 B before",
        "Removed 4.88 KiB 1 file",
    ]
    assert deeds(html) == [("etc/gone", "removed"), ("etc/new", "added"), ("etc/conf", "changed")]
    assert "was 100 B" in html
    assert "layer 2 of 2" in html


def test_one_kind_alone_can_be_listed(viewer: Client, image: Image) -> None:
    assert deeds(shown(viewer, ABOVE.diff_id, "?change=removed")) == [("etc/gone", "removed")]
    assert len(deeds(shown(viewer, ABOVE.diff_id, "?change=nonsense"))) == 3


def test_a_base_added_whatever_it_has(viewer: Client, image: Image) -> None:
    html = shown(viewer, BASE.diff_id)
    assert sums(html)[0] == "Added 4.99 KiB 3 files, 2 directories"
    assert {change for _, change in deeds(html)} == {"added"}
    assert "the base" in html


def test_it_depends_on_the_image_in_whose_stack_it_stands(
    viewer: Client, image: Image, project: Project, store: Store
) -> None:
    alone = make_image(project, store, "alone", [ABOVE])
    assert sums(shown(viewer, ABOVE.diff_id, f"?image={alone.pk}"))[0].startswith("Added 2.26 KiB 3 files")
    assert sums(shown(viewer, ABOVE.diff_id))[0].startswith("Added 1.95 KiB 1 file")


@pytest.mark.parametrize(("wanted", "status"), [("other", 404), ("above", 404), ("x", 422), ("9" * 30, 422)])
def test_an_image_that_does_not_stand_on_it_is_refused(
    viewer: Client, image: Image, project: Project, store: Store, wanted: str, status: int
) -> None:
    other = Project.objects.create(slug="other", name="Other")
    ids = {
        "other": make_image(other, store, "theirs", [BASE, ABOVE]).pk,
        "above": make_image(project, store, "above", [layer({"a": b"a"})]).pk,
    }
    answer = viewer.get(address(ABOVE.diff_id, f"?image={ids.get(wanted, wanted)}"))
    assert answer.status_code == status
    assert b"theirs" not in answer.content


def test_many_paths_come_in_pages(viewer: Client, project: Project, store: Store) -> None:
    entries = [file_entry(f"d/{number:04}", size=number) for number in range(1, 251)]
    diff_id = put_index(store, "many", entries)
    make_image(project, store, "many", [diff_id])
    first, last = shown(viewer, diff_id), shown(viewer, diff_id, "?deeds=3")
    assert deeds(first)[0] == ("d/0250", "added")
    assert len(deeds(first)) == 100
    assert "101–200 of 252" in shown(viewer, diff_id, "?deeds=2")  # noqa: RUF001
    assert deeds(last)[-1][1] == "added"


def test_names_that_are_no_text_are_written_out(viewer: Client, project: Project, store: Store) -> None:
    diff_id = put_index(store, "odd", [file_entry("\udcff\n\u202e<b>", content=b"odd")])
    make_image(project, store, "odd", [diff_id])
    html = shown(viewer, diff_id)
    assert quote("\\xff\\x0a\\xe2\\x80\\xae<b>") in html
    assert "<b>" not in html
    assert "\u202e" not in html


def test_without_its_index_the_page_says_so_and_keeps_the_rest(
    viewer: Client, image: Image, store: Store
) -> None:
    store.layers.index_path(BASE.diff_id).unlink()
    html = shown(viewer, ABOVE.diff_id)
    assert "What it did cannot be told now" in html
    assert "RUN step 1" in html


def test_while_its_index_is_mended_the_page_asks_again(
    viewer: Client, image: Image, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.services.mend_index", lambda diff_id, by: Mending(under_way=True))
    path = store.layers.index_path(BASE.diff_id)
    index = path.read_bytes()
    path.unlink()
    html = shown(viewer, ABOVE.diff_id)
    assert "it is being made anew" in html
    assert f'hx-get="{address(ABOVE.diff_id)}" hx-trigger="every 3s"' in html
    assert '<noscript><meta http-equiv="refresh"' in html
    path.write_bytes(index)
    asked = {"HX-Request": "true", "HX-Target": "section#deeds"}
    assert "every 3s" not in viewer.get(address(ABOVE.diff_id), headers=asked).content.decode()


def test_containers_that_stand_on_it_are_listed_those_of_others_are_not(
    viewer: Client, image: Image, project: Project, store: Store
) -> None:
    other = Project.objects.create(slug="other", name="Other")
    theirs = make_image(other, store, "theirs", [BASE])
    Container.objects.create(project=project, image=image, name="ours", node="local", state="running")
    Container.objects.create(project=other, image=theirs, name="of-others", node="local", state="running")
    html = shown(viewer, BASE.diff_id)
    assert ">ours<" in html
    assert "of-others" not in html


def test_htmx_gets_the_part_that_it_asks_for(viewer: Client, image: Image) -> None:
    asked = {"HX-Request": "true", "HX-Target": "section#deeds"}
    html = viewer.get(address(ABOVE.diff_id), headers=asked).content.decode()
    assert html.strip().startswith('<section class="card" id="deeds"')


def test_the_api_tells_the_same(users: Users, image: Image, project: Project) -> None:
    container = Container.objects.create(project=project, image=image, name="ours", node="local")
    api = Api(users.viewer)
    told = api.get(f"layers/{ABOVE.diff_id}")
    assert told["did"] == {
        "image": image.pk,
        "position": 1,
        "added": {"files": 1, "directories": 0, "bytes": 2000},
        "changed": {"files": 1, "directories": 0, "bytes": 300},
        "changed_before": 100,
        "removed": {"files": 1, "directories": 0, "bytes": 5000},
    }
    assert (told["images"], told["containers"], told["image_count"]) == ([image.pk], [container.pk], 1)
    assert told["commands"] == ["RUN step 1"]
    first = api.get(f"layers/{ABOVE.diff_id}/changes?limit=2")
    rest = api.get(f"layers/{ABOVE.diff_id}/changes?limit=2&cursor={first['next']}")
    listed = [(one["file"]["path"], one["size_before"]) for one in first["items"] + rest["items"]]
    assert listed == [("/etc/gone", None), ("/etc/new", None), ("/etc/conf", 100)]
    assert (first["count"], rest["next"]) == (3, None)


def test_the_api_knows_no_layer_of_other_projects(users: Users, image: Image, store: Store) -> None:
    other = Project.objects.create(slug="other", name="Other")
    secret = layer({"a": b"a"})
    make_image(other, store, "theirs", [secret])
    api = Api(users.viewer)
    for path in (f"layers/{secret.diff_id}", f"layers/{secret.diff_id}/changes", "layers/nonsense"):
        assert api.call("GET", path)[0] == 404
    assert api.call("GET", f"layers/{ABOVE.diff_id}/changes?cursor=x")[0] == 422
    assert client_of(users.stranger).get(address(ABOVE.diff_id)).status_code == 404
