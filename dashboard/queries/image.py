"""One image: its stack, its relatives, its names over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Count, Exists, OuterRef, Q

from dashboard.queries.images import layers_of
from dashboard.queries.kinship import holders, only_here
from dashboard.queries.names import Named, named, names_of
from dashboard.queries.platforms import Choices, Together, choices_of, together
from dashboard.queries.repeating import pulled_insecurely
from worker.engine.errors import NotFound
from worker.models import Image, ImageLayer, Layer, Project, Tag, TagMovement
from worker.models.lineage import children, descendants, twins

#: So many relatives of one kind are listed; the rest is counted, and drawn on the Lineage page.
RELATIVES = 50


def get_image(project: Project, image_id: int) -> Image:
    """Return the project's image. Raises NotFound."""
    image = Image.objects.filter(project=project, pk=image_id).select_related("index").first()
    if image is None:
        raise NotFound("There is no such image in this project.", hint="Choose one from the list of images.")
    return image


@dataclass(frozen=True, slots=True)
class Stratum:
    """One layer in its place.

    Attributes:
        place: 1 is the base.
        arrived_with: the image that first had this layer here: the oldest of the shortest such ancestors.
        up_to_here: unpacked bytes of this layer and all below; None if not known.
        also_in: how many other images of the project have it.
    """

    place: int
    row: ImageLayer
    arrived_with: Named
    is_own: bool
    up_to_here: int | None
    also_in: int

    @property
    def layer(self) -> Layer:
        return self.row.layer


@dataclass(frozen=True, slots=True)
class Ancestor:
    """An image whose whole stack is the lower part of another one's.

    Attributes:
        height: how many layers it has.
        others: how many more images have the same layers.
    """

    named: Named
    height: int
    others: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What the head of every tab shows.

    Attributes:
        only_here: unpacked bytes of the layers that no other image of the project has; None if not known.
        parent, base: the nearest and the farthest ancestor; None for a base itself.
        inherited: how many of its layers the parent has.
        ancestors: base first; of twins, the oldest.
        descendants, twins: how many.
        together: what is here of it, if it was pulled for several platforms; else None.
        insecure: whether pulling it again may go without TLS, as the last time.
    """

    image: Image
    named: Named
    stack: list[ImageLayer]
    only_here: int | None
    parent: Named | None
    base: Named | None
    inherited: int
    ancestors: tuple[Ancestor, ...]
    descendants: int
    twins: int
    containers: int
    together: Together | None
    platforms: Choices
    insecure: bool

    @property
    def reference(self) -> str:
        """What to pull to have it again, or its successor: a tag if one points here, else the digest."""
        name = self.named.name
        return name.reference if name.tag else f"{name.reference}@{self.image.digest}"


def summary(project: Project, image: Image) -> Summary:
    """Return what is shown of ``image`` on each of its tabs."""
    stack = layers_of([image.pk]).get(image.pk, [])
    below = {row.chain_id: row.position + 1 for row in stack[:-1]}
    tops = holders(project, [*below, image.chain_id])
    held = [(tops.of(chain, apart_from=image.index_id), height) for chain, height in below.items()]
    line = [(holder, height) for holder, height in held if holder is not None]
    alike = tops.of(image.chain_id, apart_from=image.index_id)
    group = together([image]).get(image.index_id)
    names = named(project, [holder.first for holder, _ in line])
    ancestors = tuple(Ancestor(names[holder.first], height, holder.count - 1) for holder, height in line)
    return Summary(
        image=image,
        named=names_of([image])[image.pk],
        stack=stack,
        only_here=only_here(project, [image])[image.pk],
        parent=ancestors[-1].named if ancestors else None,
        base=ancestors[0].named if ancestors else None,
        inherited=ancestors[-1].height if ancestors else 0,
        ancestors=ancestors,
        descendants=descendants(image).count(),
        # Itself is among them, unless an index led to it.
        twins=(alike.count - (image.index_id is None)) if alike else 0,
        containers=image.containers.count(),
        together=group,
        platforms=choices_of(image, group),
        insecure=pulled_insecurely(project, image),
    )


def strata(project: Project, facts: Summary) -> list[Stratum]:
    """Return the layers from the top down, as in the ground."""
    counts = _images_by_layer(project, [row.layer_id for row in facts.stack])
    made: list[Stratum] = []
    up_to_here: int | None = 0
    for row in facts.stack:
        size = row.layer.unpacked_size
        up_to_here = None if up_to_here is None or size is None else up_to_here + size
        source = next((older.named for older in facts.ancestors if row.position < older.height), None)
        made.append(
            Stratum(
                place=row.position + 1,
                row=row,
                arrived_with=source or facts.named,
                is_own=source is None,
                up_to_here=up_to_here,
                also_in=counts.get(row.layer_id, 1) - 1,
            )
        )
    return made[::-1]


def _images_by_layer(project: Project, layer_ids: Sequence[int]) -> dict[int, int]:
    counted = (
        ImageLayer.objects.filter(layer__in=layer_ids, image__project=project)
        .order_by()
        .values_list("layer")
        .annotate(images=Count("image", distinct=True))
    )
    return dict(counted)


@dataclass(frozen=True, slots=True)
class Relative:
    """One image in the drawing of a family, with what it adds to the one below it.

    Attributes:
        adds: the layers above its parent's, base first.
        added: their unpacked bytes; None if not known.
        share: of the largest addition in the family, at least a sliver; for the length of its bar.
        others: how many more images have the same layers.
    """

    named: Named
    adds: list[ImageLayer]
    added: int | None
    share: float = 1.0
    others: int = 0
    is_this: bool = False

    @property
    def weight(self) -> int:
        """What it adds in bytes: unpacked, or compressed if that is not known."""
        return self.added if self.added is not None else sum(row.blob.size for row in self.adds)


@dataclass(frozen=True, slots=True)
class Family:
    """The line from the base to an image, and what stands on it."""

    line: list[Relative]
    children: list[Relative]
    children_count: int
    twins: list[Named]


def family(facts: Summary) -> Family:
    """Return the relatives of an image: ancestors base first, then itself, then its children."""
    line: list[Relative] = []
    height = 0
    for ancestor in facts.ancestors:
        adds = facts.stack[height : ancestor.height]
        line.append(_relative(ancestor.named, adds, others=ancestor.others))
        height = ancestor.height
    line.append(_relative(facts.named, facts.stack[height:], others=facts.twins, is_this=True))
    offspring = children(facts.image)
    shown = list(offspring.defer("config")[: RELATIVES + 1])
    count = len(shown) if len(shown) <= RELATIVES else offspring.count()
    shown = shown[:RELATIVES]
    added = layers_of([child.pk for child in shown], start=facts.image.layer_count)
    names = names_of(shown)
    alike = names_of(twins(facts.image).defer("config")[:RELATIVES])
    offshoots = [_relative(names[child.pk], added.get(child.pk, [])) for child in shown]
    largest = max((one.weight for one in [*line, *offshoots]), default=0)
    return Family(
        line=[_to_scale(one, largest) for one in line],
        children=[_to_scale(one, largest) for one in offshoots],
        children_count=count,
        twins=list(alike.values()),
    )


def _relative(named: Named, adds: list[ImageLayer], *, others: int = 0, is_this: bool = False) -> Relative:
    sizes = [row.layer.unpacked_size for row in adds]
    known = [size for size in sizes if size is not None]
    added = sum(known) if len(known) == len(sizes) else None
    return Relative(named, adds, added, others=others, is_this=is_this)


def _to_scale(one: Relative, largest: int) -> Relative:
    return replace(one, share=max(0.02, one.weight / largest) if largest else 1.0)


@dataclass(frozen=True, slots=True)
class Movement:
    """One time that a tag came to an image or left it.

    Attributes:
        came: whether it came here; else it went on from here.
        other: the image on the other side, if the project still has it.
        other_digest: its digest; empty when the tag was new, or pointed at nothing after a removal.
        is_first: whether the tag was not known before.
    """

    at: datetime
    tag: Tag
    came: bool
    other: Named | None
    other_digest: str
    is_first: bool


def movements(project: Project, image: Image, limit: int = 200) -> list[Movement]:
    """Return how tags came to ``image`` and left it, the latest first."""
    rows = list(
        TagMovement.objects.filter(tag__project=project)
        .filter(Q(to_digest=image.digest) | Q(from_digest=image.digest))
        .select_related("tag")
        .annotate(known_before=Exists(TagMovement.objects.filter(tag=OuterRef("tag"), pk__lt=OuterRef("pk"))))
        .order_by("-moved_at", "-id")[:limit]
    )
    digests = {row.from_digest if row.to_digest == image.digest else row.to_digest for row in rows} - {""}
    others = Image.objects.filter(project=project, digest__in=digests).defer("config")
    by_digest = {other.digest: other for other in names_of(others).values()}
    made = []
    for row in rows:
        came = row.to_digest == image.digest
        other = row.from_digest if came else row.to_digest
        is_first = not vars(row)["known_before"]
        made.append(Movement(row.moved_at, row.tag, came, by_digest.get(other), other, is_first))
    return made
