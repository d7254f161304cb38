"""Layers built in memory: tar changesets with the same bytes every time."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import zstandard
from isal import igzip

from worker.engine.oci import Compression, Digest, MediaType

MTIME = 1767225600  # 2026-01-01T00:00:00Z

_MEDIA_TYPES = {
    ("oci", Compression.NONE): MediaType.OCI_LAYER,
    ("oci", Compression.GZIP): MediaType.OCI_LAYER_GZIP,
    ("oci", Compression.ZSTD): MediaType.OCI_LAYER_ZSTD,
    ("docker", Compression.NONE): MediaType.DOCKER_LAYER,
    ("docker", Compression.GZIP): MediaType.DOCKER_LAYER_GZIP,
    ("docker", Compression.ZSTD): MediaType.DOCKER_LAYER_ZSTD,
}


@dataclass(frozen=True)
class Entry:
    """One entry of a layer, in full control.

    Attributes:
        path: Within the tree, without a leading slash; bytes outside of UTF-8 as surrogate escapes.
        content: Of a regular file.
        type: One of tarfile's: ``REGTYPE``, ``DIRTYPE``, ``SYMTYPE``, ``LNKTYPE``, ``CHRTYPE``, ...
        target: Of a symbolic or hard link.
        xattrs: By name; written as SCHILY.xattr records.
    """

    path: str
    content: bytes = b""
    type: bytes = tarfile.REGTYPE
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    mtime: float = MTIME
    target: str = ""
    device: tuple[int, int] = (0, 0)
    xattrs: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class SampleLayer:
    """A layer in both of its forms.

    Attributes:
        tar: Uncompressed.
        blob: Compressed, as a registry serves it.
        media_type: What the manifest calls the blob.
    """

    tar: bytes = field(repr=False)
    blob: bytes = field(repr=False)
    media_type: str

    @cached_property
    def diff_id(self) -> Digest:
        return Digest.of(self.tar)

    @cached_property
    def digest(self) -> Digest:
        return Digest.of(self.blob)

    @property
    def size(self) -> int:
        """Of the blob, in bytes."""
        return len(self.blob)

    def recompressed(self, compression: str, flavour: str = "oci") -> SampleLayer:
        """The same tar, and so the same diff ID, under another blob digest."""
        return from_tar(self.tar, compression, flavour)


def layer(
    files: Mapping[str, bytes] | None = None,
    *,
    dirs: Iterable[str] = (),
    symlinks: Mapping[str, str] | None = None,
    whiteouts: Iterable[str] = (),
    opaque: Iterable[str] = (),
    entries: Iterable[Entry] = (),
    compression: str = "gzip",
    flavour: str = "oci",
) -> SampleLayer:
    """Build a layer; missing parent directories are not added, as in many real layers.

    Order: directories, files, symlinks, whiteouts and opaque marks (each sorted by path), then ``entries``
    as they are given.

    Args:
        files: Content by path.
        whiteouts: Paths that the layer deletes from those below.
        opaque: Directories whose content in the layers below it hides.
        compression: ``gzip``, ``zstd`` or ``none``.
        flavour: Whose media types: ``oci`` or ``docker``.
    """
    listed = [directory(path) for path in sorted(dirs)]
    listed += [Entry(path, content) for path, content in sorted((files or {}).items())]
    listed += [symlink(path, target) for path, target in sorted((symlinks or {}).items())]
    listed += [whiteout(path) for path in sorted(whiteouts)]
    listed += [Entry(f"{path}/.wh..wh..opq") for path in sorted(opaque)]
    return from_tar(write_tar([*listed, *entries]), compression, flavour)


def directory(path: str, mode: int = 0o755) -> Entry:
    return Entry(path, type=tarfile.DIRTYPE, mode=mode)


def symlink(path: str, target: str) -> Entry:
    return Entry(path, type=tarfile.SYMTYPE, target=target, mode=0o777)


def hardlink(path: str, target: str) -> Entry:
    return Entry(path, type=tarfile.LNKTYPE, target=target)


def whiteout(path: str) -> Entry:
    """The mark that deletes ``path`` (OCI image spec, layer.md, "Whiteouts")."""
    parent, slash, name = path.rpartition("/")
    return Entry(f"{parent}{slash}.wh.{name}")


def executable(path: str, content: bytes) -> Entry:
    return replace(Entry(path, content), mode=0o755)


def from_tar(tar: bytes, compression: str = "gzip", flavour: str = "oci") -> SampleLayer:
    """Make a layer of a tar, however odd the tar is."""
    how = Compression(compression)
    return SampleLayer(tar, compress(tar, how), _MEDIA_TYPES[flavour, how])


def compress(data: bytes, compression: Compression) -> bytes:
    """Compress quickly, with the same result every time."""
    if compression is Compression.GZIP:
        packed: bytes = igzip.compress(data, compresslevel=2, mtime=0)
        return packed
    if compression is Compression.ZSTD:
        return zstandard.ZstdCompressor(level=3).compress(data)
    return data


def write_tar(entries: Iterable[Entry]) -> bytes:
    """Write a tar (POSIX pax) of exactly these entries."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for entry in entries:
            tar.addfile(_header(entry), io.BytesIO(entry.content))
    return buffer.getvalue()


def _header(entry: Entry) -> tarfile.TarInfo:
    info = tarfile.TarInfo(entry.path)
    info.type = entry.type
    info.size = len(entry.content)
    info.mode, info.uid, info.gid, info.mtime = entry.mode, entry.uid, entry.gid, entry.mtime
    info.linkname = entry.target
    info.devmajor, info.devminor = entry.device
    info.pax_headers = {
        f"SCHILY.xattr.{name}": value.decode("utf-8", "surrogateescape")
        for name, value in entry.xattrs.items()
    }
    return info
