"""What the fuzzer begins with: a small input for each thing that a layer may hold, and words to combine."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import zstandard
from isal import igzip

from fuzz.archive import KEYS, PARTS
from fuzz.target import DESCRIBED, MENDED, RAW
from samples.images import Entry, directory, hardlink, layer, symlink, whiteout, write_tar
from tests.engine.layers.archives import END, file, gnu_long, header, padded, pax

_CAPABILITY = bytes.fromhex("0100000200200000000000000000000000000000")


def seeds() -> list[bytes]:
    """All inputs."""
    plain = layer({"etc/motd": b"hi"}, dirs=["etc"], whiteouts=["bin"], opaque=["etc"])
    tars = [
        plain.tar,
        write_tar([Entry("a", b"1"), hardlink("b", "a"), Entry("a", b"2"), whiteout("c")]),
        write_tar([symlink("a", "b/../c"), Entry("a/x", b"1"), directory("a"), Entry("a/x", b"2")]),
        write_tar([Entry("d/e/f"), Entry("d", b"x"), directory("d"), Entry("d/.wh..wh..opq")]),
        write_tar([Entry(".wh..wh.plnk/1", b"x"), hardlink("a", ".wh..wh.plnk/1"), hardlink("b", "a")]),
        write_tar(
            [Entry("n", type=tarfile.CHRTYPE, device=(1, 3)), Entry("p", type=tarfile.FIFOTYPE, uid=5)]
        ),
        write_tar([Entry("a", b"x", xattrs={"security.capability": _CAPABILITY, "user.note": b"y"})]),
        pax({b"path": b"long/" * 40 + b"f", b"mtime": b"1.5"}) + file(b"f", b"x") + END,
        gnu_long(b"K", b"a" * 120)
        + gnu_long(b"L", b"b/" * 60)
        + header(b"s", b"2", magic=b"ustar  \0")
        + END,
        pax({b"comment": b"x"}, b"g") + file(b"f") + END,
        _sparse({b"map": b"1024,3", b"numblocks": b"1", b"size": b"4096", b"name": b"real"}, b"abc"),
        _sparse({b"major": b"1", b"minor": b"0", b"realsize": b"4096"}, padded(b"1\n1024\n3\n") + b"abc"),
        _with_python(tarfile.GNU_FORMAT),
        _with_python(tarfile.USTAR_FORMAT),
    ]
    described = [bytes(range(at, at + 120)) for at in range(0, 130, 13)]
    packed = [igzip.compress(plain.tar), zstandard.compress(plain.tar), igzip.compress(b"") * 3]
    return [
        *(MENDED + tar for tar in tars),
        *(DESCRIBED + data for data in described),
        *(RAW + data for data in [*packed, plain.tar, b"", b"\x28\xb5\x2f\xfd\0\xf8\0", b"\x1f\x8b\x08\x08"]),
    ]


def words() -> bytes:
    """libFuzzer's dictionary."""
    listed = {*KEYS, *PARTS, b"ustar\x0000", b"ustar  \0", b"\x28\xb5\x2f\xfd", b"\x1f\x8b\x08"} - {b""}
    lines = ("".join(f"\\x{byte:02x}" for byte in word) for word in sorted(listed))
    return "".join(f'"{line}"\n' for line in lines).encode()


def write(corpus: Path) -> None:
    """Put the inputs where libFuzzer looks for them."""
    corpus.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(seeds()):
        (corpus / f"seed-{number:02}").write_bytes(data)


def _sparse(records: dict[bytes, bytes], stored: bytes) -> bytes:
    named = {b"GNU.sparse." + key: value for key, value in records.items()}
    return pax(named) + header(b"GNUSparseFile.1/f", b"0", len(stored)) + padded(stored) + END


def _with_python(form: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as tar:
        for name, kind in (
            ("d", tarfile.DIRTYPE),
            ("d/" + "n" * 90, tarfile.REGTYPE),
            ("l", tarfile.SYMTYPE),
        ):
            made = tarfile.TarInfo(name)
            made.type, made.linkname, made.mtime = kind, "d" if kind == tarfile.SYMTYPE else "", 1
            tar.addfile(made)
    return buffer.getvalue()
