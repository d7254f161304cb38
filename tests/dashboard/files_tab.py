"""What tests of the Files tab share: its addresses, and what it lists."""

from __future__ import annotations

import re
from html import unescape

from django.test import Client

from worker.models import Image


def address(image: Image, query: str = "") -> str:
    return f"/p/team/images/{image.pk}/files/{query}"


def rows(client: Client, where: str, **headers: str) -> dict[str, str]:
    """Return each entry that is listed: its path as text, and its row."""
    html = client.get(
        where, headers={name.replace("_", "-"): value for name, value in headers.items()}
    ).content.decode()
    found = re.findall(r'<tr role="row"[^>]*data-path="([^"]*)".*?</tr>', html, re.DOTALL)
    parts = re.findall(r'<tr role="row"[^>]*data-path="[^"]*".*?</tr>', html, re.DOTALL)
    return {unescape(path): part for path, part in zip(found, parts, strict=True)}


def words(row: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<svg.*?</svg>|<[^>]+>", " ", row, flags=re.DOTALL))).strip()
