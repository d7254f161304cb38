"""Readers of dpkg's and apk's databases: what counts as installed, and what hostile files give."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path

import pytest

from worker.engine.packages import Ecosystem, Package, apk, dpkg, stanzas
from worker.engine.packages.values import Unreadable

ZLIB = """Package: zlib1g
Status: install ok installed
Priority: required
Installed-Size: 168
Architecture: amd64
Multi-Arch: same
Source: zlib
Version: 1:1.2.13.dfsg-1
Description: compression library
 Version: 9 is not a field, but a line of the description
"""


def read(text: str | bytes) -> list[Package | Unreadable]:
    return list(dpkg.read_status(io.BytesIO(text.encode() if isinstance(text, str) else text)))


def stanza(name: str, status: str = "install ok installed", **fields: str) -> str:
    lines = {"Package": name, "Status": status, "Version": "1.0", "Architecture": "amd64"} | fields
    return "".join(f"{key.replace('_', '-')}: {value}\n" for key, value in lines.items())


def test_a_stanza_gives_all_that_it_says() -> None:
    assert read(ZLIB) == [
        Package(Ecosystem.DEB, "zlib1g", "1:1.2.13.dfsg-1", "amd64", source="zlib", size=168 * 1024)
    ]


@pytest.mark.parametrize(
    ("status", "counts"),
    [
        ("install ok installed", True),
        ("hold ok installed", True),
        ("deinstall ok installed", True),
        ("install ok unpacked", True),
        ("install reinstreq half-configured", True),
        ("install ok triggers-pending", True),
        ("install ok triggers-awaited", True),
        ("deinstall ok config-files", False),
        ("purge ok not-installed", False),
        ("install reinstreq half-installed", False),
        ("nonsense", False),
    ],
)
def test_what_counts_is_what_dpkg_has_unpacked(status: str, counts: bool) -> None:
    assert bool(read(stanza("a", status))) is counts


def test_one_package_may_be_installed_for_several_architectures() -> None:
    text = stanza("libc6") + "\n" + stanza("libc6", Architecture="i386")
    assert [(one.name, one.architecture) for one in read(text)] == [("libc6", "amd64"), ("libc6", "i386")]  # type: ignore[union-attr]


def test_a_source_package_may_have_a_version_of_its_own() -> None:
    (one,) = read(stanza("gcc", Source="gcc-defaults (1.203)"))
    assert isinstance(one, Package)
    assert (one.source, one.source_version) == ("gcc-defaults", "1.203")


def test_stanzas_of_distroless_images_have_no_status() -> None:
    (one,) = read("Package: base-files\nVersion: 12.4\nArchitecture: amd64\n")
    assert isinstance(one, Package)


def test_the_end_of_the_file_ends_the_last_stanza_and_empty_lines_in_rows_are_one() -> None:
    assert len(read("\n\n" + stanza("a") + "\n \n\n" + stanza("b").rstrip("\n"))) == 2


def test_windows_line_ends_are_no_part_of_values() -> None:
    (one,) = read(stanza("a").replace("\n", "\r\n"))
    assert isinstance(one, Package)
    assert one.version == "1.0"


@pytest.mark.parametrize(
    "text",
    ["Package: a\nStatus: install ok installed\n", stanza("a b"), stanza("x" * 256), stanza("a", Version="")],
)
def test_a_stanza_without_a_usable_name_or_version_is_told_of(text: str) -> None:
    (one,) = read(text)
    assert isinstance(one, Unreadable)


def test_bytes_that_are_no_text_do_no_harm() -> None:
    (one,) = read(b"Package: a\xff\x00\x1b[31m\nStatus: install ok installed\nVersion: 1\n")
    assert isinstance(one, Package)
    assert one.name == "a\ufffd\ufffd\ufffd[31m"


def test_a_line_of_many_megabytes_is_passed_over_and_what_follows_is_read() -> None:
    text = stanza("a", Description="x" * (5 << 20)) + "\n" + stanza("b")
    assert [one.name for one in read(text) if isinstance(one, Package)] == ["a", "b"]


def test_a_size_that_is_none_is_not_known() -> None:
    for size in ("-1", "many", "9" * 40, ""):
        (one,) = read(stanza("a", Installed_Size=size))
        assert isinstance(one, Package)
        assert one.size is None, size


class Endless(io.RawIOBase):
    """A file that never ends, and tells how much of it was read."""

    def __init__(self, block: bytes) -> None:
        self._block = block
        self.given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        size = min(len(buffer), len(self._block))
        buffer[:size] = self._block[:size]
        self.given += size
        return size


@pytest.mark.parametrize("block", [b"x" * 4096, (stanza("a") + "\n").encode() * 64, b"\n" * 4096])
def test_of_an_endless_file_only_the_beginning_is_read(monkeypatch: pytest.MonkeyPatch, block: bytes) -> None:
    monkeypatch.setattr(stanzas, "MAX_BYTES", 1 << 20)
    endless = Endless(block)
    with pytest.raises(Unreadable, match="first 1 MiB"):
        list(dpkg.read_status(io.BufferedReader(endless)))
    assert endless.given < 3 << 20


@pytest.mark.skipif(not shutil.which("dpkg-query"), reason="needs dpkg")
def test_it_agrees_with_dpkg(tmp_path: Path) -> None:
    """Every state that dpkg knows, as dpkg itself reads them."""
    text = "\n".join(
        stanza(f"p{number}", status, Maintainer="a <a@b>", Description="x")
        for number, status in enumerate(
            ("install ok installed", "hold ok installed", "deinstall ok config-files", "purge ok installed")
        )
    )
    (tmp_path / "status").write_text(text)
    (tmp_path / "info").mkdir()
    (tmp_path / "updates").mkdir()
    (tmp_path / "triggers").mkdir()
    form = "${db:Status-Status} ${Package} ${Version}\n"
    command = ["dpkg-query", f"--admindir={tmp_path}", "-W", "-f", form]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    installed = {tuple(line.split()[1:]) for line in lines if line.startswith("installed ")}
    assert {(one.name, one.version) for one in read(text) if isinstance(one, Package)} == installed
    assert len(installed) == 3


APK = """C:Q1abc=
P:musl
V:1.2.5-r0
A:x86_64
S:400000
I:667648
T:the musl c library
U:https://musl.libc.org/
L:MIT
o:musl
m:Somebody
t:1710000000
c:abc
F:lib
R:ld-musl-x86_64.so.1
a:0:0:755

P:ssl_client
V:1.36.1-r15
A:x86_64
I:28672
L:GPL-2.0-only
o:busybox

P:broken
A:x86_64
"""


def test_apk() -> None:
    *good, bad = apk.read_installed(io.BytesIO(APK.encode()))
    assert good == [
        Package(Ecosystem.APK, "musl", "1.2.5-r0", "x86_64", license="MIT", size=667648),
        Package(
            Ecosystem.APK, "ssl_client", "1.36.1-r15", "x86_64", "busybox", license="GPL-2.0-only", size=28672
        ),
    ]
    assert isinstance(bad, Unreadable)
