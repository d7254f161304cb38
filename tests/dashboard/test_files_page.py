"""The Files tab: what it lists of real layers, and whom it refuses."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from urllib.parse import quote

import pytest
from django.test import Client

from samples.layers import Entry, directory, layer, symlink, whiteout
from tests.conftest import Users
from tests.dashboard.doors import assert_door, assert_verbs
from tests.dashboard.files_tab import address, rows, words
from tests.support.files import file_entry, make_image, open_store, put_index
from worker.engine.store import Store
from worker.models import Image, Project, Role

PASSWD = b"root:x:0:0:root:/root:/bin/sh\nada:x:1815:1816::/home/ada:/bin/sh\n"
GROUP = b"root:x:0:\nengines:x:1816:\n"


@pytest.fixture
def store(data_dir: Path) -> Store:
    return open_store(data_dir / "store")


@pytest.fixture
def image(project: Project, store: Store) -> Image:
    """Three layers: a base, one that adds, changes and removes, and one more that adds."""
    base = layer(
        entries=[
            directory("etc"),
            Entry("etc/passwd", PASSWD),
            Entry("etc/group", GROUP),
            directory("opt"),
            Entry("opt/big", b"b" * 3000),
            Entry("opt/gone", b"g"),
            Entry("opt/su", b"s", mode=0o4755),
            symlink("short", "opt"),
            symlink("round", "round"),
        ]
    )
    second = layer(
        entries=[
            directory("opt"),
            Entry("opt/big", b"B" * 2000),
            Entry("opt/new.so.1", b"n" * 10),
            whiteout("opt/gone"),
        ]
    )
    third = layer(entries=[directory("home"), Entry("home/note", b"hello", mode=0o600)])
    return make_image(
        project, store, "tool", [base, second, third], commands=["ADD base", "RUN make", "COPY note"]
    )


def test_the_root_is_listed_with_every_fact(viewer: Client, image: Image) -> None:
    listed = rows(viewer, address(image))
    assert list(listed) == ["/etc", "/home", "/opt", "/round", "/short"]
    assert "drwxr-xr-x 0:0" in words(listed["/opt"])
    assert "1.96 KiB" in words(listed["/opt"])  # 2,000 and 1 and 10 bytes: as du counts
    assert "short → opt" in words(listed["/short"])
    assert 'title="From layer 3: COPY note"' in listed["/home"]


def test_what_the_address_opens_is_open_and_one_inside_another_opens_both(
    viewer: Client, image: Image
) -> None:
    listed = rows(viewer, address(image, "?open=/opt"))
    assert list(listed) == [
        "/etc",
        "/home",
        "/opt",
        "/opt/big",
        "/opt/new.so.1",
        "/opt/su",
        "/round",
        "/short",
    ]
    assert 'aria-expanded="true"' in listed["/opt"]
    assert 'aria-level="2" aria-posinset="3" aria-setsize="3"' in listed["/opt/su"]
    assert 'aria-expanded="false"' in listed["/etc"]


def test_htmx_gets_the_entries_of_one_directory_alone(viewer: Client, image: Image) -> None:
    response = viewer.get(address(image, "?under=/opt&layer=1"), headers={"HX-Request": "true"})
    assert response.content.decode().strip().startswith('<tr role="row"')
    listed = rows(viewer, address(image, "?under=/opt&layer=1"), HX_Request="true")
    assert list(listed) == ["/opt/big", "/opt/gone", "/opt/new.so.1", "/opt/su"]
    assert 'data-level="2"' in listed["/opt/big"]


def test_a_step_down_shows_what_that_layer_did(viewer: Client, image: Image) -> None:
    listed = rows(viewer, address(image, "?layer=1&path=/opt"))
    marks = {path: re.search(r'<tr role="row"(?: class="(\w+)")?', row)[1] for path, row in listed.items()}  # type: ignore[index]
    assert marks == {"/opt/big": "changed", "/opt/gone": "removed", "/opt/new.so.1": "added", "/opt/su": None}
    assert "content" in words(listed["/opt/big"])
    top = viewer.get(address(image, "?path=/opt")).content.decode()
    assert "/opt/gone" not in top


def test_the_base_shows_no_marks_for_everything_in_it_is_new(viewer: Client, image: Image) -> None:
    listed = rows(viewer, address(image, "?layer=0&path=/opt"))
    assert list(listed) == ["/opt/big", "/opt/gone", "/opt/su"]
    assert not any('class="added"' in row for row in listed.values())


def test_the_stepper_leads_up_and_down_and_keeps_the_view(viewer: Client, image: Image) -> None:
    html = viewer.get(address(image, "?layer=1&path=/opt&sort=-size")).content.decode()
    assert 'id="files-below" data-step href="?layer=0&amp;path=/opt&amp;sort=-size"' in html
    # The topmost layer is what is shown without choosing one.
    assert 'id="files-above" data-step href="?path=/opt&amp;sort=-size"' in html
    text = words(html)
    assert "RUN make" in text
    assert "1 added 10 B" in text
    assert "1 removed 1 B" in text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?q=NEW", ["/opt/new.so.1"]),
        ("?q=*.so*", ["/opt/new.so.1"]),
        ("?q=opt/*", ["/opt/big", "/opt/new.so.1", "/opt/su"]),
        ("?q=*.s", []),
        ("?change=added&layer=1", ["/opt/new.so.1"]),
        ("?change=any&layer=1&type=file", ["/opt/big", "/opt/gone", "/opt/new.so.1"]),
        ("?change=removed&layer=1", ["/opt/gone"]),
        ("?change=removed&layer=1&q=big", []),
        ("?bits=setuid", ["/opt/su"]),
        ("?bits=special&path=/etc", []),
        ("?type=symlink", ["/round", "/short"]),
        ("?type=directory", ["/etc", "/home", "/opt"]),
        ("?least=1K", ["/opt/big"]),
        ("?least=2K", ["/opt/big"]),  # 2,000 bytes: the units are those of the search
        ("?least=2KiB", []),
        ("?least=2&most=11&sort=-size", ["/opt/new.so.1", "/home/note"]),
        ("?q=o&type=file&sort=size", ["/home/note", "/opt/new.so.1", "/etc/group"]),
    ],
)
def test_a_filter_finds_below_the_directory_what_fits_it_in_every_respect(
    viewer: Client, image: Image, query: str, found: list[str]
) -> None:
    assert list(rows(viewer, address(image, query))) == found
    assert ("No file matches" in viewer.get(address(image, query)).content.decode()) == (not found)


def test_sizes_sort_the_tree_directories_by_what_is_in_them(viewer: Client, image: Image) -> None:
    assert list(rows(viewer, address(image, "?sort=-size")))[:3] == ["/opt", "/etc", "/home"]


def test_owners_have_the_names_that_the_image_gives_them(
    viewer: Client, project: Project, store: Store
) -> None:
    names = layer(entries=[directory("etc"), Entry("etc/passwd", PASSWD), Entry("etc/group", GROUP)])
    files = [
        file_entry("hers", uid=1815, gid=1816),
        file_entry("root", uid=0, gid=0),
        file_entry("nobody", uid=7, gid=1816),
        file_entry("numbers", uid=7, gid=8),
    ]
    image = make_image(project, store, "owned", [names, put_index(store, "owned", files)])
    listed = rows(viewer, address(image))
    assert "1815:1816 ada:engines" in words(listed["/hers"])
    assert "0:0 root" in words(listed["/root"])
    assert "7:1816 7:engines" in words(listed["/nobody"])
    assert words(listed["/numbers"]).count("7:8") == 1


def test_a_link_shows_the_directory_it_leads_to_and_a_file_the_one_it_is_in(
    viewer: Client, image: Image
) -> None:
    assert list(rows(viewer, address(image, "?path=/short"))) == ["/opt/big", "/opt/new.so.1", "/opt/su"]
    listed = rows(viewer, address(image, "?path=/opt/su"))
    assert [path for path, row in listed.items() if 'aria-selected="true"' in row] == ["/opt/su"]
    assert viewer.get(address(image, "?path=/round")).status_code == 200


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?path=/home&layer=1", "/home is not there yet Layer 3 brings it"),
        ("?path=/opt/gone/x", "There is no /opt/gone/x No layer of this image has it"),
    ],
)
def test_a_directory_that_is_not_there_says_since_when_or_until_when(
    viewer: Client, image: Image, query: str, said: str
) -> None:
    assert said in words(viewer.get(address(image, query)).content.decode())


@pytest.mark.parametrize(
    "query", ["?layer=3", "?layer=x", r"?path=\q", "?start=-1", r"?open=\q", "?under=%5Cq"]
)
def test_what_cannot_be_meant_is_refused_in_a_sentence(viewer: Client, image: Image, query: str) -> None:
    response = viewer.get(address(image, query), headers={"HX-Request": "true"} if "under" in query else {})
    assert response.status_code == 422
    assert "<h1>" in response.content.decode() or "notice error" in response.content.decode()


def test_a_size_that_is_none_is_said_in_the_place_of_the_list(viewer: Client, image: Image) -> None:
    response = viewer.get(address(image, "?least=10+parsecs"))
    assert response.status_code == 422
    assert "“10 parsecs” is no size" in response.content.decode()
    assert 'value="10 parsecs"' in response.content.decode()


NAMES = [
    "line\nbreak",
    "\u202etxt.exe",
    "שלום",
    "<b>bold",
    "back\\slash",
    "\udcff\udcfe",
    " space",
    "x" * 255,
    "a&b=c#d?e",
]


def test_any_name_is_shown_and_its_address_leads_to_it(
    viewer: Client, project: Project, store: Store
) -> None:
    entries = [file_entry(f"odd/{name}/f", content=b"f") for name in NAMES]
    image = make_image(project, store, "odd", [put_index(store, "odd names", entries)])
    listed = rows(viewer, address(image, "?path=/odd"))
    assert len(listed) == len(NAMES)
    assert not any(mark in text for text in listed for mark in "\n\u202e")
    for shown, row in listed.items():
        opened = unescape(re.search(r'hx-get="([^"]+)"', row)[1])  # type: ignore[index]
        assert list(rows(viewer, address(image, opened), HX_Request="true")) == [f"{shown}/f"]
        assert f"path={quote(shown)}" in unescape(row)


@pytest.fixture
def crowd(project: Project, store: Store) -> Image:
    entries = [file_entry(f"many/f{number:04}", size=number + 1) for number in range(700)]
    return make_image(project, store, "crowd", [put_index(store, "crowd", entries)])


def test_a_large_directory_comes_in_pages(viewer: Client, crowd: Image) -> None:
    first = viewer.get(address(crowd, "?path=/many")).content.decode()
    assert first.count('data-path="/many/f') == 300
    assert "Show 300 more of 400" in first
    following = unescape(re.search(r'class="more".*?hx-get="([^"]+)"', first, re.DOTALL)[1])  # type: ignore[index]
    second = rows(viewer, address(crowd, following), HX_Request="true")
    assert next(iter(second)) == "/many/f0300"
    last = viewer.get(address(crowd, "?path=/many&start=600")).content.decode()
    assert "Show the 300 before" in last
    assert "Show 1" not in last
    assert 'aria-posinset="700" aria-setsize="700"' in last
    assert next(iter(rows(viewer, address(crowd, "?path=/many&start=100000")))) == "/many/f0600"


def test_matches_come_in_pages_too(viewer: Client, crowd: Image) -> None:
    html = viewer.get(address(crowd, "?q=f0*&sort=-size")).content.decode()
    following = unescape(re.search(r'class="more".*?hx-get="([^"]+)"', html, re.DOTALL)[1])  # type: ignore[index]
    assert next(iter(rows(viewer, address(crowd, following), HX_Request="true"))) == "/many/f0399"


def test_members_alone_may_look_and_only_look(users: Users, image: Image) -> None:
    assert_door(users, "get", address(image), needs=Role.VIEWER)
    assert_verbs(users.admin, address(image), refused="post put patch delete")
    other = Project.objects.create(slug="other", name="Other")
    client = Client()
    client.force_login(users.superuser)
    assert client.get(address(image).replace("team", other.slug)).status_code == 404
