"""What a layer did, in the stack of an image: a layer alone does not tell what was there before."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload
from weakref import WeakKeyDictionary

from django.core.paginator import Page, Paginator

from dashboard.queries.file_trees import FilesNotHere, files_or_why_not
from dashboard.queries.names import Named, names_of
from dashboard.queries.numbers import ID_DIGITS, whole_number
from worker.engine.errors import InvalidInput, NotFound
from worker.engine.files import Change, Changes, Count, Node, View
from worker.models import Image, ImageLayer, Layer, Project

PER_PAGE = 100
KINDS = (Change.ADDED, Change.CHANGED, Change.REMOVED)
#: So many images are offered as a menu; any other can be named in the address.
MENU = 50
_TONES = {Change.ADDED: "good", Change.CHANGED: "warn", Change.REMOVED: "bad"}


@dataclass(frozen=True, slots=True)
class Standing:
    """A layer in the stack of one image; if it is in there twice, at its higher place.

    Attributes:
        row: the layer's place.
        others: further images that stand on it, the oldest first, so many as a menu takes.
    """

    image: Image
    named: Named
    row: ImageLayer
    others: tuple[Named, ...]

    @property
    def place(self) -> int:
        """Counted from 1."""
        return self.row.position + 1


def standing(project: Project, layer: Layer, image: str = "") -> Standing:
    """Return the layer in the stack of ``image`` (an id), or of the first image that stands on it.

    The first is the one that came here first, of those that are extracted if there are any.

    Raises:
        NotFound: the project has no such image, or it does not stand on the layer.
        InvalidInput: ``image`` is no id.
    """
    wanted = whole_number(image, ID_DIGITS)
    if image and wanted is None:
        raise InvalidInput("An image is named by its number.", hint="Choose one on the layer's page.")
    here = ImageLayer.objects.filter(layer=layer, image__project=project)
    holding = Image.objects.filter(project=project, pk__in=here.values("image")).defer("config")
    menu = list(holding.order_by("-extracted", "pk")[: MENU + 1])
    wanted = menu[0].pk if wanted is None else wanted
    chosen = next((one for one in menu if one.pk == wanted), None) or holding.filter(pk=wanted).first()
    if chosen is None:
        raise NotFound(
            "No such image of this project stands on the layer.", hint="Choose one on the layer's page."
        )
    others = [one for one in menu if one != chosen][:MENU]
    names = names_of([chosen, *others])
    row = here.filter(image=chosen).order_by("-position")[:1].get()
    return Standing(chosen, names[chosen.pk], row, tuple(names[one.pk] for one in others))


@dataclass(frozen=True, slots=True)
class Deed:
    """What a layer did to one path.

    Attributes:
        node: what is there with the layer on top; if it removed that, what was there before.
        before: what was there before, if it changed that.
    """

    node: Node
    before: Node | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What a layer did, and a page of the paths that it did it to, the largest first.

    Attributes:
        kind: the only change that is listed; None: every one.
        not_here: why that cannot be told now; then the rest is None.
    """

    sums: Changes | None = None
    kind: Change | None = None
    page: Page[Deed] | None = None
    not_here: FilesNotHere | None = None

    @property
    def tally(self) -> tuple[Tally, ...]:
        if self.sums is None:
            return ()
        counts = (self.sums.added, self.sums.changed, self.sums.removed)
        before = (None, self.sums.changed_before if counts[1].files else None, None)
        return tuple(
            Tally(kind, count, old, kind is self.kind)
            for kind, count, old in zip(KINDS, counts, before, strict=True)
        )

    @property
    def ways(self) -> list[tuple[int, str, str]]:
        """The pages beside this one: number, what it says, how they are related."""
        page = self.page
        found = [(page.previous_page_number(), "Larger", "prev")] if page and page.has_previous() else []
        return found + ([(page.next_page_number(), "Smaller", "next")] if page and page.has_next() else [])


@dataclass(frozen=True, slots=True)
class Tally:
    """How much a layer did of one kind.

    Attributes:
        before: bytes that the changed files had; None for what has no before.
        is_chosen: whether only these are listed.
    """

    kind: Change
    count: Count
    before: int | None
    is_chosen: bool

    @property
    def value(self) -> str:
        """What the address says to list only these; to list all again, if it is so."""
        return "" if self.is_chosen else self.kind.value

    @property
    def title(self) -> str:
        return self.kind.value.capitalize()

    @property
    def tone(self) -> str:
        return _TONES[self.kind]


def done(where: Standing, change: str, number: str | None, per_page: int = PER_PAGE) -> Done:
    """Tell what a layer did where it stands.

    Args:
        change: ``added``, ``changed`` or ``removed`` to list only these; anything else: every one.
        number: of the page; one out of range gives the nearest.
    """
    kind = next((one for one in KINDS if one == change), None)
    files = files_or_why_not(where.image)
    if isinstance(files, FilesNotHere):
        return Done(kind=kind, not_here=files)
    view = files.view(where.row.position)
    page = Paginator(Largest(view, kind), per_page).get_page(number)
    return Done(view.changes(), kind, page)


class Largest(Sequence[Deed]):
    """What the topmost layer of a view did, the largest first; made as it is asked for."""

    def __init__(self, view: View, kind: Change | None) -> None:
        self._view = view
        self._places = _places(view)[kind]

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, wanted: int) -> Deed: ...
    @overload
    def __getitem__(self, wanted: slice) -> list[Deed]: ...
    def __getitem__(self, wanted: int | slice) -> Deed | list[Deed]:
        if isinstance(wanted, slice):
            return [self._deed(place) for place in self._places[wanted]]
        return self._deed(self._places[wanted])

    def _deed(self, place: int) -> Deed:
        if place < 0:
            return Deed(self._view.gone_node(~place))
        node = self._view.node(place)
        return Deed(node, self._view.before(node.path) if node.change is Change.CHANGED else None)


#: As long as a view is kept by whoever made it: in which order to list what its topmost layer did.
_orders: WeakKeyDictionary[View, dict[Change | None, array[int]]] = WeakKeyDictionary()


def _places(view: View) -> dict[Change | None, array[int]]:
    """Of each kind of change, and of all: entries of the tree, and, inverted, entries that are gone."""
    known = _orders.get(view)
    if known is None:
        known = _orders[view] = _ordered(view)
    return known


def _ordered(view: View) -> dict[Change | None, array[int]]:
    there = [(view.node(at), at) for at, layer in enumerate(view.columns().layers) if layer == view.top]
    gone = [(view.gone_node(at), ~at) for at in range(view.gone)]
    changed = [(node, place) for node, place in (*there, *gone) if node.change]
    changed.sort(key=lambda one: (-one[0].size, one[0].path))
    orders: dict[Change | None, array[int]] = {None: array("l", (place for _, place in changed))}
    for kind in KINDS:
        orders[kind] = array("l", (place for node, place in changed if node.change is kind))
    return orders
