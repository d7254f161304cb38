"""Manifests, indexes and configs that are not what they should be: refused in a sentence, nothing kept."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from samples.builders import Content
from samples.images import SampleImage, image, index
from samples.registry import SampleRegistry
from tests.engine.pull.faults.helpers import (
    BIG,
    IMAGE,
    SMALL,
    assert_whole,
    changed_manifest,
    document,
    fails,
    pull_from,
)
from worker.engine.errors import (
    DigestMismatch,
    InvalidManifest,
    PlatformNotFound,
    RegistryMisbehaved,
    SizeMismatch,
    StrataError,
    TagNotFound,
    UnsupportedMediaType,
)
from worker.engine.oci import Digest, MediaType, Platform
from worker.engine.pipeline.documents import CONFIG_MAX
from worker.engine.registry import MANIFEST_MAX
from worker.engine.store import Store

HOST = str(Platform.host())
OWN = image([SMALL, BIG], platform=HOST)
OTHER = Digest.of(b"something else")


class TestLyingDigests:
    """Docker-Content-Digest says one thing, and the content is another."""

    def test_of_a_head(self, store: Store, registry: SampleRegistry) -> None:
        """What it names is not there."""
        name = registry.push("demo", "1", IMAGE)
        registry.faults.head_digest = str(OTHER)
        error = fails(store, name, TagNotFound)
        assert str(OTHER) in error.message
        assert not error.temporary

    def test_of_a_head_that_has_other_content_ready(self, store: Store, registry: SampleRegistry) -> None:
        name = registry.push("demo", "1", IMAGE)
        registry.manifests["demo"][str(OTHER)] = IMAGE
        registry.faults.head_digest = str(OTHER)
        fails(store, name, DigestMismatch)

    def test_of_a_get(self, store: Store, registry: SampleRegistry) -> None:
        name = registry.push("demo", "1", IMAGE)
        registry.faults.no_head = True
        registry.faults.digest = str(OTHER)
        error = fails(store, name, DigestMismatch)
        assert not error.temporary

    def test_of_a_blob_are_only_words(self, store: Store, registry: SampleRegistry) -> None:
        """The bytes decide."""
        name = registry.push("demo", "1", IMAGE)
        registry.faults.where = "/blobs/"
        registry.faults.blob_headers = {"Docker-Content-Digest": str(OTHER)}
        pull_from(store, name)
        assert_whole(store, name, IMAGE)

    @pytest.mark.parametrize("where", ["/manifests/sha256", f"/blobs/{IMAGE.config_digest}"])
    def test_changed_bytes(self, store: Store, registry: SampleRegistry, where: str) -> None:
        name = registry.push("demo", "1", IMAGE)
        registry.faults.where, registry.faults.corrupt = where, True
        fails(store, name, DigestMismatch)


def test_without_head_the_manifest_crosses_the_wire_once(store: Store, registry: SampleRegistry) -> None:
    name = registry.push("demo", "1", IMAGE)
    registry.faults.no_head = True
    pull_from(store, name)
    assert len([path for path in registry.paths() if "/manifests/" in path]) == 1
    assert_whole(store, name, IMAGE)
    assert pull_from(store, name).unchanged


class TestBounds:
    @pytest.mark.parametrize("fault", ["", "no_length", "until_close"])
    def test_a_manifest_without_end(self, store: Store, registry: SampleRegistry, fault: str) -> None:
        huge = Content(IMAGE.raw + b" " * (40 << 20), IMAGE.media_type)
        name = registry.push("demo", "1", huge)
        if fault:
            setattr(registry.faults, fault, True)
        error = fails(store, name, RegistryMisbehaved)
        assert str(MANIFEST_MAX) in error.message

    def test_a_small_manifest_that_becomes_a_large_one(self, store: Store, registry: SampleRegistry) -> None:
        """Packed by HTTP, which nobody asked for; it is not unpacked."""
        name = registry.push("demo", "1", Content(IMAGE.raw + b" " * (40 << 20), IMAGE.media_type))
        registry.faults.encoded = True
        error = fails(store, name, RegistryMisbehaved)
        assert "gzip" in error.message

    def test_a_config_that_is_announced_as_large(self, store: Store, registry: SampleRegistry) -> None:
        large = image([SMALL], run={"Labels": {"x": "y" * CONFIG_MAX}})
        error = fails(store, registry.push("demo", "1", large), InvalidManifest)
        assert str(CONFIG_MAX) in error.message
        assert not [path for path in registry.paths() if "/blobs/" in path]

    @pytest.mark.parametrize("fault", ["", "no_length", "until_close"])
    @pytest.mark.parametrize("by", [-1, 1, -5000])
    def test_a_config_of_another_size(
        self, store: Store, registry: SampleRegistry, fault: str, by: int
    ) -> None:
        sample = image([SMALL], run={"Labels": {"x": "y" * 10_000}})
        config = {**json.loads(sample.raw)["config"], "size": len(sample.config_raw) + by}
        name = registry.push("demo", "1", changed_manifest(sample, config=config))
        registry.faults.where = "/blobs/"
        if fault:
            setattr(registry.faults, fault, True)
        with pytest.raises(StrataError) as raised:
            pull_from(store, name)
        # Without a length, bytes that are missing may be the network's fault.
        assert isinstance(raised.value, SizeMismatch) or (fault and by > 0)
        assert store.images.all() == ()

    def test_a_config_that_was_packed_on_the_way(self, store: Store, registry: SampleRegistry) -> None:
        name = registry.push("demo", "1", image([SMALL], run={"Labels": {"x": "y" * 10_000}}))
        registry.faults.where, registry.faults.encoded = "/blobs/", True
        fails(store, name, SizeMismatch)


class TestIndexes:
    def nested(self, depth: int) -> Content:
        """An index in an index in ... of the image for this machine."""
        found: Content = index([OWN])
        for _ in range(depth - 1):
            entry = {"mediaType": found.media_type, "digest": str(found.digest), "size": len(found.raw)}
            raw = json.dumps({"schemaVersion": 2, "mediaType": MediaType.OCI_INDEX, "manifests": [entry]})
            found = Content(raw.encode(), MediaType.OCI_INDEX, manifests=(found,))
        return found

    @pytest.mark.parametrize("depth", [1, 2, 3])
    def test_nested_ones_are_followed(self, store: Store, registry: SampleRegistry, depth: int) -> None:
        name = registry.push("demo", "1", self.nested(depth))
        pull_from(store, name)
        assert_whole(store, name, OWN)

    def test_but_not_for_ever(self, store: Store, registry: SampleRegistry) -> None:
        error = fails(store, registry.push("demo", "1", self.nested(4)), InvalidManifest)
        assert "nested more than 3 deep" in error.message

    def test_one_that_leads_to_itself(self, store: Store, registry: SampleRegistry) -> None:
        """Which only a registry that lies about digests can have."""
        entry = {"mediaType": MediaType.OCI_INDEX, "digest": str(OTHER), "size": 10}
        loop = document(
            MediaType.OCI_INDEX, schemaVersion=2, mediaType=MediaType.OCI_INDEX, manifests=[entry]
        )
        name = registry.push("demo", "1", loop)
        registry.manifests["demo"][str(OTHER)] = loop
        registry.faults.no_digest = True
        fails(store, name, DigestMismatch)

    def test_attestations_are_passed_over(self, store: Store, registry: SampleRegistry) -> None:
        name = registry.push("demo", "1", index([OWN], attestations=True))
        pull_from(store, name)
        assert_whole(store, name, OWN)

    def test_attestations_alone_are_no_image(self, store: Store, registry: SampleRegistry) -> None:
        body = json.loads(index([OWN], attestations=True).raw)
        only = document(MediaType.OCI_INDEX, **{**body, "manifests": body["manifests"][1:]})
        error = fails(store, registry.push("demo", "1", only), PlatformNotFound)
        assert "it exists for: none" in error.message

    def test_an_entry_that_is_not_there(self, store: Store, registry: SampleRegistry) -> None:
        name = registry.push("demo", "1", index([OWN]))
        del registry.manifests["demo"][str(OWN.digest)]
        assert str(OWN.digest) in fails(store, name, TagNotFound).message

    def test_an_empty_one(self, store: Store, registry: SampleRegistry) -> None:
        fails(store, registry.push("demo", "1", index([])), PlatformNotFound)

    def test_for_another_platform(self, store: Store, registry: SampleRegistry) -> None:
        other = index([image([SMALL], platform="plan9/mips")])
        error = fails(store, registry.push("demo", "1", other), PlatformNotFound)
        assert "plan9/mips" in error.message


def with_config(raw: bytes) -> SampleImage:
    """The image, with another config."""
    config = {"mediaType": MediaType.OCI_CONFIG, "digest": str(Digest.of(raw)), "size": len(raw)}
    sample = changed_manifest(IMAGE, config=config)
    return replace(sample, config_raw=raw, blobs=(raw, *(part.blob for part in IMAGE.layers)))


class TestTheConfig:
    @pytest.mark.parametrize("count", [0, 1, 3], ids=["none", "fewer", "more"])
    def test_lists_another_number_of_layers(self, store: Store, registry: SampleRegistry, count: int) -> None:
        body = json.loads(IMAGE.config_raw)
        body["rootfs"]["diff_ids"] = [str(Digest.of(bytes([at]))) for at in range(count)]
        name = registry.push("demo", "1", with_config(json.dumps(body).encode()))
        error = fails(store, name, InvalidManifest)
        assert f"2 layers, but its config lists {count}" in error.message

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"{}",
            b"[]",
            b"null",
            b"\x1f\x8b",
            b"<html>",
            b'{"os":"linux","architecture":"amd64"}',
            b"[" * 100_000,
            b'{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":["md5:0"]}}',
            b'{"os":1,"architecture":"amd64"}',
            IMAGE.config_raw[:-1] + b',"os":"windows"}',
            IMAGE.config_raw[:-1] + b',"x":NaN}',
            IMAGE.config_raw.decode().encode("utf-16"),
        ],
    )
    def test_is_none(self, store: Store, registry: SampleRegistry, raw: bytes) -> None:
        error = fails(store, registry.push("demo", "1", with_config(raw)), InvalidManifest)
        assert not error.temporary


@pytest.mark.parametrize(
    "fields",
    [
        {"layers": [{"mediaType": MediaType.OCI_LAYER_GZIP, "digest": "sha512:" + "a" * 128, "size": 1}]},
        {"layers": [{"mediaType": MediaType.OCI_LAYER_GZIP, "digest": "../../etc/passwd", "size": 1}]},
        {"layers": [{"mediaType": MediaType.OCI_LAYER_GZIP, "digest": str(SMALL.digest), "size": -1}]},
        {"layers": [{"mediaType": MediaType.OCI_LAYER_GZIP, "digest": str(SMALL.digest), "size": 1e99}]},
        {"layers": {}},
        {"config": None},
        {"config": []},
        {"schemaVersion": 3},
        {"schemaVersion": "2"},
        {"manifests": []},
    ],
)
def test_a_manifest_that_makes_no_sense(
    store: Store, registry: SampleRegistry, fields: dict[str, Any]
) -> None:
    fails(store, registry.push("demo", "1", changed_manifest(IMAGE, **fields)), InvalidManifest)


def test_encrypted_layers_are_refused_by_name(store: Store, registry: SampleRegistry) -> None:
    layers = json.loads(IMAGE.raw)["layers"]
    layers[0]["mediaType"] += "+encrypted"
    name = registry.push("demo", "1", changed_manifest(IMAGE, layers=layers))
    assert "encrypted" in fails(store, name, UnsupportedMediaType).message
