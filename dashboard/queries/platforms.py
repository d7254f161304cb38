"""Several platforms of one image: which are here, which there are besides, what they weigh together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from dashboard.queries.names import Name, all_names, names_of
from worker.models import Image, ImageLayer

#: So many platforms that were not pulled are offered on an image's page.
OFFERED = 24


@dataclass(frozen=True, slots=True)
class Here:
    """A platform of an image that was pulled: its own image."""

    platform: str
    id: int
    extracted: bool


@dataclass(frozen=True, slots=True)
class Together:
    """Several images of one index that are here, as one.

    Attributes:
        names: of all of them.
        here: the one that came first in front.
        offered: how many platforms the index has.
        compressed, unpacked: bytes of all, each layer once; ``unpacked`` is None unless all are known.
    """

    names: tuple[Name, ...]
    here: tuple[Here, ...]
    offered: int
    compressed: int
    unpacked: int | None

    @property
    def not_extracted(self) -> int:
        return sum(not one.extracted for one in self.here)


@dataclass(frozen=True, slots=True)
class Choice:
    """A platform that an image's page leads to.

    Attributes:
        id: of the image for it; None if it was not pulled.
    """

    platform: str
    id: int | None
    is_this: bool


@dataclass(frozen=True, slots=True)
class Choices:
    """The platforms of an image: those that are here, and those that its index has besides.

    Attributes:
        there: not pulled, at most :data:`OFFERED`; ``more`` is how many there are besides.
        reference: what to pull for another platform of the very same image; empty without an index.
    """

    here: tuple[Choice, ...]
    there: tuple[Choice, ...]
    more: int
    reference: str


def choices_of(image: Image, group: Together | None) -> Choices:
    """Return the platforms of ``image``; ``group`` is what :func:`together` says of its index."""
    index = image.index
    if index is None:
        return Choices((Choice(image.platform, image.pk, True),), (), 0, "")
    digests = {one.digest for one in index.images_offered}
    rows = Image.objects.filter(project=image.project_id, digest__in=digests).order_by("pk")
    pulled = list(rows.only("digest", "os", "architecture", "variant"))
    here = {one.id: one.platform for one in group.here} if group else {image.pk: image.platform}
    here |= {row.pk: row.platform for row in pulled}
    taken = {row.digest for row in pulled}
    there = [one.platform for one in index.images_offered if one.digest not in taken]
    there = [platform for platform in dict.fromkeys(there) if platform not in here.values()]
    return Choices(
        here=tuple(Choice(platform, pk, pk == image.pk) for pk, platform in here.items()),
        there=tuple(Choice(platform, None, False) for platform in there[:OFFERED]),
        more=max(0, len(there) - OFFERED),
        reference=f"{image.registry_host}/{image.repository}@{index.digest}",
    )


def together(images: Iterable[Image]) -> dict[int | None, Together]:
    """Return, by the index of ``images``, what the project has of it, where that is for several platforms."""
    indexes = {image.index_id for image in images} - {None}
    members = Image.objects.filter(index__in=indexes).defer("config").select_related("index").order_by("pk")
    by_index: dict[int | None, list[Image]] = defaultdict(list)
    for member in members:
        by_index[member.index_id].append(member)
    groups = {pk: group for pk, group in by_index.items() if len(group) > 1}
    names = names_of(member for group in groups.values() for member in group)
    sizes = _sizes(groups)
    return {
        pk: Together(
            names=all_names(names[one.pk] for one in group),
            here=tuple(Here(one.platform, one.pk, one.extracted) for one in group),
            offered=len(group[0].index.offered) if group[0].index else 0,
            compressed=sizes[pk][0],
            unpacked=sizes[pk][1],
        )
        for pk, group in groups.items()
    }


def _sizes(indexes: Iterable[int | None]) -> dict[int | None, tuple[int, int | None]]:
    """Compressed and unpacked bytes of all images of each index, each layer once."""
    rows = (
        ImageLayer.objects.filter(image__index__in=indexes)
        .order_by()
        .values_list("image__index", "layer", "layer__unpacked_size", "blob__size")
        .distinct()
    )
    layers: dict[int | None, dict[int, tuple[int, int | None]]] = defaultdict(dict)
    for index, layer, unpacked, compressed in rows:
        known = layers[index].get(layer)
        # In two compressed forms: the smaller one would do.
        layers[index][layer] = (min(compressed, known[0]) if known else compressed, unpacked)
    found: dict[int | None, tuple[int, int | None]] = defaultdict(lambda: (0, 0))
    for pk, parts in layers.items():
        sizes = [size for _, size in parts.values()]
        known_sizes = [size for size in sizes if size is not None]
        whole = sum(known_sizes) if len(known_sizes) == len(sizes) else None
        found[pk] = (sum(compressed for compressed, _ in parts.values()), whole)
    return found
