"""Rows of a believable catalog, for the tests of pages that read them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone

from worker.engine.oci import Digest, chain_ids
from worker.models import Blob, Image, ImageLayer, Job, JobKind, Layer, Project, Tag, TagMovement
from worker.models.growing import grow

MIB = 2**20
#: Unpacked MiB by letter, after the family of the drawings: base, apache, its page, php, its page.
SIZES = {"d": 163, "a": 156, "i": 1, "p": 114, "x": 2}


def sha(*parts: object) -> str:
    return "sha256:" + hashlib.sha256(repr(parts).encode()).hexdigest()


def diff_id(letter: str) -> str:
    return sha("layer", letter)


def make_image(
    project: Project,
    name: str,
    layers: Sequence[str],
    *,
    host: str = "docker.io",
    repository: str = "",
    tags: Sequence[str] = ("1",),
    platform: tuple[str, str, str] = ("linux", "amd64", ""),
    compression: str = "gzip",
    extracted: bool = True,
    pulled_at: datetime | None = None,
    config: dict[str, Any] | None = None,
) -> Image:
    """Make an image whose layers are known by letters; equal letters are equal layers."""
    diff_ids = [diff_id(letter) for letter in layers]
    chain = [str(one) for one in chain_ids([Digest.parse(one) for one in diff_ids])] if layers else []
    unpacked = [SIZES.get(letter, 10) * MIB for letter in layers]
    at = pulled_at or timezone.now()
    repository = repository or f"library/{name}"
    os, architecture, variant = platform
    image = Image.objects.create(
        project=project,
        digest=sha("image", project.pk, name),
        media_type="application/vnd.oci.image.manifest.v1+json",
        registry_host=host,
        repository=repository,
        os=os,
        architecture=architecture,
        variant=variant,
        config_digest=sha("config", name),
        config=config or _config(diff_ids),
        layer_count=len(layers),
        compressed_size=sum(unpacked) // 2,
        unpacked_size=sum(unpacked) if extracted else None,
        chain_id=chain[-1] if chain else "",
        extracted=extracted,
        pulled_at=at,
    )
    for position, letter in enumerate(layers):
        layer, _ = Layer.objects.get_or_create(
            diff_id=diff_ids[position],
            defaults={
                "unpacked_size": unpacked[position] if extracted else None,
                "entries": 7 if extracted else None,
                "tree_present": extracted,
            },
        )
        blob, _ = Blob.objects.get_or_create(
            digest=sha("blob", letter, compression),
            defaults={
                "media_type": f"application/vnd.oci.image.layer.v1.tar+{compression}",
                "size": unpacked[position] // 2,
                "layer": layer,
                "present": True,
            },
        )
        ImageLayer.objects.create(
            image=image,
            layer=layer,
            blob=blob,
            position=position,
            chain_id=chain[position],
            created_by=f"RUN make {letter} && true",
        )
    grow(project, [chain])
    for tag in tags:
        row = make_tag(image, tag, at=at)
        TagMovement.objects.create(tag=row, to_digest=image.digest, moved_at=at)
    return image


def make_tag(
    image: Image, name: str, *, host: str = "", repository: str = "", at: datetime | None = None
) -> Tag:
    """Let the tag ``name`` point at ``image``: one of its own repository, if no other is named."""
    at = at or timezone.now()
    return Tag.objects.create(
        project=image.project,
        registry_host=host or image.registry_host,
        repository=repository or image.repository,
        name=name,
        platform=image.platform,
        image=image,
        moved_at=at,
        checked_at=at,
    )


def make_job(project: Project, **fields: Any) -> Job:
    """Make a pull of alpine that waits; ``fields`` say what is different."""
    return Job.objects.create(
        project=project, **{"kind": JobKind.PULL, "reference": "docker.io/library/alpine:latest"} | fields
    )


def family(project: Project) -> dict[str, Image]:
    """Make the family of the drawings: debian <- apache = apache-zstd <- php."""
    return {
        "debian": make_image(project, "debian", "d", tags=["bookworm"]),
        "apache": make_image(project, "apache", "dai", tags=["2.4"]),
        "apache-zstd": make_image(project, "apache-zstd", "dai", tags=["2.4"], compression="zstd"),
        "php": make_image(project, "php", "daipx", tags=["8", "latest"]),
    }


def _config(diff_ids: Sequence[str]) -> dict[str, Any]:
    return {
        "os": "linux",
        "architecture": "amd64",
        "created": "2026-11-01T10:00:00Z",
        "config": {
            "Entrypoint": ["/entry", "--flag"],
            "Cmd": ["serve"],
            "Env": ["PATH=/usr/bin", "GREETING=a=b"],
            "User": "www-data",
            "WorkingDir": "/srv",
            "Labels": {"org.example.title": "<b>bold</b>"},
            "ExposedPorts": {"80/tcp": {}},
            "Volumes": {"/data": {}},
            "StopSignal": "SIGWINCH",
        },
        "rootfs": {"type": "layers", "diff_ids": list(diff_ids)},
        "history": [
            {"created": "2026-11-01T10:00:00Z", "created_by": f"RUN step {index}", "empty_layer": False}
            for index, _ in enumerate(diff_ids)
        ]
        + [{"created": "2026-11-01T10:00:00Z", "created_by": "ENV GREETING=a=b", "empty_layer": True}],
    }
