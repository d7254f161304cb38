"""The directories of an image as a treemap, and as the table that says the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from dashboard import figures
from dashboard.weight import Drawing, Piece, draw
from worker.engine.files import View, to_text
from worker.engine.weight.parts import Contents, Part, contents
from worker.models import Image, ImageLayer

#: So many entries get a box and a line of their own; the others are one together.
MOST = 40
#: Of the drawings, one for each width of the card, in px; text is not to be scaled much.
_SIZES = {"wide": (1080, 480), "middle": (620, 440), "narrow": (340, 440)}


@dataclass(frozen=True, slots=True)
class Crumb:
    """A directory on the way to the one that is shown."""

    text: str
    address: str


@dataclass(frozen=True, slots=True)
class MapRow:
    """A line of the table.

    Attributes:
        address: Of the map of a directory, or of the page of a file.
        share: Percent of the directory's bytes.
        place: Of the layer that most of it comes from; 1 is the base.
    """

    part: Part
    text: str
    address: str
    share: float
    place: int
    diff_id: str


@dataclass(frozen=True, slots=True)
class Map:
    """One directory.

    Attributes:
        drawings: The same for a window, a small one, and a phone, by these names.
        files_address: Where its files are listed.
    """

    contents: Contents
    text: str
    crumbs: tuple[Crumb, ...]
    rows: tuple[MapRow, ...]
    drawings: tuple[tuple[str, Drawing], ...]
    files_address: str


def weight_map(image: Image, slug: str, view: View, stack: Sequence[ImageLayer], path: bytes) -> Map | None:
    """Draw the directory at ``path``; None if there is none."""
    found = contents(view, path, MOST)
    if found is None:
        return None
    addresses = _Addresses(slug, image.pk)
    diff_ids = [row.layer.diff_id for row in stack]
    rows = tuple(
        MapRow(
            part,
            to_text(part.name),
            addresses.of(part),
            100 * part.size / found.size if found.size else 0.0,
            part.layer + 1,
            diff_ids[part.layer],
        )
        for part in found.parts
    )
    pieces = [_piece(row, diff_ids, addresses) for row in rows]
    rest = addresses.files(path)
    if found.others:
        name = f"{found.others:,} more"
        pieces.append(
            Piece(name, found.others_size, None, rest, f"{name}, together {figures.size(found.others_size)}")
        )
    return Map(
        found,
        "/" + to_text(path),
        tuple(addresses.crumbs(path)),
        rows,
        tuple((name, draw(pieces, *size)) for name, size in _SIZES.items()),
        rest,
    )


def _piece(row: MapRow, diff_ids: Sequence[str], addresses: _Addresses) -> Piece:
    part = row.part
    inner = [
        Piece(to_text(one.name), one.size, figures.hue(diff_ids[one.layer]), addresses.of(one), _title(one))
        for one in part.inner
    ]
    rest = part.size - sum(one.size for one in part.inner)
    if inner and rest > 0:  # no box, but its room: what has one stays to scale
        inner.append(Piece("", rest, None))
    return Piece(
        row.text + ("/" if part.is_directory else ""),
        part.size,
        figures.hue(row.diff_id),
        row.address,
        _title(part),
        tuple(inner),
    )


def _title(part: Part) -> str:
    files = f", {figures.counted(part.files, 'file')}" if part.is_directory else ""
    return f"/{to_text(part.path)}: {figures.size(part.size)}{files}, most of it from layer {part.layer + 1}"


class _Addresses:
    """Where boxes lead: directories to their own map, files to their page."""

    def __init__(self, slug: str, image_id: int) -> None:
        self._map = reverse("image_weight", args=[slug, image_id])
        self._files = reverse("image_files", args=[slug, image_id])
        self._file = reverse("image_file", args=[slug, image_id])

    def of(self, part: Part) -> str:
        return _with_path(self._map if part.is_directory else self._file, part.path)

    def files(self, path: bytes) -> str:
        return _with_path(self._files, path)

    def crumbs(self, path: bytes) -> list[Crumb]:
        names = path.split(b"/") if path else []
        way = [Crumb("/", self._map)]
        for at, name in enumerate(names):
            way.append(Crumb(to_text(name), _with_path(self._map, b"/".join(names[: at + 1]))))
        return way


def _with_path(address: str, path: bytes) -> str:
    return f"{address}?{urlencode({'path': to_text(path)})}" if path else address
