"""The jailed child: what it makes, what it may, and how it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from samples.images import Entry, from_tar, layer, write_tar
from tests.support import disks
from worker.engine.cancel import CancelToken
from worker.engine.errors import (
    Cancelled,
    CorruptLayer,
    DiskFull,
    SandboxError,
    StoreDamaged,
    StrataError,
    UnsafeLayer,
)
from worker.engine.layers import FileIndex, Limits
from worker.engine.layers.extraction import Extracted, Extraction

pytestmark = pytest.mark.root


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "tree").mkdir()
    return tmp_path


def extract(place: Path, blob: bytes, limits: Limits | None = None) -> Extracted:
    with Extraction(place / "tree", place / "index", limits) as extraction:
        extraction.feed(blob)
        return extraction.finish(lambda: None)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    with disks.small_disk(tmp_path / "disk", "size=1m") as disk:
        (disk / "tree").mkdir()
        yield disk


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
def test_a_layer_becomes_a_tree_and_an_index(place: Path, compression: str) -> None:
    sample = layer({"etc/motd": b"hello"}, dirs=["etc"], whiteouts=["bin"], compression=compression)
    result = extract(place, sample.blob)
    assert result == Extracted(sample.diff_id.hex, len(sample.tar), 5, 4, (b"",))
    assert (place / "tree/etc/motd").read_bytes() == b"hello"
    paths = [(entry.path, entry.type.value) for entry in FileIndex(place / "index").entries()]
    assert paths == [
        (b"etc/motd", "file"),
        (b"", "implied"),
        (b"etc", "directory"),
        (b"bin", "whiteout"),
    ]


def test_opaque_directories_are_marked_as_overlayfs_wants_it(place: Path) -> None:
    extract(place, layer({"a/b/f": b""}, dirs=["a", "a/b"], opaque=["a/b"]).blob)
    assert os.getxattr(place / "tree/a/b", "trusted.overlay.opaque") == b"y"
    assert os.listxattr(place / "tree/a") == []


def test_the_mark_does_not_change_the_time(place: Path) -> None:
    extract(place, layer(dirs=["a"], opaque=["a"]).blob)
    assert (place / "tree/a").stat().st_mtime == 1767225600


@pytest.mark.parametrize(
    ("blob", "error"),
    [
        (layer({"f": b"x" * 10000}).blob[:-20], CorruptLayer),
        (b"rubbish" * 1000, CorruptLayer),
        (write_tar([Entry("../evil", b"x")]), UnsafeLayer),
    ],
)
def test_what_the_child_finds_is_raised_here(place: Path, blob: bytes, error: type[StrataError]) -> None:
    with pytest.raises(error) as raised:
        extract(place, blob)
    assert raised.value.hint


def test_limits_reach_the_child(place: Path) -> None:
    with pytest.raises(UnsafeLayer, match="entries"):
        extract(place, layer({"a": b"", "b": b""}).blob, Limits(entries=1))


def test_a_child_that_needs_too_much_memory_is_stopped(place: Path) -> None:
    """A limit of its own keeps a hostile layer from taking the machine's memory."""
    note = {"user.note": bytes(900_000)}
    many = [Entry(f"d{at}", type=tarfile.DIRTYPE, xattrs=note) for at in range(100)]
    with pytest.raises(UnsafeLayer, match="memory"):
        extract(place, from_tar(write_tar(many)).blob, Limits(memory_bytes=64 << 20))


def test_a_full_disk_is_named(small_disk: Path) -> None:
    with pytest.raises(DiskFull):
        extract(small_disk, layer({"big": os.urandom(2 << 20)}).blob)


def test_a_child_that_stopped_early_wants_no_more(place: Path) -> None:
    with Extraction(place / "tree", place / "index") as extraction:
        fed = 0
        while extraction.feed(b"rubbish" * 10000):
            fed += 1
            assert fed < 1000
        with pytest.raises(CorruptLayer):
            extraction.finish(lambda: None)


def test_a_file_that_is_cut_off_meanwhile_ends_it(place: Path) -> None:
    """And does not keep it busy for ever, as the cancelling would find."""
    cancel = CancelToken()
    timer = threading.Timer(20, cancel.cancel)
    timer.start()
    (place / "blob").write_bytes(b"rubbish")
    with (
        (place / "blob").open("rb") as file,
        Extraction(place / "tree", place / "index", cancel=cancel) as extraction,
        pytest.raises(StoreDamaged, match="cut off"),
    ):
        extraction.feed_file(file.fileno(), 0, 100)
    timer.cancel()


def test_cancelling_ends_a_child_that_waits_for_input(place: Path) -> None:
    cancel = CancelToken()
    with Extraction(place / "tree", place / "index", cancel=cancel) as extraction:
        extraction.feed(layer({"f": b"x"}).blob[:10])
        timer = threading.Timer(0.2, cancel.cancel)
        timer.start()
        begun = time.monotonic()
        while extraction._listen(0.1):  # its input stays open: it would wait for ever
            pass
        assert time.monotonic() - begun < 5
        timer.join()


def test_cancelling_ends_a_wait_for_the_result(place: Path) -> None:
    cancel = CancelToken()
    bomb = layer({"zeros": bytes(300 << 20)}, compression="zstd").blob
    with Extraction(place / "tree", place / "index", cancel=cancel) as extraction:
        extraction.feed(bomb)
        with pytest.raises(Cancelled):
            extraction.finish(cancel.cancel)


def test_a_child_that_dies_is_no_mystery(place: Path) -> None:
    with Extraction(place / "tree", place / "index") as extraction:
        extraction._child.kill()
        with pytest.raises(SandboxError, match=r"died \(status -9\)"):
            extraction.finish(lambda: None)


def test_what_a_dying_child_says_is_told(place: Path) -> None:
    with Extraction(place / "missing", place / "index") as extraction:
        extraction.feed(layer({"f": b"x"}).blob)
        with pytest.raises(SandboxError, match="mount: No such file or directory"):
            extraction.finish(lambda: None)


def test_progress_is_told_while_waiting(place: Path) -> None:
    seen: list[int] = []
    with Extraction(place / "tree", place / "index") as extraction:
        extraction.feed(layer({"zeros": bytes(200 << 20)}, compression="zstd").blob)
        extraction.finish(lambda: seen.append(extraction.unpacked))
        assert extraction.unpacked > 0
    assert seen == sorted(seen)


def test_without_root_the_next_step_is_told(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(SandboxError) as raised:
        Extraction(place / "tree", place / "index")
    assert "as root" in raised.value.hint


def test_a_missing_right_is_told(place: Path) -> None:
    """As in a container without CAP_SYS_ADMIN."""
    command = ["setpriv", "--bounding-set", "-sys_admin", sys.executable, "-c", _EXTRACT, str(place)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (
        ran.stdout
        == "sandbox_error The jail for extraction cannot be built: unshare: Operation not permitted.\n"
    )


def test_few_rights_are_enough(place: Path) -> None:
    """Fewer than compose.yaml gives to a worker; without SETPCAP the bounding set stays as it was."""
    kept = "-all,+chown,+dac_override,+fowner,+fsetid,+mknod,+setfcap,+sys_admin"
    command = ["setpriv", "--bounding-set", kept, sys.executable, "-c", _EXTRACT, str(place)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stdout == "done\n"
    assert (place / "tree/f").stat().st_uid == 5


_EXTRACT = """
import sys
from pathlib import Path
from samples.images import Entry, from_tar, write_tar, whiteout
from worker.engine.errors import StrataError
from worker.engine.layers.extraction import Extraction
place = Path(sys.argv[1])
try:
    with Extraction(place / "tree", place / "index") as extraction:
        extraction.feed(from_tar(write_tar([Entry("f", b"x", uid=5), whiteout("w")])).blob)
        extraction.finish(lambda: None)
    print("done")
except StrataError as error:
    print(error.code, error.message)
"""
