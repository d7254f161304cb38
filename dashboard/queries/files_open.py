"""From what an address asks for to the merged tree of the image, or to the reason why there is none now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.contrib.auth.models import User

from dashboard.queries.file_trees import FilesNotHere, files_or_why_not
from dashboard.queries.files_owners import owners_of
from dashboard.queries.files_rows import RowMaker
from dashboard.queries.files_wish import Wish
from dashboard.queries.images import stack_of
from worker.engine.errors import InvalidInput, LinkLoop
from worker.engine.files import ImageFiles, Node, View
from worker.models import Image, ImageLayer


@dataclass(frozen=True, slots=True)
class Opened:
    """The files of an image as of the layer that was asked for.

    Attributes:
        wish: what was asked for, with links followed.
        directory: the one to list; None if it is not there as of this layer.
        sought: what in it was asked for, if that is no directory.
    """

    files: ImageFiles
    view: View
    wish: Wish
    directory: Node | None
    sought: bytes
    stack: Sequence[ImageLayer]
    maker: RowMaker


def open_files(image: Image, wish: Wish, file_address: str, by: User) -> Opened | FilesNotHere:
    """Return the files that ``wish`` is about.

    Args:
        file_address: of the page of one file, up to and including ``path=``.
        by: who looks; a file index that is damaged is made anew then.

    Raises:
        InvalidInput: the image has no such layer.
    """
    stack = stack_of(image)
    if not stack:
        return FilesNotHere(True, False, "This image has no layers, and so no files.", "")
    top = chosen_layer(wish, len(stack))
    files = files_or_why_not(image, by)
    if isinstance(files, FilesNotHere):
        return files
    view = files.view(top)
    if top == len(stack) - 1:
        wish = replace(wish, layer=None)  # the whole image, however it was asked for
    wish, directory, sought = _find(view, wish)
    maker = RowMaker(view, wish, stack, owners_of(view, stack), file_address, sought=sought)
    return Opened(files, view, wish, directory, sought, stack, maker)


def chosen_layer(wish: Wish, depth: int) -> int:
    """Return the position of the layer that ``wish`` is about. Raises InvalidInput if there is none."""
    if wish.layer is None:
        return depth - 1
    if wish.layer >= depth:
        raise InvalidInput(
            f"The image has no layer at position {wish.layer}.",
            hint=f"Positions go from 0, the base, to {depth - 1}.",
        )
    return wish.layer


def _find(view: View, wish: Wish) -> tuple[Wish, Node | None, bytes]:
    """Return the directory to show: links are followed, of a file it is the one that it is in."""
    found = view.get(wish.path)
    if found is None:
        gone = view.removed(wish.path)
        return wish, gone if gone is not None and gone.is_directory else None, b""
    if found.is_directory:
        return wish, found, b""
    try:
        target = view.resolve(wish.path)
    except LinkLoop:
        target = None
    if target is not None and target.is_directory:
        return replace(wish, path=target.path), target, b""
    above = wish.path.rpartition(b"/")[0]
    return replace(wish, path=above), view.get(above), wish.path
