"""One path of an image, and what a layer did."""

from __future__ import annotations

from ninja import Schema

from dashboard.api.schemas.common import Bytes, Digest
from dashboard.api.schemas.files import FileOut
from dashboard.queries.copies import Copies
from dashboard.queries.file import Past, Sight, attributes
from worker.engine.files import Change, Count, Difference, View, to_text


class FileAttributeOut(Schema):
    """An extended attribute: its value in hexadecimal, and what it means if that is known (capabilities)."""

    name: str
    value: str
    meaning: str | None


class PathVersionOut(Schema):
    """What one layer says about the path: what is there with it on top, unless it removes it.

    ``change`` is empty if it has just what was there before; ``what`` says in what it differs from that.
    """

    layer: int
    diff_id: Digest
    change: Change
    what: list[Difference]
    size: Bytes | None
    sha256: Digest | None

    @classmethod
    def of(cls, past: Past) -> PathVersionOut:
        node = past.version.node
        return cls(
            layer=past.version.layer,
            diff_id=past.row.layer.diff_id,
            change=past.version.change,
            what=list(past.what),
            size=node.size if node is not None and node.is_file else None,
            sha256=f"sha256:{node.sha256.hex()}" if node is not None and node.sha256 else None,
        )


class FileCopyOut(Schema):
    """A file with the same content in a layer of the project; how many of its images show it, or hide it."""

    diff_id: Digest
    path: str
    visible: int
    hidden: int


class FileCopiesOut(Schema):
    """The files with the same content, those in most images first; ``count`` tells of all.

    ``waiting`` layers of the project are not searchable yet: there may be more.
    """

    count: int
    waiting: int
    items: list[FileCopyOut]

    @classmethod
    def of(cls, copies: Copies) -> FileCopiesOut:
        items = [
            FileCopyOut(
                diff_id=str(one.diff_id),
                path=f"/{to_text(one.path)}",
                visible=one.visible,
                hidden=one.hidden,
            )
            for one in copies.listed
        ]
        return cls(count=copies.count, waiting=copies.waiting, items=items)


class FileWithPastOut(Schema):
    """One path, as of layer ``as_of``.

    ``file`` is what stands there itself, ``leads_to`` where it leads: the same, unless links are on the way.
    Links are followed inside the image alone; ``lost`` says why they lead to nothing. ``versions`` are what
    the layers say about the path, the base first; ``same_content`` is null for what has no content.
    """

    as_of: int
    path: str
    file: FileOut | None
    leads_to: FileOut | None
    lost: str | None
    xattrs: list[FileAttributeOut]
    versions: list[PathVersionOut]
    same_content: FileCopiesOut | None

    @classmethod
    def of(cls, sight: Sight, view: View, copies: Copies | None) -> FileWithPastOut:
        xattrs = sight.main.xattrs if sight.main else {}
        meanings = {one.name: one.meaning for one in attributes(xattrs)}
        return cls(
            as_of=sight.top,
            path=sight.absolute,
            file=FileOut.of(sight.node, view) if sight.node else None,
            leads_to=FileOut.of(sight.target, view) if sight.target else None,
            lost=sight.lost or None,
            xattrs=[
                FileAttributeOut(
                    name=to_text(name), value=value.hex(), meaning=meanings[to_text(name)] or None
                )
                for name, value in sorted(xattrs.items())
            ],
            versions=[PathVersionOut.of(past) for past in reversed(sight.past)],
            same_content=FileCopiesOut.of(copies) if copies else None,
        )


class EntryCountOut(Schema):
    """So many entries: files are all that are no directories; bytes are of content, hard links once."""

    files: int
    directories: int
    bytes: Bytes

    @classmethod
    def of(cls, count: Count) -> EntryCountOut:
        return cls(files=count.files, directories=count.directories, bytes=count.bytes)


class DeedsOut(Schema):
    """What a layer did at ``position`` in the stack of ``image``.

    ``changed_before`` is how many bytes the changed files had before.
    """

    image: int
    position: int
    added: EntryCountOut
    changed: EntryCountOut
    changed_before: Bytes
    removed: EntryCountOut


class DeedOut(Schema):
    """What a layer did to one path. ``file`` is what is there now; if it is removed, what was there."""

    file: FileOut
    size_before: Bytes | None


class DeedPageOut(DeedsOut):
    """The same, with a page of ``count`` paths; ``next``, sent as ``cursor``, gives the page after."""

    count: int
    items: list[DeedOut]
    next: str | None


class LayerFormOut(Schema):
    """A compressed form of a layer."""

    digest: Digest
    media_type: str
    size: Bytes


class LayerWithDeedsOut(Schema):
    """A layer of the project's images, with what it did in the stack of one of them.

    ``did`` is null if that image's layers are not extracted. ``images`` are the ids of those that stand on
    it, the one pulled last first, ``containers`` of those whose image does, the latest first; 200 of each at
    most.
    """

    diff_id: Digest
    unpacked_size: Bytes | None
    content_size: Bytes | None
    entries: int | None
    tree_present: bool
    commands: list[str]
    blobs: list[LayerFormOut]
    images: list[int]
    image_count: int
    containers: list[int]
    did: DeedsOut | None
