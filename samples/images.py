"""The samples' public face: builders of layers and images, and the family for the demo."""

from __future__ import annotations

from samples.builders import Content, SampleImage, SampleIndex, artifact, image, index, recompressed
from samples.family import sample_family
from samples.layers import (
    MTIME,
    Entry,
    SampleLayer,
    compress,
    directory,
    executable,
    from_tar,
    hardlink,
    layer,
    symlink,
    whiteout,
    write_tar,
)

__all__ = [
    "MTIME",
    "Content",
    "Entry",
    "SampleImage",
    "SampleIndex",
    "SampleLayer",
    "artifact",
    "compress",
    "directory",
    "executable",
    "from_tar",
    "hardlink",
    "image",
    "index",
    "layer",
    "recompressed",
    "sample_family",
    "symlink",
    "whiteout",
    "write_tar",
]
