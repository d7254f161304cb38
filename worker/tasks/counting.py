"""Counting contents: how much of what is in a project's files is the same, in whatever layer it stands."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

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
    """Count the contents of all projects, in one pass over the search database."""
    wanted = ContentCount.objects.filter(asked_at__isnull=False)
    projects = list(Project.objects.filter(pk__in=wanted.values("project")))
    stamps = {project.pk: content_stamp(project) for project in projects}
    try:
        groups = list(content_groups(settings.SEARCH_DIR, cancel))
        searchable = SearchIndex(settings.SEARCH_DIR).layers()
    except Cancelled:
        return
    except StrataError as error:
        logger.warning("contents are not counted: %s", error.message)
        return
    numbers = dict(Layer.objects.values_list("diff_id", "pk"))
    layers = [[numbers[str(one)] for one in group.layers if str(one) in numbers] for group in groups]
    indexed = {numbers[str(one)] for one in searchable if str(one) in numbers}
    for project in projects:
        holders = _Holders.of(project)
        counted = _count(holders, groups, layers)
        counted.layers = len(indexed & holders.images.keys())
        _write(project, stamps[project.pk], counted)
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


@dataclass(slots=True)
class _Counted:
    """Bytes of contents, each once."""

    distinct: int = 0
    files: int = 0
    layers: int = 0
    of_repository: Counter[tuple[str, str]] = field(default_factory=Counter)
    own_of_repository: Counter[tuple[str, str]] = field(default_factory=Counter)
    own_of_image: Counter[int] = field(default_factory=Counter)


def _count(holders: _Holders, groups: Iterable[ContentGroup], layers: Iterable[list[int]]) -> _Counted:
    counted = _Counted()
    by_repositories: Counter[frozenset[tuple[str, str]]] = Counter()
    for group, numbers in zip(groups, layers, strict=True):
        here = [layer for layer in numbers if layer in holders.images]
        if not here:
            continue
        counted.distinct += group.bytes
        counted.files += group.files
        by_repositories[frozenset().union(*(holders.repositories[layer] for layer in here))] += group.bytes
        images = {holders.images[layer] for layer in here}
        if len(images) == 1 and _SEVERAL not in images:
            counted.own_of_image[images.pop()] += group.bytes
    for names, size in by_repositories.items():
        for name in names:
            counted.of_repository[name] += size
        if len(names) == 1:
            counted.own_of_repository[next(iter(names))] += size
    own = {image: size for one, size in counted.own_of_image.items() for image in holders.members[one]}
    counted.own_of_image = Counter(own)
    return counted


def _write(project: Project, stamp: str, counted: _Counted) -> None:
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
        here = set(
            Image.objects.filter(project=project, pk__in=counted.own_of_image).values_list("pk", flat=True)
        )
        shares += [
            ContentShare(project=project, image_id=image, own=size)
            for image, size in counted.own_of_image.items()
            if image in here
        ]
        ContentShare.objects.filter(project=project).delete()
        ContentShare.objects.bulk_create(shares, batch_size=_AT_ONCE)
        ContentCount.objects.filter(project=project).update(
            distinct=counted.distinct,
            distinct_files=counted.files,
            layers=counted.layers,
            stamp=stamp,
            counted_at=now(),
            asked_at=None,
        )
