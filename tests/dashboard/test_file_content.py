"""What a file holds, as it is served: never run by a browser, of any size, whole or in part."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test import AsyncClient, Client

from dashboard.downloads import OutOfRange, Part, wanted_part
from tests.conftest import Users
from tests.dashboard.doors import assert_door, assert_verbs
from tests.dashboard.file_images import FILES, PNG, SECRET, content, make
from tests.support.files import make_image, open_store, put_index
from worker.engine.content import CHUNK_BYTES
from worker.engine.errors import StoreDamaged
from worker.engine.layers import EntryType, FileEntry
from worker.engine.oci import Digest
from worker.engine.store import Store
from worker.models import Image, Project, Role

GIB = 1 << 30


@pytest.fixture
def store(data_dir: Path) -> Store:
    return open_store(data_dir / "store")


@pytest.fixture
def image(project: Project, store: Store) -> Image:
    return make(project, store)


@pytest.fixture
def sparse(project: Project, store: Store) -> Image:
    """An image with a file of 4 GiB that has no block on disk."""
    layer = put_index(store, "sparse", [FileEntry(b"disk.img", EntryType.FILE, 4 * GIB, sha256=b"\x11" * 32)])
    (store.layers.tree(layer) / "disk.img").touch()
    os.truncate(store.layers.tree(layer) / "disk.img", 4 * GIB)
    return make_image(project, store, "sparse", [layer])


def body(answer: HttpResponseBase) -> bytes:
    assert isinstance(answer, StreamingHttpResponse)
    return b"".join(answer)  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["etc/page.html", "etc/logo.svg", "etc/logo.png", "etc/text", "etc/empty"])
@pytest.mark.parametrize("query", [{}, {"as": "picture"}])
def test_a_browser_never_runs_it(viewer: Client, image: Image, path: str, query: dict[str, str]) -> None:
    answer = viewer.get(content(image, path, **query))
    assert answer.status_code == 200
    assert answer["Content-Disposition"].startswith("attachment; filename=")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    drawn = bool(query) and path.endswith(".png")
    assert answer["Content-Type"] == ("image/png" if drawn else "application/octet-stream")
    assert body(answer) == FILES[path]


def test_a_name_cannot_break_out_of_the_header(viewer: Client, image: Image) -> None:
    answer = viewer.get(content(image, "etc/caf\udce9\n\u202etxt"))
    assert answer["Content-Disposition"] == r'attachment; filename="caf\\xe9\\x0a\\xe2\\x80\\xaetxt"'


def test_links_lead_to_content_and_what_has_none_is_refused(viewer: Client, image: Image) -> None:
    assert body(viewer.get(content(image, "etc/climbs"))) == FILES["etc/passwd"]
    assert viewer.get(content(image, "etc/host")).status_code == 404
    assert viewer.get(content(image, "etc/directory")).status_code == 422
    assert viewer.get(content(image, "etc/goes")).status_code == 404
    assert body(viewer.get(content(image, "etc/goes", layer=0))) == FILES["etc/goes"]


def test_a_file_that_became_a_link_is_refused(
    viewer: Client, image: Image, store: Store, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_bytes(SECRET)
    file = _tree(image, store) / "etc/passwd"
    file.unlink()
    file.symlink_to(tmp_path / "secret")
    answer = viewer.get(content(image, "etc/passwd"))
    assert answer.status_code == 507
    assert SECRET not in answer.content


def test_other_content_of_the_same_size_does_not_arrive_whole(
    viewer: Client, image: Image, store: Store
) -> None:
    (_tree(image, store) / "etc/logo.png").chmod(0o644)
    (_tree(image, store) / "etc/logo.png").write_bytes(PNG[::-1])
    with pytest.raises(StoreDamaged):
        body(viewer.get(content(image, "etc/logo.png")))


def _tree(image: Image, store: Store) -> Path:
    return store.layers.tree(Digest.parse(image.image_layers.get(position=0).layer.diff_id))


def test_a_part_is_served_as_asked_for(viewer: Client, image: Image) -> None:
    whole = FILES["etc/long"]
    answer = viewer.get(content(image, "etc/long"), headers={"Range": "bytes=10-19"})
    assert (answer.status_code, answer["Content-Range"]) == (206, f"bytes 10-19/{len(whole)}")
    assert (answer["Content-Length"], body(answer)) == ("10", whole[10:20])
    beyond = viewer.get(content(image, "etc/long"), headers={"Range": f"bytes={len(whole)}-"})
    assert (beyond.status_code, beyond["Content-Range"]) == (416, f"bytes */{len(whole)}")


def test_a_download_goes_on_only_with_the_same_content(viewer: Client, image: Image) -> None:
    tag = f'"{hashlib.sha256(FILES["etc/long"]).hexdigest()}"'
    asked = {"Range": "bytes=10-19"}
    assert viewer.get(content(image, "etc/long"), headers=asked | {"If-Range": tag}).status_code == 206
    assert viewer.get(content(image, "etc/long"), headers=asked | {"If-Range": '"other"'}).status_code == 200


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("", None),
        ("bytes=0-", Part(0, 100)),
        ("bytes=99-", Part(99, 1)),
        ("bytes=10-10", Part(10, 1)),
        ("bytes=10-1000", Part(10, 90)),
        ("bytes=-30", Part(70, 30)),
        ("bytes=-1000", Part(0, 100)),
        ("bytes=5-2", None),
        ("bytes=0-1,5-6", None),
        ("lines=0-1", None),
        ("bytes=x-", None),
        ("bytes=-", None),
        ("bytes=" + "9" * 30 + "-", None),
    ],
)
def test_ranges_are_read_as_the_rfc_says(header: str, part: Part | None) -> None:
    assert wanted_part(header, 100) == part


@pytest.mark.parametrize(("header", "size"), [("bytes=100-", 100), ("bytes=-0", 100), ("bytes=0-", 0)])
def test_what_lies_behind_the_end_is_out_of_range(header: str, size: int) -> None:
    with pytest.raises(OutOfRange):
        wanted_part(header, size)


def test_its_head_alone_is_told_without_reading(viewer: Client, sparse: Image) -> None:
    answer = viewer.head(content(sparse, "disk.img"))
    assert (answer.status_code, answer["Content-Length"]) == (200, str(4 * GIB))
    assert not answer.streaming


def test_four_gigabytes_are_streamed_in_small_pieces(users: Users, sparse: Image) -> None:
    """As the server asks for it: nothing is collected before the first piece goes out, and nothing after."""
    pieces = async_to_sync(_first_pieces)(users.viewer, content(sparse, "disk.img"), 40)
    assert [len(piece) for piece in pieces] == [CHUNK_BYTES] * 40


def test_the_end_of_four_gigabytes_is_reached_at_once(viewer: Client, sparse: Image) -> None:
    answer = viewer.get(content(sparse, "disk.img"), headers={"Range": "bytes=-5"})
    assert answer["Content-Range"] == f"bytes {4 * GIB - 5}-{4 * GIB - 1}/{4 * GIB}"
    assert body(answer) == bytes(5)


def test_a_page_of_four_gigabytes_reads_what_it_shows(viewer: Client, sparse: Image) -> None:
    html = viewer.get(content(sparse, "disk.img", page=10**9).replace("content/", "")).content.decode()
    assert "fffffff0" in html


async def _first_pieces(user: User, address: str, count: int) -> list[bytes]:
    client = AsyncClient()
    await client.aforce_login(user)
    answer = await client.get(address)
    assert answer.is_async
    found: list[bytes] = []
    async for piece in answer:
        found.append(piece)
        if len(found) == count:
            break
    answer.close()
    return found


def test_the_file_is_closed_when_the_answer_is_over(viewer: Client, image: Image) -> None:
    def held() -> Iterator[str]:
        for one in Path("/proc/self/fd").iterdir():
            try:
                yield str(one.readlink())
            except FileNotFoundError:
                continue

    answer = viewer.get(content(image, "etc/long"))
    body(answer)
    answer.close()
    assert not [path for path in held() if path.endswith("etc/long")]


def test_whom_it_refuses(users: Users, image: Image) -> None:
    assert_door(users, "get", content(image, "etc/passwd"), needs=Role.VIEWER)
    assert_verbs(users.admin, content(image, "etc/passwd"), refused="post put patch delete")
