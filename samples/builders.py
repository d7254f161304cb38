"""Images built in memory: configs, manifests, indexes, and what only looks like an image."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from samples.layers import SampleLayer
from worker.engine.oci import Digest, ImageConfig, MediaType, Platform

CREATED = "2026-01-01T00:00:00Z"
Json = dict[str, Any]
_TYPES = {
    "oci": (MediaType.OCI_MANIFEST, MediaType.OCI_CONFIG, MediaType.OCI_INDEX),
    "docker": (MediaType.DOCKER_MANIFEST, MediaType.DOCKER_CONFIG, MediaType.DOCKER_INDEX),
}


@dataclass(frozen=True)
class Content:
    """Anything that a registry keeps under ``manifests/``.

    Attributes:
        raw: The document.
        media_type: Of the document.
        blobs: What it refers to under ``blobs/``.
        manifests: What it refers to under ``manifests/``.
    """

    raw: bytes = field(repr=False)
    media_type: str
    blobs: tuple[bytes, ...] = field(default=(), repr=False)
    manifests: tuple[Content, ...] = field(default=(), repr=False)

    @cached_property
    def digest(self) -> Digest:
        return Digest.of(self.raw)


@dataclass(frozen=True)
class SampleImage(Content):
    """An image for one platform."""

    layers: tuple[SampleLayer, ...] = field(default=(), repr=False)
    config_raw: bytes = field(default=b"", repr=False)
    flavour: str = "oci"

    @cached_property
    def config(self) -> ImageConfig:
        """As the engine reads it; raises InvalidManifest for an image that was broken on purpose."""
        return ImageConfig.parse(self.config_raw)

    @property
    def config_digest(self) -> Digest:
        return Digest.of(self.config_raw)

    @property
    def diff_ids(self) -> tuple[Digest, ...]:
        return tuple(layer.diff_id for layer in self.layers)


@dataclass(frozen=True)
class SampleIndex(Content):
    """An image for several platforms."""

    images: tuple[SampleImage, ...] = field(default=(), repr=False)


def image(
    layers: Iterable[SampleLayer] = (),
    *,
    base: SampleImage | None = None,
    platform: str = "linux/amd64",
    history: Sequence[str | Mapping[str, Any]] | None = None,
    run: Mapping[str, Any] | None = None,
    created: str = CREATED,
    diff_ids: Sequence[str] | None = None,
    annotations: Mapping[str, str] | None = None,
    flavour: str = "oci",
) -> SampleImage:
    """Build an image of ``layers``, on top of ``base`` if there is one.

    Args:
        history: The commands of the new steps: a string made a layer, a mapping is an entry as it is
            (``{"created_by": ..., "empty_layer": True}``). None makes one plain command per layer.
        run: The inner ``config`` in the image spec's spelling (``Cmd``, ``Env``, ``ExposedPorts``, ...); what
            it does not name comes from the base.
        diff_ids: Say these instead of the true ones; for broken images.
        flavour: ``oci`` or ``docker``.
    """
    own = tuple(layers)
    below = base.layers if base is not None else ()
    stack = (*below, *own)
    parent: Mapping[str, Any] = base.config.raw_json if base is not None else {}
    steps = history if history is not None else [f"COPY layer{at} /" for at in range(len(own))]
    os, architecture, *variant = platform.split("/")
    config: Json = {
        "created": created,
        "architecture": architecture,
        "os": os,
        **({"variant": variant[0]} if variant else {}),
        "config": {**parent.get("config", {}), **(run or {})},
        "rootfs": {"type": "layers", "diff_ids": diff_ids or [str(part.diff_id) for part in stack]},
        "history": [*parent.get("history", []), *(_step(step, created) for step in steps)],
    }
    return _assemble(stack, _encode(config), annotations, flavour)


def recompressed(original: SampleImage, compression: str) -> SampleImage:
    """A twin: the same config and diff IDs, other blobs and so another manifest."""
    layers = tuple(part.recompressed(compression, original.flavour) for part in original.layers)
    return _assemble(layers, original.config_raw, None, original.flavour)


def index(
    images: Iterable[SampleImage], *, attestations: bool = False, annotations: Mapping[str, str] | None = None
) -> SampleIndex:
    """Build an index of images, with the platform that each one's config names.

    ``attestations`` adds for each image what BuildKit adds: a manifest for ``unknown/unknown``.
    """
    members = tuple(images)
    entries = [_entry(member, member.config.platform) for member in members]
    extra: list[Content] = []
    if attestations:
        for member in members:
            statement = artifact(MediaType.OCI_CONFIG, "application/vnd.in-toto+json")
            marks = {
                "vnd.docker.reference.type": "attestation-manifest",
                "vnd.docker.reference.digest": str(member.digest),
            }
            entries.append({**_entry(statement, Platform("unknown", "unknown")), "annotations": marks})
            extra.append(statement)
    media_type = _TYPES[members[0].flavour if members else "oci"][2]
    body: Json = {"schemaVersion": 2, "mediaType": media_type, "manifests": entries}
    if annotations:
        body["annotations"] = dict(annotations)
    return SampleIndex(_encode(body), media_type, manifests=(*members, *extra), images=members)


def artifact(
    config_type: str, layer_type: str = "application/octet-stream", *, artifact_type: str = ""
) -> Content:
    """Build something that is no image: a Helm chart, a signature, ..."""
    config, payload = b"{}", b"not a layer"
    body: Json = {
        "schemaVersion": 2,
        "mediaType": MediaType.OCI_MANIFEST,
        **({"artifactType": artifact_type} if artifact_type else {}),
        "config": _descriptor(config_type, config),
        "layers": [_descriptor(layer_type, payload)],
    }
    return Content(_encode(body), MediaType.OCI_MANIFEST, blobs=(config, payload))


def _assemble(
    layers: tuple[SampleLayer, ...], config: bytes, annotations: Mapping[str, str] | None, flavour: str
) -> SampleImage:
    manifest_type, config_type, _ = _TYPES[flavour]
    body: Json = {
        "schemaVersion": 2,
        "mediaType": manifest_type,
        "config": _descriptor(config_type, config),
        "layers": [_descriptor(part.media_type, part.blob) for part in layers],
    }
    if annotations:
        body["annotations"] = dict(annotations)
    return SampleImage(
        _encode(body),
        manifest_type,
        blobs=(config, *(part.blob for part in layers)),
        layers=layers,
        config_raw=config,
        flavour=flavour,
    )


def _step(step: str | Mapping[str, Any], created: str) -> Json:
    return {"created": created, **({"created_by": step} if isinstance(step, str) else step)}


def _descriptor(media_type: str, content: bytes) -> Json:
    return {"mediaType": media_type, "digest": str(Digest.of(content)), "size": len(content)}


def _entry(member: Content, platform: Platform) -> Json:
    where = {"os": platform.os, "architecture": platform.architecture}
    if platform.variant:
        where["variant"] = platform.variant
    return {**_descriptor(member.media_type, member.raw), "platform": where}


def _encode(value: Json) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
