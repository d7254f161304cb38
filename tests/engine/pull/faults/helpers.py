"""Pulling from a registry that misbehaves, and looking at what is in the store afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from samples.builders import Content
from samples.images import SampleImage, image, layer
from samples.registry import SampleRegistry
from tests.engine.pull.helpers import children, left, random_layer, unfinished
from worker.engine.errors import StrataError
from worker.engine.events import Event, Listener, Retrying, ignore
from worker.engine.oci import MediaType, Reference
from worker.engine.pull import PulledImage, PullRequest, pull
from worker.engine.registry import Endpoint
from worker.engine.store import Store

BIG = random_layer("big", 4 << 20)
SMALL = layer({"small": b"x"})
IMAGE = image([SMALL, BIG])


def pull_from(
    store: Store,
    name: str,
    *,
    listener: Listener = ignore,
    fetch_only: bool = True,
    at_once: int = 2,
    **endpoint: Any,
) -> PulledImage:
    """Pull; ``endpoint`` changes how the registry is talked to (by default: insecure)."""
    reference = Reference.parse(name)
    where = Endpoint(reference.registry, **{"insecure": True, **endpoint})
    return pull(store, PullRequest(reference, None, where, fetch_only, at_once), listener)


def assert_whole(store: Store, name: str, sample: SampleImage, *, extracted: bool = False) -> None:
    """Everything of an image is in the store, and listed; nothing is half-done."""
    for part in sample.layers:
        assert store.blobs.path(part.digest).read_bytes() == part.blob
        assert store.layers.has(part.diff_id) is extracted
    assert store.blobs.read(sample.config_digest, 1 << 24) == sample.config_raw
    assert store.blobs.read(sample.digest, 1 << 24) == sample.raw
    assert [listed.name for listed in store.images.all()] == [name]
    assert unfinished(store) == []
    assert children() == []


def assert_nothing(store: Store) -> None:
    """Neither blob nor layer nor name of the image is in the store, and nothing half-done."""
    assert left(store) == []
    assert store.images.all() == store.shallow_images.all() == ()
    assert children() == []


def fails(store: Store, name: str, kind: type[StrataError], **given: Any) -> StrataError:
    """A pull that fails and leaves nothing; returns why."""
    with pytest.raises(kind) as raised:
        pull_from(store, name, **given)
    assert type(raised.value) is kind
    assert_nothing(store)
    return raised.value


def retries_of(events: list[Event]) -> list[Retrying]:
    return [event for event in events if isinstance(event, Retrying)]


def changed_manifest(sample: SampleImage, **fields: Any) -> SampleImage:
    """The same image with other fields in its manifest."""
    return replace(sample, raw=json.dumps({**json.loads(sample.raw), **fields}).encode())


def served(registry: SampleRegistry) -> int:
    """Bytes of the big layer that the registry put on the wire."""
    return sum(size for path, size in registry.served.items() if str(BIG.digest) in path)


def ranges(registry: SampleRegistry) -> list[str]:
    """The ranges that were asked for of the big layer, in order."""
    return [
        request.headers.get("range", "")
        for request in registry.requests
        if request.method == "GET" and str(BIG.digest) in request.path
    ]


@contextmanager
def another(sample: SampleImage, **given: Any) -> Iterator[SampleRegistry]:
    """Another host that has the blobs of an image."""
    with SampleRegistry(**given) as running:
        running.push("demo", "1", sample)
        yield running


def fails_keeping(store: Store, name: str, kind: type[StrataError], **given: Any) -> StrataError:
    """A pull that fails at the big layer; the small one's blob may stay, for it is good."""
    with pytest.raises(kind) as raised:
        pull_from(store, name, **given)
    assert type(raised.value) is kind
    assert store.images.all() == store.shallow_images.all() == ()
    assert not store.blobs.has(BIG.digest)
    assert store.blobs.partial_size(BIG.digest) == 0
    return raised.value


def foreign(*urls: str, media_type: str = MediaType.DOCKER_FOREIGN_LAYER_GZIP) -> SampleImage:
    """The image, whose big layer its vendor keeps."""
    sample = image([layer({"own": b"1"}), BIG])
    body = json.loads(sample.raw)
    body["layers"][1] |= {"mediaType": media_type, "urls": list(urls)}
    return replace(sample, raw=json.dumps(body).encode())


def secrets_of(registry: SampleRegistry) -> list[str]:
    """What came to a registry as credentials."""
    sent = (request.headers.get("authorization", "") for request in registry.requests)
    return [value for value in sent if value]


def document(media_type: str = MediaType.OCI_MANIFEST, **body: Any) -> Content:
    """Any JSON as a manifest."""
    return Content(json.dumps(body).encode(), media_type)
