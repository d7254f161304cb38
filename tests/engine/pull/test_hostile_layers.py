"""A pull with a hostile layer is refused by name, with nothing of the image left; bounds are the pull's."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import pytest

from samples.images import Entry, SampleLayer, from_tar, hardlink, image, layer, symlink, write_tar
from samples.registry import SampleRegistry
from tests.engine.layers.archives import END, header, pax
from tests.engine.pull.helpers import BASE, left
from worker.engine.errors import ContentError, CorruptLayer, UnsafeLayer
from worker.engine.extract import extract
from worker.engine.layers import Limits
from worker.engine.oci import Reference
from worker.engine.pull import PulledImage, PullRequest, pull
from worker.engine.registry import Endpoint
from worker.engine.store import Store

pytestmark = pytest.mark.root


def pull_with(store: Store, name: str, limits: Limits, *, fetch_only: bool = False) -> PulledImage:
    reference = Reference.parse(name)
    endpoint = Endpoint(reference.registry, insecure=True)
    return pull(store, PullRequest(reference, None, endpoint, fetch_only, limits=limits))


def sparse_bomb() -> SampleLayer:
    records = {b"GNU.sparse.numblocks": b"0", b"GNU.sparse.map": b"", b"GNU.sparse.size": b"9" * 18}
    return from_tar(pax(records) + header(b"f") + END)


HOSTILE: dict[str, tuple[Callable[[], SampleLayer], type[ContentError]]] = {
    "dot-dot": (lambda: from_tar(write_tar([Entry("a", b"x" * 9000), Entry("../evil", b"x")])), UnsafeLayer),
    "link loop": (lambda: from_tar(write_tar([symlink("a", "a"), Entry("a/x")])), CorruptLayer),
    "link to nothing": (lambda: from_tar(write_tar([hardlink("a", "later"), Entry("later")])), CorruptLayer),
    "bare whiteout": (lambda: from_tar(write_tar([Entry("f", b"x"), Entry(".wh.")])), CorruptLayer),
    "truncated": (lambda: from_tar(write_tar([Entry("f", b"x" * 9000)])[:4000]), CorruptLayer),
    "sparse bomb": (sparse_bomb, UnsafeLayer),
    "too many entries": (lambda: layer({f"f{at}": b"" for at in range(30)}), UnsafeLayer),
    "too large": (lambda: layer({"f": bytes(2 << 20)}), UnsafeLayer),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_it_is_refused_and_nothing_is_left(store: Store, registry: SampleRegistry, kind: str) -> None:
    make, error = HOSTILE[kind]
    name = registry.push("demo", "1", image([BASE, make()]))
    with pytest.raises(error):
        pull_with(store, name, Limits(unpacked_bytes=1 << 20, entries=20))
    assert left(store) == []


def test_higher_bounds_let_it_in(store: Store, registry: SampleRegistry) -> None:
    """What is a bomb is for who runs the install to say."""
    zeros = from_tar(write_tar([Entry("zeros", bytes(8 << 20))]))
    assert len(zlib.compress(zeros.tar, 9)) * 300 < len(zeros.tar)
    name = registry.push("demo", "1", image([zeros]))
    with pytest.raises(UnsafeLayer, match="more than 3 times"):
        pull_with(store, name, Limits(ratio=3, ratio_from=1 << 20))
    assert pull_with(store, name, Limits(ratio=3, ratio_from=1 << 24)).layers_extracted == 1


def test_they_hold_for_extracting_later_as_well(store: Store, registry: SampleRegistry) -> None:
    name = registry.push("demo", "1", image([layer({"f": bytes(2 << 20)})]))
    fetched = pull_with(store, name, Limits(), fetch_only=True)
    with pytest.raises(UnsafeLayer):
        extract(store, fetched.digest, limits=Limits(unpacked_bytes=1 << 20))
    assert extract(store, fetched.digest).layers_extracted == 1
