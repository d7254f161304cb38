"""The sample registry, asked by plain HTTP and by other people's tools."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from samples.images import image, index, layer
from samples.registry import SampleRegistry
from samples.slow import Bandwidth

IMAGE = image([layer({"etc/motd": b"hello"}), layer({"b": b"2"}, compression="zstd")])


def get(url: str) -> tuple[int, bytes]:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.status, answer.read()


def test_serves_what_was_pushed() -> None:
    with SampleRegistry() as registry:
        assert registry.push("team/app", "1", IMAGE) == f"{registry.host}/team/app:1"
        assert get(f"{registry.url}/v2/") == (200, b"{}")
        assert get(f"{registry.url}/v2/team/app/manifests/1") == (200, IMAGE.raw)
        assert get(f"{registry.url}/v2/team/app/manifests/{IMAGE.digest}") == (200, IMAGE.raw)
        for part in IMAGE.layers:
            assert get(f"{registry.url}/v2/team/app/blobs/{part.digest}") == (200, part.blob)
        assert json.loads(get(f"{registry.url}/v2/_catalog")[1]) == {"repositories": ["team/app"]}
        assert json.loads(get(f"{registry.url}/v2/team/app/tags/list")[1])["tags"] == ["1"]
        assert registry.paths()[0] == "/v2/"


def test_a_rate_limits_all_connections_together() -> None:
    with SampleRegistry(rate=1_000_000) as registry:
        big = image([layer({"big": b"x" * 500_000}, compression="none")])
        registry.push("app", "1", big)
        started = time.monotonic()
        assert len(get(f"{registry.url}/v2/app/blobs/{big.layers[0].digest}")[1]) > 500_000
        assert time.monotonic() - started > 0.4


def test_a_rate_must_be_above_zero() -> None:
    with pytest.raises(ValueError, match="above zero"):
        Bandwidth(0)


def test_stops_while_a_client_is_stalled() -> None:
    with SampleRegistry() as registry:
        registry.push("app", "1", IMAGE)
        registry.faults.stall = 1
        answer = urllib.request.urlopen(f"{registry.url}/v2/app/blobs/{IMAGE.layers[0].digest}", timeout=20)
    answer.close()


@pytest.mark.services
@pytest.mark.skipif(shutil.which("skopeo") is None, reason="skopeo is not installed")
def test_another_client_can_pull(tmp_path: Path) -> None:
    """skopeo verifies every digest that it copies."""
    with SampleRegistry() as registry:
        registry.push("team/app", "multi", index([IMAGE], attestations=True))
        source = f"docker://{registry.host}/team/app:multi"
        subprocess.run(
            ["skopeo", "copy", "--all", "--src-tls-verify=false", source, f"oci:{tmp_path}/copy:multi"],
            check=True,
            timeout=60,
            capture_output=True,
        )
    assert (tmp_path / "copy/blobs/sha256" / IMAGE.layers[1].digest.hex).read_bytes() == IMAGE.layers[1].blob


def test_serves_the_family_until_it_is_stopped() -> None:
    program = [sys.executable, "-m", "samples.serve", "--port", "0", "--rate", "50000000"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[0]
        assert "base" in json.loads(get(f"{address}/v2/_catalog")[1])["repositories"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_a_port_in_use_is_one_clear_line() -> None:
    with SampleRegistry() as registry:
        port = registry.host.rpartition(":")[2]
        done = subprocess.run(
            [sys.executable, "-m", "samples.serve", "--port", port],
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("The sample registry cannot start:")
    assert done.stderr.count("\n") == 1
