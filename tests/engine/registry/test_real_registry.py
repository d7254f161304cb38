"""The client against the reference implementation of a registry."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from samples.images import SampleImage, image, index, layer
from tests.engine.registry.real import PASSWORD, USER, RealRegistry
from worker.engine.errors import BlobNotFound, RepositoryNotFound, TagNotFound, Unauthorized
from worker.engine.oci import (
    Descriptor,
    Digest,
    ImageConfig,
    Index,
    Manifest,
    MediaType,
    Reference,
    parse_manifest,
)
from worker.engine.registry import Credentials, Endpoint, RegistryClient

pytestmark = pytest.mark.services


def endpoint(registry: RealRegistry, credentials: Credentials | None = None) -> Endpoint:
    return Endpoint(registry.host, insecure=True, credentials=credentials)


@pytest.mark.parametrize("flavour", ["oci", "docker"])
@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
def test_pulls_what_was_pushed(real_registry: RealRegistry, flavour: str, compression: str) -> None:
    parts = [layer({"a": b"a" * size}, compression=compression, flavour=flavour) for size in (10, 300_000)]
    pushed = image(parts, flavour=flavour)
    reference = Reference.parse(real_registry.push(f"team/{flavour}", compression, pushed))
    with RegistryClient(endpoint(real_registry)) as client:
        client.ping()
        found = client.resolve(reference)
        assert found.digest == pushed.digest
        fetched = client.manifest((reference.repository, found.digest))
        manifest = Manifest.parse(fetched.raw, fetched.content_type)
        config = ImageConfig.parse(client.blob_bytes(reference.repository, manifest.config, 1 << 20))
        assert config.diff_ids == pushed.diff_ids
        for descriptor, part in zip(manifest.layers, parts, strict=True):
            for offset in (0, 7):
                with client.open_blob(reference.repository, descriptor, offset) as stream:
                    assert stream.offset == offset
                    assert b"".join(stream) == part.blob[offset:]


def test_pulls_an_index(real_registry: RealRegistry, sample: SampleImage) -> None:
    reference = Reference.parse(real_registry.push("team/multi", "1", index([sample])))
    with RegistryClient(endpoint(real_registry)) as client:
        fetched = client.manifest(reference)
        parsed = parse_manifest(fetched.raw, fetched.content_type)
        assert isinstance(parsed, Index)
        chosen = parsed.select(sample.config.platform)
        assert client.manifest((reference.repository, chosen.digest)).raw == sample.raw


def test_tells_what_is_missing(real_registry: RealRegistry, sample: SampleImage) -> None:
    real_registry.push("team/app", "1", sample)
    with RegistryClient(endpoint(real_registry)) as client:
        for name, error in [("team/nope:1", RepositoryNotFound), ("team/app:nope", TagNotFound)]:
            with pytest.raises(error):
                client.resolve(Reference.parse(f"{real_registry.host}/{name}"))
        with pytest.raises(BlobNotFound):
            client.open_blob("team/app", Descriptor(MediaType.OCI_LAYER, Digest.of(b"nope"), 4))


def test_passwords(tmp_path: Path, sample: SampleImage) -> None:
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("docker-registry is not installed")
    with RealRegistry(Path(program), tmp_path, locked=True) as registry:
        reference = Reference.parse(registry.push("team/app", "1", sample))
        with RegistryClient(endpoint(registry, Credentials(USER, PASSWORD))) as client:
            assert client.resolve(reference).digest == sample.digest
        for credentials in (None, Credentials(USER, "wrong")):
            with RegistryClient(endpoint(registry, credentials)) as client, pytest.raises(Unauthorized):
                client.resolve(reference)
