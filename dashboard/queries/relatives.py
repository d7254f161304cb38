"""The family of one image, as its Lineage tab shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from django.db.models import Count

from dashboard.queries.compare_packages import package_count
from dashboard.queries.image import Summary
from dashboard.queries.images import layers_of
from dashboard.queries.names import Named, named, names_of
from worker.models import Container, ImageLayer
from worker.models.evidence import Candidate, Evidence
from worker.models.family import FamilyMember
from worker.models.lineage import candidates, children, siblings, twins
from worker.models.outdated import OutdatedBase
from worker.models.package_differences import PackageDifferences, package_differences
from worker.models.rebuilding import RebuildStep, rebuild_order

#: So many relatives of one kind are listed; the rest is counted, and drawn on the Lineage page.
RELATIVES = 50
_CONTAINERS = 5
_COMPARED = 3


@dataclass(frozen=True, slots=True)
class Relative:
    """One image in the drawing of a family, with what it adds to the one below it.

    Attributes:
        named: None for an unnamed ancestor: layers that others have, too, though none ends on them.
        adds: the layers above its parent's, base first.
        added: their unpacked bytes; None if not known.
        share: of the largest addition in the family, at least a sliver; for the length of its bar.
        others: how many more images have the same layers; of an unnamed ancestor, how many stand on it.
        containers: what runs or ran on it, the latest first, and no more than a few of them.
        containers_count: how many there are.
    """

    named: Named | None
    adds: list[ImageLayer]
    added: int | None
    share: float = 1.0
    others: int = 0
    is_this: bool = False
    containers: tuple[Container, ...] = ()
    containers_count: int = 0

    @property
    def weight(self) -> int:
        """What it adds in bytes: unpacked, or compressed if that is not known."""
        return self.added if self.added is not None else sum(row.blob.size for row in self.adds)

    @property
    def command(self) -> str:
        """The step that made its top layer; empty if not known."""
        return self.adds[-1].created_by if self.adds else ""


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
    below = 0
    forks = _forks(facts)
    named_ones = {ancestor.height: ancestor for ancestor in facts.ancestors}
    for height in sorted({*named_ones, *forks}):
        adds = facts.stack[below:height]
        if ancestor := named_ones.get(height):
            line.append(_relative(ancestor.named, adds, others=ancestor.others))
        else:
            line.append(_relative(None, adds, others=forks[height]))
        below = height
    line.append(_relative(facts.named, facts.stack[below:], others=facts.twins, is_this=True))
    offspring = children(facts.image)
    shown = list(offspring.defer("config")[: RELATIVES + 1])
    count = len(shown) if len(shown) <= RELATIVES else offspring.count()
    shown = shown[:RELATIVES]
    added = layers_of([child.pk for child in shown], start=facts.image.layer_count)
    names = names_of(shown)
    alike = names_of(twins(facts.image).defer("config")[:RELATIVES])
    offshoots = [_relative(names[child.pk], added.get(child.pk, [])) for child in shown]
    everyone = [*line, *offshoots]
    largest = max((one.weight for one in everyone), default=0)
    everyone = _with_containers([_to_scale(one, largest) for one in everyone])
    return Family(everyone[: len(line)], everyone[len(line) :], count, list(alike.values()))


def _forks(facts: Summary) -> dict[int, int]:
    """Return, by height, how many other images have the layers up to an unnamed ancestor of the image."""
    below = {row.chain_id: row.position + 1 for row in facts.stack[:-1]}
    members = FamilyMember.objects.filter(
        project=facts.image.project_id, chain_id__in=below, named=False
    ).order_by()
    chains = list(members.values_list("chain_id", flat=True))
    if not chains:
        return {}
    counted = (
        ImageLayer.objects.filter(chain_id__in=chains, image__project=facts.image.project_id)
        .exclude(image=facts.image)
        .order_by()
        .values_list("chain_id")
        .annotate(images=Count("image", distinct=True))
    )
    return {below[chain_id]: images for chain_id, images in counted}


def _with_containers(relatives: list[Relative]) -> list[Relative]:
    """Hang containers under the images that they are on."""
    ids = [one.named.id for one in relatives if one.named]
    rows = Container.objects.filter(image__in=ids).order_by("image_id", "-created_at", "-id")
    hung = {image: list(group) for image, group in groupby(rows, key=lambda row: row.image_id)}
    found = []
    for one in relatives:
        here = hung.get(one.named.id, []) if one.named else []
        found.append(replace(one, containers=tuple(here[:_CONTAINERS]), containers_count=len(here)))
    return found


def _relative(
    named: Named | None, adds: list[ImageLayer], *, others: int = 0, is_this: bool = False
) -> Relative:
    sizes = [row.layer.unpacked_size for row in adds]
    known = [size for size in sizes if size is not None]
    added = sum(known) if len(known) == len(sizes) else None
    return Relative(named, adds, added, others=others, is_this=is_this)


def _to_scale(one: Relative, largest: int) -> Relative:
    return replace(one, share=max(0.02, one.weight / largest) if largest else 1.0)


@dataclass(frozen=True, slots=True)
class Claim:
    """An image that may be the parent, and what speaks for it."""

    named: Named
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Parentage:
    """Who may be the parent of an image.

    Attributes:
        claims: the most likely first; several if several have the same layers; at most :data:`RELATIVES`.
        count: how many there are.
        declared: the base that the image names, though nobody of these is it; else empty.
    """

    claims: list[Claim]
    count: int
    declared: str

    @property
    def is_ambiguous(self) -> bool:
        return self.count > 1


def parentage(facts: Summary) -> Parentage:
    """Return who may be the parent, and why."""
    found: Sequence[Candidate] = ()
    if facts.ancestors:
        found = facts.candidates or candidates(facts.image)
    shown = found[:RELATIVES]
    names = names_of(one.image for one in shown)
    claims = [Claim(names[one.image.pk], one.evidence) for one in shown]
    said = facts.image.base_name or facts.image.base_digest
    known = any({Evidence.DIGEST, Evidence.NAME} & set(one.evidence) for one in found)
    return Parentage(claims, len(found), "" if known else said)


@dataclass(frozen=True, slots=True)
class Outdated:
    """A tag of an ancestor that went on, and what that changed.

    Attributes:
        packages: None where it was not looked at: only the nearest ancestors' are.
    """

    base: OutdatedBase
    packages: PackageDifferences | None

    @property
    def package_count(self) -> int:
        return package_count(self.packages)


def outdated(facts: Summary) -> list[Outdated]:
    """Return what the head says of outdated bases, with what the nearest ones changed."""
    return [
        Outdated(base, package_differences(base.old, base.new) if number < _COMPARED else None)
        for number, base in enumerate(facts.outdated)
    ]


@dataclass(frozen=True, slots=True)
class Siblings:
    """Images that stand directly on the same parent; at most :data:`RELATIVES` of them."""

    shown: list[Named]
    count: int


def siblings_of(facts: Summary) -> Siblings:
    """Return the images that stand beside this one."""
    if not facts.ancestors:
        return Siblings([], 0)
    beside = siblings(facts.image)
    shown = list(beside.defer("config")[: RELATIVES + 1])
    return Siblings(
        list(names_of(shown[:RELATIVES]).values()),
        len(shown) if len(shown) <= RELATIVES else beside.count(),
    )


@dataclass(frozen=True, slots=True)
class Rebuild:
    """One step of the order in which to rebuild."""

    step: RebuildStep
    images: list[Named]


@dataclass(frozen=True, slots=True)
class Rebuilding:
    """The first steps of the order in which to rebuild; ``count`` and ``waves`` are of all."""

    shown: list[Rebuild]
    count: int
    waves: int


def rebuilding(facts: Summary) -> Rebuilding:
    """Return in which order to rebuild the descendants of an image."""
    steps = rebuild_order(facts.image) if facts.descendants else []
    shown = steps[:RELATIVES]
    names = named(facts.image.project, [one.id for step in shown for one in step.images[:RELATIVES]])
    return Rebuilding(
        [Rebuild(step, [names[one.id] for one in step.images if one.id in names]) for step in shown],
        len(steps),
        steps[-1].wave if steps else 0,
    )
