"""Removing images: which are chosen, and what their removal means, in words and widths."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q
from django.http import QueryDict
from django.utils import timezone

from dashboard.figures import Bar, Slice, bars, size
from dashboard.queries.images import layers_of
from dashboard.queries.names import Named, named, names_of
from worker.engine.errors import InvalidInput
from worker.models import Container, Image, ImageLayer, Project, Schedule, Tag
from worker.services import MOST_IMAGES, Keepers, LayerFate, WhatWouldGo

LISTED = 100
"""So many images are listed; the rest is counted."""
LISTED_LAYERS = 40
PICTURE_WIDTH = 600
MOST_KEPT, MOST_DAYS = 1000, 3650
_MOST_IDS = 10 * MOST_IMAGES


def read_ids(values: Iterable[str]) -> list[int]:
    """Read ids of images, several to a value, with commas between them.

    Raises:
        InvalidInput: one is no number.
    """
    ids: dict[int, None] = {}
    for word in (word.strip() for value in values for word in value.split(",")):
        if not word:
            continue
        if not (word.isascii() and word.isdigit() and len(word) < 19) or len(ids) > _MOST_IDS:
            raise InvalidInput("That is no choice of images.", hint="Choose from the list of images.")
        ids[int(word)] = None
    return list(ids)


@dataclass(frozen=True, slots=True)
class Rule:
    """Which images a rule chooses: all that hold for each of what is given.

    Attributes:
        repository: as ``host/path``; empty for every one, each on its own.
        keep: so many of each repository's images stay, those pulled last.
        days: an image stays that was pulled, or found unchanged, within so many days; 0 for no such bound.
    """

    repository: str = ""
    keep: int = 0
    days: int = 0

    @classmethod
    def read(cls, query: QueryDict) -> Rule | None:
        """Read a rule; None if none is asked for.

        Raises:
            InvalidInput: a number is none, or out of its bounds.
        """
        keep, days = _number(query, "keep", MOST_KEPT), _number(query, "days", MOST_DAYS)
        if keep is None and days is None:
            return None
        return cls(query.get("repository", "").strip()[:600], keep or 0, days or 0)

    def apply(self, project: Project) -> list[int]:
        """Return the ids of what is chosen, pulled longest ago first; an image goes for all platforms."""
        images = Image.objects.filter(project=project).order_by()
        if self.repository:
            host, _, path = self.repository.partition("/")
            images = images.filter(registry_host=host, repository=path)
        groups: dict[tuple[str, str], dict[int, list[tuple[datetime, int]]]] = defaultdict(
            lambda: defaultdict(list)
        )
        for pk, host, path, index, pulled, of_index in images.values_list(
            "pk", "registry_host", "repository", "index", "pulled_at", "index__pulled_at"
        ):
            groups[host, path][-pk if index is None else index].append((of_index or pulled, pk))
        fresh = self._fresh(project)
        chosen: list[tuple[datetime, list[int]]] = []
        for members in groups.values():
            newest_first = sorted(
                ((max(at for at, _ in group), [pk for _, pk in group]) for group in members.values()),
                key=lambda group: (group[0], max(group[1])),
                reverse=True,
            )
            chosen += [
                (at, ids)
                for at, ids in newest_first[self.keep :]
                if not self.days or (at < self._since and fresh.isdisjoint(ids))
            ]
        return [pk for _, ids in sorted(chosen) for pk in sorted(ids)]

    @property
    def _since(self) -> datetime:
        return timezone.now() - timedelta(days=self.days)

    def _fresh(self, project: Project) -> set[int]:
        """Images that a tag was found to point at still."""
        if not self.days:
            return set()
        checked = Tag.objects.filter(project=project, checked_at__gte=self._since, image__isnull=False)
        return {pk for pk in checked.values_list("image", flat=True) if pk is not None}


def _number(query: QueryDict, name: str, most: int) -> int | None:
    text = query.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or int(text[:9]) > most:
        raise InvalidInput(f"{name} is a whole number from 0 to {most:,}.")
    return int(text)


def repositories(project: Project) -> list[str]:
    """Return the repositories of the project's images, as ``host/path``."""
    rows = Image.objects.filter(project=project).order_by().values_list("registry_host", "repository")
    return sorted(f"{host}/{path}" for host, path in rows.distinct())


@dataclass(frozen=True, slots=True)
class Chosen:
    """One chosen image.

    Attributes:
        others: the ids of the others, for the address without this one.
        containers: those that stand on it, so that it cannot be removed.
        elsewhere: whether another project has it, too.
    """

    image: Image
    named: Named
    layers: Sequence[ImageLayer]
    others: str
    containers: tuple[Container, ...]
    extracting: bool
    elsewhere: bool


@dataclass(frozen=True, slots=True)
class Stratum:
    """One layer of the chosen images, and what becomes of it."""

    fate: LayerFate
    why: str
    first: Named | None


@dataclass(frozen=True, slots=True)
class Piece:
    """A rectangle of the picture."""

    bar: Bar
    goes: bool


@dataclass(frozen=True, slots=True)
class Removal:
    """What a page shows of a removal.

    Attributes:
        ids, free_ids: of all chosen images, and of those that can be removed, for addresses.
        chosen, strata: as many as are listed; ``more_images`` and ``more_layers`` are there besides.
        pieces: layers to scale, what goes on the left.
        siblings: what is the same image as a chosen one for another platform, and stays; ``with_siblings``
            are the ids with them.
    """

    what: WhatWouldGo
    ids: str
    free_ids: str
    chosen: list[Chosen]
    more_images: int
    held: list[Chosen]
    strata: list[Stratum]
    more_layers: int
    pieces: list[Piece]
    goes_width: float
    tags: list[Tag]
    schedules: list[Schedule]
    siblings: list[str]
    with_siblings: str

    @property
    def name(self) -> str:
        """Of a single image; else how many they are."""
        if len(self.what.images) == 1:
            return str(self.chosen[0].named)
        return f"{len(self.what.images):,} images"


def removal_of(project: Project, what: WhatWouldGo) -> Removal:
    """Return what to show of ``what``."""
    images = list(what.images)
    ids = [image.pk for image in images]
    shown = images[:LISTED]
    held_images = [image for image in images[LISTED:] if image.pk in what.held]
    names = names_of([*shown, *held_images])
    stacks = layers_of([image.pk for image in shown])
    chosen = [
        Chosen(
            image=image,
            named=names[image.pk],
            layers=stacks.get(image.pk, []),
            others=_joined(pk for pk in ids if pk != image.pk),
            containers=what.containers.get(image.pk, ()),
            extracting=image.pk in what.extracting,
            elsewhere=image.pk in what.elsewhere,
        )
        for image in [*shown, *held_images]
    ]
    fates = what.layers[:LISTED_LAYERS]
    firsts = {keep.first for fate in fates for keep in (fate.keepers, fate.blob_keepers)}
    keepers = named(project, (pk for pk in firsts if pk is not None))
    tags = list(Tag.objects.filter(image__in=ids).order_by("registry_host", "repository", "name", "platform"))
    siblings = _siblings(project, images)
    pieces, width = _pieces(what)
    return Removal(
        what=what,
        ids=_joined(ids),
        free_ids=_joined(pk for pk in ids if pk not in what.held),
        chosen=chosen[: len(shown)],
        more_images=len(images) - len(shown),
        held=[one for one in chosen if one.containers or one.extracting],
        strata=[_stratum(fate, keepers) for fate in fates],
        more_layers=len(what.layers) - len(fates),
        pieces=pieces,
        goes_width=width,
        tags=tags,
        schedules=list(
            Schedule.objects.filter(project=project, enabled=True, reference__in={str(tag) for tag in tags})
        ),
        siblings=sorted({image.platform for image in siblings}),
        with_siblings=_joined([*ids, *(image.pk for image in siblings)]),
    )


def _joined(ids: Iterable[int]) -> str:
    return ",".join(map(str, ids))


def _siblings(project: Project, images: Sequence[Image]) -> list[Image]:
    indexes = {image.index_id for image in images} - {None}
    same = Image.objects.filter(Q(index__in=indexes), project=project).order_by("pk").defer("config")
    return list(same.exclude(pk__in=[image.pk for image in images]))


def _stratum(fate: LayerFate, names: dict[int, Named]) -> Stratum:
    keepers = fate.keepers if fate.keepers.any else fate.blob_keepers
    first = names.get(keepers.first) if keepers.first is not None else None
    return Stratum(fate, _because(keepers, first), first)


def _because(keepers: Keepers, first: Named | None) -> str:
    """Who keeps it, besides the image that is named before these words."""
    reasons = []
    if keepers.images > 1:
        others = keepers.images - 1
        reasons.append(f"{others:,} more image{'s' if others > 1 else ''}" if first else f"{others:,} images")
    if keepers.elsewhere:
        reasons.append("an image of another project")
    if keepers.work:
        reasons.append("a running pull or extraction")
    if keepers.container:
        reasons.append("a container")
    return ", ".join(reasons)


def _pieces(what: WhatWouldGo) -> tuple[list[Piece], float]:
    goes = sorted((fate for fate in what.layers if fate.goes), key=lambda fate: -(fate.goes or 0))
    stays = sorted((fate for fate in what.layers if fate.stays), key=lambda fate: -fate.stays)
    slices = [
        *(Slice(fate.diff_id, fate.goes or 0, _title(fate, fate.goes or 0, "goes")) for fate in goes),
        *(Slice(fate.diff_id, fate.stays, _title(fate, fate.stays, "stays")) for fate in stays),
    ]
    drawn = bars(slices, PICTURE_WIDTH)
    pieces = [Piece(bar, number < len(goes)) for number, bar in enumerate(drawn)]
    width = pieces[len(goes) - 1].bar.start + pieces[len(goes) - 1].bar.length if goes else 0.0
    return pieces, width


def _title(fate: LayerFate, count: int, what: str) -> str:
    return " · ".join(part for part in (fate.created_by[:80], f"{size(count)} {what}") if part)
