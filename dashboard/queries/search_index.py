"""The search database and the stacks of a project's images, as pages and the API ask them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from django.conf import settings
from django.db.models import Count, Max

from worker.engine.oci import Digest
from worker.engine.search import SearchIndex
from worker.engine.search.visibility import Stacks
from worker.models import Image, ImageLayer, Layer, Project

_PROJECTS = 8  # whose stacks are kept: some megabytes for one of ten thousand images


def search_index() -> SearchIndex:
    """Return this process's view of the search database; it may not be there yet."""
    return _index(settings.SEARCH_DIR)


def stacks_of(project: Project) -> Stacks[Digest]:
    """Return the stacks of all images of a project; only what came since the last time is read."""
    return _kept.of(project)


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a project can be searched.

    Attributes:
        layers: of its images, each once.
        searchable: of those.
        waiting: will be, by themselves, in a moment.
        not_here: are not extracted.
    """

    layers: int
    searchable: int
    waiting: int
    not_here: int

    @property
    def is_complete(self) -> bool:
        return self.searchable == self.layers


def coverage(stacks: Stacks[Digest]) -> Coverage:
    """Tell how much can be searched. Raises StoreError."""
    layers = stacks.layers
    searchable = len(layers & search_index().layers())
    missing = Layer.objects.filter(tree_present=False).values_list("diff_id", flat=True)
    not_here = len({Digest.parse(diff_id) for diff_id in missing} & layers)
    return Coverage(len(layers), searchable, max(0, len(layers) - searchable - not_here), not_here)


def forget_stacks() -> None:
    """Read them anew the next time: for whoever exchanges the catalog below a running process."""
    _kept.clear()


@dataclass(slots=True)
class _Known:
    count: int
    last: int
    stacks: Stacks[Digest]


class _Kept:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._projects: OrderedDict[int, _Known] = OrderedDict()

    def clear(self) -> None:
        with self._lock:
            self._projects.clear()

    def of(self, project: Project) -> Stacks[Digest]:
        images = Image.objects.filter(project=project).order_by()
        now = images.aggregate(count=Count("pk"), last=Max("pk"))
        count, last = int(now["count"]), int(now["last"] or 0)
        with self._lock:
            known = self._projects.get(project.pk)
            if known is None or (known.count, known.last) != (count, last):
                known = self._brought_up_to_date(project, known, count, last)
                self._projects[project.pk] = known
            self._projects.move_to_end(project.pk)
            while len(self._projects) > _PROJECTS:
                self._projects.popitem(last=False)
            return known.stacks

    def _brought_up_to_date(self, project: Project, known: _Known | None, count: int, last: int) -> _Known:
        if known is not None:
            stacks = _read(project, known.last, last)
            if known.count + len(stacks) == count:  # nothing was removed
                together = Stacks(known.stacks.all())
                for image, stack in stacks:
                    together.add(image, stack)
                return _Known(count, last, together)
        return _Known(count, last, Stacks(_read(project, 0, last)))


def _read(project: Project, after: int, last: int) -> list[tuple[int, tuple[Digest, ...]]]:
    """The stacks of the images with these numbers, as they came into the catalog."""
    digests = {pk: Digest.parse(diff_id) for pk, diff_id in Layer.objects.values_list("pk", "diff_id")}
    rows = (
        ImageLayer.objects.filter(image__project=project, image__gt=after, image__lte=last)
        .order_by("image", "position")
        .values_list("image", "layer")
    )
    found = {
        image: tuple(digests[layer] for _, layer in group if layer in digests)
        for image, group in groupby(rows.iterator(chunk_size=20_000), key=lambda row: row[0])
    }
    # Images without layers are images, too: else their number would never be the one that is known.
    every = Image.objects.filter(project=project, pk__gt=after, pk__lte=last).order_by("pk")
    return [(image, found.get(image, ())) for image in every.values_list("pk", flat=True)]


@lru_cache(maxsize=2)
def _index(directory: Path) -> SearchIndex:
    return SearchIndex(directory)


_kept = _Kept()
