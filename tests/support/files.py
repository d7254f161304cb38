"""Layers and images whose files are really there, for tests: without a registry, a pull, or a jail.

``put_layer`` extracts a layer of ``samples.layer(...)`` as a pull would: tree, index and record. Without root
it can do what a user may: no owners, no devices. ``put_index`` writes an index alone, for what would be too
large for a tree, or cannot be. ``make_image`` makes the rows of an image of such layers.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from django.utils import timezone

from samples.layers import SampleLayer
from worker.engine.layers import EntryType, FileEntry, Limits
from worker.engine.layers.index import IndexWriter
from worker.engine.layers.unpack import unpack
from worker.engine.layers.xattrs import OVERLAY_OPAQUE
from worker.engine.oci import Digest, chain_ids
from worker.engine.store import LayerInfo, Store
from worker.models import Blob, Image, ImageLayer, Layer, Project


def open_store(root: os.PathLike[str]) -> Store:
    """A store that is ready; for tests with the catalog use ``settings.STORE_DIR`` (fixture ``data_dir``)."""
    store = Store(Path(root))
    store.prepare()
    return store


def put_layer(store: Store, sample: SampleLayer, *, blob: bool = False) -> Digest:
    """Extract a layer into the store; nothing if it is there. Returns its diff ID.

    Args:
        blob: Put its compressed form there, too.
    """
    if blob:
        store.blobs.put(sample.blob)
    diff_id = sample.diff_id
    if store.layers.has(diff_id):
        return diff_id
    with store.layers.stage(diff_id) as staged:
        root = os.open(staged.tree, os.O_RDONLY | os.O_DIRECTORY)
        try:
            with _umask_zero(), staged.index_path.open("w+b") as index:
                done = unpack(_Raw(sample.blob), root, index, Limits())
        finally:
            os.close(root)
        if os.geteuid() == 0:
            for path in done.opaque or ():
                os.setxattr(os.fsencode(staged.tree) + b"/" + path, OVERLAY_OPAQUE, b"y")
        staged.commit(
            LayerInfo(diff_id, done.unpacked_size, done.content_size, done.entries, tuple(done.implied or ()))
        )
    return diff_id


def put_index(store: Store, name: str, entries: Iterable[FileEntry]) -> Digest:
    """Put a layer with an index and an empty tree into the store; the diff ID is made up from ``name``."""
    diff_id = Digest.of(name.encode())
    with store.layers.stage(diff_id) as staged:
        with staged.index_path.open("w+b") as file:
            writer = IndexWriter(file)
            for entry in entries:
                writer.add(entry.pack())
            writer.close()
        staged.commit(LayerInfo(diff_id, writer.content_size + 1024, writer.content_size, writer.count))
    return diff_id


def file_entry(path: str, size: int = 0, content: bytes = b"", **fields: object) -> FileEntry:
    """The record of a file; its hash is made up from ``content``, and its size what is asked for."""
    name = path.encode("utf-8", "surrogateescape")
    sha256 = bytes.fromhex(Digest.of(content or name).hex)
    values = {"mode": 0o644, "mtime_ns": 0, "sha256": sha256} | fields
    return FileEntry(name, EntryType.FILE, size or len(content), **values)  # type: ignore[arg-type]


def make_image(
    project: Project,
    store: Store,
    name: str,
    layers: Sequence[SampleLayer | Digest],
    *,
    commands: Sequence[str] = (),
    extracted: bool = True,
) -> Image:
    """Make the rows of an image, base first; layers that are samples are put into the store first.

    Args:
        commands: The build steps that made the layers.
    """
    diff_ids = [
        layer if isinstance(layer, Digest) else put_layer(store, layer, blob=True) for layer in layers
    ]
    infos = [store.layers.info(diff_id) for diff_id in diff_ids]
    chain = [str(one) for one in chain_ids(diff_ids)]
    sizes = [layer.size if isinstance(layer, SampleLayer) else 1000 for layer in layers]
    image = Image.objects.create(
        project=project,
        digest=str(Digest.of(f"image {project.pk} {name}".encode())),
        media_type="application/vnd.oci.image.manifest.v1+json",
        registry_host="docker.io",
        repository=f"library/{name}",
        os="linux",
        architecture="amd64",
        config_digest=str(Digest.of(f"config {name}".encode())),
        config={"rootfs": {"type": "layers", "diff_ids": [str(diff_id) for diff_id in diff_ids]}},
        layer_count=len(layers),
        compressed_size=sum(sizes),
        unpacked_size=sum(info.unpacked_size for info in infos),
        chain_id=chain[-1] if chain else "",
        extracted=extracted,
        pulled_at=timezone.now(),
    )
    for position, (layer, info) in enumerate(zip(layers, infos, strict=True)):
        row, _ = Layer.objects.get_or_create(
            diff_id=str(info.diff_id),
            defaults={
                "unpacked_size": info.unpacked_size,
                "content_size": info.content_size,
                "entries": info.entries,
                "tree_present": True,
            },
        )
        blob, _ = Blob.objects.get_or_create(
            digest=str(layer.digest if isinstance(layer, SampleLayer) else Digest.of(str(layer).encode())),
            layer=row,
            media_type="application/vnd.oci.image.layer.v1.tar+gzip",
            size=sizes[position],
            defaults={"present": isinstance(layer, SampleLayer)},
        )
        ImageLayer.objects.create(
            image=image,
            layer=row,
            blob=blob,
            position=position,
            chain_id=chain[position],
            created_by=commands[position] if position < len(commands) else f"RUN step {position}",
        )
    return image


class _Raw(io.RawIOBase):
    """Bytes, as from a pipe."""

    def __init__(self, content: bytes) -> None:
        self._rest = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        return self._rest.readinto(buffer)


@contextlib.contextmanager
def _umask_zero() -> Iterator[None]:
    before = os.umask(0)
    try:
        yield
    finally:
        os.umask(before)
