"""The family of an image of the catalog, as a value (``worker.engine.lineage``)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from worker.engine.lineage import Family, Kin, Member
from worker.models.family import FamilyMember
from worker.models.image import Image, ImageLayer, Tag
from worker.models.project import Project


def family_of(image: Image) -> Family:
    """Return the stacks that ``image`` stands on, its own, and those that stand on it.

    Empty for an image without layers: it is related to nothing.
    """
    rows = _rows(image.project)
    own = next((pk for pk, row in rows.items() if row.chain_id == image.chain_id), None)
    if own is None:
        return Family([])
    kin = {own: Kin.SELF}
    above = rows[own].parent_id
    while above is not None:
        kin[above] = Kin.ANCESTOR
        above = rows[above].parent_id
    for pk, row in rows.items():
        if row.parent_id is not None and kin.get(row.parent_id) in (Kin.SELF, Kin.DESCENDANT):
            kin[pk] = Kin.DESCENDANT
    return _told(image.project, {pk: row for pk, row in rows.items() if pk in kin}, kin)


def _rows(project: Project) -> dict[int, FamilyMember]:
    """The project's family tree, parents before children."""
    members = FamilyMember.objects.filter(project=project).order_by("height", "pk")
    return {member.pk: member for member in members.iterator(chunk_size=5_000)}


def _told(project: Project, rows: dict[int, FamilyMember], kin: dict[int, Kin]) -> Family:
    chains = {row.chain_id for row in rows.values()}
    names, digests, holders = _images(project, chains)
    for row in reversed(rows.values()):
        # Nobody ends on a fork: whoever stands on it has its layers.
        if row.parent_id in rows and row.chain_id in holders:
            holders.setdefault(rows[row.parent_id].chain_id, holders[row.chain_id])
    layers = _layers(holders)
    members = []
    for pk, row in rows.items():
        below = rows[row.parent_id].height if row.parent_id in rows else 0
        own = layers.get(row.chain_id, [])[below:]
        sizes = [size for size, _ in own if size is not None]
        members.append(
            Member(
                chain_id=row.chain_id,
                parent=rows[row.parent_id].chain_id if row.parent_id in rows else "",
                layers=row.height,
                added_layers=row.height - below,
                added_bytes=sum(sizes) if len(sizes) == len(own) else None,
                names=tuple(names[row.chain_id]),
                digests=tuple(digests[row.chain_id]),
                command=own[-1][1] if own else "",
                kin=kin[pk],
            )
        )
    return Family(sorted(members, key=lambda member: (member.layers, member.names, member.chain_id)))


def _images(
    project: Project, chains: Iterable[str]
) -> tuple[dict[str, list[str]], dict[str, list[str]], dict[str, int]]:
    """Return, by chain ID, of the images that end there: the names, those with tags first; the digests; and
    the primary key of the oldest.
    """
    images = Image.objects.filter(project=project, chain_id__in=chains).order_by("pulled_at", "pk")
    tags = defaultdict(list)
    for tag in Tag.objects.filter(project=project, image__isnull=False).order_by(
        "registry_host", "repository", "name", "platform"
    ):
        tags[tag.image_id].append(str(tag))
    named: dict[str, list[str]] = defaultdict(list)
    nameless: dict[str, list[str]] = defaultdict(list)
    digests: dict[str, list[str]] = defaultdict(list)
    oldest: dict[str, int] = {}
    for pk, chain_id, digest, host, repository in images.values_list(
        "pk", "chain_id", "digest", "registry_host", "repository"
    ):
        digests[chain_id].append(digest)
        oldest.setdefault(chain_id, pk)
        if pk in tags:
            named[chain_id] += tags[pk]
        else:
            nameless[chain_id].append(f"{host}/{repository}@{digest}")
    found = defaultdict(list)
    for chain_id in digests:
        found[chain_id] = [*dict.fromkeys(named[chain_id]), *nameless[chain_id]]
    return found, digests, oldest


def _layers(holders: Mapping[str, int]) -> dict[str, list[tuple[int | None, str]]]:
    """Return, by chain ID, unpacked size and command of each layer of the stack, the base first.

    Args:
        holders: An image that has the stack, by chain ID.
    """
    stacks: dict[int, list[tuple[int | None, str, str]]] = defaultdict(list)
    rows = ImageLayer.objects.filter(image__in=set(holders.values())).order_by("image", "position")
    for image, size, command, chain_id in rows.values_list(
        "image_id", "layer__unpacked_size", "created_by", "chain_id"
    ).iterator(chunk_size=10_000):
        stacks[image].append((size, command, chain_id))
    found = {}
    for chain_id, image in holders.items():
        height = next(number for number, (*_, here) in enumerate(stacks[image], 1) if here == chain_id)
        found[chain_id] = [(size, command) for size, command, _ in stacks[image][:height]]
    return found
