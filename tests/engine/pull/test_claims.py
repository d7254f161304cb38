"""A manifest that states a wrong size of a blob that is here: it is refused, and the blob stays.

The store is shared: the blob is some other image's, perhaps of another project.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from samples.builders import SampleImage
from samples.images import image, layer
from samples.registry import SampleRegistry
from tests.engine.pull.helpers import damage, pull_it
from worker.engine.errors import SizeMismatch, StoreDamaged
from worker.engine.extract import extract
from worker.engine.store import Store

pytestmark = pytest.mark.root

PART = layer({"file": b"content" * 1000})
HONEST = image([PART])


def lying(by: int) -> SampleImage:
    """The same image, whose manifest adds ``by`` to the size of its layer."""
    body = json.loads(HONEST.raw)
    body["layers"][0]["size"] += by
    return replace(HONEST, raw=json.dumps(body).encode())


@pytest.fixture
def fetched(store: Store, registry: SampleRegistry) -> Store:
    """A store with the honest image's blobs, and no tree."""
    pull_it(store, registry.push("honest", "1", HONEST), fetch_only=True)
    return store


@pytest.mark.parametrize("by", [-1, 1])
@pytest.mark.parametrize("fetch_only", [True, False])
def test_a_wrong_size_is_refused_and_costs_nobody_a_blob(
    fetched: Store, registry: SampleRegistry, by: int, fetch_only: bool
) -> None:
    with pytest.raises(SizeMismatch):
        pull_it(fetched, registry.push("lying", "1", lying(by)), fetch_only=fetch_only)
    assert fetched.blobs.read(PART.digest, 1 << 20) == PART.blob
    assert extract(fetched, HONEST.digest).layers_extracted == 1


def test_documents_that_were_damaged_on_disk_are_mended_by_a_pull(
    fetched: Store, registry: SampleRegistry
) -> None:
    """As the error's hint promises; also when only a byte is another, and the size is right."""
    for digest in (HONEST.digest, HONEST.config_digest):
        damage(fetched.blobs.path(digest))
        with pytest.raises(StoreDamaged) as raised:
            extract(fetched, HONEST.digest)
        assert "Pull the image again" in raised.value.hint
        pull_it(fetched, registry.push("honest", "1", HONEST), fetch_only=True)
        fetched.blobs.read(digest, 1 << 20)
    assert extract(fetched, HONEST.digest).layers_extracted == 1


@pytest.mark.parametrize("fetch_only", [True, False])
def test_a_blob_that_was_cut_on_disk_is_fetched_again(
    fetched: Store, registry: SampleRegistry, fetch_only: bool
) -> None:
    path = fetched.blobs.path(PART.digest)
    damage(path)
    path.write_bytes(path.read_bytes()[:-1])
    pull_it(fetched, registry.push("honest", "1", HONEST), fetch_only=fetch_only)
    assert fetched.blobs.read(PART.digest, 1 << 20) == PART.blob
