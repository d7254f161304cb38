"""The jailed child: what it makes, what it may, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from samples.images import Entry, from_tar, layer, write_tar
from tests.engine.layers.processes import alive, below
from tests.support.processes import wait_until
from worker.engine.cancel import CancelToken
from worker.engine.errors import Cancelled, CorruptLayer, DiskFull, SandboxError, StrataError, UnsafeLayer
from worker.engine.layers import FileIndex, Limits, jail
from worker.engine.layers.extraction import Extracted, Extraction
from worker.engine.layers.spawner import Spawner

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
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], check=True)
    try:
        (disk / "tree").mkdir()
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


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


def test_leaving_ends_the_child_and_closes_everything(place: Path) -> None:
    before = set(Path("/proc/self/fd").iterdir())
    with Spawner() as spawner:
        with Extraction(place / "tree", place / "index", spawner=spawner):
            (server,) = below(os.getpid())
            (child,) = below(server)
        assert not alive(child)
        assert alive(server)
    assert not alive(server)
    assert set(Path("/proc/self/fd").iterdir()) == before


def test_one_server_starts_all_children(place: Path) -> None:
    sample = layer({"etc/motd": b"hello"}, dirs=["etc"])
    with Spawner() as spawner:
        for at in range(3):
            (place / f"tree{at}").mkdir()
            with Extraction(place / f"tree{at}", place / f"index{at}", spawner=spawner) as extraction:
                extraction.feed(sample.blob)
                assert extraction.finish(lambda: None).diff_id == sample.diff_id.hex
            assert len(below(os.getpid())) == 1


def test_children_die_with_the_server(place: Path) -> None:
    with Spawner() as spawner, Extraction(place / "tree", place / "index", spawner=spawner) as extraction:
        (server,) = below(os.getpid())
        (child,) = below(server)
        os.kill(server, signal.SIGKILL)
        with pytest.raises(SandboxError, match="died"):
            extraction.finish(lambda: None)
        assert not alive(child)
        with pytest.raises(SandboxError, match="starts extractions died"):
            Extraction(place / "tree", place / "other", spawner=spawner)


def test_a_child_has_given_up_everything_before_it_reads(place: Path) -> None:
    """Seen from outside while it waits for its first byte, beside another one of the same server."""
    (place / "other").mkdir()
    with (
        Spawner() as spawner,
        Extraction(place / "other", place / "other index", spawner=spawner),
        Extraction(place / "tree", place / "index", spawner=spawner),
    ):
        (server,) = below(os.getpid())
        child = Path(f"/proc/{max(below(server))}")
        kept = sum(1 << number for number in jail.KEPT_CAPABILITIES)
        wait_until(lambda: facts(child)["CapEff"] == f"{kept:016x}", 20, "it has given up its rights")
        wait_until(lambda: len(opened(child)) == 6, 20, "its tree is open")
        files = opened(child)
        assert files[0].startswith("pipe:")  # the compressed layer
        assert files[1] == "/dev/null"
        assert files[2].startswith("pipe:")  # its standard error
        assert sorted(files.values())[1:3] == ["/dev/null", str(place / "index")]
        assert facts(child)["CapPrm"] == f"{kept:016x}"
        assert facts(child)["NoNewPrivs"] == "1"
        for kind in ("net", "mnt", "ipc", "uts"):
            assert (child / "ns" / kind).readlink() != Path(f"/proc/self/ns/{kind}").readlink()


def facts(process: Path) -> dict[str, str]:
    lines = (process / "status").read_text().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def opened(process: Path) -> dict[int, str]:
    """What a process has open, by number."""
    return {int(file.name): str(file.readlink()) for file in (process / "fd").iterdir()}


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


_PRISONER = """
import ctypes, errno, json, os, socket, sys
from pathlib import Path
from worker.engine.layers import jail
from worker.engine.errors import SandboxError

outside = os.stat("/etc/hostname").st_ino
jail.enter(os.fsencode(sys.argv[1]), 1 << 30)
libc = ctypes.CDLL(None, use_errno=True)

def attempt(call):
    try:
        return call() or "done"
    except OSError as error:
        return errno.errorcode[error.errno]

def code(result):
    return "done" if result == 0 else errno.errorcode[ctypes.get_errno()]

os.mknod("null", 0o20666, os.makedev(1, 3))
os.mkdir("dir")
seen = {
    "root": sorted(os.listdir("/")),
    "up": sorted(os.listdir("/../..")),
    "interfaces": [name for _, name in socket.if_nameindex()],
    "connect": attempt(lambda: socket.socket().connect(("127.0.0.1", int(sys.argv[2])))),
    "open device": attempt(lambda: os.open("null", os.O_RDWR)),
    "mount": code(libc.mount(b"none", b"/dir", b"tmpfs", 0, None)),
    "remount": code(libc.mount(None, b"/", None, 0x20 | 0x1000, None)),
    "unshare": code(libc.unshare(0x00020000)),
    "chroot": attempt(lambda: os.chroot("dir")),
    "setuid": attempt(lambda: os.setuid(1000)),
    "no new privileges": libc.prctl(39, 0, 0, 0, 0),  # PR_GET_NO_NEW_PRIVS
    "chown": attempt(lambda: os.chown("dir", 5, 5)),
    "trusted": attempt(lambda: os.setxattr("dir", "trusted.overlay.opaque", b"y")),
    "groups": os.getgroups(),
}
print(json.dumps(seen))
"""


def test_the_jail_holds(place: Path) -> None:
    """What a child could still do if the layer had taken it over: fill its tree, and nothing else."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        ran = subprocess.run(
            [sys.executable, "-c", _PRISONER, str(place / "tree"), str(port)],
            capture_output=True,
            check=True,
            text=True,
        )
    seen: dict[str, Any] = json.loads(ran.stdout)
    assert seen == {
        "root": ["dir", "null"],
        "up": ["dir", "null"],
        "interfaces": ["lo"],
        "connect": "ENETUNREACH",
        "open device": "EACCES",
        "mount": "EPERM",
        "remount": "EPERM",
        "unshare": "EPERM",
        "chroot": "EPERM",
        "setuid": "EPERM",
        "no new privileges": 1,
        "chown": "done",
        "trusted": "EPERM",
        "groups": [],
    }
