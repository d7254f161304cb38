"""What stands in registries and is no image, or is one no longer: refused, and called by its name."""

from __future__ import annotations

import pytest

from samples.images import artifact
from samples.registry import SampleRegistry
from tests.engine.pull.faults.helpers import SMALL, document, fails
from worker.engine.errors import NotAnImage, UnsupportedMediaType
from worker.engine.oci import Digest, MediaType
from worker.engine.store import Store

OTHER = Digest.of(b"something else")


@pytest.mark.parametrize("signed", [False, True])
def test_schema_1_is_refused_by_name(store: Store, registry: SampleRegistry, signed: bool) -> None:
    media_type = MediaType.DOCKER_SCHEMA1_SIGNED if signed else MediaType.DOCKER_SCHEMA1
    old = document(
        media_type, schemaVersion=1, name="demo", tag="1", architecture="amd64", fsLayers=[], history=[]
    )
    error = fails(store, registry.push("demo", "1", old), UnsupportedMediaType)
    assert "schema 1" in error.message
    assert "current tool" in error.hint
    assert not error.temporary


EMPTY = "application/vnd.oci.empty.v1+json"
ARTIFACTS = {
    "helm": (artifact("application/vnd.cncf.helm.config.v1+json"), "a Helm chart"),
    "wasm": (
        artifact("application/vnd.wasm.config.v0+json", "application/vnd.wasm.content.layer.v1+wasm"),
        "a WebAssembly module",
    ),
    "cosign": (
        artifact(MediaType.OCI_CONFIG, "application/vnd.dev.cosign.simplesigning.v1+json"),
        "a Cosign signature",
    ),
    "sbom": (artifact(EMPTY, "application/spdx+json", artifact_type="application/spdx+json"), "(SPDX)"),
    "attestation": (artifact(MediaType.OCI_CONFIG, "application/vnd.in-toto+json"), "a build attestation"),
    "empty config, typed": (artifact(EMPTY, artifact_type="application/vnd.acme.rocket"), "vnd.acme.rocket"),
    "empty config": (artifact(EMPTY, EMPTY), "an artifact of no stated type"),
    "anything": (artifact("application/json"), "application/json"),
}


@pytest.mark.parametrize("kind", ARTIFACTS)
@pytest.mark.parametrize("fetch_only", [True, False])
def test_what_is_no_image_is_called_by_its_name(
    store: Store, registry: SampleRegistry, kind: str, fetch_only: bool
) -> None:
    content, words = ARTIFACTS[kind]
    error = fails(store, registry.push("demo", "1", content), NotAnImage, fetch_only=fetch_only)
    assert words in error.message
    assert not error.temporary


def test_a_build_cache_is_no_image(store: Store, registry: SampleRegistry) -> None:
    entries = [
        {"mediaType": MediaType.OCI_LAYER_GZIP, "digest": str(SMALL.digest), "size": SMALL.size},
        {"mediaType": "application/vnd.buildkit.cacheconfig.v0", "digest": str(OTHER), "size": 10},
    ]
    cache = document(MediaType.OCI_INDEX, schemaVersion=2, mediaType=MediaType.OCI_INDEX, manifests=entries)
    assert "build cache" in fails(store, registry.push("demo", "1", cache), NotAnImage).message
