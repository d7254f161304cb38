"""How a project's family tree (``worker.models.family``) follows the images that come and go.

Whoever calls these holds the recorders' turn (``worker.models.recording.take_turn``).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from django.db.models import Q

from worker.models.family import FamilyMember
from worker.models.image import Image, ImageLayer
from worker.models.project import Project

Chain = Sequence[str]
"""The chain IDs of a stack, the base first."""


@dataclass(frozen=True, slots=True)
class Place:
    """What :class:`FamilyMember` says of a stack, in chain IDs."""

    height: int
    parent: str | None
    first_step: str
    named: bool


def arranged(chains: Iterable[Chain]) -> dict[str, Place]:
    """Tell the whole tree for these stacks, by chain ID, parents before children."""
    # In order, those with a beginning in common are neighbours: all forks are between two neighbours.
    ordered = sorted({tuple(chain) for chain in chains if chain})
    ends = {chain[-1] for chain in ordered}
    shared = (_shared(one, other) for one, other in pairwise(ordered))
    members = ends | {ordered[number][length - 1] for number, length in enumerate(shared) if length}
    places: dict[str, Place] = {}
    for chain in ordered:
        below = 0
        for height, chain_id in enumerate(chain, 1):
            if chain_id in members:
                parent = chain[below - 1] if below else None
                places.setdefault(chain_id, Place(height, parent, chain[below], chain_id in ends))
                below = height
    return places


def grow(project: Project, chains: Iterable[Chain]) -> None:
    """Let images that end on these stacks have their place in the tree. One without layers has none."""
    tops = {chain[-1]: chain for chain in chains if chain}
    uses = Counter(chain_id for chain in tops.values() for chain_id in chain)
    family = FamilyMember.objects.filter(project=project)
    near = family.filter(Q(chain_id__in=uses) | Q(first_step__in=uses))
    there, steps = set[str](), set[str]()
    for chain_id, first_step, named in near.values_list("chain_id", "first_step", "named"):
        steps |= {chain_id, first_step}
        there |= {chain_id} if named else set()
    bases = []
    for chain in (chain for top, chain in tops.items() if top not in there):
        if any(uses[chain_id] > 1 or chain_id in steps for chain_id in chain):
            _enter(project, chain)
        else:
            # A family of its own, as most platforms of an image are.
            bases.append(
                FamilyMember(project=project, chain_id=chain[-1], height=len(chain), first_step=chain[0])
            )
    FamilyMember.objects.bulk_create(bases)


def shrink(project: Project, chain_ids: Iterable[str]) -> None:
    """Take stacks out of the tree whose images were removed just now, if no other image ends on them."""
    gone = {chain_id for chain_id in chain_ids if chain_id}
    gone -= set(Image.objects.filter(project=project, chain_id__in=gone).values_list("chain_id", flat=True))
    family = FamilyMember.objects.filter(project=project)
    for chain_id in sorted(gone):
        # One by one: each may change the rows around it.
        if (member := family.filter(chain_id=chain_id).first()) is not None:
            _leave(member)


def written(project: Project) -> dict[str, Place]:
    """Return the tree as its rows say."""
    rows = FamilyMember.objects.filter(project=project).values_list(
        "chain_id", "height", "parent__chain_id", "first_step", "named"
    )
    return {chain_id: Place(height, parent, step, named) for chain_id, height, parent, step, named in rows}


def regrow(project: Project) -> bool:
    """Make the tree anew from the images; whether it was another one before."""
    wanted = arranged(_chains(project))
    if written(project) == wanted:
        return False
    FamilyMember.objects.filter(project=project).delete()
    generations: dict[int, list[str]] = defaultdict(list)
    generation: dict[str | None, int] = {None: -1}
    for chain_id, place in wanted.items():
        generation[chain_id] = generation[place.parent] + 1
        generations[generation[chain_id]].append(chain_id)
    rows: dict[str | None, FamilyMember | None] = {None: None}
    for number in sorted(generations):
        made = [_member(project, chain_id, wanted[chain_id], rows) for chain_id in generations[number]]
        FamilyMember.objects.bulk_create(made, batch_size=1000)
        rows |= {row.chain_id: row for row in made}
    return True


def _member(
    project: Project, chain_id: str, place: Place, rows: dict[str | None, FamilyMember | None]
) -> FamilyMember:
    return FamilyMember(
        project=project,
        chain_id=chain_id,
        height=place.height,
        parent=rows[place.parent],
        first_step=place.first_step,
        named=place.named,
    )


def _enter(project: Project, chain: Chain) -> None:
    family = FamilyMember.objects.filter(project=project)
    line = family.filter(chain_id__in=chain).order_by("height")
    known = {member.height: member for member in line}
    if (here := known.pop(len(chain), None)) is not None:
        if not here.named:
            here.named = True
            here.save(update_fields=["named"])
        return
    parent = known[max(known)] if known else None
    below = parent.height if parent else 0
    new = FamilyMember(
        project=project, chain_id=chain[-1], height=len(chain), parent=parent, first_step=chain[below]
    )
    beside = family.filter(first_step=chain[below]).first()
    if beside is None:
        new.save()
        return
    # One that goes on in the same way: they part somewhere between the parent and it.
    its = _chain_of(beside)
    shared = _shared(chain, its)
    if not below < shared < len(its) == beside.height:
        # No image has the stack that the row tells of: somebody deleted images past the services.
        regrow(project)
        return
    fork = new
    if shared < len(chain):
        fork = FamilyMember(
            project=project,
            chain_id=chain[shared - 1],
            height=shared,
            parent=parent,
            first_step=chain[below],
            named=False,
        )
        new.first_step = chain[shared]
    _move(beside, parent, its[shared])  # out of the way: no two members begin with the same step
    fork.save()
    _move(beside, fork, its[shared])
    if fork is not new:
        new.parent = fork
        new.save()


def _leave(member: FamilyMember) -> None:
    """Make ``member`` unnamed, and drop it unless it is a fork; then its parent may be none any more."""
    above = list(member.children.all()[:2])
    if len(above) > 1:
        member.named = False
        member.save(update_fields=["named"])
        return
    parent, step = member.parent, member.first_step
    for child in above:
        _move(child, parent, child.first_step)  # it outlives the member
    member.delete()
    for child in above:
        _move(child, parent, step)
    if parent is not None and not parent.named:
        _leave(parent)


def _move(member: FamilyMember, parent: FamilyMember | None, first_step: str) -> None:
    member.parent, member.first_step = parent, first_step
    member.save(update_fields=["parent", "first_step"])


def _chain_of(member: FamilyMember) -> list[str]:
    """The chain IDs of a stack, from any image that has it."""
    holder = ImageLayer.objects.filter(chain_id=member.chain_id, image__project=member.project_id)
    image = holder.order_by().values("image")[:1]
    layers = ImageLayer.objects.filter(image=image, position__lt=member.height).order_by("position")
    return list(layers.values_list("chain_id", flat=True))


def _chains(project: Project) -> Iterable[Chain]:
    """Every stack of the project on which an image ends, once."""
    firsts: dict[str, int] = {}
    for pk, chain_id in Image.objects.filter(project=project).order_by("pk").values_list("pk", "chain_id"):
        firsts.setdefault(chain_id, pk)
    chains: dict[int, list[str]] = {pk: [] for pk in firsts.values()}
    layers = ImageLayer.objects.filter(image__project=project).order_by("image", "position")
    for image, chain_id in layers.values_list("image_id", "chain_id").iterator(chunk_size=10_000):
        if image in chains:
            chains[image].append(chain_id)
    return chains.values()


def _shared(one: Chain, other: Chain) -> int:
    """The number of layers that two stacks have in common. A chain ID stands for all that is below it."""
    return sum(1 for mine, its in zip(one, other, strict=False) if mine == its)
