"""Several platforms of one index in one pull."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

import pytest

from samples.images import SampleImage, SampleIndex, image, index, layer
from samples.registry import SampleRegistry
from tests.engine.pull.helpers import left
from worker.engine.errors import ContentError, PlatformNotFound
from worker.engine.events import Event, LayerProgress, Listener, Phase, Planned, Resolved, ignore
from worker.engine.oci import Digest, Platform, Reference
from worker.engine.pull import ALL, PulledImage, PullRequest, pull, pull_platforms
from worker.engine.registry import Endpoint
from worker.engine.store import Store

pytestmark = pytest.mark.root

SHARED = layer({"usr/share/data": b"data" * 4000})
PLATFORMS = ("linux/s390x", "linux/arm64", "linux/amd64")


def member(platform: str) -> SampleImage:
    return image([layer({"arch": platform.encode()}), SHARED], platform=platform)


INDEX = index([member(name) for name in PLATFORMS], attestations=True)


def pull_all(
    store: Store, name: str, platforms: Sequence[str] | None = None, listener: Listener = ignore
) -> tuple[PulledImage, ...]:
    """Pull these platforms; None for all."""
    reference = Reference.parse(name)
    wanted = ALL if platforms is None else tuple(map(Platform.parse, platforms))
    endpoint = Endpoint(reference.registry, insecure=True)
    return pull_platforms(store, PullRequest(reference, None, endpoint, platforms=wanted), listener)


def test_all_platforms_come_and_attestations_stay_away(store: Store, registry: SampleRegistry) -> None:
    pulled = pull_all(store, registry.push("multi", "1", INDEX))
    assert {str(one.platform) for one in pulled} == set(PLATFORMS)
    assert {one.digest for one in pulled} == {one.digest for one in INDEX.images}
    for one in pulled:
        arch = (store.layers.tree(one.layers[0].diff_id) / "arch").read_text()
        assert arch == str(one.platform)
        assert one.index == INDEX.digest
        assert {str(entry.platform) for entry in one.offered} == set(PLATFORMS)
        (beside,) = one.attestations
        assert beside.annotations["vnd.docker.reference.digest"] == str(one.digest)
    assert store.blobs.read(INDEX.digest, 1 << 20) == INDEX.raw


def test_the_one_for_this_machine_stands_in_front(store: Store, registry: SampleRegistry) -> None:
    host = str(Platform.host())
    name = registry.push("multi", "1", index([member("linux/s390x"), member(host), member("linux/riscv64")]))
    platforms = [str(one.platform) for one in pull_all(store, name)]
    assert platforms == [host, "linux/s390x", "linux/riscv64"]


def test_a_shared_layer_is_fetched_and_extracted_once(store: Store, registry: SampleRegistry) -> None:
    events: list[Event] = []
    pulled = pull_all(store, registry.push("multi", "1", INDEX), listener=events.append)
    fetched = Counter(path for path in registry.paths() if "/blobs/" in path)
    assert fetched[f"/v2/multi/blobs/{SHARED.digest}"] == 1
    assert set(fetched.values()) == {1}
    assert sum(one.layers_extracted for one in pulled) == 4
    blobs = {Digest.of(blob): len(blob) for one in INDEX.images for blob in one.blobs}
    documents = sum(len(one.raw) for one in INDEX.images) + len(INDEX.raw)
    assert sum(one.bytes_fetched for one in pulled) == sum(blobs.values()) + documents
    (plan,) = [event for event in events if isinstance(event, Planned)]
    assert [part.position for part in plan.layers] == list(range(6))
    assert [part.again for part in plan.layers] == [False, False, False, True, False, True]
    assert [part.platform for part in plan.layers[::2]] == [str(one.platform) for one in pulled]
    ends = {
        event.position for event in events if isinstance(event, LayerProgress) and event.phase is Phase.DONE
    }
    assert ends == set(range(6))
    resolved = [event for event in events if isinstance(event, Resolved)]
    assert {event.index for event in resolved} == {str(INDEX.digest)}


def test_some_are_chosen(store: Store, registry: SampleRegistry) -> None:
    name = registry.push("multi", "1", INDEX)
    pulled = pull_all(store, name, ["linux/arm64", "linux/s390x", "linux/arm64/v8"])
    assert [str(one.platform) for one in pulled] == ["linux/arm64", "linux/s390x"]
    assert not any(str(INDEX.images[2].digest) in path for path in registry.paths())


@pytest.mark.parametrize("platforms", [None, ["linux/arm64", "linux/s390x"]])
def test_an_unchanged_pull_costs_one_head_request(
    store: Store, registry: SampleRegistry, platforms: list[str] | None
) -> None:
    name = registry.push("multi", "1", INDEX)
    pull_all(store, name, platforms)
    registry.requests.clear()
    again = pull_all(store, name, platforms)
    assert all(one.unchanged and one.bytes_fetched == 0 for one in again)
    assert [request.method for request in registry.requests if request.path != "/v2/"] == ["HEAD"]


def test_a_missing_platform_is_named_before_anything_is_fetched(
    store: Store, registry: SampleRegistry
) -> None:
    name = registry.push("multi", "1", INDEX)
    with pytest.raises(PlatformNotFound, match=r"for windows/amd64, linux/386; it exists for: linux/s390x, "):
        pull_all(store, name, ["linux/amd64", "windows/amd64", "linux/386"])
    assert left(store) == []
    assert [path for path in registry.paths() if path != "/v2/"] == [f"/v2/multi/manifests/{INDEX.digest}"]


def test_a_single_image_is_only_what_it_is(store: Store, registry: SampleRegistry) -> None:
    name = registry.push("single", "1", member("linux/amd64"))
    (alone,) = pull_all(store, name)
    assert (alone.index, alone.offered) == (None, ())
    assert pull_all(store, name, ["linux/amd64"])[0].unchanged
    with pytest.raises(PlatformNotFound, match=r"for linux/arm64; it exists for: linux/amd64"):
        pull_all(store, name, ["linux/amd64", "linux/arm64"])


def test_all_or_nothing(store: Store, registry: SampleRegistry) -> None:
    """One bad platform, and no image is listed."""
    bad = image([layer({"x": b"x"})], platform="linux/arm64", diff_ids=[str(Digest.of(b"other"))])
    with pytest.raises(ContentError):
        pull_all(store, registry.push("multi", "1", index([member("linux/amd64"), bad])))
    assert store.images.all() == ()
    assert left(store) == []


def test_variants_that_only_the_index_tells_stay_apart(store: Store, registry: SampleRegistry) -> None:
    """The configs of images for variants of arm often are the same but for their layers."""
    members = [image([layer({"v": name.encode()})], platform="linux/arm") for name in ("v6", "v7")]
    body = json.loads(index(members).raw)
    for entry, variant in zip(body["manifests"], ("v6", "v7"), strict=True):
        entry["platform"]["variant"] = variant
    listed = SampleIndex(
        json.dumps(body).encode(), INDEX.media_type, manifests=tuple(members), images=tuple(members)
    )
    pulled = pull_all(store, registry.push("arm", "1", listed))
    assert [str(one.platform) for one in pulled] == ["linux/arm/v6", "linux/arm/v7"]
    assert len(store.images.all()) == 2


def test_nested_indexes_are_followed_to_all_their_images(store: Store, registry: SampleRegistry) -> None:
    inner = index([member("linux/arm64"), member("linux/s390x")])
    outer_members = [member("linux/amd64")]
    body = json.loads(index(outer_members).raw)
    body["manifests"].append(
        {"mediaType": inner.media_type, "digest": str(inner.digest), "size": len(inner.raw)}
    )
    outer = SampleIndex(
        json.dumps(body).encode(), inner.media_type, manifests=(*outer_members, inner), images=()
    )
    pulled = pull_all(store, registry.push("nested", "1", outer))
    assert {str(one.platform) for one in pulled} == {"linux/amd64", "linux/arm64", "linux/s390x"}
    assert {one.index for one in pulled} == {outer.digest}


def test_an_index_that_leads_in_circles_is_refused(store: Store, registry: SampleRegistry) -> None:
    deep = index([member("linux/amd64")])
    for _ in range(5):
        entry = {"mediaType": deep.media_type, "digest": str(deep.digest), "size": len(deep.raw)}
        raw = json.dumps({"schemaVersion": 2, "mediaType": deep.media_type, "manifests": [entry]}).encode()
        deep = SampleIndex(raw, deep.media_type, manifests=(deep,), images=())
    with pytest.raises(ContentError, match="nested"):
        pull_all(store, registry.push("deep", "1", deep))
    assert left(store) == []


def test_of_two_images_for_one_platform_the_first_counts(store: Store, registry: SampleRegistry) -> None:
    """As an index of images for several releases of Windows has them."""
    first, second = member("linux/amd64"), image([layer({"other": b""})], platform="linux/amd64")
    (alone,) = pull_all(store, registry.push("twice", "1", index([first, second])))
    assert alone.digest == first.digest


def test_a_pull_of_one_platform_tells_of_the_index_too(store: Store, registry: SampleRegistry) -> None:
    reference = Reference.parse(registry.push("multi", "1", INDEX))
    request = PullRequest(
        reference, Platform.parse("linux/arm64"), Endpoint(reference.registry, insecure=True), platforms=ALL
    )
    pulled = pull(store, request)
    assert (str(pulled.platform), pulled.index) == ("linux/arm64", INDEX.digest)
