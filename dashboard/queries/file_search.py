"""Searching the files of all of a project's images: what is shown of the answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice

from django.conf import settings

from dashboard.queries.names import Named, named
from dashboard.queries.search_index import search_index
from worker.engine.containers.home import Home
from worker.engine.files import from_text, to_text
from worker.engine.oci import Digest
from worker.engine.search import FileQuery, Found, Kind, Mode, Place
from worker.engine.search.uppers import state_in
from worker.engine.search.visibility import Fate, Stacks, State, fate
from worker.models import Container, ContainerState, Project

PER_PAGE = 25
MOST_PATHS = 12
"""Of one content: so many paths are followed into images, and shown."""
MOST_LAYERS, MOST_IMAGES, MOST_HIDDEN = 8, 6, 3
_MOST_CONTAINERS = 1000


@dataclass(frozen=True, slots=True)
class Hidden:
    """An image in which it is out of sight, and the place of the layer that did it."""

    image: Named
    fate: Fate

    @property
    def number(self) -> int:
        return (self.fate.by or 0) + 1


@dataclass(frozen=True, slots=True)
class PathRow:
    """A path at which it stands.

    Attributes:
        path: where it stands.
        layers: that have it there; some of them.
        more: how many more have.
        image: one in which it can be opened, as of the layer at ``position`` (None: as a whole); None: none.
    """

    path: bytes
    layers: tuple[Digest, ...]
    more: int
    image: int | None
    position: int | None

    @property
    def address(self) -> str:
        """The path in its text form, with a slash in front."""
        return f"/{to_text(self.path)}"


@dataclass(frozen=True, slots=True)
class Answer:
    """One content, and where it is.

    Attributes:
        paths: at which it stands, up to ``MOST_PATHS``.
        more_paths: further ones among those that were looked at.
        at_least: whether there are more than were looked at: then counts are lower bounds.
        visible: how many images show it; ``images``: the newest of them.
        out_of_sight: how many images hold it in a layer and do not show it; ``hidden``: some of them.
        containers: that run, and show it.
    """

    found: Found
    paths: tuple[PathRow, ...]
    more_paths: int
    at_least: bool
    visible: int
    images: tuple[Named, ...]
    out_of_sight: int
    hidden: tuple[Hidden, ...]
    containers: tuple[Container, ...]

    @property
    def more_images(self) -> int:
        return self.visible - len(self.images)

    @property
    def more_hidden(self) -> int:
        return self.out_of_sight - len(self.hidden)

    @property
    def sha256(self) -> str:
        return f"sha256:{self.found.sha256.hex()}" if self.found.sha256 else ""

    @property
    def kind(self) -> Kind:
        return self.found.kind


@dataclass(frozen=True, slots=True)
class Answers:
    """A page of answers; see ``FoundPage``."""

    items: tuple[Answer, ...]
    after: str | None
    in_time: bool
    searched: float | None

    @property
    def percent(self) -> int | None:
        return None if self.searched is None else int(self.searched * 100)


def search(
    project: Project, stacks: Stacks[Digest], query: FileQuery, after: str = "", limit: int = PER_PAGE
) -> Answers:
    """Look for ``query`` in the layers of a project's images.

    Raises:
        InvalidInput: the text, the expression or the cursor cannot be read.
        StoreError: the search database cannot be used.
    """
    text = from_text(query.text) if query.mode is Mode.TEXT else None
    layers = stacks.layers
    page = search_index().search(
        query, layers, after=after, limit=limit, seconds=settings.SEARCH_SECONDS, text=text
    )
    paths = [
        [list(places) for _, places in groupby(found.places, key=lambda place: place.path)]
        for found in page.items
    ]
    asked = [
        (places[0].path, found.kind is Kind.DIRECTORY)
        for found, groups in zip(page.items, paths, strict=True)
        for places in groups[:MOST_PATHS]
    ]
    covers = iter(search_index().covers_of(asked, layers))
    followed = [
        _follow(stacks, found, groups, [next(covers) for _ in groups[:MOST_PATHS]])
        for found, groups in zip(page.items, paths, strict=True)
    ]
    names = named(project, {image for one in followed for image in one.named()})
    running = _running(project) if any(one.visible for one in followed) else []
    items = tuple(one.answer(stacks, names, running) for one in followed)
    return Answers(items, page.after, page.in_time, page.searched)


@dataclass(slots=True)
class _Followed:
    """A content, followed into the images: sets of them, as :class:`Stacks` has them."""

    found: Found
    groups: Sequence[Sequence[Place]]
    rows: list[PathRow]
    visible: int
    out_of_sight: int
    shown: list[int]
    fates: list[tuple[int, Fate]]
    visible_at: list[tuple[bytes, int]]

    def named(self) -> set[int]:
        return {*self.shown, *(image for image, _ in self.fates)}

    def answer(
        self, stacks: Stacks[Digest], names: Mapping[int, Named], running: Sequence[Container]
    ) -> Answer:
        return Answer(
            found=self.found,
            paths=tuple(self.rows),
            more_paths=max(0, len(self.groups) - MOST_PATHS),
            at_least=self.found.more or len(self.groups) > MOST_PATHS,
            visible=self.visible.bit_count(),
            images=tuple(names[image] for image in self.shown if image in names),
            out_of_sight=self.out_of_sight.bit_count(),
            hidden=tuple(Hidden(names[image], fate_) for image, fate_ in self.fates if image in names),
            containers=tuple(one for one in running if self._shows(stacks, one)),
        )

    def _shows(self, stacks: Stacks[Digest], container: Container) -> bool:
        at = [path for path, images in self.visible_at if stacks.has(images, container.image_id)]
        if not at:
            return False
        upper = Home(settings.STORE_DIR / "containers" / str(container.runtime_id)).upper
        return any(state_in(upper, path) is State.VISIBLE for path in at)


def _follow(
    stacks: Stacks[Digest],
    found: Found,
    groups: Sequence[Sequence[Place]],
    covers: Sequence[Mapping[Digest, State]],
) -> _Followed:
    visible, anywhere = 0, 0
    one = _Followed(found, groups, [], 0, 0, [], [], [])
    hidden: list[tuple[int, Digest, Mapping[Digest, State]]] = []
    for places, covering in zip(groups, covers, strict=False):
        seen_here = 0
        for place in places:
            images = stacks.on(place.layer)
            out = stacks.hidden(place.layer, covering)
            anywhere |= images
            seen_here |= images & ~out
            hidden.append((out, place.layer, covering))
        visible |= seen_here
        one.visible_at.append((places[0].path, seen_here))
        one.rows.append(_path_row(stacks, places, seen_here))
    if found.kind is Kind.DELETED:
        # A deletion mark is never in sight: what counts is which images have it.
        visible, hidden = anywhere, []
    one.visible, one.out_of_sight = visible, anywhere & ~visible
    one.shown = list(islice(stacks.ids(visible), MOST_IMAGES))
    for out, layer, covering in hidden:
        known = {image for image, _ in one.fates}
        for image in islice(stacks.ids(out & ~visible), MOST_HIDDEN):
            done = fate(stacks.stack(image), layer, covering)
            if image not in known and done is not None and len(one.fates) < MOST_HIDDEN:
                one.fates.append((image, done))
    return one


def _path_row(stacks: Stacks[Digest], places: Sequence[Place], seen: int) -> PathRow:
    layers = [place.layer for place in places]
    image = next(stacks.ids(seen), None)
    position = None
    if image is None:
        image = next((image for layer in layers for image in stacks.ids(stacks.on(layer))), None)
        stack = stacks.stack(image) if image is not None else ()
        position = max((at for at, layer in enumerate(stack) if layer in layers), default=None)
    shown = tuple(layers[:MOST_LAYERS])
    return PathRow(places[0].path, shown, len(layers) - len(shown), image, position)


def _running(project: Project) -> list[Container]:
    rows = Container.objects.filter(project=project, state=ContainerState.RUNNING).order_by("name", "pk")
    return list(rows.only("pk", "name", "image_id", "runtime_id", "project_id")[:_MOST_CONTAINERS])
