"""A pull from a registry on a socket into a store on disk, with nothing in between replaced."""

from __future__ import annotations

import json

import pytest

from samples.images import artifact, image, index, layer, recompressed
from samples.registry import SampleRegistry
from tests.engine.pull.helpers import APP, BASE, IMAGE, children, left, pull_it, random_layer, unfinished
from worker.engine.errors import (
    InvalidManifest,
    LayerMissing,
    NotAnImage,
    PlatformNotFound,
    TagNotFound,
)
from worker.engine.events import Event, LayerProgress, Phase, Planned, Resolved
from worker.engine.layers import EntryType, FileIndex
from worker.engine.oci import Digest, Platform, chain_ids
from worker.engine.store import Store

pytestmark = pytest.mark.root


def test_everything_of_an_image_arrives(store: Store, registry: SampleRegistry) -> None:
    name = registry.push("demo/app", "1", IMAGE)
    pulled = pull_it(store, name)
    assert (pulled.digest, pulled.config_digest) == (IMAGE.digest, IMAGE.config_digest)
    assert pulled.platform == Platform("linux", "amd64")
    assert str(pulled.reference) == name
    assert pulled.bytes_fetched == len(IMAGE.raw) + sum(len(blob) for blob in IMAGE.blobs)
    assert (pulled.layers_extracted, pulled.unchanged) == (2, False)
    base, app = pulled.layers
    assert (app.position, app.digest, app.diff_id, app.size) == (1, APP.digest, APP.diff_id, APP.size)
    assert (base.created_by, app.created_by) == ("FROM scratch", "COPY app /srv")
    assert app.chain_id == chain_ids(IMAGE.diff_ids)[1]
    assert (base.unpacked_size, base.content_size, base.entries) == (len(BASE.tar), 10006, 5)
    for blob in (IMAGE.raw, *IMAGE.blobs):
        assert store.blobs.read(Digest.of(blob), 1 << 20) == blob
    assert (store.layers.tree(BASE.diff_id) / "etc/os").read_bytes() == b"sample"
    kinds = {entry.path: entry.type for entry in FileIndex(store.layers.index_path(APP.diff_id)).entries()}
    assert kinds[b"bin/sh"] is EntryType.WHITEOUT
    assert unfinished(store) == []
    assert children() == []


def test_what_the_manifest_is_annotated_with_is_told(store: Store, registry: SampleRegistry) -> None:
    said = {"org.opencontainers.image.base.name": "docker.io/library/debian:12"}
    assert pull_it(store, registry.push("demo/app", "1", image([BASE], annotations=said))).annotations == said


def test_an_unchanged_pull_costs_one_head_request(store: Store, registry: SampleRegistry) -> None:
    name = registry.push("demo/app", "1", index([IMAGE]))
    pull_it(store, name)
    registry.requests.clear()
    again = pull_it(store, name)
    assert again.unchanged
    assert (again.bytes_fetched, again.layers_extracted) == (0, 0)
    assert [(request.method, request.path) for request in registry.requests] == [
        ("HEAD", "/v2/demo/app/manifests/1")
    ]
    assert children() == []


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
@pytest.mark.parametrize("flavour", ["oci", "docker"])
def test_every_form_of_image(store: Store, registry: SampleRegistry, compression: str, flavour: str) -> None:
    sample = layer({"f": b"content"}, compression=compression, flavour=flavour)
    pulled = pull_it(store, registry.push("a", "1", image([sample], flavour=flavour)))
    assert pulled.layers[0].media_type == sample.media_type
    assert (store.layers.tree(sample.diff_id) / "f").read_bytes() == b"content"


def test_the_platform_chooses_from_an_index(store: Store, registry: SampleRegistry) -> None:
    members = [
        image([layer({"arch": name.encode()})], platform=name) for name in ("linux/amd64", "linux/arm64")
    ]
    name = registry.push("multi", "1", index(members, attestations=True))
    pulled = pull_it(store, name, platform="linux/arm64")
    assert pulled.digest == members[1].digest
    assert (store.layers.tree(pulled.layers[0].diff_id) / "arch").read_bytes() == b"linux/arm64"
    with pytest.raises(PlatformNotFound, match="linux/amd64, linux/arm64"):
        pull_it(store, name, platform="linux/s390x")


def test_the_platform_of_a_single_image_is_checked_too(store: Store, registry: SampleRegistry) -> None:
    name = registry.push("a", "1", IMAGE)
    with pytest.raises(PlatformNotFound, match="linux/amd64"):
        pull_it(store, name, platform="linux/arm64")
    assert left(store) == []


def test_shared_layers_are_fetched_once(store: Store, registry: SampleRegistry) -> None:
    pull_it(store, registry.push("base", "1", image([BASE])))
    registry.requests.clear()
    pulled = pull_it(store, registry.push("app", "1", IMAGE))
    assert pulled.layers_extracted == 1
    assert not any(str(BASE.digest) in path for path in registry.paths())


def test_a_layer_known_in_another_compressed_form_is_neither_fetched_nor_extracted(
    store: Store, registry: SampleRegistry
) -> None:
    """Identity is the diff ID. But then the OCI layout lacks a blob, so its index must not list the image."""
    pull_it(store, registry.push("app", "gzip", IMAGE))
    twin = recompressed(IMAGE, "zstd")
    name = registry.push("app", "zstd", twin)
    pulled = pull_it(store, name)
    assert (pulled.layers_extracted, pulled.unchanged) == (0, False)
    assert all(layer.extracted and not layer.blob_present for layer in pulled.layers)
    assert not any("/blobs/" + str(part.digest) in path for part in twin.layers for path in registry.paths())
    assert [listed.descriptor.digest for listed in store.images.all()] == [IMAGE.digest]
    assert [listed.name for listed in store.shallow_images.all()] == [name]
    assert pull_it(store, name).unchanged


def test_a_name_that_moves_to_such_an_image_leaves_the_list(store: Store, registry: SampleRegistry) -> None:
    name = registry.push("app", "1", IMAGE)
    pull_it(store, name)
    registry.push("app", "1", recompressed(IMAGE, "zstd"))
    pull_it(store, name)
    assert [listed.name for listed in store.images.all()] == [""]
    assert [listed.name for listed in store.shallow_images.all()] == [name]
    registry.push("app", "1", IMAGE)
    pull_it(store, name)
    assert [listed.name for listed in store.images.all()] == [name]
    assert [listed.name for listed in store.shallow_images.all()] == [""]


def test_the_same_layer_twice_in_one_image(store: Store, registry: SampleRegistry) -> None:
    events: list[Event] = []
    pulled = pull_it(store, registry.push("twice", "1", image([BASE, APP, BASE])), listener=events.append)
    assert [layer.diff_id for layer in pulled.layers] == [BASE.diff_id, APP.diff_id, BASE.diff_id]
    assert pulled.layers_extracted == 2
    done = {
        event.position for event in events if isinstance(event, LayerProgress) and event.phase is Phase.DONE
    }
    assert done == {0, 1, 2}


def test_an_image_without_layers(store: Store, registry: SampleRegistry) -> None:
    assert pull_it(store, registry.push("empty", "1", image([]))).layers == ()


def test_many_layers(store: Store, registry: SampleRegistry) -> None:
    layers = [layer({f"f{at}": b"x" * at}) for at in range(25)]
    pulled = pull_it(store, registry.push("many", "1", image(layers)))
    assert [part.diff_id for part in pulled.layers] == [part.diff_id for part in layers]


def test_events_tell_the_whole_story(store: Store, registry: SampleRegistry) -> None:
    events: list[Event] = []
    big = random_layer("big", 3 << 20)
    sample = image([BASE, big])
    pull_it(store, registry.push("base", "1", image([BASE])))
    name = registry.push("a", "1", sample)
    pull_it(store, name, listener=events.append)
    resolved, planned, *others = events
    assert resolved == Resolved(name, str(sample.digest), "linux/amd64")
    assert isinstance(planned, Planned)
    assert [(part.digest, part.present) for part in planned.layers] == [
        (str(BASE.digest), True),
        (str(big.digest), False),
    ]
    progress = [event for event in others if isinstance(event, LayerProgress)]
    assert [event.phase for event in progress if event.position == 0] == [Phase.PRESENT]
    moves = [event for event in progress if event.position == 1]
    phases = list(dict.fromkeys(event.phase for event in moves))
    assert phases[:2] == [Phase.WAITING, Phase.DOWNLOADING]
    assert phases[-1] is Phase.DONE
    fetched = [event.fetched for event in moves]
    assert fetched == sorted(fetched)
    assert fetched[-1] == big.size
    assert all(event.total == big.size and event.done <= big.size for event in moves)


class TestThisIsNoImage:
    def test_a_missing_tag(self, store: Store, registry: SampleRegistry) -> None:
        registry.push("a", "1", IMAGE)
        with pytest.raises(TagNotFound):
            pull_it(store, f"{registry.host}/a:2")
        assert left(store) == []

    def test_layers_that_do_not_fit_the_config(self, store: Store, registry: SampleRegistry) -> None:
        broken = image([BASE], diff_ids=[str(BASE.diff_id), str(APP.diff_id)])
        with pytest.raises(InvalidManifest, match="1 layers, but its config lists 2"):
            pull_it(store, registry.push("a", "1", broken))
        assert left(store) == []

    def test_something_else(self, store: Store, registry: SampleRegistry) -> None:
        chart = artifact("application/vnd.cncf.helm.config.v1+json")
        with pytest.raises(NotAnImage):
            pull_it(store, registry.push("chart", "1", chart))
        assert left(store) == []


def test_a_store_lists_what_it_holds(store: Store, registry: SampleRegistry) -> None:
    name = registry.push("demo/app", "1", IMAGE)
    pull_it(store, name)
    listed = json.loads((store.root / "index.json").read_bytes())["manifests"]
    assert [entry["digest"] for entry in listed] == [str(IMAGE.digest)]
    assert listed[0]["annotations"]["org.opencontainers.image.ref.name"] == name


def test_a_layer_without_a_tree_has_no_record(store: Store) -> None:
    with pytest.raises(LayerMissing):
        store.layers.info(BASE.diff_id)
