"""The list of images: what a name means, and that other tools can read it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from worker.engine.errors import StoreDamaged
from worker.engine.oci import Descriptor, Digest, Index, MediaType, Platform
from worker.engine.store import ORIGINAL, Store, StoredImage

AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64", "v8")


def manifest(content: str, platform: Platform = AMD64) -> Descriptor:
    raw = content.encode()
    return Descriptor(MediaType.OCI_MANIFEST, Digest.of(raw), len(raw), platform=platform)


def nameless(content: str) -> StoredImage:
    """An image that was called x:1; that is remembered, to know where it came from."""
    return StoredImage("", replace(manifest(content), annotations={"dev.strata.origin": "x:1"}))


def test_a_new_store_lists_nothing(store: Store) -> None:
    assert store.images.all() == ()


def test_the_file_is_an_oci_index_with_names_as_annotations(store: Store) -> None:
    store.images.tag("localhost:5000/a:1", manifest("a", ARM64))
    assert json.loads((store.root / "index.json").read_bytes()) == {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [
            {
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "digest": str(Digest.of(b"a")),
                "size": 1,
                "annotations": {"org.opencontainers.image.ref.name": "localhost:5000/a:1"},
                "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"},
            }
        ],
    }
    assert json.loads((store.root / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}


def test_a_name_moves_and_what_it_meant_stays_without_it(store: Store) -> None:
    store.images.tag("x:1", manifest("old"))
    store.images.tag("x:1", manifest("new"))
    assert store.images.all() == (StoredImage("x:1", manifest("new")), nameless("old"))


def test_a_manifest_keeps_its_other_names(store: Store) -> None:
    store.images.tag("x:1", manifest("old"))
    store.images.tag("x:latest", manifest("old"))
    store.images.tag("x:latest", manifest("new"))
    assert store.images.all() == (
        StoredImage("x:latest", manifest("new")),
        StoredImage("x:1", manifest("old")),
    )


def test_a_manifest_that_gets_a_name_back_is_listed_once(store: Store) -> None:
    for content in ("old", "new", "old"):
        store.images.tag("x:1", manifest(content))
    assert store.images.all() == (StoredImage("x:1", manifest("old")), nameless("new"))


def test_one_name_means_one_manifest_per_platform(store: Store) -> None:
    store.images.tag("x:1", manifest("amd"))
    store.images.tag("x:1", manifest("arm", ARM64))
    assert {image.name for image in store.images.all()} == {"x:1"}
    assert len(store.images.all()) == 2


def test_a_manifest_stands_once_beside_a_name_also_when_its_platform_is_known_better(store: Store) -> None:
    """Only an index tells the variant of some; an early version did not look there."""
    arm = [manifest("arm", Platform("linux", "arm", variant)) for variant in ("", "v7")]
    for descriptor in arm:
        store.images.tag("x:1", descriptor)
    assert store.images.all() == (StoredImage("x:1", arm[1]),)
    assert store.images.made() == frozenset()


def test_a_name_with_several_platforms_stands_beside_an_index_of_them(store: Store) -> None:
    """And each of them is there by a name of its own, for tools that cannot choose."""
    store.images.tag("x:1", manifest("arm", ARM64))
    store.images.tag("y:1", manifest("other"))
    store.images.tag("x:1", manifest("amd"))
    entries = json.loads((store.root / "index.json").read_bytes())["manifests"]
    names = [entry["annotations"]["org.opencontainers.image.ref.name"] for entry in entries]
    assert names == ["x:1", "x:1@linux/amd64", "x:1@linux/arm64/v8", "y:1"]
    (digest,) = store.images.made()
    assert entries[0]["digest"] == str(digest)
    index = Index.parse(store.blobs.read(digest, 1 << 20))
    assert [(entry.digest, entry.platform) for entry in index.manifests] == [
        (Digest.of(b"amd"), AMD64),
        (Digest.of(b"arm"), ARM64),
    ]
    assert store.images.all() == (
        StoredImage("x:1", manifest("amd")),
        StoredImage("x:1", manifest("arm", ARM64)),
        StoredImage("y:1", manifest("other")),
    )
    store.images.untag("x:1", ARM64)
    assert store.images.made() == frozenset()


def test_saying_the_same_again_does_not_write(store: Store) -> None:
    store.images.tag("x:1", manifest("a"))
    before = (store.root / "index.json").stat().st_ino
    store.images.tag("x:1", manifest("a"))
    assert (store.root / "index.json").stat().st_ino == before


def test_a_name_can_be_taken_away(store: Store) -> None:
    store.images.tag("x:1", manifest("a"))
    store.images.untag("x:1", AMD64)
    store.images.untag("x:1", AMD64)
    assert store.images.all() == (nameless("a"),)


def test_forgetting_removes_all_names(store: Store) -> None:
    store.images.tag("x:1", manifest("a"))
    store.images.tag("x:2", manifest("a"))
    store.images.forget(Digest.of(b"a"))
    assert store.images.all() == ()


def test_an_image_in_dockers_form_is_forgotten_by_the_digest_that_it_was_pulled_by(store: Store) -> None:
    original = Digest.of(b"as the registry has it")
    listed = replace(manifest("a"), annotations={ORIGINAL: str(original)})
    store.images.tag("x:1", listed)
    (image,) = store.images.all()
    assert image.digest == original
    store.images.forget(original)
    assert store.images.all() == ()


def test_a_damaged_list_is_named(store: Store) -> None:
    (store.root / "index.json").write_text('{"manifests": [{}]}')
    with pytest.raises(StoreDamaged, match=r"index\.json"):
        store.images.all()
