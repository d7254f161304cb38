"""One image: its stack, its relatives, its names over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, OuterRef, Q

from dashboard.queries.images import layers_of
from dashboard.queries.kinship import holders, only_here
from dashboard.queries.names import Named, named, names_of
from dashboard.queries.platforms import Choices, Together, choices_of, together
from dashboard.queries.repeating import pulled_insecurely
from worker.engine.errors import NotFound
from worker.models import Image, ImageLayer, Layer, Project, Tag, TagMovement
from worker.models.evidence import Candidate
from worker.models.lineage import candidates, descendants
from worker.models.outdated import OutdatedBase, outdated_bases


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
        ancestors: base first; of twins, the oldest, but of those who may be the parent, the most likely.
        candidates: who may be the parent, if several have its layers, the most likely first; else empty.
        outdated: tags of ancestors that name other images now.
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
    candidates: tuple[Candidate, ...]
    outdated: tuple[OutdatedBase, ...]
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
    firsts = [holder.first for holder, _ in line]
    several = candidates(image) if line and line[-1][0].count > 1 else []
    if several:
        firsts[-1] = several[0].image.pk
    names = named(project, firsts)
    ancestors = tuple(
        Ancestor(names[first], height, holder.count - 1)
        for first, (holder, height) in zip(firsts, line, strict=True)
    )
    return Summary(
        image=image,
        named=names_of([image])[image.pk],
        stack=stack,
        only_here=only_here(project, [image])[image.pk],
        parent=ancestors[-1].named if ancestors else None,
        base=ancestors[0].named if ancestors else None,
        inherited=ancestors[-1].height if ancestors else 0,
        ancestors=ancestors,
        candidates=tuple(several),
        outdated=tuple(outdated_bases(image)) if ancestors else (),
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
