"""An image with all kinds of files in three layers, for the tests of what is shown of one file."""

from __future__ import annotations

from urllib.parse import urlencode

from samples.layers import Entry, directory, hardlink, layer, whiteout
from tests.support.files import make_image
from worker.engine.store import Store
from worker.models import Image, Project

TEXT = b"first line\n<script>alert(1)</script>\nif \xe2\x80\xaeadmin\n"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(200))
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
SECRET = b"of this machine, and no image"
FILES = {
    "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\n",
    "etc/text": TEXT,
    "etc/empty": b"",
    "etc/binary.txt": b"\x7fELF\0\0" + bytes(range(256)) * 40,
    "etc/long": b"x" * (1 << 20),
    "etc/lines": b"".join(b"line %d\n" % number for number in range(1, 400_001)),
    "etc/wide": "grüße\r\nzwei\r\n".encode("utf-16"),
    "etc/logo.png": PNG,
    "etc/logo.svg": SVG,
    "etc/page.html": b"<!doctype html><script>alert(1)</script>",
    "etc/caf\udce9\n\u202etxt": b"odd name\n",
    "etc/changes": b"version one\n",
    "etc/goes": b"it was here\n",
}
LINKS = {
    "etc/link": "../etc/passwd",
    "etc/absolute": "/etc/passwd",
    "etc/climbs": "../../../../../../etc/passwd",
    "etc/host": "/etc/hostname",
    "etc/round": "round",
    "etc/directory": "/opt",
    "short": "etc",
}


def make(project: Project, store: Store, name: str = "tool") -> Image:
    """Three layers: a base, one that changes, adds a copy and removes, and one that changes again."""
    base = layer(FILES, dirs=["etc", "opt"], symlinks=LINKS, entries=[hardlink("etc/same", "etc/text")])
    second = layer(
        entries=[
            directory("etc"),
            Entry("etc/changes", b"the second version\n", mode=0o4755),
            Entry("etc/copied", TEXT),
            whiteout("etc/goes"),
        ]
    )
    third = layer(entries=[directory("etc"), Entry("etc/changes", b"version three\n")])
    return make_image(
        project, store, name, [base, second, third], commands=["ADD base", "RUN change", "RUN again"]
    )


def made_again(path: str) -> str:
    """What a test writes as a path, in the form of addresses: its bytes that are no UTF-8 escaped."""
    return path.replace("\udce9", "\\xe9").replace("\n", "\\x0a").replace("\u202e", "\\xe2\\x80\\xae")


def page(image: Image, path: str, **query: object) -> str:
    """The address of a file's page."""
    asked = urlencode({"path": made_again(path)} | query)
    return f"/p/{image.project.slug}/images/{image.pk}/file/?{asked}"


def content(image: Image, path: str, **query: object) -> str:
    """The address of what it holds."""
    return page(image, path, **query).replace("/file/?", "/file/content/?")
