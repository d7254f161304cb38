"""Entering a pulled image in the store's lists: the store describes itself, to other tools too."""

from __future__ import annotations

import json

from worker.engine.oci import Compression, Descriptor, Digest, Manifest, MediaType, Reference
from worker.engine.pipeline.documents import Selected
from worker.engine.store import INDEX, ORIGINAL, Store

_OCI_LAYERS = {
    Compression.NONE: MediaType.OCI_LAYER,
    Compression.GZIP: MediaType.OCI_LAYER_GZIP,
    Compression.ZSTD: MediaType.OCI_LAYER_ZSTD,
}


def list_image(store: Store, reference: Reference, image: Selected) -> None:
    """Store an image's manifest and config, and let the reference mean it.

    It goes on the list that other tools read if every blob is here, else on the other one.

    Raises:
        StoreError: the disk is full or refuses.
    """
    for raw in image.raw:
        store.blobs.put(raw)
    descriptor = _listed(store, image)
    name = str(reference)
    if all(store.blobs.has(layer.digest) for layer in image.manifest.layers):
        store.images.tag(name, descriptor)
        store.shallow_images.untag(name, descriptor.platform)
    else:
        store.shallow_images.tag(name, descriptor)
        store.images.untag(name, descriptor.platform)


def name_of(store: Store, digest: Digest) -> Reference | None:
    """The reference that means this manifest now; None if none does."""
    for image in (*store.images.all(), *store.shallow_images.all()):
        listed = image.descriptor
        if image.name and str(digest) in (str(listed.digest), listed.annotations.get(ORIGINAL)):
            return Reference.parse(image.name)
    return None


def listed_form(manifest: Manifest) -> bytes:
    """The manifest as it is listed: in OCI's form, which differs from Docker's in nothing but media types.

    Tools that read OCI image layouts refuse Docker's.
    """
    if manifest.media_type != MediaType.DOCKER_MANIFEST:
        return manifest.raw
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MediaType.OCI_MANIFEST,
            "config": _pointer(MediaType.OCI_CONFIG, manifest.config),
            "layers": [_pointer(_OCI_LAYERS[layer.compression], layer) for layer in manifest.layers],
        }
    ).encode()


def _listed(store: Store, image: Selected) -> Descriptor:
    manifest = image.manifest
    led = {INDEX: str(image.indexes[0].digest)} if image.indexes else {}
    if manifest.media_type != MediaType.DOCKER_MANIFEST:
        return Descriptor(
            manifest.media_type,
            manifest.digest,
            len(manifest.raw),
            annotations=led,
            platform=image.platform,
        )
    raw = listed_form(manifest)
    digest = store.blobs.put(raw)
    return Descriptor(
        MediaType.OCI_MANIFEST,
        digest,
        len(raw),
        annotations={ORIGINAL: str(manifest.digest), **led},
        platform=image.platform,
    )


def _pointer(media_type: MediaType, target: Descriptor) -> dict[str, object]:
    return {"mediaType": media_type, "digest": str(target.digest), "size": target.size}
