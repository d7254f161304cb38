"""The page of one file: what it shows of what strangers packed, and whom it refuses."""

from __future__ import annotations

import hashlib
import os
import re
from html import unescape
from pathlib import Path

import pytest
from django.test import Client

from tests.conftest import Users
from tests.dashboard.doors import assert_door, assert_verbs
from tests.dashboard.file_images import FILES, SECRET, TEXT, make, page
from tests.support.files import make_image, open_store, put_index
from worker.engine.layers import EntryType, FileEntry
from worker.engine.oci import Digest
from worker.engine.store import Store
from worker.models import Image, Layer, Project, Role
from worker.tasks.indexing import index


@pytest.fixture
def store(data_dir: Path) -> Store:
    return open_store(data_dir / "store")


@pytest.fixture
def image(project: Project, store: Store) -> Image:
    return make(project, store)


def shown(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def words(html: str) -> str:
    """What one reads, without the markup."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", re.sub(r"</?bdi>", "", html)))).strip()


def lines(html: str) -> dict[int, str]:
    found = re.findall(r'<li id="L(\d+)">.*?<code>(.*?)</code>', html, re.DOTALL)
    return {int(number): text for number, text in found}


def test_a_text_has_numbered_lines_and_what_is_known_of_the_file(viewer: Client, image: Image) -> None:
    html = shown(viewer, page(image, "etc/passwd"))
    assert lines(html) == {1: "root:x:0:0:root:/root:/bin/sh"}
    said = words(html)
    assert hashlib.sha256(FILES["etc/passwd"]).hexdigest() in html
    for word in ("UTF-8", "30 bytes", "-rw-r--r--", "0644", "0:0", "1 of 3", "ADD base"):
        assert word in said


def test_what_stands_in_a_text_is_neither_run_nor_hidden(viewer: Client, image: Image) -> None:
    html = shown(viewer, page(image, "etc/text"))
    assert "<script>alert" not in html
    assert lines(html)[2] == "&lt;script&gt;alert(1)&lt;/script&gt;"
    assert lines(html)[3] == 'if <span class="escape">\\u202e</span>admin'
    assert "\u202e" not in html


def test_a_binary_is_shown_as_bytes_whatever_its_name(viewer: Client, image: Image) -> None:
    html = shown(viewer, page(image, "etc/binary.txt"))
    assert "7f 45 4c 46 00 00 00 01" in html
    assert ".ELF" in html
    assert not lines(html)
    last = shown(viewer, page(image, "etc/binary.txt", page=999))
    assert "00002800" in last
    assert "7f 45 4c 46" not in last


def test_an_empty_file_says_so(viewer: Client, image: Image) -> None:
    assert "The file is empty" in shown(viewer, page(image, "etc/empty"))


def test_a_line_of_a_megabyte_is_shown_in_part(viewer: Client, image: Image) -> None:
    html = shown(viewer, page(image, "etc/long"))
    assert lines(html) == {1: "x" * 4000}
    assert "1,044,576 more characters in this line" in html
    assert len(html) < 60_000


def test_of_a_large_text_the_first_megabyte_is_shown_page_by_page(viewer: Client, image: Image) -> None:
    html = shown(viewer, page(image, "etc/lines"))
    assert "in the first MiB" in html
    assert lines(html)[2000] == "line 2000"
    assert len(lines(html)) == 2000
    assert lines(shown(viewer, page(image, "etc/lines", page=2)))[2001] == "line 2001"


def test_a_text_of_another_encoding_is_read_in_it(viewer: Client, image: Image) -> None:
    html = shown(viewer, page(image, "etc/wide"))
    assert lines(html) == {1: "grüße", 2: "zwei"}
    assert "UTF-16 LE with a byte order mark" in words(html)


def test_any_text_can_be_seen_as_bytes_too(viewer: Client, image: Image) -> None:
    html = shown(viewer, page(image, "etc/passwd", **{"as": "hex"}))
    assert "72 6f 6f 74 3a 78 3a 30" in html


def test_a_picture_is_drawn_and_a_drawing_with_scripts_is_text(viewer: Client, image: Image) -> None:
    html = shown(viewer, page(image, "etc/logo.png"))
    assert re.search(r'<img src="/p/team/images/\d+/file/content/\?path=etc/logo.png&amp;as=picture"', html)
    drawing = shown(viewer, page(image, "etc/logo.svg", **{"as": "picture"}))
    assert "<img" not in drawing
    assert "&lt;svg" in lines(drawing)[1]


def test_names_that_are_no_text_lead_to_their_files(viewer: Client, image: Image) -> None:
    html = shown(viewer, page(image, "etc/caf\udce9\n\u202etxt"))
    assert lines(html) == {1: "odd name"}
    assert "caf\\xe9\\x0a\\xe2\\x80\\xaetxt" in html
    assert "\u202e" not in html


def test_every_version_can_be_opened_also_overwritten_and_deleted_ones(viewer: Client, image: Image) -> None:
    html = shown(viewer, page(image, "etc/changes"))
    assert lines(html) == {1: "version three"}
    assert re.findall(r">Layer (\d)</a>", html) == ["3", "2", "1"]
    assert [lines(shown(viewer, page(image, "etc/changes", layer=at)))[1] for at in (0, 1, 2)] == [
        "version one",
        "the second version",
        "version three",
    ]
    assert "setuid" in shown(viewer, page(image, "etc/changes", layer=1))
    gone = shown(viewer, page(image, "etc/goes"))
    assert "Layer 2 removed it" in gone
    assert "layer=0" in gone
    assert lines(shown(viewer, page(image, "etc/goes", layer=0))) == {1: "it was here"}


def test_what_a_layer_above_adds_is_not_there_yet(viewer: Client, image: Image) -> None:
    assert "Not there as of layer 1" in shown(viewer, page(image, "etc/copied", layer=0))


@pytest.mark.parametrize(
    "path",
    ["etc/link", "etc/absolute", "etc/climbs", "short/passwd", "../../../../etc/passwd", "etc/./passwd"],
)
def test_links_are_followed_inside_of_the_image(viewer: Client, image: Image, path: str) -> None:
    html = shown(viewer, page(image, path))
    assert lines(html) == {1: "root:x:0:0:root:/root:/bin/sh"}
    assert "?path=etc/passwd" in html
    assert "leads inside the image" in words(html)


def test_a_link_to_what_only_the_machine_has_leads_nowhere(viewer: Client, image: Image) -> None:
    html = shown(viewer, page(image, "etc/host"))
    assert "The link leads nowhere" in html
    assert Path("/etc/hostname").read_text().strip() not in words(html).split()
    assert "The link leads nowhere" in shown(viewer, page(image, "etc/round"))


def test_a_link_to_a_directory_leads_to_the_files_tab(viewer: Client, image: Image) -> None:
    assert f"/p/team/images/{image.pk}/files/?path=opt" in shown(viewer, page(image, "etc/directory"))


def test_a_directory_is_shown_on_the_files_tab(viewer: Client, image: Image) -> None:
    answer = viewer.get(page(image, "/etc/", layer=1))
    assert answer.status_code == 302
    assert answer["Location"] == f"/p/team/images/{image.pk}/files/?path=etc&layer=1"


def test_a_hard_link_names_the_other_name(viewer: Client, image: Image) -> None:
    html = shown(viewer, page(image, "etc/same"))
    assert lines(html)[1] == "first line"
    assert "?path=etc/text&amp;layer=0" in html


def test_devices_and_pipes_are_told_and_never_opened(viewer: Client, project: Project, store: Store) -> None:
    entries = [
        FileEntry(b"zero", EntryType.CHAR, mode=0o666, device=(1, 5)),
        FileEntry(b"pipe", EntryType.FIFO, mode=0o600),
    ]
    image = make_image(project, store, "devices", [put_index(store, "devices", entries)])
    assert "A character device 1:5" in shown(viewer, page(image, "zero"))
    assert "A named pipe" in shown(viewer, page(image, "pipe"))


def test_capabilities_and_other_attributes_are_written_out(
    viewer: Client, project: Project, store: Store
) -> None:
    value = bytes.fromhex("0100000200200000000000000000000000000000")
    xattrs = {b"security.capability": value, b"user.odd\xff": b"plain"}
    entry = FileEntry(b"ping", EntryType.FILE, mode=0o755, xattrs=xattrs, sha256=hashlib.sha256(b"").digest())
    image = make_image(project, store, "ping", [put_index(store, "ping", [entry])])
    said = words(shown(viewer, page(image, "ping")))
    assert "cap_net_raw=ep" in said
    assert "user.odd\\xff plain" in said


@pytest.mark.parametrize("how", ["link", "other content", "fifo", "gone"])
def test_a_tree_that_was_tampered_with_gives_nothing_away(
    viewer: Client, image: Image, store: Store, tmp_path: Path, how: str
) -> None:
    file = store.layers.tree(Digest.parse(image.layers.order_by("image_layers__position")[0].diff_id))
    file /= "etc/passwd"
    (tmp_path / "secret").write_bytes(SECRET)
    file.chmod(0o644)
    if how == "other content":
        file.write_bytes(SECRET.ljust(30)[:30])
    else:
        file.unlink()
    if how == "link":
        file.symlink_to(tmp_path / "secret")
    elif how == "fifo":
        os.mkfifo(file)
    html = shown(viewer, page(image, "etc/passwd"))
    assert SECRET[:20].decode() not in html
    assert "Content" in html
    assert not lines(html)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?path=etc/nothing", 404),
        ("?path=etc/passwd/below", 404),
        ("?path=etc/passwd&layer=3", 422),
        ("?path=etc/passwd&layer=x", 422),
        ("?path=etc/passwd&layer=-1", 422),
        ("?path=etc%5Cpasswd", 422),
        ("?path=etc%00passwd", 400),
        ("", 302),
    ],
)
def test_what_cannot_be_meant_gets_a_sentence(viewer: Client, image: Image, query: str, status: int) -> None:
    for part in ("", "content/"):
        answer = viewer.get(f"/p/team/images/{image.pk}/file/{part}{query}")
        assert answer.status_code == (422 if part and status == 302 else status)


def test_an_image_that_is_not_here_leads_to_the_files_tab(viewer: Client, image: Image, store: Store) -> None:
    store.layers.remove(Digest.parse(image.layers.all()[0].diff_id))
    answer = viewer.get(page(image, "etc/passwd"))
    assert answer.status_code == 302
    assert answer["Location"] == f"/p/team/images/{image.pk}/files/?path=etc"


def test_who_has_the_same_content_is_told_of_this_project_alone(
    viewer: Client, image: Image, store: Store
) -> None:
    other = Project.objects.create(slug="other", name="Other")
    make_image(other, store, "secret", [put_index(store, "x", [_same("hidden/away")]), *_layers(image)])
    index()
    said = words(shown(viewer, page(image, "etc/text")))
    assert "2 others, in 2 layers" in said
    assert "/etc/copied in 1 image, as in tool" in said
    assert "hidden/away" not in said


def test_content_that_no_image_shows_any_more_says_where_it_is_hidden(
    viewer: Client, image: Image, project: Project, store: Store
) -> None:
    above = put_index(store, "above", [FileEntry(b"etc/copied", EntryType.WHITEOUT)])
    make_image(project, store, "taller", [*_layers(image), above])
    index()
    assert "/etc/copied in 1 image, as in tool@" in (said := words(shown(viewer, page(image, "etc/text"))))
    assert "; hidden in 1" in said


def _same(path: str) -> FileEntry:
    return FileEntry(path.encode(), EntryType.FILE, len(TEXT), 0o644, sha256=hashlib.sha256(TEXT).digest())


def _layers(image: Image) -> list[Digest]:
    return [Digest.parse(row.layer.diff_id) for row in image.image_layers.order_by("position")]


def test_htmx_gets_the_content_alone(viewer: Client, image: Image) -> None:
    html = viewer.get(page(image, "etc/passwd"), headers={"HX-Request": "true"}).content.decode()
    assert html.strip().startswith('<section class="card" id="content"')


def test_whom_the_page_refuses(users: Users, image: Image) -> None:
    assert_door(users, "get", page(image, "etc/passwd"), needs=Role.VIEWER)
    assert_verbs(users.admin, page(image, "etc/passwd"), refused="post put patch delete")


def test_an_image_of_another_project_is_not_there(viewer: Client, image: Image, store: Store) -> None:
    other = Project.objects.create(slug="other", name="Other")
    theirs = make(other, store, "theirs")
    assert Layer.objects.count() == 3  # the same ones
    assert viewer.get(page(theirs, "etc/passwd")).status_code == 404
    assert viewer.get(page(theirs, "etc/passwd").replace("/p/other/", "/p/team/")).status_code == 404
