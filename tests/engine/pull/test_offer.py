"""What a reference offers, before anything is pulled."""

from __future__ import annotations

import json

import pytest

from samples.images import Content, SampleImage, artifact, image, index, layer
from samples.registry import SampleRegistry
from tests.engine.pull.helpers import IMAGE, left, pull_it
from worker.engine.errors import InvalidManifest, NotAnImage, TagNotFound
from worker.engine.oci import MediaType, Platform, Reference
from worker.engine.offer import Offer, offered
from worker.engine.pull import PullRequest
from worker.engine.registry import Endpoint
from worker.engine.store import Store

HOST = str(Platform.host())


def of(store: Store, name: str) -> Offer:
    reference = Reference.parse(name)
    return offered(store, PullRequest(reference, None, Endpoint(reference.registry, insecure=True)))


def platforms(offer: Offer) -> list[str]:
    return [str(one.platform) for one in offer.platforms]


def for_platform(platform: str) -> SampleImage:
    return image([layer({"arch": platform.encode()})], platform=platform)


def nested(*members: Content, platforms: tuple[str | None, ...]) -> Content:
    """An index of anything; None for an entry that names no platform."""
    entries = []
    for member, platform in zip(members, platforms, strict=True):
        entry = {"mediaType": member.media_type, "digest": str(member.digest), "size": len(member.raw)}
        if platform:
            os, architecture = platform.split("/")
            entry["platform"] = {"os": os, "architecture": architecture}
        entries.append(entry)
    body = {"schemaVersion": 2, "mediaType": MediaType.OCI_INDEX, "manifests": entries}
    return Content(json.dumps(body).encode(), MediaType.OCI_INDEX, manifests=members)


def test_an_index_offers_its_platforms_without_the_attestations(
    store: Store, registry: SampleRegistry
) -> None:
    """Two requests: for what the tag points to, and for that; nothing appears in the store."""
    content = index([for_platform("linux/s390x"), for_platform(HOST)], attestations=True)
    name = registry.push("multi", "1", content)
    registry.requests.clear()
    offer = of(store, name)
    assert platforms(offer) == ["linux/s390x", HOST]
    assert [one.digest for one in offer.platforms] == [member.digest for member in content.images]
    assert [one.size for one in offer.platforms] == [None, None]
    assert (offer.digest, offer.media_type) == (content.digest, MediaType.OCI_INDEX)
    assert str(offer.default) == HOST
    assert [path for path in registry.paths() if "manifests" in path] == [
        f"/v2/multi/manifests/{content.digest}"
    ]
    assert not store.root.exists()


def test_a_single_image_offers_what_its_config_says(store: Store, registry: SampleRegistry) -> None:
    """Also one that this machine cannot run: without a choice a pull takes it."""
    content = for_platform("linux/s390x")
    offer = of(store, registry.push("one", "1", content))
    assert platforms(offer) == ["linux/s390x"]
    assert offer.platforms[0].size == sum(part.size for part in content.layers)
    assert (offer.digest, str(offer.default)) == (content.digest, "linux/s390x")


def test_an_index_without_this_machine_s_platform_has_no_default(
    store: Store, registry: SampleRegistry
) -> None:
    offer = of(store, registry.push("far", "1", index([for_platform("plan9/mips"), for_platform("aix/ppc")])))
    assert offer.default is None


def test_the_best_variant_is_the_default(store: Store, registry: SampleRegistry) -> None:
    """The one that a pull takes: the same offer as the index's own choice."""
    name = registry.push("multi", "1", index([for_platform("linux/arm/v6"), for_platform(HOST)]))
    assert of(store, name).default == pull_it(store, name, fetch_only=True).platform


def test_a_platform_is_offered_once_and_the_first_counts(store: Store, registry: SampleRegistry) -> None:
    """Windows images come for many builds of Windows, all windows/amd64."""
    first = image([layer({"a": b"1"})], platform="windows/amd64")
    second = image([layer({"a": b"2"})], platform="windows/amd64")
    offer = of(store, registry.push("windows", "1", index([first, second])))
    assert [one.digest for one in offer.platforms] == [first.digest]


def test_sizes_of_what_is_here_are_known(store: Store, registry: SampleRegistry) -> None:
    members = [for_platform("linux/s390x"), for_platform(HOST)]
    name = registry.push("multi", "1", index(members))
    pull_it(store, name, fetch_only=True)
    before = left(store)
    assert [one.size for one in of(store, name).platforms] == [None, members[1].layers[0].size]
    assert left(store) == before


def test_nested_indexes_are_followed(store: Store, registry: SampleRegistry) -> None:
    inner = index([for_platform(HOST), for_platform("linux/s390x")])
    outer = nested(inner, for_platform("linux/riscv64"), platforms=(None, "linux/riscv64"))
    assert platforms(of(store, registry.push("nested", "1", outer))) == [HOST, "linux/s390x", "linux/riscv64"]


def test_an_only_entry_without_a_platform_is_asked(store: Store, registry: SampleRegistry) -> None:
    content = nested(for_platform("linux/s390x"), platforms=(None,))
    assert platforms(of(store, registry.push("bare", "1", content))) == ["linux/s390x"]


def test_an_entry_that_cannot_be_asked_for_is_left_out(store: Store, registry: SampleRegistry) -> None:
    content = nested(for_platform("linux/s390x"), for_platform(HOST), platforms=(None, HOST))
    assert platforms(of(store, registry.push("mixed", "1", content))) == [HOST]


def test_a_tower_of_indexes_ends(store: Store, registry: SampleRegistry) -> None:
    content: Content = index([for_platform(HOST)])
    for _ in range(25):
        content = nested(content, platforms=(None,))
    with pytest.raises(InvalidManifest, match="nested"):
        of(store, registry.push("tower", "1", content))


def test_what_is_no_image_offers_nothing(store: Store, registry: SampleRegistry) -> None:
    chart = artifact("application/vnd.cncf.helm.config.v1+json")
    with pytest.raises(NotAnImage, match="a Helm chart"):
        of(store, registry.push("chart", "1", chart))
    registry.push("app", "1", IMAGE)
    with pytest.raises(TagNotFound):
        of(store, f"{registry.host}/app:2")
