"""Who starts the jailed children, and what those may: nothing but fill their tree."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from samples.images import layer
from tests.engine.layers.processes import alive, below
from tests.support.processes import wait_until
from worker.engine.errors import SandboxError, StoreError
from worker.engine.layers import jail
from worker.engine.layers.extraction import Extraction
from worker.engine.layers.spawner import Spawner

pytestmark = pytest.mark.root


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "tree").mkdir()
    return tmp_path


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


def test_an_extraction_that_cannot_begin_keeps_nothing_open(place: Path) -> None:
    (place / "index").touch()
    before = set(Path("/proc/self/fd").iterdir())
    with pytest.raises(StoreError, match="File exists"):
        Extraction(place / "tree", place / "index")
    assert set(Path("/proc/self/fd").iterdir()) == before


def test_a_process_with_more_than_a_thousand_open_files_extracts_too(place: Path) -> None:
    """A large machine has many layers in flight, and select(2) knows no file from 1024 on."""
    sample = layer({"etc/motd": b"hello"}, dirs=["etc"])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    with contextlib.ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(1100):
            stack.callback(os.close, os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC))
        with Extraction(place / "tree", place / "index") as extraction:
            extraction.feed(sample.blob)
            assert extraction.finish(lambda: None).diff_id == sample.diff_id.hex


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


_PRISONER = """
import ctypes, errno, json, os, socket, sys
from pathlib import Path
from worker.engine.layers import jail
from worker.engine.errors import SandboxError, StoreError

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
