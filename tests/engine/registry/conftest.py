"""Registries to talk to: the sample one, with faults, and a real one where there is one."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from samples.images import SampleImage, image, layer
from samples.registry import SampleRegistry
from tests.engine.registry.real import RealRegistry
from worker.engine.oci import Descriptor, Reference
from worker.engine.registry import RegistryClient, RetryPolicy
from worker.engine.registry.endpoint import Endpoint

QUICK = RetryPolicy(first_delay=0.01)

# 3 MB, so that the last bytes are never in a buffer already when the first are read.
BIG = layer({"big": bytes(range(256)) * 12_000}, compression="none")
BLOB = Descriptor(BIG.media_type, BIG.digest, BIG.size)
IMAGE = image([layer({"etc/motd": b"hello"}), BIG])


@pytest.fixture
def sample() -> SampleImage:
    return IMAGE


@pytest.fixture
def registry(sample: SampleImage) -> Iterator[SampleRegistry]:
    """A registry that has ``team/app:1``."""
    with SampleRegistry() as running:
        running.push("team/app", "1", sample)
        yield running


@pytest.fixture
def reference(registry: SampleRegistry) -> Reference:
    return Reference.parse(f"{registry.host}/team/app:1")


@pytest.fixture
def client(registry: SampleRegistry) -> Iterator[RegistryClient]:
    with RegistryClient(Endpoint(registry.host, insecure=True), retries=QUICK) as opened:
        yield opened


@pytest.fixture
def closed_port() -> int:
    """A port on which nobody listens."""
    with closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and never says a word."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=64)) as server:
        yield server.getsockname()[1]


@pytest.fixture(scope="module")
def real_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    """The reference implementation, running; skips where it is not installed."""
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("docker-registry is not installed")
    with RealRegistry(Path(program), tmp_path_factory.mktemp("registry")) as running:
        yield running
