"""Daemons of other engines, started by hand: with stores and sockets of their own, beside what else runs."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.measuring import Failed

_PATIENCE = 60.0  # seconds

_CONTAINERD = """
version = 2
root = "{place}/root"
state = "{place}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
  address = "{place}/containerd.sock"
"""


@contextlib.contextmanager
def dockerd(place: Path) -> Iterator[int]:
    """Docker's daemon, without a network of its own; yields its process number."""
    (place / "tmp").mkdir()
    command: list[str | Path] = ["dockerd", "--host", f"unix://{place}/docker.sock"]
    command += ["--data-root", place / "root", "--exec-root", place / "exec", "--pidfile", place / "pid"]
    command += ["--storage-driver", "overlay2", "--bridge", "none", "--iptables=false", "--ip6tables=false"]
    command += ["--ip-forward=false", "--ip-masq=false"]
    with _running(command, place, place / "docker.sock") as pid:
        yield pid


@contextlib.contextmanager
def containerd(place: Path) -> Iterator[int]:
    """containerd, which unpacks by its overlayfs snapshotter; yields its process number."""
    config = place / "config.toml"
    config.write_text(_CONTAINERD.format(place=place))
    with _running(["containerd", "--config", config], place, place / "containerd.sock") as pid:
        yield pid


@contextlib.contextmanager
def _running(command: Sequence[str | Path], place: Path, address: Path) -> Iterator[int]:
    log = place / "daemon.log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, process_group=0
        )
        try:
            _wait_for(address, process, log)
            yield process.pid
        finally:
            process.terminate()
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(address: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket(socket.AF_UNIX) as there:
            if there.connect_ex(str(address)) == 0:
                return
        time.sleep(0.05)
    last = log.read_text(errors="replace").strip().splitlines()[-1:]
    raise Failed(f"The daemon does not start: {' '.join(last)}")
