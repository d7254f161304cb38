"""What can be pulled, as the page draws it: tags, and a pull before it is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.core.paginator import Page, Paginator

from dashboard.figures import Bar, Slice, bars, size
from dashboard.queries.names import Named, names_of
from worker.engine.oci import Reference
from worker.engine.offer import Offer
from worker.engine.preview import ImagePreview, LayerPreview, Presence, Preview
from worker.models import Image, Project, Tag
from worker.services import Tags

TAGS_PER_PAGE = 60
CORE_WIDTH = 300
_LONG = 24  # characters, of a tag that gets a line of its own

#: What a layer's chip says, and how it looks.
_CHIPS = {
    Presence.HERE: ("here", "good"),
    Presence.OTHER_FORM: ("here, other form", "good"),
    Presence.PACKED: ("here, to extract", "good"),
    Presence.PARTIAL: ("partly here", "warn"),
    Presence.MISSING: ("to fetch", "accent"),
}


@dataclass(frozen=True, slots=True)
class TagLine:
    """One tag: the reference that it makes, and whether the project has pulled it."""

    name: str
    reference: str
    is_here: bool

    @property
    def is_long(self) -> bool:
        return len(self.name) > _LONG


def page_of_tags(tags: Tags, number: str | None) -> Page[str]:
    """Return one page of the tags that match."""
    return Paginator(tags.items, TAGS_PER_PAGE).get_page(number)


def tag_lines(project: Project, tags: Tags, shown: Sequence[str]) -> list[TagLine]:
    """Return the tags of one page as lines."""
    where = Reference.parse(tags.repository)
    pulled = set(
        Tag.objects.filter(
            project=project, registry_host=where.registry, repository=where.repository, name__in=shown
        ).values_list("name", flat=True)
    )
    return [TagLine(name, f"{tags.repository}:{name}", name in pulled) for name in shown]


@dataclass(frozen=True, slots=True)
class PlatformChoice:
    """One platform that can be ticked. ``size``: compressed bytes of its image; None if not known."""

    name: str
    size: int | None
    ticked: bool


def platform_choices(offer: Offer, images: Sequence[ImagePreview]) -> list[PlatformChoice]:
    """Return what a reference offers, with those ticked that ``images`` are for."""
    sizes = {image.digest: sum(layer.size for layer in image.layers) for image in images}
    return [
        PlatformChoice(str(one.platform), sizes.get(one.digest, one.size), one.digest in sizes)
        for one in offer.platforms
    ]


@dataclass(frozen=True, slots=True)
class LayerLine:
    """One layer of a pull to come. ``place`` counts from 1, the base."""

    place: int
    layer: LayerPreview
    state: str
    chip: str


@dataclass(frozen=True, slots=True)
class ImageBlock:
    """One image of a pull to come.

    Attributes:
        known: the same image in this project, if it was pulled before.
        core: it as its layers, to scale; with each whether it is here.
    """

    image: ImagePreview
    known: Named | None
    lines: list[LayerLine]
    core: list[tuple[Bar, bool]]

    @property
    def size(self) -> int:
        return sum(layer.size for layer in self.image.layers)


def image_blocks(project: Project, preview: Preview) -> list[ImageBlock]:
    """Return the images of a preview, each with what the project knows of it."""
    digests = [str(image.digest) for image in preview.images]
    rows = Image.objects.filter(project=project, digest__in=digests).defer("config")
    known = {named.digest: named for named in names_of(rows).values()}
    return [
        ImageBlock(
            image=image,
            known=known.get(str(image.digest)),
            lines=[_line(layer) for layer in image.layers],
            core=_core(image.layers),
        )
        for image in preview.images
    ]


def _line(layer: LayerPreview) -> LayerLine:
    state, chip = _CHIPS[layer.presence]
    if layer.again and _lacks(layer):
        state, chip = "counted above", ""
    return LayerLine(layer.position + 1, layer, state, chip)


def _core(layers: Sequence[LayerPreview]) -> list[tuple[Bar, bool]]:
    slices = [Slice(str(layer.diff_id), layer.size, size(layer.size)) for layer in layers]
    return list(zip(bars(slices, CORE_WIDTH), (not _lacks(layer) for layer in layers), strict=True))


def _lacks(layer: LayerPreview) -> bool:
    return layer.presence in (Presence.MISSING, Presence.PARTIAL)
