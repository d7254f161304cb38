"""Two images for the tests of the pages that compare them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.test import Client

from samples.layers import layer
from tests.support.files import make_image, open_store
from worker.engine.store import Store
from worker.models import Image, Project

PLACE = "/p/team/compare/"
BASE = layer({"etc/motd": b"hello\nworld\n", "usr/bin/tool": b"\0\1\2", "usr/gone": b"1234"})
NEXT = layer({"etc/motd": b"hello\nthere\n", "usr/bin/tool": b"\0\1\3", "usr/new": b"12345678"})


@pytest.fixture
def store(data_dir: Path) -> Store:
    return open_store(data_dir / "store")


@pytest.fixture
def pair(project: Project, store: Store) -> tuple[Image, Image]:
    """Two images on one base; the second has one layer more."""
    a = make_image(project, store, "app-one", [BASE])
    b = make_image(project, store, "app-two", [BASE, NEXT], commands=["FROM", "RUN <b>make</b>"])
    b.config |= {"config": {"Env": ["GREETING=hi"], "User": "web"}, "os": "linux", "architecture": "amd64"}
    a.config |= {"config": {"Env": ["GREETING=ho"]}, "os": "linux", "architecture": "amd64"}
    a.save()
    b.save()
    return a, b


def address(a: Image, b: Image, more: str = "") -> str:
    return f"{PLACE}?a={a.pk}&b={b.pk}{more}"


def text_of(client: Client, where: str, status: int = 200) -> str:
    answer = client.get(where)
    assert answer.status_code == status, answer.content
    html = answer.content.decode().split("<main", 1)[1]
    return re.sub(r"\s+", " ", re.sub(r"<title>.*?</title>|<[^>]+>", " ", html))
