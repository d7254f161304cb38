"""A registry that misbehaves: what can be mended is mended, and what cannot leaves nothing behind."""

from __future__ import annotations

import pytest

from samples.images import Entry, from_tar, image, layer, write_tar
from samples.registry import Auth, SampleRegistry
from tests.engine.pull.helpers import children, left, pull_it, random_layer
from worker.engine.errors import (
    BlobNotFound,
    ConnectionLost,
    CorruptLayer,
    DiffIdMismatch,
    DigestMismatch,
    SizeMismatch,
    StrataError,
    Unauthorized,
    UnsafeLayer,
)
from worker.engine.events import Event, Retrying
from worker.engine.oci import Digest
from worker.engine.pipeline import download
from worker.engine.registry import RetryPolicy
from worker.engine.store import Store

pytestmark = pytest.mark.root

BIG = random_layer("big", 4 << 20)
SMALL = layer({"small": b"x"})
IMAGE = image([SMALL, BIG])


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_POLICY", RetryPolicy(first_delay=0.01, longest_delay=0.05))


@pytest.fixture
def name(registry: SampleRegistry) -> str:
    """The image, with the faults of its big layer only."""
    registry.faults.where = f"/blobs/{BIG.digest}"
    return registry.push("demo", "1", IMAGE)


def ranges(registry: SampleRegistry) -> list[str]:
    """The ranges that were asked for of the big layer, in order."""
    return [
        request.headers.get("range", "")
        for request in registry.requests
        if request.method == "GET" and str(BIG.digest) in request.path
    ]


class TestMended:
    def test_a_cut_connection_goes_on_at_the_same_byte(
        self, store: Store, registry: SampleRegistry, name: str
    ) -> None:
        registry.faults.cut, registry.faults.cut_times = 1_000_000, 3
        events: list[Event] = []
        pulled = pull_it(store, name, listener=events.append)
        first, *resumed = ranges(registry)
        offsets = [int(asked.removeprefix("bytes=").removesuffix("-")) for asked in resumed]
        assert first == ""
        assert len(offsets) == 3
        assert offsets == sorted(offsets)
        assert offsets[0] > 900_000
        # Nothing twice: less than 5 % of the layer.
        assert pulled.bytes_fetched < 1.05 * sum(len(blob) for blob in (*IMAGE.blobs, IMAGE.raw))
        retries = [event for event in events if isinstance(event, Retrying)]
        assert [event.position for event in retries] == [1, 1, 1]
        assert store.layers.has(BIG.diff_id)

    def test_a_registry_that_cannot_skip_sends_all_again(
        self, store: Store, registry: SampleRegistry, name: str
    ) -> None:
        registry.faults.cut, registry.faults.cut_times = 1_000_000, 1
        registry.faults.ignore_range = True
        pull_it(store, name)
        assert store.blobs.read(BIG.digest, 8 << 20) == BIG.blob
        assert store.layers.has(BIG.diff_id)

    def test_a_body_without_length_that_is_cut_is_resumed(
        self, store: Store, registry: SampleRegistry, name: str
    ) -> None:
        registry.faults.no_length = True
        registry.faults.cut, registry.faults.cut_times = 1_000_000, 1
        pull_it(store, name)
        assert store.layers.has(BIG.diff_id)

    def test_a_stalled_connection_is_given_up_and_resumed(
        self, store: Store, registry: SampleRegistry, name: str
    ) -> None:
        registry.faults.stall = 1_000_000

        def mend(event: Event) -> None:
            if isinstance(event, Retrying):
                registry.faults.stall = None

        pull_it(store, name, listener=mend, stall_timeout=0.5)
        assert len(ranges(registry)) == 2
        assert store.layers.has(BIG.diff_id)

    def test_bursts_of_errors(self, store: Store, registry: SampleRegistry, name: str) -> None:
        registry.faults.fail(503, times=1)
        registry.faults.fail(429, times=1, headers={"Retry-After": "0"})
        pull_it(store, name)
        assert store.layers.has(BIG.diff_id)

    def test_a_token_that_expires_in_between(self, store: Store, registry: SampleRegistry, name: str) -> None:
        registry.auth = Auth("bearer", lifetime=2)
        registry.faults.cut, registry.faults.cut_times = 1_000_000, 2
        pull_it(store, name, at_once=1)
        assert len(registry.paths("GET")) > len(ranges(registry)) + 3
        assert store.layers.has(BIG.diff_id)

    def test_bytes_on_disk_that_are_wrong_are_fetched_again(
        self, store: Store, registry: SampleRegistry, name: str
    ) -> None:
        """A partial download that was damaged on disk does not make the image fail for ever."""
        store.prepare()
        with store.blobs.ingest(BIG.digest, BIG.size) as writer:
            writer.write(bytes(100_000))
        pull_it(store, name)
        assert ranges(registry) == ["bytes=100000-", ""]
        assert store.layers.has(BIG.diff_id)


class TestRefused:
    """Of a pull that fails for good nothing is left: not even the image's other, good layer."""

    @pytest.fixture(autouse=True)
    def nothing_is_left(self, store: Store) -> object:
        yield
        assert left(store) == []
        assert store.images.all() == store.shallow_images.all() == ()
        assert children() == []

    def fails(self, store: Store, name: str, error: type[StrataError]) -> StrataError:
        with pytest.raises(error) as raised:
            pull_it(store, name)
        return raised.value

    def test_wrong_bytes(self, store: Store, registry: SampleRegistry, name: str) -> None:
        registry.faults.corrupt = True
        error = self.fails(store, name, DigestMismatch)
        assert str(BIG.digest) in error.message
        assert not error.temporary

    def test_wrong_bytes_that_are_no_layer_either(self, store: Store, registry: SampleRegistry) -> None:
        """The registry is to blame, not the image: so the digest is named, not the damage it does."""
        sample = layer({"f": b"x" * 3_000_000}, compression="none")
        name = registry.push("demo", "1", image([sample]))
        registry.blobs[sample.digest] = b"rubbish" * (sample.size // 7) + b"!" * (sample.size % 7)
        self.fails(store, name, DigestMismatch)

    def test_a_truncated_blob(self, store: Store, registry: SampleRegistry, name: str) -> None:
        registry.faults.truncate = 1000
        self.fails(store, name, SizeMismatch)

    def test_a_truncated_blob_without_length(self, store: Store, registry: SampleRegistry, name: str) -> None:
        registry.faults.truncate = 1000
        registry.faults.no_length = True
        with pytest.raises((SizeMismatch, ConnectionLost)):
            pull_it(store, name)
        # It may have been the network: the bytes are kept for another attempt.
        for sample in IMAGE.layers:
            store.blobs.partial(sample.digest).unlink(missing_ok=True)
            store.blobs.remove(sample.digest)
            store.layers.remove(sample.diff_id)

    def test_a_blob_that_is_longer_than_announced(self, store: Store, registry: SampleRegistry) -> None:
        name = registry.push("demo", "1", IMAGE)
        registry.blobs[BIG.digest] = BIG.blob + b"more"
        self.fails(store, name, SizeMismatch)

    def test_a_wrong_diff_id(self, store: Store, registry: SampleRegistry) -> None:
        lie = str(Digest.of(b"something else"))
        name = registry.push("demo", "1", image([SMALL, BIG], diff_ids=[str(SMALL.diff_id), lie]))
        error = self.fails(store, name, DiffIdMismatch)
        assert lie in error.message

    def test_a_damaged_layer(self, store: Store, registry: SampleRegistry) -> None:
        broken = from_tar(b"no tar at all" * 1000)
        self.fails(store, registry.push("demo", "1", image([SMALL, broken])), CorruptLayer)

    def test_a_hostile_layer(self, store: Store, registry: SampleRegistry) -> None:
        evil = from_tar(write_tar([Entry("../../evil", b"x")]))
        self.fails(store, registry.push("demo", "1", image([SMALL, evil])), UnsafeLayer)


def test_what_another_image_has_is_not_taken_back(store: Store, registry: SampleRegistry, name: str) -> None:
    pull_it(store, registry.push("good", "1", image([SMALL])))
    registry.faults.corrupt = True
    with pytest.raises(DigestMismatch):
        pull_it(store, name)
    assert store.layers.has(SMALL.diff_id)
    assert store.blobs.has(SMALL.digest)
    assert pull_it(store, f"{registry.host}/good:1").unchanged


class TestGivenUp:
    """After some failures in a row that bring nothing; what came before is kept for another attempt."""

    def test_a_connection_that_is_always_cut_at_once(
        self, store: Store, registry: SampleRegistry, name: str
    ) -> None:
        registry.faults.cut = 1000
        with pytest.raises(ConnectionLost):
            pull_it(store, name)
        assert len(ranges(registry)) <= 6

    def test_what_was_fetched_is_not_fetched_again_by_the_next(
        self, store: Store, registry: SampleRegistry, name: str
    ) -> None:
        registry.faults.stall = 1_000_000

        def vanish(event: Event) -> None:
            if isinstance(event, Retrying):
                registry.faults.missing = str(BIG.digest)

        with pytest.raises(BlobNotFound):
            pull_it(store, name, listener=vanish, stall_timeout=0.3)
        registry.faults.stall, registry.faults.missing = None, ""
        kept = store.blobs.partial_size(BIG.digest)
        assert kept > 900_000
        registry.requests.clear()
        pull_it(store, name)
        assert ranges(registry) == [f"bytes={kept}-"]

    def test_progress_resets_the_count(self, store: Store, registry: SampleRegistry, name: str) -> None:
        """Thirty cuts in a row are no reason to stop as long as each connection brings something."""
        registry.faults.cut, registry.faults.cut_times = 140_000, 29
        pull_it(store, name)
        assert store.layers.has(BIG.diff_id)

    def test_a_missing_blob(self, store: Store, registry: SampleRegistry, name: str) -> None:
        registry.faults.missing = str(BIG.digest)
        with pytest.raises(BlobNotFound):
            pull_it(store, name)
        assert not store.layers.has(BIG.diff_id)

    def test_wrong_credentials(self, store: Store, registry: SampleRegistry, name: str) -> None:
        registry.auth = Auth("basic", "someone", "secret")
        with pytest.raises(Unauthorized):
            pull_it(store, name)
        assert left(store) == []
