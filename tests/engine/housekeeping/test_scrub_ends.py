"""A scrub comes to its end, whatever it meets; what it meets is at most a finding."""

from __future__ import annotations

import shutil

import pytest

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
    for image in pulled.images.all():
        pulled.images.tag("No Reference", image.descriptor)
    damage(pulled.blobs.path(BASE.digest))
    found = scrub(pulled, repair=True, endpoint_of=lambda host: Endpoint(host, insecure=True))
    assert [(finding.kind, finding.repaired) for finding in found.findings] == [("blob", True)]


def test_a_layer_that_goes_meanwhile_is_no_finding(pulled: Store) -> None:
    """Somebody else clears away, after the scrub has looked which layers there are."""

    def take_all(event: Event) -> None:
        if isinstance(event, Keeping) and event.step == "comparing layers":
            shutil.rmtree(pulled.root / "layers" / "sha256", ignore_errors=True)

    assert scrub(pulled, listener=take_all).findings == ()
