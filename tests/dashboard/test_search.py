"""Search across the files of all images: page and API, whom they let in, and what they never tell."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.test import Client

from dashboard.queries.search_index import coverage, stacks_of
from tests.conftest import Users
from tests.dashboard.doors import assert_door, assert_verbs
from tests.support.api import Api
from tests.support.files import file_entry, make_image, open_store, put_index
from worker.engine.layers import EntryType, FileEntry
from worker.engine.search import database
from worker.engine.store import Store
from worker.models import Container, ContainerState, Image, Layer, Project, Role
from worker.tasks.indexing import index

ADDRESS = "/p/team/search/"
SECRET = b"the secret"


@pytest.fixture
def store(data_dir: Path) -> Store:
    return open_store(data_dir / "store")


@pytest.fixture
def family(project: Project, store: Store) -> dict[str, Image]:
    """A base; one that deletes its key and puts another file in a path's place; one that copies the key."""
    base = put_index(
        store,
        "base",
        [
            file_entry("etc/key.pem", content=SECRET),
            file_entry("etc/conf", content=b"of the base"),
            FileEntry(b"etc/link", EntryType.SYMLINK, link=b"conf"),
            file_entry("odd/<b>\nline\udcff\u202etxt", content=b"odd"),
        ],
    )
    above = put_index(
        store,
        "above",
        [FileEntry(b"etc/key.pem", EntryType.WHITEOUT), file_entry("etc/conf", content=b"of above")],
    )
    copy = put_index(store, "copy", [file_entry("srv/copied.pem", content=SECRET)])
    images = {
        "base": make_image(project, store, "base", [base]),
        "above": make_image(project, store, "above", [base, above]),
        "copy": make_image(project, store, "copy", [base, above, copy]),
    }
    index()
    return images


@pytest.fixture
def strangers_image(store: Store) -> Image:
    """Another project's image, on a layer that the team has not."""
    other = Project.objects.create(slug="other", name="Other")
    hidden = put_index(store, "hidden", [file_entry("etc/hidden-conf", content=SECRET)])
    return make_image(other, store, "theirs", [hidden])


def page(client: Client, query: str = "", **headers: str) -> str:
    answer = client.get(ADDRESS + query, headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def test_members_search_and_strangers_do_not(users: Users, family: dict[str, Image]) -> None:
    assert_door(users, "get", ADDRESS, needs=Role.VIEWER, q="etc")
    assert_verbs(users.viewer, ADDRESS, refused="post put delete patch")


def test_a_content_is_one_answer_with_who_shows_it_and_who_hides_it(
    viewer: Client, family: dict[str, Image]
) -> None:
    shown = page(viewer, "?q=.pem&type=file")
    assert shown.count('<div class="what">') == 1
    assert "Seen in 2 images" in shown
    assert "deleted by layer 2" in shown
    assert f"/images/{family['base'].pk}/file/?path=/etc/key.pem" in shown
    assert f"/images/{family['copy'].pk}/file/?path=/srv/copied.pem" in shown


def test_what_is_shadowed_says_by_which_layer(viewer: Client, family: dict[str, Image]) -> None:
    shown = page(viewer, "?q=/etc/conf")
    assert shown.count("shadowed by layer 2") == 2
    assert "Seen in 1 image<" in shown


def test_a_whole_sha256_in_the_field_is_one(viewer: Client, family: dict[str, Image]) -> None:
    digits = file_entry("x", content=SECRET).sha256.hex()  # type: ignore[union-attr]
    for query in (f"?q={digits}", f"?q=sha256:{digits}", f"?q={digits}&mode=sha256"):
        shown = page(viewer, query)
        assert "/etc/key.pem" in shown.replace("<bdi>", "").replace("</bdi>", "")
        assert "copied.pem" in shown


def test_layers_of_other_projects_are_neither_found_nor_counted(
    viewer: Client, family: dict[str, Image], strangers_image: Image, project: Project
) -> None:
    index()
    assert "hidden-conf" not in page(viewer, "?q=hidden")
    assert "No file matches" in page(viewer, "?q=hidden")
    digits = file_entry("x", content=SECRET).sha256.hex()  # type: ignore[union-attr]
    assert "theirs" not in page(viewer, f"?q={digits}")
    assert coverage(stacks_of(project)).layers == 3


def test_an_image_that_came_or_went_is_seen_at_once(
    viewer: Client, family: dict[str, Image], project: Project, store: Store
) -> None:
    assert "Seen in 2 images" in page(viewer, "?q=.pem&type=file")
    layer = Layer.objects.earliest("pk")
    make_image(project, store, "another", [next(iter(stacks_of(project).stack(family["base"].pk)))])
    assert Layer.objects.earliest("pk") == layer
    assert "Seen in 3 images" in page(viewer, "?q=.pem&type=file")
    family["base"].delete()
    assert "Seen in 2 images" in page(viewer, "?q=.pem&type=file")


def test_a_running_container_shows_it_unless_it_changed_or_deleted_it(
    viewer: Client, family: dict[str, Image], project: Project, store: Store
) -> None:
    container = Container.objects.create(
        project=project,
        image=family["base"],
        name="quiet-basalt",
        node="local",
        state=ContainerState.RUNNING,
    )
    assert "quiet-basalt" in page(viewer, "?q=key.pem&type=file")
    upper = store.containers / str(container.runtime_id) / "upper"
    (upper / "etc").mkdir(parents=True)
    assert "quiet-basalt" in page(viewer, "?q=key.pem&type=file")
    (upper / "etc" / "key.pem").write_text("another")
    assert "quiet-basalt" not in page(viewer, "?q=key.pem&type=file")
    Container.objects.update(state=ContainerState.STOPPED)
    (upper / "etc" / "key.pem").unlink()
    assert "quiet-basalt" not in page(viewer, "?q=key.pem&type=file")


def test_a_hostile_name_stays_text(viewer: Client, family: dict[str, Image]) -> None:
    shown = page(viewer, "?q=odd/")
    assert "&lt;b&gt;\\x0aline\\xff\\xe2\\x80\\xaetxt" in shown
    assert "\u202e" not in shown
    assert "odd/<b>" not in shown
    # Its text form finds it again.
    assert "Seen in 3 images" in page(viewer, "?q=%5Cx0aline%5Cxff")


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("?q=(&mode=regex", "cannot be read"),
        ("?q=a{5000}&mode=regex", "too large"),
        ("?q=[a&mode=glob", "without its"),
        ("?q=abc&mode=sha256", "not a SHA-256"),
        ("?q=x&mode=nonsense", "no way to search"),
        ("?type=nonsense", "no type of file"),
        ("?min=many", "not a size"),
        ("?min=2&max=1", "above the largest"),
        ("?min=1&type=directory", "Only files have a size"),
        ("?q=etc&after=nonsense", "not one of this search"),
        ("?q=%5Cq", "backslash"),
        ("?q=a%5Cx00b", "zero byte"),
        ("?q=" + "x" * 1001, "1000 characters"),
    ],
)
def test_what_cannot_be_meant_is_said_on_the_page(
    viewer: Client, family: dict[str, Image], query: str, says: str
) -> None:
    shown = page(viewer, query)
    assert 'role="alert"' in shown
    assert says in shown


def test_htmx_gets_the_answers_alone(viewer: Client, family: dict[str, Image]) -> None:
    part = page(viewer, "?q=etc", HX_Request="true")
    assert part.strip().startswith('<div id="answer">')
    assert "<html" not in part


def test_it_says_how_much_cannot_be_searched_yet(
    viewer: Client, family: dict[str, Image], project: Project, store: Store
) -> None:
    assert "not searchable yet" not in page(viewer)
    image = make_image(project, store, "new", [put_index(store, "new", [file_entry("new")])])
    assert "1 of 4 layers is not searchable yet" in page(viewer)
    Layer.objects.filter(images=image).update(tree_present=False)
    assert "1 of 4 layers is not extracted" in page(viewer)


def test_without_images_it_says_what_to_do(viewer: Client, project: Project, data_dir: Path) -> None:
    assert "There is no image yet" in page(viewer)
    assert "No file matches" in page(viewer, "?q=etc")


def test_a_damaged_database_is_said_and_mended(
    viewer: Client, family: dict[str, Image], data_dir: Path
) -> None:
    path = database.current(data_dir / "search")
    assert path is not None
    damaged = path.with_suffix(".damaged")
    damaged.write_bytes(b"SQLite format 3\0" + os.urandom(9000))
    damaged.rename(path)
    assert "search database is damaged" in page(viewer, "?q=etc")
    index(suspicious=True)
    assert "Seen in" in page(viewer, "?q=etc")


def test_pages_follow_one_another(viewer: Client, project: Project, store: Store) -> None:
    entries = [file_entry(f"many/{number:03}", content=b"%d" % number) for number in range(60)]
    make_image(project, store, "many", [put_index(store, "many", entries)])
    index()
    shown = page(viewer, "?q=many")
    assert shown.count('<div class="what">') == 25
    after = shown.split("after=")[1].split('"')[0]
    shown = page(viewer, f"?q=many&after={after}")
    assert "/025" in shown.replace("<bdi>", "")
    assert "From the beginning" in shown


def test_the_api_says_the_same(users: Users, family: dict[str, Image], strangers_image: Image) -> None:
    index()
    answer = Api(users.viewer).get("search/files?q=.pem&type=file")
    assert (answer["next"], answer["in_time"]) == (None, True)
    assert (answer["layers"], answer["layers_searchable"]) == (3, 3)
    (one,) = answer["items"]
    assert (one["type"], one["size"], one["at_least"]) == ("file", len(SECRET), False)
    assert [place["path"] for place in one["places"]] == ["/etc/key.pem", "/srv/copied.pem"]
    assert [image["id"] for image in one["images"]] == [family["copy"].pk, family["base"].pk]
    (hidden,) = one["hidden"]
    assert (hidden["id"], hidden["state"], hidden["by_layer"]) == (family["above"].pk, "deleted", 1)


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("search/files", 422, "invalid_input"),
        ("search/files?q=(&mode=regex", 422, "invalid_input"),
        ("search/files?q=x&limit=101", 422, "invalid_input"),
        ("search/files?q=x&mode=nonsense", 422, "invalid_input"),
        ("search/files?q=x&project=other", 404, "not_found"),
    ],
)
def test_the_api_refuses_in_its_shape(
    users: Users, family: dict[str, Image], strangers_image: Image, query: str, status: int, code: str
) -> None:
    answered, body = Api(users.viewer).call("GET", query)
    assert (answered, body["error"]["code"]) == (status, code)
