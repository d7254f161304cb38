"""What happens at the same time: several layers; and download, inflation, hashing and writing of one."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from benchmarks.measuring import HOME, measure
from samples.generated import GeneratedLayer, GeneratedRegistry
from samples.images import image, recompressed
from samples.registry import SampleRegistry
from tests.engine.layers.processes import below
from tests.engine.pull.helpers import children, pull_it, random_layer
from tests.support.processes import wait_until
from worker.engine.cancel import CancelToken
from worker.engine.oci import Digest
from worker.engine.store import Store

pytestmark = pytest.mark.root

_MIB = 1 << 20
_PULL = """
import sys
from pathlib import Path
from worker.engine.oci import Reference
from worker.engine.pull import PullRequest, pull
from worker.engine.registry import Endpoint
from worker.engine.store import Store
reference = Reference.parse(sys.argv[2])
pull(Store(Path(sys.argv[1])), PullRequest(reference, None, Endpoint(reference.registry, insecure=True)))
"""


@pytest.fixture(scope="module")
def halves() -> Iterator[GeneratedRegistry]:
    """A registry with one layer of four files; it sends the second half when it is let."""
    with GeneratedRegistry(GeneratedLayer(256 * _MIB)) as registry:
        yield registry


def test_one_layer_is_unpacked_while_it_arrives(store: Store, halves: GeneratedRegistry) -> None:
    """A whole file stands in the tree, with its content, before the registry has sent the second half."""
    halves.gate.clear()
    pull = threading.Thread(target=pull_it, args=(store, halves.reference))
    pull.start()
    try:
        assert halves.waiting.wait(60)
        wait_until(lambda: _sizes(store).get("file0") == 64 * _MIB, 60, "the first file is written")
        assert "file3" not in _sizes(store)
    finally:
        halves.gate.set()
        pull.join(120)
    tree = store.layers.tree(Digest.parse(halves.layer.diff_id))
    assert sorted(path.name for path in tree.iterdir()) == ["file0", "file1", "file2", "file3"]


def _sizes(store: Store) -> dict[str, int]:
    """The files of unfinished trees."""
    return {path.name: path.stat().st_size for path in (store.root / "ingest").glob("**/tree/*")}


def test_several_layers_are_unpacked_at_once(store: Store, registry: SampleRegistry) -> None:
    """As many as asked for, each by a child of its own, all from one server."""
    sample = image([random_layer(f"layer{at}", _MIB) for at in range(4)])
    name = registry.push("demo", "1", sample)
    registry.faults.stall = 500_000
    cancel = CancelToken()
    pull = threading.Thread(target=_pull_until_cancelled, args=(store, name, cancel))
    pull.start()
    try:
        wait_until(lambda: [len(below(server)) for server in children()] == [3], 60, "three children")
    finally:
        cancel.cancel()
        pull.join(60)
    assert children() == []


def _pull_until_cancelled(store: Store, name: str, cancel: CancelToken) -> None:
    with pytest.raises(Exception, match="cancelled"):
        pull_it(store, name, at_once=3, cancel=cancel)


def test_of_an_image_that_shares_a_layer_in_another_form_only_the_rest_is_fetched(
    store: Store, registry: SampleRegistry
) -> None:
    """The shared layer is known by its diff ID; neither its blob nor its tree is asked for again."""
    shared, own = random_layer("shared", _MIB), random_layer("own", _MIB, "zstd")
    pull_it(store, registry.push("base", "1", image([shared])))
    packed = recompressed(image([shared]), "zstd").layers[0]
    assert packed.digest != shared.digest
    registry.requests.clear()
    derived = image([packed, own])
    pulled = pull_it(store, registry.push("derived", "1", derived))
    asked = [path.rpartition("/")[2] for path in registry.paths("GET") if "/blobs/" in path]
    assert sorted(asked) == sorted([str(derived.config_digest), str(own.digest)])
    assert pulled.layers_extracted == 1


def test_memory_does_not_depend_on_the_size_of_a_layer(tmp_path: Path) -> None:
    """Of all processes of a pull together: a layer of 1 GiB takes little more than one of 64 MiB."""
    small, large = (_peak(size, tmp_path) for size in (64 * _MIB, 1024 * _MIB))
    assert large < 250 * _MIB
    assert large < small + 32 * _MIB


def _peak(size: int, place: Path) -> int:
    with GeneratedRegistry(GeneratedLayer(size)) as registry, TemporaryDirectory(dir=place) as store:
        command = [sys.executable, "-c", _PULL, store, registry.reference]
        return measure([command], {"PYTHONPATH": str(HOME)}).memory
