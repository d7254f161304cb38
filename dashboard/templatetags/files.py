"""How files are written on pages: ``{% load files %}`` gives, for a node of an image (or a record like one),

- ``{{ name|shown }}`` a name, path or link target, whatever bytes it is of, as text (``worker.engine.files``)
- ``{{ path|shown_path }}`` the same of a whole path from its root, each part apart, so that right-to-left
  ones do not change places
- ``{{ node|mode }}`` type and permissions as ``ls -l`` writes them: ``drwxr-sr-x``
- ``{{ node|owner }}`` ``uid:gid``
- ``{{ node|kind }}`` what it is, in words
- ``{{ node|kind_icon }}`` its icon's name, for ``{% icon %}``
- ``{{ mtime_ns|file_time }}`` ``2026-11-24 15:46``, UTC; ``{{ mtime_ns|exact_time }}`` to the nanosecond
"""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from typing import Protocol

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from worker.engine.files import to_text
from worker.engine.layers import EntryType

register = template.Library()

_NS = 10**9
_FORMATS = {
    EntryType.FILE: stat.S_IFREG,
    EntryType.HARDLINK: stat.S_IFREG,
    EntryType.DIRECTORY: stat.S_IFDIR,
    EntryType.IMPLIED: stat.S_IFDIR,
    EntryType.SYMLINK: stat.S_IFLNK,
    EntryType.CHAR: stat.S_IFCHR,
    EntryType.BLOCK: stat.S_IFBLK,
    EntryType.FIFO: stat.S_IFIFO,
}
_KINDS = {
    EntryType.FILE: "file",
    EntryType.HARDLINK: "hard link",
    EntryType.DIRECTORY: "directory",
    EntryType.IMPLIED: "directory",
    EntryType.SYMLINK: "symbolic link",
    EntryType.CHAR: "character device",
    EntryType.BLOCK: "block device",
    EntryType.FIFO: "named pipe",
    EntryType.WHITEOUT: "deletion mark",
    EntryType.OPAQUE: "deletion mark",
}
_ICONS = {
    EntryType.DIRECTORY: "folder",
    EntryType.IMPLIED: "folder",
    EntryType.SYMLINK: "file-symlink",
    EntryType.CHAR: "cpu",
    EntryType.BLOCK: "hard-drive",
    EntryType.FIFO: "arrow-left-right",
    EntryType.WHITEOUT: "x",
    EntryType.OPAQUE: "x",
}


class FileFacts(Protocol):
    """What is written of a file; ``mode`` holds permission bits without the type."""

    @property
    def type(self) -> EntryType: ...
    @property
    def mode(self) -> int: ...
    @property
    def uid(self) -> int: ...
    @property
    def gid(self) -> int: ...


@register.filter
def shown(name: bytes) -> str:
    return to_text(name)


@register.filter
def shown_path(path: bytes) -> SafeString:
    if not path:
        return SafeString("/")
    parts = format_html_join("", "/<bdi>{}</bdi>", ((to_text(part),) for part in path.split(b"/")))
    return format_html('<span class="a-path" dir="ltr">{}</span>', parts)


@register.filter
def mode(node: FileFacts) -> str:
    return stat.filemode(_FORMATS.get(node.type, 0) | node.mode)


@register.filter
def owner(node: FileFacts) -> str:
    return f"{node.uid}:{node.gid}"


@register.filter
def kind(node: FileFacts) -> str:
    return _KINDS.get(node.type, str(node.type))


@register.filter
def kind_icon(node: FileFacts) -> str:
    return _ICONS.get(node.type, "file")


@register.filter
def file_time(mtime_ns: int) -> str:
    """Write a time to the minute; one that no calendar has as seconds since the epoch."""
    moment = _moment(mtime_ns)
    return f"{moment:%Y-%m-%d %H:%M}" if moment else f"@{mtime_ns // _NS}"


@register.filter
def exact_time(mtime_ns: int) -> str:
    """Write a time to the nanosecond, as ``stat`` does."""
    moment = _moment(mtime_ns)
    fraction = f"{mtime_ns % _NS:09}".rstrip("0")
    fraction = f".{fraction}" if fraction else ""
    return f"{moment:%Y-%m-%d %H:%M:%S}{fraction} UTC" if moment else f"@{mtime_ns // _NS}{fraction}"


def _moment(mtime_ns: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(mtime_ns // _NS, UTC)
    except (OverflowError, ValueError, OSError):  # a tar can say any number
        return None
