"""Counting contents: how much of what is in a project's files is the same, in whatever layer it stands."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.utils.timezone import now

from worker.engine.cancel import CancelToken
from worker.engine.errors import Cancelled, StrataError
from worker.engine.search import SearchIndex
from worker.engine.weight.same_contents import ContentGroup, content_groups
from worker.models import ContentCount, ContentShare, Image, ImageLayer, Layer, Project
from worker.models.content_stamp import content_stamp
from worker.progress import announce

logger = logging.getLogger(__name__)

_AT_ONCE = 1000  # rows
_SEVERAL = 0  # instead of the number of an image


def count_contents(cancel: CancelToken) -> None:
    """Count the contents of all projects that want it, in one pass over the search database."""
    wanted = ContentCount.objects.filter(asked_at__isnull=False)
    projects = list(Project.objects.filter(pk__in=wanted.values("project")))
    stamps = [content_stamp(project) for project in projects]
    tallies = [_Tally(_Holders.of(project)) for project in projects]
    numbers = dict(Layer.objects.values_list("diff_id", "pk"))
    try:
        for group in content_groups(settings.SEARCH_DIR, cancel):
            layers = [numbers[diff_id] for diff_id in map(str, group.layers) if diff_id in numbers]
            for tally in tallies:
                tally.add(group, layers)
        searchable = SearchIndex(settings.SEARCH_DIR).layers()
    except Cancelled:
        return
    except StrataError as error:
        logger.warning("contents are not counted: %s", error.message)
        return
    indexed = {numbers[diff_id] for diff_id in map(str, searchable) if diff_id in numbers}
    for project, stamp, tally in zip(projects, stamps, tallies, strict=True):
        _write(project, stamp, tally, len(tally.holders.images.keys() & indexed))
        announce(project.pk, "images")


@dataclass(frozen=True, slots=True)
class _Holders:
    """Who has which layer of a project.

    Attributes:
        repositories: By layer: those that have it.
        images: By layer: the image that alone has it, or ``_SEVERAL``. The images of one index are one.
        members: The images that are one, by the number that stands for them.
    """

    repositories: Mapping[int, frozenset[tuple[str, str]]]
    images: Mapping[int, int]
    members: Mapping[int, list[int]]

    @classmethod
    def of(cls, project: Project) -> _Holders:
        repository_of: dict[int, tuple[str, str]] = {}
        number_of: dict[int, int] = {}
        members: dict[int, list[int]] = {}
        rows = Image.objects.filter(project=project).order_by()
        for pk, index, host, repository in rows.values_list("pk", "index", "registry_host", "repository"):
            repository_of[pk] = host, repository
            number = number_of[pk] = -index if index is not None else pk
            members.setdefault(number, []).append(pk)
        repositories: dict[int, set[tuple[str, str]]] = {}
        images: dict[int, int] = {}
        stacks = ImageLayer.objects.filter(image__project=project).order_by()
        for image, layer in stacks.values_list("image_id", "layer_id").iterator(chunk_size=10_000):
            if image not in number_of:
                continue  # it came meanwhile
            repositories.setdefault(layer, set()).add(repository_of[image])
            number = number_of[image]
            if images.setdefault(layer, number) != number:
                images[layer] = _SEVERAL
        once = {layer: frozenset(names) for layer, names in repositories.items()}
        return cls(once, images, members)


class _Tally:
    """Bytes of a project's contents, each once.

    Attributes:
        distinct, files: Of all of them.
        of_repository, own_of_repository: By repository, those that it has, and that it alone has.
    """

    def __init__(self, holders: _Holders) -> None:
        self.holders = holders
        self.distinct = 0
        self.files = 0
        self.of_repository: Counter[tuple[str, str]] = Counter()
        self.own_of_repository: Counter[tuple[str, str]] = Counter()
        self._own: Counter[int] = Counter()

    def add(self, group: ContentGroup, layers: Iterable[int]) -> None:
        """Count contents that stand in ``layers``, of whatever project."""
        holders = self.holders
        here = [layer for layer in layers if layer in holders.images]
        if not here:
            return
        self.distinct += group.bytes
        self.files += group.files
        names = holders.repositories[here[0]].union(*(holders.repositories[layer] for layer in here[1:]))
        for name in names:
            self.of_repository[name] += group.bytes
        if len(names) == 1:
            self.own_of_repository[next(iter(names))] += group.bytes
        images = {holders.images[layer] for layer in here}
        if len(images) == 1 and _SEVERAL not in images:
            self._own[images.pop()] += group.bytes

    def own_of_image(self) -> dict[int, int]:
        """Bytes of the contents that no other image has, by image."""
        return {image: size for one, size in self._own.items() for image in self.holders.members[one]}


def _write(project: Project, stamp: str, counted: _Tally, layers: int) -> None:
    own_of_image = counted.own_of_image()
    shares = [
        ContentShare(
            project=project,
            registry_host=host,
            repository=repository,
            distinct=size,
            own=counted.own_of_repository[host, repository],
        )
        for (host, repository), size in counted.of_repository.items()
    ]
    with transaction.atomic():
        here = set(Image.objects.filter(project=project).values_list("pk", flat=True))
        shares += [
            ContentShare(project=project, image_id=image, own=size)
            for image, size in own_of_image.items()
            if image in here
        ]
        ContentShare.objects.filter(project=project).delete()
        ContentShare.objects.bulk_create(shares, batch_size=_AT_ONCE)
        ContentCount.objects.filter(project=project).update(
            distinct=counted.distinct,
            distinct_files=counted.files,
            layers=layers,
            stamp=stamp,
            counted_at=now(),
            asked_at=None,
        )
