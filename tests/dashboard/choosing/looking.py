"""Looking at the page, and at what it says; and an index to look at."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urlencode

from django.http import HttpResponse
from django.test import Client

from samples.images import image, index, layer
from worker.engine.oci import Platform

HOST = str(Platform.host())
LAYERS = [layer({"a": b"b" * 100}), layer({"c": b"d" * 100})]
ONE = image(LAYERS, history=["COPY <rootfs> /", "RUN make"])
CONTENT = index([ONE, image(LAYERS[:1], platform="linux/s390x")], attestations=True)


def look(client: Client, path: str, target: str = "", **query: object) -> HttpResponse:
    """Ask for the page; with a target, as htmx asks for a part of it."""
    headers = {"HX-Request": "true", "HX-Target": target} if target else {}
    answer: HttpResponse = client.get(f"{path}?{urlencode(query, doseq=True)}", headers=headers)
    return answer


def text(answer: HttpResponse) -> str:
    """What the page says, without the markup."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", answer.content.decode())).split())


def listed(answer: HttpResponse) -> list[str]:
    """The tags on it."""
    return re.findall(r'<li[^>]*><a [^>]*><span class="mono">([^<]*)</span>', answer.content.decode())


def ticked(answer: HttpResponse) -> list[str]:
    """The platforms that are ticked."""
    return re.findall(r'name="platforms" value="([^"]*)" checked', answer.content.decode())
