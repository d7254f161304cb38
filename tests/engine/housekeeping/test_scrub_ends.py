"""A scrub comes to its end, whatever it meets; what it meets is at most a finding."""

from __future__ import annotations

import os
import shutil

import pytest

from samples.images import hardlink, image, layer
from samples.registry import SampleRegistry
from tests.engine.pull.helpers import BASE, IMAGE, damage, pull_it
from worker.engine.events import Event, Keeping
from worker.engine.housekeeping import scrub
from worker.engine.oci import Descriptor, MediaType
from worker.engine.registry import Endpoint
from worker.engine.store import Store

pytestmark = pytest.mark.root


@pytest.fixture
def pulled(store: Store, registry: SampleRegistry) -> Store:
    pull_it(store, registry.push("a", "1", IMAGE))
    return store


@pytest.mark.parametrize("repair", [False, True])
def test_what_is_listed_and_no_image_is_a_finding(pulled: Store, repair: bool) -> None:
    raw = b'{"schemaVersion": 2, "manifests": []}'
    pulled.images.tag("elsewhere/tool:1", Descriptor(MediaType.OCI_INDEX, pulled.blobs.put(raw), len(raw)))
    found = scrub(pulled, repair=repair)
    assert [(finding.kind, finding.subject) for finding in found.findings] == [("image", "elsewhere/tool:1")]
    assert found.layers == 2


def test_a_listed_name_that_is_no_reference_keeps_nothing_else_from_being_mended(pulled: Store) -> None:
    """Any tool may write to an OCI layout, and names there may be anything."""
    for listed in pulled.images.all():
        pulled.images.tag("No Reference", listed.descriptor)
    damage(pulled.blobs.path(BASE.digest))
    found = scrub(pulled, repair=True, endpoint_of=lambda host: Endpoint(host, insecure=True))
    assert [(finding.kind, finding.repaired) for finding in found.findings] == [("blob", True)]


def test_a_layer_that_goes_meanwhile_is_no_finding(pulled: Store) -> None:
    """Somebody else clears away, after the scrub has looked which layers there are."""

    def take_all(event: Event) -> None:
        if isinstance(event, Keeping) and event.step == "comparing layers":
            shutil.rmtree(pulled.root / "layers" / "sha256", ignore_errors=True)

    assert scrub(pulled, listener=take_all).findings == ()


def test_links_to_links_are_compared_each_with_the_next(store: Store, registry: SampleRegistry) -> None:
    """A hostile layer has a million in a chain: nobody may follow it from each of them to its end."""
    chain = [hardlink(f"l{number + 1}", f"l{number}") for number in range(3)]
    linked = layer({"l0": b"content"}, entries=chain)
    pull_it(store, registry.push("linked", "1", image([linked])))
    assert scrub(store).findings == ()
    tree = store.layers.tree(linked.diff_id)
    before = tree.stat()
    shutil.copy2(tree / "l2", tree / "copy")
    (tree / "copy").replace(tree / "l2")
    os.utime(tree, ns=(before.st_atime_ns, before.st_mtime_ns))
    (finding,) = scrub(store).findings
    assert finding.message.endswith("'l2' is not the same file as 'l1'; 'l3' is not the same file as 'l2'.")
