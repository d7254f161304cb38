"""The layers behind the bars of a family tree, read set-wise."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from django.db.models import F, Q

from dashboard.figures import Slice
from dashboard.lineage.family import Member
from worker.models import ImageLayer, Project


def added_layers(members: Iterable[Member]) -> dict[int, list[Slice]]:
    """Return, by member, the layers that it adds to its parent, base first: in two queries.

    Bytes are unpacked ones where the member's are, compressed ones otherwise.
    """
    starts: dict[int, list[int]] = defaultdict(list)
    unpacked = {}
    forks = []
    for member in members:
        if member.layer:
            forks.append(member)
            continue
        unpacked[member.id] = member.unpacked
        starts[member.layers - member.added_layers].append(member.id)
    added = _of_forks(forks)
    if not starts:
        return added
    wanted = Q()
    for start, ids in starts.items():
        wanted |= Q(image_id__in=ids, position__gte=start) if start else Q(image_id__in=ids)
    rows = ImageLayer.objects.filter(wanted).order_by("image_id", "position")
    for image, diff_id, size, compressed in rows.values_list(
        "image_id", "layer__diff_id", "layer__unpacked_size", "blob__size"
    ):
        added[image].append(Slice(diff_id, (size or 0) if unpacked[image] else compressed))
    return added


def _of_forks(forks: Iterable[Member]) -> dict[int, list[Slice]]:
    stacks: dict[int, list[tuple[str, int | None, int]]] = defaultdict(list)
    forks = list(forks)
    rows = ImageLayer.objects.filter(image__in={fork.anchor for fork in forks}).order_by("image", "position")
    for image, diff_id, size, compressed in rows.values_list(
        "image_id", "layer__diff_id", "layer__unpacked_size", "blob__size"
    ):
        stacks[image].append((diff_id, size, compressed))
    added: dict[int, list[Slice]] = defaultdict(list)
    for fork in forks:
        own = stacks[fork.anchor][fork.layers - fork.added_layers : fork.layers]
        added[fork.id] = [
            Slice(layer, (size or 0) if fork.unpacked else packed) for layer, size, packed in own
        ]
    return added


def top_layers(project: Project) -> dict[int, str]:
    """Return the diff ID of each image's top layer: one colour for an image that is drawn very small."""
    rows = ImageLayer.objects.filter(image__project=project, position=F("image__layer_count") - 1)
    return dict(rows.order_by().values_list("image_id", "layer__diff_id"))
