"""A pull before it is made: what is here, what it would fetch, and what it would leave on the disk."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from worker.engine.cancel import CancelToken
from worker.engine.disk import disk_errors
from worker.engine.errors import StoreError
from worker.engine.oci import Compression, Descriptor, Digest, Platform, layer_commands
from worker.engine.offer import Offer, read_offer
from worker.engine.pipeline.choice import Remembered, select_platforms
from worker.engine.pipeline.documents import FetchedDocuments, Selected
from worker.engine.pipeline.plan import LayerTask, Need, make_plan_of_all
from worker.engine.pipeline.values import PullRequest
from worker.engine.registry import RegistryClient, RetryPolicy
from worker.engine.registry.rate_limit import OnRateLimit, ignore_rate_limit
from worker.engine.space import disk_space
from worker.engine.store import Store

KnownSizes = Callable[[Sequence[Digest]], Mapping[Digest, int]]
"""Tells the unpacked sizes of layers, in bytes, by diff ID, as far as they are known."""

Ratios = Mapping[Compression, float]
"""How many times its compressed size a layer has unpacked."""

RATIOS: Ratios = {Compression.NONE: 1.0, Compression.GZIP: 2.5, Compression.ZSTD: 2.7}
"""What images of Linux distributions and of programs have on the average."""


class Presence(StrEnum):
    """What there is of a layer."""

    HERE = "here"
    """All that the pull wants of it."""
    OTHER_FORM = "other form here"
    """Its tree, from another compressed form: the one that the manifest names is not needed."""
    PACKED = "packed here"
    """Its blob, to be extracted."""
    PARTIAL = "partly here"
    """Bytes of its blob, from a download that was broken off."""
    MISSING = "missing"


class Room(StrEnum):
    """Whether the disk is large enough."""

    ENOUGH = "enough"
    DOUBTFUL = "doubtful"
    """What is known exactly fits, but not what is estimated."""
    SHORT = "short"


@dataclass(frozen=True, slots=True)
class LayerPreview:
    """One layer of an image that would be pulled.

    Attributes:
        position: From 0, the base.
        digest, media_type, size: Of its blob, as the manifest names it; bytes.
        diff_id: Its identity.
        created_by: The command that made it; empty if not known.
        presence: What there is of it.
        again: The same layer stands further down, or in an image before: it costs nothing here.
        to_fetch: Bytes that would cross the wire.
        unpacked_size: Bytes of the uncompressed tar; None if not known.
        unpacked_estimate: The same, guessed where it is not known.
        to_unpack: It would be extracted.
    """

    position: int
    digest: Digest
    media_type: str
    size: int
    diff_id: Digest
    created_by: str
    presence: Presence
    again: bool
    to_fetch: int
    unpacked_size: int | None
    unpacked_estimate: int
    to_unpack: bool

    @property
    def present(self) -> bool:
        """Whether nothing of it has to be fetched."""
        return not self.to_fetch


@dataclass(frozen=True, slots=True)
class ImagePreview:
    """One image that would be pulled; ``layers`` base first."""

    platform: Platform
    digest: Digest
    media_type: str
    layers: tuple[LayerPreview, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a pull would do now. Sizes are bytes; a layer that several images share counts once.

    Attributes:
        offer: What the reference leads to, and which platforms there are.
        images: One for each platform asked for; the one for this machine is the first.
        fetch_only: Nothing would be extracted.
        documents: Bytes of indexes, manifests and configs that would be fetched and kept.
        free: What the store's disk has left for this program.
    """

    offer: Offer
    images: tuple[ImagePreview, ...]
    fetch_only: bool
    documents: int
    free: int

    @property
    def layers(self) -> tuple[LayerPreview, ...]:
        """Each layer once."""
        return tuple(layer for image in self.images for layer in image.layers if not layer.again)

    @property
    def to_fetch(self) -> int:
        """What would cross the wire, and stay as blobs: exact."""
        return self.documents + sum(layer.to_fetch for layer in self.layers)

    @property
    def here(self) -> int:
        """Compressed bytes of its layers that need not be fetched."""
        return sum(layer.size - layer.to_fetch for layer in self.layers)

    @property
    def unpacked_known(self) -> int:
        """Bytes that the layers to extract have unpacked, of those of which it is known."""
        return sum(layer.unpacked_size or 0 for layer in self._to_unpack)

    @property
    def unpacked_guessed(self) -> int:
        """Bytes that the others may have: an estimate."""
        return sum(layer.unpacked_estimate for layer in self._to_unpack if layer.unpacked_size is None)

    @property
    def added(self) -> int:
        """What the disk would hold more: exact if nothing is guessed."""
        return self.to_fetch + self.unpacked_known + self.unpacked_guessed

    @property
    def room(self) -> Room:
        if self.to_fetch + self.unpacked_known > self.free:
            return Room.SHORT
        return Room.DOUBTFUL if self.added > self.free else Room.ENOUGH

    @property
    def _to_unpack(self) -> tuple[LayerPreview, ...]:
        return tuple(layer for layer in self.layers if layer.to_unpack)


def preview(
    store: Store,
    request: PullRequest,
    cancel: CancelToken | None = None,
    retries: RetryPolicy | None = None,
    on_rate_limit: OnRateLimit = ignore_rate_limit,
    *,
    known: KnownSizes = lambda diff_ids: {},
    ratios: Ratios = RATIOS,
) -> Preview:
    """Find out what a pull would do, by the same plan; nothing is written.

    Args:
        known: What the caller knows of unpacked sizes beyond the store.
        ratios: What to estimate the others by.

    Raises:
        RegistryError: the registry cannot be reached, or does not have it.
        ContentError: it is no image, or not for one of the platforms.
        StoreError: the store cannot be read.
        Cancelled
    """
    reference = request.reference
    with (
        disk_errors("read the store"),
        RegistryClient(
            request.endpoint, cancel=cancel, retries=retries, on_rate_limit=on_rate_limit
        ) as client,
    ):
        digest = client.resolve(reference).digest
        documents = Remembered(FetchedDocuments(store, client, reference.repository))
        images = select_platforms(documents, digest, request.platforms or (request.platform,))
        layers = _Layers(store, images, request.fetch_only, known, ratios)
        return Preview(
            offer=read_offer(store, documents, reference, digest),
            images=tuple(layers.of(image) for image in images),
            fetch_only=request.fetch_only,
            documents=_documents(store, images),
            free=disk_space(store.root).free,
        )


def _documents(store: Store, images: Sequence[Selected]) -> int:
    raw = {Digest.of(content): len(content) for image in images for content in image.raw}
    return sum(size for digest, size in raw.items() if not store.blobs.has(digest))


class _Layers:
    """Tells of each layer what a pull of several images would do with it."""

    def __init__(
        self, store: Store, images: Sequence[Selected], fetch_only: bool, known: KnownSizes, ratios: Ratios
    ) -> None:
        self._store = store
        self._ratios = ratios
        tasks = make_plan_of_all(store, images, fetch_only)
        self._tasks = {position: task for task in tasks for position in task.positions}
        self._next = 0
        self._unpacked = self._stored_sizes(tasks)
        unknown = [task.diff_id for task in tasks if task.diff_id not in self._unpacked]
        self._unpacked |= known(unknown)

    def of(self, image: Selected) -> ImagePreview:
        """The next image: they come in the plan's order."""
        layers = image.manifest.layers
        first, self._next = self._next, self._next + len(layers)
        commands = layer_commands(image.config)
        return ImagePreview(
            image.platform,
            image.manifest.digest,
            image.manifest.media_type,
            tuple(
                self._layer(first, position, layer, diff_id, command)
                for position, (layer, diff_id, command) in enumerate(
                    zip(layers, image.config.diff_ids, commands, strict=True)
                )
            ),
        )

    def _layer(
        self, first: int, position: int, descriptor: Descriptor, diff_id: Digest, command: str
    ) -> LayerPreview:
        task = self._tasks[first + position]
        again = task.positions[0] != first + position
        presence, missing = self._presence(task, descriptor)
        unpacked = self._unpacked.get(diff_id)
        if unpacked is None and descriptor.compression is Compression.NONE:
            unpacked = descriptor.size
        estimate = round(descriptor.size * self._ratios[descriptor.compression])
        return LayerPreview(
            position=position,
            digest=descriptor.digest,
            media_type=descriptor.media_type,
            size=descriptor.size,
            diff_id=diff_id,
            created_by=command,
            presence=presence,
            again=again,
            to_fetch=0 if again else missing,
            unpacked_size=unpacked,
            unpacked_estimate=estimate if unpacked is None else unpacked,
            to_unpack=task.need is Need.TREE and not again,
        )

    def _presence(self, task: LayerTask, descriptor: Descriptor) -> tuple[Presence, int]:
        """What there is of a layer, and how many bytes of its blob are not."""
        here = self._store.blobs.is_here(descriptor)
        if task.need is Need.NOTHING:
            return (Presence.HERE if here else Presence.OTHER_FORM), 0
        # An image may name several compressed forms of one layer; the first is the one that is brought.
        wanted = task.descriptor
        if here or self._store.blobs.is_here(wanted):
            return Presence.PACKED, 0
        partial = min(self._store.blobs.partial_size(wanted.digest), wanted.size)
        return (Presence.PARTIAL if partial else Presence.MISSING), wanted.size - partial

    def _stored_sizes(self, tasks: Sequence[LayerTask]) -> dict[Digest, int]:
        found: dict[Digest, int] = {}
        for task in tasks:
            if self._store.layers.has(task.diff_id):
                with contextlib.suppress(StoreError):  # damaged, or just removed: then it is not known
                    found[task.diff_id] = self._store.layers.info(task.diff_id).unpacked_size
        return found
