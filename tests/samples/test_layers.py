"""The layer builder."""

from __future__ import annotations

import gzip
import io
import tarfile

import pytest
import zstandard

from samples.images import Entry, SampleLayer, directory, executable, hardlink, layer, symlink
from worker.engine.oci import Compression, Digest, MediaType


def names(made: SampleLayer) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(made.tar)) as tar:
        return tar.getnames()


@pytest.mark.parametrize("compression", list(Compression))
@pytest.mark.parametrize("flavour", ["oci", "docker"])
def test_both_digests_are_true(compression: str, flavour: str) -> None:
    made = layer({"a": b"1" * 10_000}, compression=compression, flavour=flavour)
    assert Compression.of(made.media_type) is Compression(compression)
    assert made.digest == Digest.of(made.blob)
    assert made.diff_id == Digest.of(made.tar)
    unpack = {"none": bytes, "gzip": gzip.decompress, "zstd": _unzstd}[compression]
    assert unpack(made.blob) == made.tar


def test_the_same_content_is_the_same_layer() -> None:
    """Whatever the order in which it is named: digests in the demo do not move."""
    assert layer({"b": b"2", "a": b"1"}).blob == layer({"a": b"1", "b": b"2"}).blob


def test_all_kinds_of_entries() -> None:
    made = layer(
        {"etc/motd": b"hello"},
        dirs=["etc"],
        symlinks={"bin": "usr/bin"},
        whiteouts=["gone", "etc/gone"],
        opaque=["var"],
        entries=[
            hardlink("etc/again", "etc/motd"),
            executable("run", b"#!/bin/sh\n"),
            Entry("pipe", type=tarfile.FIFOTYPE),
            Entry("null", type=tarfile.CHRTYPE, device=(1, 3)),
            Entry("capable", b"x", xattrs={"security.capability": b"\x01\x00\x00\x02\xff"}),
        ],
    )
    assert names(made) == [
        "etc",
        "etc/motd",
        "bin",
        "etc/.wh.gone",
        ".wh.gone",
        "var/.wh..wh..opq",
        "etc/again",
        "run",
        "pipe",
        "null",
        "capable",
    ]
    with tarfile.open(fileobj=io.BytesIO(made.tar)) as tar:
        assert tar.getmember("bin").linkname == "usr/bin"
        assert tar.getmember("run").mode == 0o755
        assert tar.getmember("etc/again").islnk()
        assert (tar.getmember("null").devmajor, tar.getmember("null").devminor) == (1, 3)
        value = tar.getmember("capable").pax_headers["SCHILY.xattr.security.capability"]
        assert value.encode("utf-8", "surrogateescape") == b"\x01\x00\x00\x02\xff"


def test_recompressing_keeps_the_identity() -> None:
    made = layer(entries=[directory("a"), symlink("b", "a")])
    again = made.recompressed("zstd")
    assert again.diff_id == made.diff_id
    assert again.digest != made.digest
    assert again.media_type == MediaType.OCI_LAYER_ZSTD


def _unzstd(blob: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompressobj().decompress(blob)
