"""The files of an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from django.http import HttpRequest
from ninja import Query, Router

from dashboard.api.auth import caller
from dashboard.api.paging import Cursor, start_of
from dashboard.api.schemas.files import FileOut, FilesOut
from dashboard.api.scope import find, require_extracted
from dashboard.queries.file_trees import files_of
from dashboard.queries.files import sorted_children
from dashboard.queries.files_matches import matches
from dashboard.queries.files_open import chosen_layer
from dashboard.queries.files_wish import FileFilter, Wish, read_path
from worker.engine.errors import InvalidInput, NotFound
from worker.engine.files import Node, View, to_text
from worker.models import Image

router = Router(tags=["images"])

Size = Annotated[str, Query(description="Bytes, or with a unit: `10K`, `1.5 MiB`, `2 GB`.")]


@router.get("images/{int:id}/files", response=FilesOut, summary="The files of an image, as of any layer")
def image_files(
    request: HttpRequest,
    id: int,
    path: Annotated[str, Query(description="A directory; links are followed inside of the image.")] = "/",
    layer: Annotated[
        int | None, Query(ge=0, description="Position of the topmost layer that counts.")
    ] = None,
    recursive: Annotated[bool, Query(description="Whatever is below, not only what is in it.")] = False,
    q: Annotated[str, Query(description="A part of the name, or a glob for it; with `/`, of the path.")] = "",
    change: Annotated[Literal["", "any", "added", "changed", "removed"], Query()] = "",
    type: Annotated[Literal["", "file", "directory", "symlink", "hardlink", "device", "fifo"], Query()] = "",
    bits: Annotated[Literal["", "special", "setuid", "setgid", "sticky", "writable"], Query()] = "",
    least: Size = "",
    most: Size = "",
    sort: Annotated[Literal["name", "-size", "size", "-time", "time"], Query()] = "name",
    cursor: Cursor = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> FilesOut:
    """Members. Any filter looks at whatever is below the directory; all that are given must hold.

    What the layer removed is listed beside what is there, and marked so.
    """
    image = find(Image.objects.all(), caller(request), id, "image")
    require_extracted(image)
    files = files_of(image, caller(request))
    wish = Wish(path=read_path(path), layer=layer)
    view = files.view(chosen_layer(wish, files.depth) if files.depth else None)
    directory = _directory(view, wish.path)
    wanted = FileFilter(
        text=q.strip(), change=change, type=type, bits=bits, least=least.strip(), most=most.strip()
    )
    start = start_of(cursor)
    page: Sequence[Node]
    if wanted.narrows or recursive:
        found = matches(view, directory, wanted, sort)
        count, page = len(found), found.nodes(start, limit)
    else:
        children = sorted_children(view, directory, sort)
        count, page = len(children), children[start : start + limit]
    return FilesOut(
        as_of=view.top,
        path=f"/{to_text(directory)}",
        count=count,
        items=[FileOut.of(node, view) for node in page],
        next=str(start + limit) if start + limit < count else None,
    )


def _directory(view: View, path: bytes) -> bytes:
    """Return the directory that ``path`` leads to, or that the layer removed."""
    found = view.resolve(path)
    if found is not None and found.is_directory:
        return found.path
    gone = view.removed(path)
    if gone is not None and gone.is_directory:
        return path
    if found is not None:
        raise InvalidInput(f"/{to_text(path)} is no directory.", hint="Ask for the directory that it is in.")
    raise NotFound(
        f"There is no /{to_text(path)} as of layer {view.top}.", hint="Check the path and the layer."
    )
