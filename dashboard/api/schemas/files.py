"""Files of an image."""

from __future__ import annotations

from typing import Literal, cast

from ninja import Field, Schema

from dashboard.api.schemas.common import Bytes, Digest
from dashboard.templatetags.files import mode
from worker.engine.files import Change, Difference, Node, View, to_text
from worker.engine.layers import EntryType

Kind = Literal["file", "directory", "symlink", "char", "block", "fifo"]


class FileOut(Schema):
    """One entry of the merged tree.

    ``path`` is absolute, in a form that is always printable and can be sent back: a backslash is ``\\\\``,
    bytes that are not UTF-8 and characters that cannot be seen are ``\\xNN``, byte by byte. ``size`` is bytes
    of content; of a directory, of all files in it, those with several names once. ``mode`` is octal,
    ``permissions`` as ``ls -l`` writes it, ``modified_ns`` is in nanoseconds. ``link`` is a symlink's
    target as it is, ``hardlink_to`` the first name of the same file. ``layer`` is the position of the layer
    that the entry comes from, ``change`` what the layer ``as_of`` did to it, ``what`` in what it differs.
    """

    path: str
    type: Kind
    size: Bytes
    mode: str = Field(examples=["4755"])
    permissions: str = Field(examples=["-rwsr-xr-x"])
    uid: int
    gid: int
    modified_ns: int
    link: str | None
    hardlink_to: str | None
    sha256: Digest | None
    device: tuple[int, int] | None
    layer: int
    change: Change
    what: list[Difference]

    @classmethod
    def of(cls, node: Node, view: View) -> FileOut:
        return cls(
            path=f"/{to_text(node.path)}",
            type=cast(Kind, node.type.value),
            size=view.total(node.path).bytes if node.is_directory else node.size,
            mode=f"{node.mode:04o}",
            permissions=mode(node),
            uid=node.uid,
            gid=node.gid,
            modified_ns=node.mtime_ns,
            link=to_text(node.link) if node.type is EntryType.SYMLINK else None,
            hardlink_to=None if node.hardlink_to is None else f"/{to_text(node.hardlink_to)}",
            sha256=None if node.sha256 is None else f"sha256:{node.sha256.hex()}",
            device=node.device,
            layer=node.layer,
            change=node.change,
            what=list(node.what),
        )


class FilesOut(Schema):
    """Entries of an image as of layer ``as_of``; ``next``, sent as ``cursor``, gives the page after.

    ``count`` is how many there are on all pages.
    """

    as_of: int
    path: str
    count: int
    items: list[FileOut]
    next: str | None
