"""What a pull or an extraction tells its caller in the end."""

from __future__ import annotations

from collections.abc import Sequence

from worker.engine.oci import Reference, chain_ids, layer_commands
from worker.engine.pipeline.choice import attestations, offered
from worker.engine.pipeline.documents import Selected
from worker.engine.pipeline.layer import Brought
from worker.engine.pipeline.plan import LayerTask
from worker.engine.pipeline.values import PulledImage, PulledLayer
from worker.engine.store import Store


def describe(
    store: Store,
    reference: Reference | None,
    image: Selected,
    brought: Sequence[Brought],
    documents_fetched: int = 0,
) -> PulledImage:
    """Describe an image as it is in the store now.

    Args:
        brought: What each layer took.
        documents_fetched: Bytes of manifests and config that crossed the wire.

    Raises:
        StoreError: the record of a layer cannot be read.
    """
    manifest, config = image.manifest, image.config
    fetched = documents_fetched + sum(layer.fetched for layer in brought)
    extracted = sum(layer.extracted for layer in brought)
    return PulledImage(
        reference=reference,
        digest=manifest.digest,
        media_type=manifest.media_type,
        config=config,
        config_digest=manifest.config.digest,
        platform=image.platform,
        layers=_layers(store, image),
        bytes_fetched=fetched,
        layers_extracted=extracted,
        unchanged=not fetched and not extracted,
        index=image.indexes[0].digest if image.indexes else None,
        index_media_type=image.indexes[0].media_type if image.indexes else "",
        offered=offered([image]),
        attestations=attestations(image),
        annotations=manifest.annotations,
    )


def describe_all(
    store: Store,
    reference: Reference,
    images: Sequence[Selected],
    tasks: Sequence[LayerTask],
    brought: Sequence[Brought],
    documents_fetched: int,
) -> tuple[PulledImage, ...]:
    """Describe images that were pulled together, as they are in the store now.

    What was fetched counts once in the sum: a layer that several share for the first of them, and all
    manifests and configs for the first image.

    Args:
        tasks: The plan of all images.
        brought: What each of the tasks took.

    Raises:
        StoreError: the record of a layer cannot be read.
    """
    described: list[PulledImage] = []
    start = 0
    for image in images:
        end = start + len(image.manifest.layers)
        own = [took for task, took in zip(tasks, brought, strict=True) if start <= task.positions[0] < end]
        described.append(describe(store, reference, image, own, documents_fetched if not described else 0))
        start = end
    return tuple(described)


def _layers(store: Store, image: Selected) -> tuple[PulledLayer, ...]:
    config = image.config
    layers = []
    for position, (descriptor, diff_id, chain_id, command) in enumerate(
        zip(
            image.manifest.layers,
            config.diff_ids,
            chain_ids(config.diff_ids),
            layer_commands(config),
            strict=True,
        )
    ):
        info = store.layers.info(diff_id) if store.layers.has(diff_id) else None
        layers.append(
            PulledLayer(
                position=position,
                digest=descriptor.digest,
                media_type=descriptor.media_type,
                size=descriptor.size,
                blob_present=store.blobs.is_here(descriptor),
                diff_id=diff_id,
                chain_id=chain_id,
                created_by=command,
                unpacked_size=info.unpacked_size if info else None,
                content_size=info.content_size if info else None,
                entries=info.entries if info else None,
                extracted=info is not None,
            )
        )
    return tuple(layers)
