"""A preview says what the pull then does, byte by byte, and changes nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from samples.images import from_tar, image, index, layer, recompressed
from samples.registry import SampleRegistry
from tests.engine.pull.helpers import APP, BASE, IMAGE, left, pull_it, random_layer
from worker.engine.errors import PlatformNotFound, RegistryError
from worker.engine.oci import Compression, Digest, Platform, Reference
from worker.engine.preview import RATIOS, Presence, Preview, Room, preview
from worker.engine.pull import ALL, PullRequest, pull_platforms
from worker.engine.registry import Endpoint, RetryPolicy
from worker.engine.space import disk_space
from worker.engine.store import Store

HOST = str(Platform.host())


def request(name: str, *platforms: str, every: bool = False, fetch_only: bool = False) -> PullRequest:
    reference = Reference.parse(name)
    wanted = ALL if every else tuple(map(Platform.parse, platforms))
    endpoint = Endpoint(reference.registry, insecure=True)
    return PullRequest(reference, None, endpoint, fetch_only, 2, wanted)


def presences(found: Preview) -> list[Presence]:
    return [layer.presence for image in found.images for layer in image.layers]


def blob_bytes(store: Store) -> int:
    return sum(path.stat().st_size for path in (store.root / "blobs" / "sha256").glob("*"))


def test_of_what_is_not_here_everything_is_fetched(store: Store, registry: SampleRegistry) -> None:
    found = preview(store, request(registry.push("app", "1", IMAGE)))
    (shown,) = found.images
    assert [one.diff_id for one in shown.layers] == [BASE.diff_id, APP.diff_id]
    assert [one.created_by for one in shown.layers] == ["FROM scratch", "COPY app /srv"]
    assert [(one.size, one.to_fetch) for one in shown.layers] == [
        (part.size, part.size) for part in (BASE, APP)
    ]
    assert presences(found) == [Presence.MISSING] * 2
    assert (found.here, str(shown.platform)) == (0, HOST)
    assert not store.root.exists()


@pytest.mark.root
def test_the_figures_are_those_of_the_pull(store: Store, registry: SampleRegistry) -> None:
    """Bytes over the wire and bytes of blobs, exactly: for an image of which a part is here."""
    pull_it(store, registry.push("base", "1", image([BASE])))
    name = registry.push("app", "1", IMAGE)
    found = preview(store, request(name))
    assert presences(found) == [Presence.HERE, Presence.MISSING]
    assert (found.here, found.layers[0].unpacked_size) == (BASE.size, len(BASE.tar))
    before = blob_bytes(store)
    pulled = pull_it(store, name)
    assert found.to_fetch == pulled.bytes_fetched == blob_bytes(store) - before
    again = preview(store, request(name))
    assert (again.to_fetch, again.added, presences(again)) == (0, 0, [Presence.HERE] * 2)


@pytest.mark.root
def test_a_layer_in_another_compressed_form_need_not_be_fetched(
    store: Store, registry: SampleRegistry
) -> None:
    pull_it(store, registry.push("app", "1", IMAGE))
    found = preview(store, request(registry.push("app", "zstd", recompressed(IMAGE, "zstd"))))
    assert presences(found) == [Presence.OTHER_FORM] * 2
    assert (found.to_fetch, all(one.present for one in found.layers)) == (found.documents, True)


def test_a_blob_that_is_here_has_only_to_be_extracted(store: Store, registry: SampleRegistry) -> None:
    name = registry.push("app", "1", IMAGE)
    pull_it(store, name, fetch_only=True)
    found = preview(store, request(name))
    assert presences(found) == [Presence.PACKED] * 2
    assert (found.to_fetch, found.here) == (0, BASE.size + APP.size)
    assert found.added == found.unpacked_guessed == sum(one.unpacked_estimate for one in found.layers) > 0
    packed = preview(store, request(name, fetch_only=True))
    assert (presences(packed), packed.added) == ([Presence.HERE] * 2, 0)


def test_bytes_of_a_download_that_was_broken_off_are_not_fetched_again(
    store: Store, registry: SampleRegistry
) -> None:
    big = random_layer("big", 3_000_000)
    name = registry.push("big", "1", image([big]))
    store.prepare()
    with store.blobs.ingest(big.digest, big.size) as writer:
        writer.write(big.blob[:1_000_000])
    before = left(store)
    found = preview(store, request(name))
    (shown,) = found.layers
    assert shown.presence is Presence.PARTIAL
    assert shown.to_fetch == big.size - 1_000_000
    assert left(store) == before
    assert pull_it(store, name, fetch_only=True).bytes_fetched == found.to_fetch


def test_shared_layers_of_several_platforms_count_once(store: Store, registry: SampleRegistry) -> None:
    own = [layer({"arch": name.encode()}) for name in ("a", "b")]
    members = [image([BASE, own[0]], platform=HOST), image([BASE, own[1]], platform="linux/s390x")]
    name = registry.push("multi", "1", index(members, attestations=True))
    found = preview(store, request(name, every=True, fetch_only=True))
    assert [str(one.platform) for one in found.images] == [HOST, "linux/s390x"]
    assert [[one.again for one in shown.layers] for shown in found.images] == [[False, False], [True, False]]
    assert [str(one.platform) for one in found.offer.platforms] == [HOST, "linux/s390x"]
    pulled = pull_platforms(store, request(name, every=True, fetch_only=True))
    assert found.to_fetch == sum(one.bytes_fetched for one in pulled)
    one = preview(store, request(name, "linux/s390x"))
    assert [str(shown.platform) for shown in one.images] == ["linux/s390x"]


def test_the_same_layer_twice_in_an_image_counts_once(store: Store, registry: SampleRegistry) -> None:
    name = registry.push("twice", "1", image([BASE, APP, BASE]))
    found = preview(store, request(name))
    assert [one.again for one in found.images[0].layers] == [False, False, True]
    assert found.to_fetch - found.documents == BASE.size + APP.size


def test_unpacked_sizes_are_exact_where_known_and_else_estimated(
    store: Store, registry: SampleRegistry
) -> None:
    """Known: of a plain tar always, of others by the caller."""
    parts = [BASE, APP.recompressed("none"), layer({"z": b"z" * 100}, compression="zstd")]
    name = registry.push("mixed", "1", image(parts))

    def known(diff_ids: object) -> dict[Digest, int]:
        assert set(diff_ids) == {part.diff_id for part in parts}  # type: ignore[call-overload]
        return {BASE.diff_id: len(BASE.tar)}

    found = preview(store, request(name), known=known, ratios={**RATIOS, Compression.ZSTD: 4.0})
    assert [one.unpacked_size for one in found.layers] == [len(BASE.tar), len(APP.tar), None]
    assert found.unpacked_known == len(BASE.tar) + len(APP.tar)
    assert found.unpacked_guessed == parts[2].size * 4
    assert found.added == found.to_fetch + found.unpacked_known + found.unpacked_guessed


def test_whether_it_fits_is_told_by_what_is_certain(store: Store, registry: SampleRegistry) -> None:
    found = preview(store, request(registry.push("app", "1", IMAGE)))
    assert found.room is Room.ENOUGH
    assert replace(found, free=found.added).room is Room.ENOUGH
    assert replace(found, free=found.added - 1).room is Room.DOUBTFUL
    assert replace(found, free=found.to_fetch - 1).room is Room.SHORT


def test_free_space_is_that_of_the_disk_where_the_store_will_be(tmp_path: Path) -> None:
    space = disk_space(tmp_path / "not" / "yet" / "there")
    assert space.total == disk_space(tmp_path).total > space.free > 0


def test_one_platform_more_than_there_is_names_those_that_are(store: Store, registry: SampleRegistry) -> None:
    name = registry.push("multi", "1", index([IMAGE, image([APP], platform="linux/s390x")]))
    with pytest.raises(PlatformNotFound, match="linux/s390x"):
        preview(store, request(name, "plan9/mips"))


def test_an_image_without_layers_has_a_preview(store: Store, registry: SampleRegistry) -> None:
    found = preview(store, request(registry.push("empty", "1", image([]))))
    assert (found.layers, found.to_fetch) == ((), found.documents)


def test_a_registry_is_asked_again_as_often_as_it_is_said(store: Store, registry: SampleRegistry) -> None:
    name = registry.push("app", "1", IMAGE)
    registry.faults.where = "/manifests/"
    registry.faults.fail(503, times=2)
    with pytest.raises(RegistryError):
        preview(store, request(name), retries=RetryPolicy(attempts=1))
    assert preview(store, request(name), retries=RetryPolicy(attempts=2, first_delay=0.01)).images


def test_a_preview_asks_for_no_layer(store: Store, registry: SampleRegistry) -> None:
    name = registry.push("app", "1", image([from_tar(b"no tar at all")]))
    registry.requests.clear()
    preview(store, request(name))
    blobs = [path for path in registry.paths() if "/blobs/" in path]
    assert len(blobs) == 1  # the config
