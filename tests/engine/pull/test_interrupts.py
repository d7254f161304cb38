"""Pulls that are cancelled, killed, or many at once."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable

import pytest

from samples.images import image, layer
from samples.registry import SampleRegistry
from tests.engine.layers.processes import alive, below
from tests.engine.pull.helpers import children, left, pull_it, random_layer, unfinished
from tests.support.processes import wait_until
from worker.engine.cancel import CancelToken
from worker.engine.errors import Cancelled
from worker.engine.events import Event, LayerProgress, Phase
from worker.engine.extract import extract
from worker.engine.store import Store

pytestmark = pytest.mark.root

LAYERS = [random_layer(f"layer{at}", 1 << 20) for at in range(4)]
IMAGE = image(LAYERS)
PROMPT = 5.0  # seconds; one is meant, but a busy machine may need more, and without waking it would be sixty

_PULL = """
import sys
from pathlib import Path
from tests.engine.layers.processes import alive, below
from tests.engine.pull.helpers import pull_it
from worker.engine.store import Store
pulled = pull_it(Store(Path(sys.argv[1])), sys.argv[2])
print(pulled.digest, pulled.bytes_fetched, pulled.layers_extracted)
"""


def start_pull(store: Store, name: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _PULL, str(store.root), name], stdout=subprocess.PIPE, text=True
    )


def seconds_until_cancelled(begin: Callable[[CancelToken], object], when: Callable[[], bool]) -> float:
    """Cancel ``begin`` as soon as ``when`` is true; return how long it still took."""
    cancel = CancelToken()
    outcome: list[BaseException] = []

    def run() -> None:
        try:
            begin(cancel)
        except Cancelled as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    while not when():
        assert thread.is_alive()
        time.sleep(0.01)
    at = time.monotonic()
    cancel.cancel()
    thread.join(20)
    assert isinstance(outcome[0], Cancelled)
    return time.monotonic() - at


class TestCancelling:
    """It takes effect within a second, whatever the pull is waiting for; what was fetched is kept."""

    def test_inside_of_a_stalled_blob(self, store: Store, registry: SampleRegistry) -> None:
        name = registry.push("demo", "1", IMAGE)
        registry.faults.stall = 500_000

        def stalled() -> bool:
            # Two are begun at once: the largest, which is for the compressor to say.
            return [store.blobs.partial_size(part.digest) for part in LAYERS].count(500_000) == 2

        took = seconds_until_cancelled(lambda cancel: pull_it(store, name, cancel=cancel), stalled)
        assert took < PROMPT
        assert children() == []
        assert not any(path.name.startswith("layer-") for path in (store.root / "ingest").iterdir())
        assert stalled()

    def test_while_another_process_has_the_layer(self, store: Store, registry: SampleRegistry) -> None:
        store.prepare()
        name = registry.push("demo", "1", image(LAYERS[:1]))
        events: list[Event] = []
        with store.layers.lock(LAYERS[0].diff_id):
            took = seconds_until_cancelled(
                lambda cancel: pull_it(store, name, cancel=cancel, listener=events.append),
                lambda: any(isinstance(event, LayerProgress) for event in events),
            )
        assert took < PROMPT

    def test_while_a_layer_is_unpacked(self, store: Store, registry: SampleRegistry) -> None:
        bomb = layer({"zeros": bytes(700 << 20)}, compression="zstd")
        sample = image([bomb])
        pull_it(store, registry.push("bomb", "1", sample), fetch_only=True)
        events: list[Event] = []

        def unpacking() -> bool:
            return any(isinstance(event, LayerProgress) and event.unpacked > 0 for event in events)

        took = seconds_until_cancelled(
            lambda cancel: extract(store, sample.digest, events.append, cancel), unpacking
        )
        assert took < PROMPT
        assert children() == []
        assert left(store) == sorted(
            f"blobs/sha256/{digest.hex}" for digest in (sample.digest, sample.config_digest, bomb.digest)
        )

    def test_before_it_begins(self, store: Store, registry: SampleRegistry) -> None:
        cancel = CancelToken()
        cancel.cancel()
        with pytest.raises(Cancelled):
            pull_it(store, registry.push("demo", "1", IMAGE), cancel=cancel)
        assert registry.paths("GET") == []

    def test_from_the_listener(self, store: Store, registry: SampleRegistry) -> None:
        """A caller may decide on what it is told; it is called from the pull's own threads."""
        cancel = CancelToken()

        def listen(event: Event) -> None:
            if isinstance(event, LayerProgress) and event.phase is Phase.DOWNLOADING:
                cancel.cancel()

        with pytest.raises(Cancelled):
            pull_it(store, registry.push("demo", "1", IMAGE), listener=listen, cancel=cancel)


class TestKilling:
    def test_the_next_pull_goes_on_with_the_bytes_on_disk(
        self, store: Store, registry: SampleRegistry
    ) -> None:
        """SIGKILL in the middle: one layer done, two begun. Nothing is fetched twice."""
        name = registry.push("demo", "1", IMAGE)
        registry.faults.stall = 600_000
        registry.faults.where = str(LAYERS[2].digest)
        store.prepare()
        with start_pull(store, name) as process:
            wait_until(
                lambda: store.blobs.partial_size(LAYERS[2].digest) == 600_000, 60, "the download stands still"
            )
            wait_until(lambda: store.layers.has(LAYERS[3].diff_id), 60, "the last layer is here")
            process.send_signal(signal.SIGKILL)
        done = {part.digest for part in LAYERS if store.blobs.has(part.digest)}
        assert LAYERS[2].digest not in done
        registry.faults.stall = None
        registry.requests.clear()
        pulled = pull_it(store, name)
        asked = [request for request in registry.requests if "/blobs/" in request.path]
        assert not any(digest.hex in request.path for digest in done for request in asked)
        resumed = next(request for request in asked if LAYERS[2].digest.hex in request.path)
        assert resumed.headers["range"] == "bytes=600000-"
        assert all(part.extracted for part in pulled.layers)
        assert unfinished(store) == []

    def test_the_child_dies_with_its_parent(self, store: Store, registry: SampleRegistry) -> None:
        name = registry.push("demo", "1", image(LAYERS[:1]))
        registry.faults.stall = 600_000
        store.prepare()
        with start_pull(store, name) as process:
            wait_until(
                lambda: store.blobs.partial_size(LAYERS[0].digest) == 600_000, 60, "the download stands still"
            )
            (server,) = below(process.pid)
            (child,) = below(server)
            process.send_signal(signal.SIGKILL)
        wait_until(lambda: not alive(server) and not alive(child), 60, "the child ends, and its server")

    def test_at_any_moment_what_stands_is_whole(self, store: Store, registry: SampleRegistry) -> None:
        """Killed ten times, each time a little later; whatever has its place by then is complete."""
        name = registry.push("demo", "1", IMAGE)
        for attempt in range(10):
            with start_pull(store, name) as process:
                time.sleep(0.15 + 0.08 * attempt)
                process.send_signal(signal.SIGKILL)
            for part in LAYERS:
                if store.blobs.has(part.digest):
                    assert store.blobs.read(part.digest, 4 << 20) == part.blob
                if store.layers.has(part.diff_id):
                    assert store.layers.info(part.diff_id).unpacked_size == len(part.tar)
        pulled = pull_it(store, name)
        assert all(part.extracted for part in pulled.layers)
        assert unfinished(store) == []


class TestManyAtOnce:
    def test_processes_share_the_work(self, store: Store, registry: SampleRegistry) -> None:
        """Four processes, overlapping images: each blob crosses the wire once, each layer is made once."""
        names = [registry.push(f"demo{at}", "1", image(LAYERS[: at + 1])) for at in range(4)]
        processes = [start_pull(store, name) for name in names]
        outputs = [process.communicate(timeout=120)[0] for process in processes]
        assert [process.returncode for process in processes] == [0] * 4
        assert sum(int(output.split()[2]) for output in outputs) == len(LAYERS)
        fetched = Counter(path.rpartition("/")[2] for path in registry.paths() if "/blobs/" in path)
        assert [fetched[str(part.digest)] for part in LAYERS] == [1] * len(LAYERS)
        assert len(store.images.all()) == 4

    def test_two_forms_of_one_layer_are_extracted_once(self, store: Store, registry: SampleRegistry) -> None:
        twin = image([part.recompressed("zstd") for part in LAYERS])
        names = [registry.push("demo", "gzip", IMAGE), registry.push("demo", "zstd", twin)]
        processes = [start_pull(store, name) for name in names]
        outputs = [process.communicate(timeout=120)[0] for process in processes]
        assert sum(int(output.split()[2]) for output in outputs) == len(LAYERS)

    def test_who_waits_goes_on_when_the_owner_dies(self, store: Store, registry: SampleRegistry) -> None:
        name = registry.push("demo", "1", image(LAYERS[:1]))
        registry.faults.stall = 300_000
        store.prepare()
        with start_pull(store, name) as owner:
            wait_until(
                lambda: store.blobs.partial_size(LAYERS[0].digest) == 300_000, 60, "the download stands still"
            )
            with start_pull(store, name) as waiter:
                time.sleep(0.7)
                registry.faults.stall = None
                owner.send_signal(signal.SIGKILL)
                output, _ = waiter.communicate(timeout=60)
        assert waiter.returncode == 0
        assert output.split()[2] == "1"
