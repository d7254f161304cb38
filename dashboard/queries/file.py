"""One path of an image: what stands there, where it leads, what the layers made of it."""

from __future__ import annotations

import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.http import QueryDict

from dashboard.figures import counted
from dashboard.queries.files_wish import read_path
from dashboard.queries.numbers import whole_number
from worker.engine.content.capabilities import ATTRIBUTE, capability_text
from worker.engine.errors import InvalidInput, NotFound, StrataError
from worker.engine.files import Change, Difference, ImageFiles, Node, Version, to_text
from worker.models import ImageLayer

_SHOWN_BYTES = 256  # of an extended attribute
_TONES = {Change.ADDED: "good", Change.CHANGED: "warn", Change.REMOVED: "bad", Change.NONE: ""}
_SPECIAL = ((stat.S_ISUID, "setuid"), (stat.S_ISGID, "setgid"), (stat.S_ISVTX, "sticky"))
_DIFFERENCES = {
    Difference.TYPE: "type",
    Difference.CONTENT: "content",
    Difference.MODE: "mode",
    Difference.OWNER: "owner",
    Difference.TIME: "time",
    Difference.XATTRS: "extended attributes",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address asks for.

    Attributes:
        path: without slashes around it.
        top: position of the layer up to which it is looked; None: the whole image.
    """

    path: bytes
    top: int | None = None

    @classmethod
    def read(cls, query: QueryDict) -> Asked:
        """Raises InvalidInput."""
        text = query.get("layer", "")
        layer = whole_number(text, 5)
        if text and layer is None:
            raise InvalidInput(
                "A layer is a number: its position, from 0 for the base.",
                hint="Choose one on the image's page.",
            )
        return cls(read_path(query.get("path", "")), layer)


@dataclass(frozen=True, slots=True)
class Past:
    """What one layer says about the path.

    Attributes:
        place: counts from 1.
        is_here: whether it is what the page shows.
        is_last: whether it is what the whole image shows.
    """

    version: Version
    row: ImageLayer
    is_here: bool
    is_last: bool

    @property
    def place(self) -> int:
        return self.version.layer + 1

    @property
    def word(self) -> str:
        return self.version.change.value or "the same again"

    @property
    def tone(self) -> str:
        return _TONES[self.version.change]

    @property
    def what(self) -> tuple[Difference, ...]:
        return self.version.node.what if self.version.node else ()

    @property
    def differs(self) -> str:
        """In what it differs from what was there before, in words."""
        *most, last = [_DIFFERENCES[one] for one in self.what]
        return f"{', '.join(most)} and {last}" if most else last


@dataclass(frozen=True, slots=True)
class Sight:
    """What one sees at a path.

    Attributes:
        path: as it was asked for.
        top: position of the layer up to which it was looked; ``whole``, whether that is all of them.
        node: what stands there itself; None: nothing, or it is reached through links to directories alone.
        target: what it leads to; the node, if no link is on the way. None: nothing.
        lost: why the links lead nowhere; empty if they do.
        gone: the layer that removed it, if it was there below; else None.
        past: what the layers say, the latest first; of the target, if no node stands at the path itself.
    """

    path: bytes
    top: int
    whole: bool
    node: Node | None
    target: Node | None
    lost: str
    gone: ImageLayer | None
    past: tuple[Past, ...]

    @property
    def is_led(self) -> bool:
        """Whether a link is on the way to what is shown."""
        return self.target is not None and self.target != self.node

    @property
    def main(self) -> Node | None:
        """What the attributes are of: the path itself if there is something."""
        return self.node or self.target

    @property
    def name(self) -> bytes:
        return self.path.rpartition(b"/")[2]

    @property
    def absolute(self) -> str:
        """The path, as one writes it."""
        return f"/{to_text(self.path)}"

    @property
    def past_path(self) -> bytes:
        """What ``past`` is of."""
        return self.main.path if self.main else self.path

    @property
    def place(self) -> int:
        return self.top + 1

    @property
    def gone_place(self) -> int:
        return self.gone.position + 1 if self.gone else 0

    @property
    def from_place(self) -> int:
        return self.main.layer + 1 if self.main else 0

    @property
    def versions(self) -> int:
        """How many layers put something else there."""
        return sum(one.version.node is not None and bool(one.version.change) for one in self.past)

    @property
    def octal(self) -> str:
        return f"{self.main.mode:04o}" if self.main else ""

    @property
    def special(self) -> str:
        """The permission bits that are more than reading, writing and running, in words."""
        mode = self.main.mode if self.main else 0
        return ", ".join(word for bit, word in _SPECIAL if mode & bit)


def look(files: ImageFiles, stack: Sequence[ImageLayer], asked: Asked) -> Sight:
    """Return what one sees at a path.

    Raises:
        InvalidInput: the image has no such layer.
        NotFound: no layer ever had something there.
    """
    top = files.depth - 1 if asked.top is None else asked.top
    if top >= files.depth:
        raise InvalidInput(
            f"The image has no layer {top + 1}: there are {counted(files.depth, 'layer')}.",
            hint="Choose one on the image's page.",
        )
    view = files.view(top)
    node = view.get(asked.path)
    lost = ""
    try:
        target = view.resolve(asked.path)
    except StrataError as error:
        target, lost = None, error.message
    if node is not None and target is None and not lost:
        lost = "There is nothing where it leads to in the image."
    seen = node or target
    past = _past(files, stack, seen, asked.path)
    if seen is None and not past:
        raise NotFound(
            f"There is no /{to_text(asked.path)} in this image.", hint="Choose a file on the Files tab."
        )
    removing = (one for one in past if one.version.layer <= top and one.version.change is Change.REMOVED)
    gone = next(removing, None) if seen is None else None
    return Sight(
        path=asked.path,
        top=top,
        whole=top == files.depth - 1,
        node=node,
        target=target,
        lost=lost,
        gone=gone.row if gone else None,
        past=past,
    )


def content_of(sight: Sight) -> Node:
    """Return what one sees. Raises NotFound if there is nothing."""
    if sight.target is None:
        raise NotFound(
            sight.lost or f"There is no {sight.absolute} in the image as of layer {sight.place}.",
            hint="Ask for another version of it.",
        )
    return sight.target


def _past(files: ImageFiles, stack: Sequence[ImageLayer], seen: Node | None, path: bytes) -> tuple[Past, ...]:
    versions = files.history(seen.path if seen else path)
    last = versions[-1].layer if versions and versions[-1].node is not None else None
    here = seen.layer if seen else None
    return tuple(
        Past(version, stack[version.layer], version.layer == here, version.layer == last)
        for version in reversed(versions)
    )


@dataclass(frozen=True, slots=True)
class Attribute:
    """An extended attribute.

    Attributes:
        value: as text, if it is text; else in hexadecimal.
        meaning: what it says, if that is known.
    """

    name: str
    value: str
    meaning: str = ""


def attributes(xattrs: Mapping[bytes, bytes]) -> list[Attribute]:
    """Return extended attributes as they are written on pages, by name."""
    return [
        Attribute(
            to_text(name),
            _value(value),
            (capability_text(value) or "not a valid set of capabilities") if name == ATTRIBUTE else "",
        )
        for name, value in sorted(xattrs.items())
    ]


def _value(value: bytes) -> str:
    shown = value[:_SHOWN_BYTES]
    text = shown.removesuffix(b"\0")
    written = text.decode() if text.isascii() and text.decode().isprintable() else shown.hex(" ")
    return written + (" …" if len(value) > _SHOWN_BYTES else "")
