"""Puts together what the catalog and the store know about images that may be removed.

Who needs what comes from the catalog; the documents of the images that would go, and of what the catalog does
not know, from the store. What each tree takes on the disk was measured before (``worker.tasks.weighing``).
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from django.db.models import Count, Min, Q, QuerySet

from worker.engine.housekeeping import (
    Lists,
    blob_bytes,
    estimated_bytes,
    index_bytes,
    lists_of,
    made_anew,
    parts_of,
)
from worker.engine.oci import Digest
from worker.engine.pipeline.needed import held_by_containers, indexes_of, may_nest
from worker.engine.store import Content, Store, made_without
from worker.models import (
    ACTIVE_STATES,
    Blob,
    Container,
    Image,
    ImageLayer,
    Job,
    JobKind,
    RemovedManifest,
)
from worker.services.going import Keepers, LayerFate, Use, WhatWouldGo


class _Place(NamedTuple):
    """A layer in the stack of a chosen image."""

    image: int
    position: int
    layer: int
    diff_id: str
    tree_bytes: int | None
    blob: str
    created_by: str


class _Tree(NamedTuple):
    """What a layer's tree takes on the disk, and what stands beside it."""

    tree: int
    beside: int
    here: bool


class Foresight:
    """What removing ``chosen``, of one project, would mean now.

    Raises:
        StoreError: a list of the store is damaged, or the disk refuses.
    """

    def __init__(self, store: Store, chosen: Sequence[Image]) -> None:
        self._store = store
        self._chosen = chosen
        self._project = chosen[0].project
        self._ids = {image.pk for image in chosen}
        self._lists: Lists = lists_of(store)
        listed = {str(one.digest) for part in self._lists for one in part}
        # What was removed before, and not taken off the lists yet, needs nothing any more.
        leaving = set(RemovedManifest.objects.values_list("digest", flat=True))
        rows = list(Image.objects.order_by().values_list("pk", "digest", "config_digest"))
        others = {digest for pk, digest, _ in rows if pk not in self._ids}
        self._elsewhere = {image.digest for image in chosen} & others
        leaving = (leaving - others) | {image.digest for image in chosen if image.digest not in others}
        self._leaving = frozenset(map(Digest.parse, leaving))
        self._named = {digest for pk, *digests in rows if pk not in self._ids for digest in digests}
        strangers = frozenset(map(Digest.parse, listed - others - leaving))
        self._strange = parts_of(store, self._lists, strangers) if strangers else Content()
        self._pinned = store.pins.content()
        self._contained = held_by_containers(store)

    def tell(self) -> WhatWouldGo:
        places = self._places()
        sizes = {digest: blob_bytes(self._store, Digest.parse(digest)) for digest in {p.blob for p in places}}
        blobs = {digest: size for digest, size in sizes.items() if size is not None}
        trees = {place.diff_id: self._tree(place) for place in places}
        tree_keepers = self._tree_keepers(places)
        blob_keepers = self._blob_keepers(places)
        layers = list(_fates(places, trees, blobs, tree_keepers, blob_keepers))
        gone = [tree for diff_id, tree in trees.items() if not tree_keepers[diff_id].any]
        measured = [tree for tree in gone if tree is not None]
        gone_blobs = [size for digest, size in blobs.items() if not blob_keepers[digest].any]
        goes, stays = self._documents(set(sizes))
        made = made_anew(self._store, self._lists, self._leaving)
        ours = [tree for tree in measured if tree.here]
        whole = WhatWouldGo(
            project=self._project,
            images=tuple(self._chosen),
            elsewhere=frozenset(image.pk for image in self._chosen if image.digest in self._elsewhere),
            containers=self._containers(),
            extracting=self._extracting(),
            layers=tuple(layers if len(self._chosen) == 1 else sorted(layers, key=lambda one: -one.here)),
            trees=Use(len(ours), sum(tree.tree for tree in ours)),
            indexes=Use(len(ours), sum(tree.beside for tree in ours)),
            blobs=Use(len(gone_blobs), sum(gone_blobs)) + goes,
            documents=goes,
            documents_stay=stays,
            made=sum(estimated_bytes(self._store, size) for size in made.values()),
            unmeasured=len([tree for tree in trees.values() if tree is None]),
        )
        return replace(whole, mark=_mark(whole))

    def _places(self) -> list[_Place]:
        rows = ImageLayer.objects.filter(image__in=self._ids).order_by("image", "position")
        return [
            _Place(*row)
            for row in rows.values_list(
                "image", "position", "layer", "layer__diff_id", "layer__tree_bytes", "blob__digest",
                "created_by",
            )
        ]  # fmt: skip

    def _tree(self, place: _Place) -> _Tree | None:
        beside = index_bytes(self._store, Digest.parse(place.diff_id))
        if beside is None:
            return _Tree(0, 0, here=False)
        return None if place.tree_bytes is None else _Tree(place.tree_bytes, beside, here=True)

    def _tree_keepers(self, places: Sequence[_Place]) -> dict[str, Keepers]:
        names = {place.layer: place.diff_id for place in places}
        rows = self._rest().filter(layer__in=names).values("layer")
        found = {names[row["layer"]]: row for row in self._counted(rows)}
        return {
            diff_id: self._keepers(
                found.get(diff_id), Digest.parse(diff_id), self._strange.layers, self._pinned.layers
            )
            for diff_id in names.values()
        }

    def _blob_keepers(self, places: Sequence[_Place]) -> dict[str, Keepers]:
        digests = {place.blob for place in places}
        forms = Blob.objects.filter(digest__in=digests).values("pk")
        rows = self._rest().filter(blob__in=forms).values("blob__digest")
        found = {row["blob__digest"]: row for row in self._counted(rows)}
        return {
            digest: self._keepers(
                found.get(digest), Digest.parse(digest), self._strange.blobs, self._pinned.blobs, tree=False
            )
            for digest in digests
        }

    def _rest(self) -> QuerySet[ImageLayer]:
        """The stacks of all images that stay, of any project."""
        return ImageLayer.objects.exclude(image__in=self._ids).order_by()

    def _counted(self, rows: QuerySet[ImageLayer, Any]) -> Iterable[Any]:
        mine = Q(image__project=self._project)
        return rows.annotate(
            mine=Count("image", distinct=True, filter=mine),
            first=Min("image", filter=mine),
            others=Count("image", filter=~mine),
        )

    def _keepers(
        self,
        row: dict[str, Any] | None,
        digest: Digest,
        strange: Collection[Digest],
        pinned: Collection[Digest],
        *,
        tree: bool = True,
    ) -> Keepers:
        images, first, others = (row["mine"], row["first"], row["others"]) if row else (0, None, 0)
        elsewhere = bool(others) or digest in strange
        explained = images or elsewhere
        return Keepers(
            images=images,
            first=first,
            elsewhere=elsewhere,
            work=digest in pinned,
            container=tree and not explained and digest in self._contained,
        )

    def _documents(self, of_layers: Collection[str]) -> tuple[Use, Use]:
        """Manifests, configs and indexes of the chosen images: what goes, and what stays."""
        mine = frozenset(Digest.parse(image.digest) for image in self._chosen)
        going = mine & self._leaving
        found = set(parts_of(self._store, self._lists, going).blobs) | mine
        found |= {Digest.parse(image.config_digest) for image in self._chosen}
        found -= set(map(Digest.parse, of_layers))
        kept = self._strange.blobs | self._pinned.blobs | (mine - going) | self._kept_documents(found)
        kept |= {digest for digest in found if str(digest) in self._named}
        goes = stays = Use()
        for digest in found:
            size = blob_bytes(self._store, digest)
            if size is not None and digest in kept:
                stays += Use(1, size)
            elif size is not None:
                goes += Use(1, size)
        return goes, stays

    def _kept_documents(self, found: Collection[Digest]) -> set[Digest]:
        """Which documents the entries of the lists that stay need, besides configs."""
        kept: set[Digest] = set()
        led: set[Digest] = set()
        for part, images in zip((self._store.images, self._store.shallow_images), self._lists, strict=True):
            for image in images:
                if not image.is_one_of(self._leaving):
                    kept |= {image.digest, image.descriptor.digest}
                    led |= {image.index} if image.index is not None else set()
            dropped = made_without(images, self._leaving)[0]
            if not dropped.isdisjoint(found):
                kept |= part.made() - dropped
        own = {
            image.index
            for part in self._lists
            for image in part
            if image.index is not None and image.is_one_of(self._leaving)
        }
        ours = {digest for index in own for digest in indexes_of(self._store, index)}
        for index in led if ours else ():
            # One of ours may lie in an index by which an image was pulled that stays, however deep.
            if index in ours or may_nest(self._store, index):
                kept |= indexes_of(self._store, index)
        return kept

    def _containers(self) -> dict[int, tuple[Container, ...]]:
        found: dict[int, list[Container]] = defaultdict(list)
        for container in Container.objects.filter(image__in=self._ids).order_by("name"):
            found[container.image_id].append(container)
        return {image: tuple(containers) for image, containers in found.items()}

    def _extracting(self) -> frozenset[int]:
        jobs = Job.objects.filter(kind=JobKind.EXTRACT, state__in=ACTIVE_STATES, image__in=self._ids)
        return frozenset(image for image in jobs.values_list("image", flat=True) if image is not None)


def _fates(
    places: Sequence[_Place],
    trees: Mapping[str, _Tree | None],
    blobs: Mapping[str, int],
    tree_keepers: Mapping[str, Keepers],
    blob_keepers: Mapping[str, Keepers],
) -> Iterator[LayerFate]:
    """Each layer once, in the order of its first place."""
    forms: dict[str, set[str]] = defaultdict(set)
    images: dict[str, set[int]] = defaultdict(set)
    first: dict[str, _Place] = {}
    for place in places:
        forms[place.diff_id].add(place.blob)
        images[place.diff_id].add(place.image)
        first.setdefault(place.diff_id, place)
    counted: set[str] = set()
    for diff_id, place in first.items():
        here = {digest: blobs[digest] for digest in forms[diff_id] & blobs.keys() - counted}
        counted |= here.keys()
        tree, keepers = trees[diff_id], tree_keepers[diff_id]
        of_tree = None if tree is None else tree.tree + tree.beside
        going = sum(size for digest, size in here.items() if not blob_keepers[digest].any)
        kept_form = next((keep for digest in sorted(here) if (keep := blob_keepers[digest]).any), Keepers())
        yield LayerFate(
            diff_id=diff_id,
            created_by=place.created_by,
            among=len(images[diff_id]),
            tree=of_tree,
            blobs=sum(here.values()),
            goes=None if of_tree is None else going + (0 if keepers.any else of_tree),
            keepers=keepers,
            blob_keepers=kept_form,
        )


def _mark(whole: WhatWouldGo) -> str:
    """A digest of all that would make somebody decide otherwise."""
    facts = (
        whole.freed,
        whole.stays,
        [(image.pk, image.digest) for image in whole.images],
        sorted(whole.held),
        sorted((layer.diff_id, layer.goes) for layer in whole.layers if layer.goes is not None),
    )
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:24]
