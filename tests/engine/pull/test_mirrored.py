"""Whole pulls from mirrors that help, fail in the middle, or lie; and within caps."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from samples.images import image, layer
from samples.pulls import PullLimit
from samples.registry import SampleRegistry
from tests.engine.pull.helpers import left
from worker.engine.errors import DigestMismatch, RateLimited, UnknownHost
from worker.engine.events import Event, RateLimitSeen
from worker.engine.oci import Reference
from worker.engine.pull import PulledImage, PullRequest, pull
from worker.engine.registry import Caps, Endpoint
from worker.engine.store import Store

BIG = layer({"srv/big": random.Random(1).randbytes(3_000_000)}, compression="gzip")
IMAGE = image([layer({"etc/os": b"sample"}, dirs=["etc"]), BIG])
NAME = "team/app:1"


@pytest.fixture
def mirror() -> Iterator[SampleRegistry]:
    with SampleRegistry() as running:
        running.push("team/app", "1", IMAGE)
        yield running


@pytest.fixture
def request_(registry: SampleRegistry, mirror: SampleRegistry) -> PullRequest:
    """A pull of an image that both have."""
    registry.push("team/app", "1", IMAGE)
    endpoint = Endpoint(registry.host, insecure=True, mirrors=(Endpoint(mirror.host, insecure=True),))
    return PullRequest(Reference.parse(f"{registry.host}/{NAME}"), None, endpoint, fetch_only=True)


def blobs(registry: SampleRegistry) -> list[str]:
    return [path.rpartition("/")[2] for path in registry.paths() if "/blobs/" in path]


def whole(store: Store, pulled: PulledImage) -> bool:
    return all(store.blobs.has(found.digest) for found in pulled.layers)


def test_everything_comes_from_the_mirror(
    store: Store, request_: PullRequest, registry: SampleRegistry, mirror: SampleRegistry
) -> None:
    assert whole(store, pull(store, request_))
    assert registry.requests == []
    mirror.requests.clear()
    assert pull(store, request_).unchanged
    assert [request.method for request in mirror.requests if "manifests" in request.path] == ["HEAD"]


def test_a_mirror_that_breaks_off_is_taken_over_from_at_the_same_byte(
    store: Store, request_: PullRequest, registry: SampleRegistry, mirror: SampleRegistry
) -> None:
    """Less than 5 % crosses the wire twice."""
    mirror.faults.where = str(BIG.digest)
    mirror.faults.cut = BIG.size // 2
    pulled = pull(store, request_)
    assert whole(store, pulled)
    assert blobs(registry) == [str(BIG.digest)]
    total = sum(found.size for found in pulled.layers)
    assert pulled.bytes_fetched < 1.05 * (total + 10_000)
    assert sum(registry.served.values()) < 0.55 * BIG.size


def test_a_mirror_that_lies_is_found_out_and_left(
    store: Store, request_: PullRequest, registry: SampleRegistry, mirror: SampleRegistry
) -> None:
    mirror.faults.where = str(BIG.digest)
    mirror.faults.corrupt = True
    assert whole(store, pull(store, request_))
    assert blobs(registry) == [str(BIG.digest)]


def test_a_tag_that_leads_nowhere_any_more_is_asked_of_the_registry(
    store: Store, request_: PullRequest, registry: SampleRegistry, mirror: SampleRegistry
) -> None:
    """A mirror may remember a tag longer than what it meant."""
    old = image([layer({"etc/os": b"older"})])
    mirror.push("team/app", "1", old)
    mirror.faults.missing = str(old.digest)
    mirror.faults.head_digest = str(old.digest)
    pulled = pull(store, request_)
    assert pulled.digest == IMAGE.digest
    assert whole(store, pulled)


def test_a_mirror_that_lies_is_asked_no_more_even_if_nobody_else_is_there(
    store: Store, request_: PullRequest, registry: SampleRegistry, mirror: SampleRegistry
) -> None:
    mirror.faults.where = str(BIG.digest)
    mirror.faults.corrupt = True
    alone = replace(request_.endpoint, host="registry.invalid")
    with pytest.raises(UnknownHost, match=r"registry\.invalid"):
        pull(store, replace(request_, endpoint=alone))
    assert blobs(mirror).count(str(BIG.digest)) == 1
    assert not store.blobs.has(BIG.digest)


@pytest.mark.root
def test_what_was_extracted_of_a_lie_is_thrown_away(
    store: Store, request_: PullRequest, mirror: SampleRegistry
) -> None:
    mirror.faults.where = str(BIG.digest)
    mirror.faults.corrupt = True
    pulled = pull(store, replace(request_, fetch_only=False))
    assert [found.extracted for found in pulled.layers] == [True, True]
    tree = store.layers.tree(pulled.layers[1].diff_id)
    assert (tree / "srv/big").read_bytes() == random.Random(1).randbytes(3_000_000)


def test_lies_on_both_sides_are_an_error_and_nothing_stays(
    store: Store, request_: PullRequest, registry: SampleRegistry, mirror: SampleRegistry
) -> None:
    for source in (mirror, registry):
        source.faults.where = str(BIG.digest)
        source.faults.corrupt = True
    with pytest.raises(DigestMismatch):
        pull(store, request_)
    assert left(store) == []


def test_layers_at_once_keep_to_the_cap(store: Store, registry: SampleRegistry) -> None:
    """Eight layers with one download at a time, while eight threads want one."""
    many = image([layer({f"srv/{n}": random.Random(n).randbytes(20_000)}) for n in range(8)])
    registry.push("team/app", "1", many)
    caps = Caps(store.ingest / "locks" / "registry-1", downloads=1)
    endpoint = Endpoint(registry.host, insecure=True, caps=caps)
    reference = Reference.parse(f"{registry.host}/{NAME}")
    assert whole(
        store, pull(store, PullRequest(reference, None, endpoint, fetch_only=True, layers_at_once=8))
    )


def test_an_unchanged_image_costs_none_of_what_a_registry_grants(
    store: Store, registry: SampleRegistry
) -> None:
    registry.push("team/app", "1", IMAGE)
    endpoint = Endpoint(registry.host, insecure=True, reserve=0.1)
    request_ = PullRequest(Reference.parse(f"{registry.host}/{NAME}"), None, endpoint, fetch_only=True)
    registry.pulls = PullLimit(100)
    pull(store, request_)
    registry.pulls = PullLimit(100, used=100)
    told: list[Event] = []
    assert pull(store, request_, told.append).unchanged
    assert RateLimitSeen(registry.host, 100, 0, 21_600, "192.0.2.1", 21_600) in told
    registry.push("team/app", "1", image([BIG]))
    with pytest.raises(RateLimited, match="works again"):
        pull(store, request_)
