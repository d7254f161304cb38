"""A project's images as families: who stands on whom, twins as one member.

Built from the catalog's graph, then narrowed: to one family, to what a filter matches, or to as many
members as a drawing can hold. All of it is set-wise and linear.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from worker.models.forks import Fork
from worker.models.lineage import GraphNode, ProjectGraph

_OFFICIAL = "docker.io/library/"
#: A family that opens shows at least so many children, if it has them and there is room.
_FEWEST = 3


@dataclass(frozen=True, slots=True)
class Member:
    """One place in the tree: an image, and its twins if it has any; or layers that several have in common.

    Attributes:
        id: of the oldest of the twins; below zero where no image ends.
        ids: of all of them, oldest first.
        names: as shown: without the registry's host.
        full_names: with it.
        platform: os/arch[/variant].
        parent: the member it stands on; None for a base.
        layers: in its whole stack; added_layers: those that its parent lacks.
        added: bytes that it adds to its parent, unpacked if ``unpacked``, else as compressed in the registry.
        matched: False for a member that is shown only because something that matches stands on it.
        layer: of a member on which no image ends, the diff ID of its top layer; it is called by the command
            that made it. Empty for images.
        anchor: an image that has its layers: itself, but for one on which no image ends.
    """

    id: int
    ids: tuple[int, ...]
    names: tuple[str, ...]
    full_names: tuple[str, ...]
    hosts: frozenset[str]
    digest: str
    platform: str
    parent: int | None
    layers: int
    added_layers: int
    added: int
    unpacked: bool
    matched: bool = True
    layer: str = ""
    anchor: int = 0

    @property
    def counts(self) -> int:
        """How many it is when images are counted; twins share a place."""
        return 0 if self.layer else 1


@dataclass(frozen=True, slots=True)
class Families:
    """A forest of members.

    Attributes:
        members: by id, parents before children.
        children: of each member, in the order in which they are shown.
        roots: members without a parent, likewise.
        below: how many images stand on a member, directly or not; twins count once.
        hidden: member (None for the roots) -> how many of its children are left out, and members in all.
    """

    members: dict[int, Member]
    children: dict[int, tuple[int, ...]]
    roots: tuple[int, ...]
    below: dict[int, int]
    hidden: dict[int | None, Hidden]

    def is_leaf(self, member: int) -> bool:
        """Whether nothing stands on ``member``, not even what is left out."""
        return not self.children[member] and member not in self.hidden

    def line(self, member: int) -> list[int]:
        """Return the ancestors of ``member``, base first."""
        line: list[int] = []
        at = self.members[member].parent
        while at is not None:
            line.append(at)
            at = self.members[at].parent
        return line[::-1]

    def find(self, image: int) -> int | None:
        """Return the member that ``image`` is or is a twin of."""
        if image in self.members:
            return image
        return next((member.id for member in self.members.values() if image in member.ids), None)


@dataclass(frozen=True, slots=True)
class Hidden:
    """What is left out beneath one member."""

    children: int
    members: int


def families(graph: ProjectGraph) -> Families:
    """Return the whole forest of ``graph``."""
    oldest: dict[int, GraphNode] = {}
    twins: dict[int, list[GraphNode]] = {}
    for node in graph.nodes:
        key = node.twin_of if node.twin_of is not None else node.id
        oldest.setdefault(key, node)
        twins.setdefault(key, []).append(node)
    places: list[Fork | GraphNode] = [*graph.forks, *oldest.values()]
    places.sort(key=lambda place: place.layer_count)  # parents first; and what is equally high is no relative
    by_id = {place.id: place for place in places}
    members = {}
    for place in places:
        if isinstance(place, Fork):
            members[place.id] = _fork(place, by_id.get(place.parent) if place.parent is not None else None)
            continue
        below = place.fork if place.fork is not None else next(iter(place.parents), None)
        members[place.id] = _member(place, twins[place.id], by_id.get(below) if below is not None else None)
    return _arranged(members)


def _fork(fork: Fork, parent: Fork | GraphNode | None) -> Member:
    added, unpacked = _added(fork, parent)
    name = fork.command or "no command recorded"
    return Member(
        id=fork.id,
        ids=(),
        names=(name,),
        full_names=(name,),
        hosts=frozenset(),
        digest=fork.chain_id,
        platform="",
        parent=parent.id if parent else None,
        layers=fork.layer_count,
        added_layers=fork.layer_count - (parent.layer_count if parent else 0),
        added=added,
        unpacked=unpacked,
        layer=fork.diff_id,
        anchor=fork.image,
    )


def _added(place: Fork | GraphNode, parent: Fork | GraphNode | None) -> tuple[int, bool]:
    """Return the bytes that a place adds to its parent, and whether they are unpacked ones."""
    if parent is None:
        whole = place.unpacked_size
        return (place.compressed_size, False) if whole is None else (whole, True)
    if place.unpacked_size is None or parent.unpacked_size is None:
        return max(0, place.compressed_size - parent.compressed_size), False
    return max(0, place.unpacked_size - parent.unpacked_size), True


def _member(node: GraphNode, same: list[GraphNode], parent: Fork | GraphNode | None) -> Member:
    added, unpacked = _added(node, parent)
    full = tuple(name for twin in same for name in _tagged(twin))
    return Member(
        id=node.id,
        ids=tuple(twin.id for twin in same),
        names=tuple(dict.fromkeys(map(shown, full))),
        full_names=full,
        hosts=frozenset(name.partition("/")[0] for name in full),
        digest=node.digest,
        platform=node.platform,
        parent=parent.id if parent else None,
        layers=node.layer_count,
        added_layers=node.layer_count - (parent.layer_count if parent else 0),
        added=added,
        unpacked=unpacked,
        anchor=node.id,
    )


def _tagged(node: GraphNode) -> tuple[str, ...]:
    """Return its names; one that no tag names is called by its digest."""
    hex_digits = node.digest.partition(":")[2]
    return tuple(
        name if ":" in name.rpartition("/")[2] else f"{name}@{hex_digits[:12]}" for name in node.names
    )


def shown(name: str) -> str:
    """Return ``host/repository:tag`` without its host, and without Docker Hub's ``library/``."""
    return name.removeprefix(_OFFICIAL) if name.startswith(_OFFICIAL) else name.partition("/")[2]


def _arranged(members: dict[int, Member], hidden: dict[int | None, Hidden] | None = None) -> Families:
    """Order children: those with families of their own first, then leaves; each by name."""
    kids: dict[int, list[int]] = {key: [] for key in members}
    roots: list[int] = []
    for key, member in members.items():
        (kids[member.parent] if member.parent is not None else roots).append(key)
    below = dict.fromkeys(members, 0)
    for key in reversed(members):
        parent = members[key].parent
        if parent is not None:
            below[parent] += below[key] + members[key].counts

    def place(key: int) -> tuple[bool, tuple[str, ...], int]:
        return (not kids[key], members[key].names, key)

    children = {key: tuple(sorted(its, key=place)) for key, its in kids.items()}
    return Families(members, children, tuple(sorted(roots, key=place)), below, hidden or {})


def only_family(whole: Families, member: int) -> Families:
    """Keep ``member``, what it stands on and everything that stands on it."""
    standing = {member}
    for key, other in whole.members.items():
        if other.parent in standing:
            standing.add(key)
    return _only(whole, standing.union(whole.line(member)))


def matching(whole: Families, wanted: Callable[[Member], bool]) -> Families:
    """Keep the members that are ``wanted``, and what they stand on (which is then not ``matched``)."""
    hits = {key for key, member in whole.members.items() if wanted(member)}
    kept = set(hits)
    for key in reversed(whole.members):
        parent = whole.members[key].parent
        if key in kept and parent is not None:
            kept.add(parent)
    return _only(whole, kept, hits)


def _only(whole: Families, kept: set[int], hits: set[int] | None = None) -> Families:
    return _arranged(
        {
            key: member if hits is None or key in hits else replace(member, matched=False)
            for key, member in whole.members.items()
            if key in kept
        }
    )


def folded(whole: Families, most: int, *, focus: int | None = None, start: int = 0) -> Families:
    """Leave out members until at most ``most`` remain, and say where how many are missing.

    Generations open from the base on: each gets half of the room that is left, shared equally among those who
    have children, the largest families first. So what remains is the shape of the whole. ``start`` skips that
    many children of ``focus`` (or roots): the next page of a family that is too large even for itself.
    """
    if len(whole.members) <= most and not start:
        return whole
    kept: set[int] = set() if focus is None else {*whole.line(focus), focus}
    hidden: dict[int | None, Hidden] = {}

    def biggest_first(key: int) -> tuple[int, tuple[str, ...], int]:
        return (-whole.below[key], whole.members[key].names, key)

    opened: list[int | None] = [focus]
    while opened:
        following: list[int | None] = []
        share = max(_FEWEST, (most - len(kept)) // 2 // len(opened))
        for parent in opened:
            its = sorted(whole.roots if parent is None else whole.children[parent], key=biggest_first)
            first = start if parent == focus else 0
            taken = its[first : first + max(0, min(share, most - len(kept)))]
            kept.update(taken)
            following.extend(key for key in taken if whole.children[key])
            left = [key for key in its if key not in kept]
            if left:
                hidden[parent] = Hidden(
                    len(left), sum(whole.below[key] + whole.members[key].counts for key in left)
                )
        opened = following
    smaller = _only(whole, kept)
    return replace(smaller, hidden=hidden, below={key: whole.below[key] for key in smaller.members})
