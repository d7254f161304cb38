"""The layers behind the bars of a family tree, read set-wise."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from django.db.models import F, Q

from dashboard.figures import Slice
from dashboard.lineage.family import Member
from worker.models import ImageLayer, Project


def added_layers(members: Iterable[Member]) -> dict[int, list[Slice]]:
    """Return, by member, the layers that it adds to its parent, base first: in one query.

    Bytes are unpacked ones where the member's are, compressed ones otherwise.
    """
    starts: dict[int, list[int]] = defaultdict(list)
    unpacked = {}
    for member in members:
        unpacked[member.id] = member.unpacked
        starts[member.layers - member.added_layers].append(member.id)
    if not starts:
        return {}
    wanted = Q()
    for start, ids in starts.items():
        wanted |= Q(image_id__in=ids, position__gte=start) if start else Q(image_id__in=ids)
    added: dict[int, list[Slice]] = defaultdict(list)
    rows = ImageLayer.objects.filter(wanted).order_by("image_id", "position")
    for image, diff_id, size, compressed in rows.values_list(
        "image_id", "layer__diff_id", "layer__unpacked_size", "blob__size"
    ):
        added[image].append(Slice(diff_id, (size or 0) if unpacked[image] else compressed))
    return added


def top_layers(project: Project) -> dict[int, str]:
    """Return the diff ID of each image's top layer: one colour for an image that is drawn very small."""
    rows = ImageLayer.objects.filter(image__project=project, position=F("image__layer_count") - 1)
    return dict(rows.order_by().values_list("image_id", "layer__diff_id"))
