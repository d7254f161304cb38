"""What a file holds, as a page can show it: as text, as a picture, or byte by byte."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, overload

from django.core.paginator import Page, Paginator

from worker.engine.content import open_file, pieces, read_head
from worker.engine.content.hexdump import ROW_BYTES, HexRow, hex_rows
from worker.engine.content.images import MAGIC_BYTES, raster_type
from worker.engine.content.text import Text, read_text
from worker.engine.errors import StrataError
from worker.engine.files import Node
from worker.engine.oci import Digest
from worker.engine.store import LayerStore

TEXT_BYTES = 1 << 20
PICTURE_BYTES = 32 << 20
LINES_PER_PAGE = 2000
LINE_CHARACTERS = 4000
ROWS_PER_PAGE = 256


class Form(StrEnum):
    """How content is shown."""

    TEXT = "text"
    PICTURE = "picture"
    HEX = "hex"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a text; ``left_out`` characters at its end are not shown."""

    number: int
    text: str
    left_out: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A page of a file's content.

    Attributes:
        form: how it is shown; ``forms``, how it could be, the best first.
        page: lines of text, or rows of bytes; None for a picture, or an empty file.
        text: what the file is as text, of its first bytes; None if it is none.
        media_type: of the picture; empty if it is none.
        problem: why there is nothing to show; None if there is.
    """

    form: Form
    forms: tuple[Form, ...] = ()
    page: Page[Any] | None = None
    text: Text | None = None
    media_type: str = ""
    is_cut: bool = False
    problem: StrataError | None = None

    @property
    def lines(self) -> Iterator[Line]:
        if self.page is None:
            return
        for number, text in enumerate(self.page.object_list, self.page.start_index()):
            yield Line(number, text[:LINE_CHARACTERS], max(0, len(text) - LINE_CHARACTERS))


def show(layers: LayerStore, node: Node, diff_id: Digest, form: str, number: str | None) -> Shown:
    """Read as much of a file as a page shows.

    Args:
        form: how it shall be shown, if it can be; anything else means the best way.
        number: of the page of lines or rows; one out of range gives the nearest.
    """
    try:
        head = read_head(layers, node, diff_id, TEXT_BYTES)
        media_type = raster_type(head[:MAGIC_BYTES]) if node.size <= PICTURE_BYTES else None
        text = None if media_type else read_text(head, whole=len(head) == node.size)
        possible = {Form.PICTURE: media_type, Form.TEXT: text, Form.HEX: node.size}
        forms = tuple(form for form, it in possible.items() if it)
        chosen = next((one for one in forms if one == form), forms[0] if forms else Form.TEXT)
        page: Page[Any] | None = None
        if text is not None and chosen is Form.TEXT:
            page = Paginator(text.lines(), LINES_PER_PAGE).get_page(number)
        elif chosen is Form.HEX:
            page = Paginator(_Rows(layers, node, diff_id), ROWS_PER_PAGE).get_page(number)
    except StrataError as error:
        return Shown(Form.HEX, problem=error)
    return Shown(
        form=chosen,
        forms=forms,
        page=page if node.size else None,
        text=text,
        media_type=media_type or "",
        is_cut=chosen is Form.TEXT and len(head) < node.size,
    )


def picture_type(layers: LayerStore, node: Node, diff_id: Digest) -> str | None:
    """Return the media type of the picture that a file is; None if it is none that a page draws.

    Raises:
        StrataError: as ``open_file``.
    """
    if node.size > PICTURE_BYTES:
        return None
    return raster_type(read_head(layers, node, diff_id, MAGIC_BYTES))


class _Rows(Sequence[HexRow]):
    """All rows of a file, of which only those that are asked for are read."""

    def __init__(self, layers: LayerStore, node: Node, diff_id: Digest) -> None:
        self._layers, self._node, self._diff_id = layers, node, diff_id

    def __len__(self) -> int:
        return -(-self._node.size // ROW_BYTES)

    @overload
    def __getitem__(self, wanted: int) -> HexRow: ...
    @overload
    def __getitem__(self, wanted: slice) -> list[HexRow]: ...
    def __getitem__(self, wanted: int | slice) -> HexRow | list[HexRow]:
        if isinstance(wanted, int):
            return self[wanted : wanted + 1][0]
        first, last, _ = wanted.indices(len(self))
        start, end = first * ROW_BYTES, min(last * ROW_BYTES, self._node.size)
        with open_file(self._layers, self._node, self._diff_id) as content:
            data = b"".join(pieces(content, self._node, start, max(0, end - start)))
        return list(hex_rows(data, start))
