"""Resolving and fetching manifests."""

from __future__ import annotations

import json

import pytest

from samples.images import SampleImage, index
from samples.registry import SampleRegistry
from worker.engine.errors import (
    DigestMismatch,
    Forbidden,
    NotInRegistry,
    RegistryMisbehaved,
    RegistryUnavailable,
    RepositoryNotFound,
    TagNotFound,
)
from worker.engine.oci import Digest, Index, Manifest, MediaType, Reference, parse_manifest
from worker.engine.registry import MANIFEST_MAX, RegistryClient


def test_resolve_costs_one_head(
    client: RegistryClient, registry: SampleRegistry, reference: Reference, sample: SampleImage
) -> None:
    found = client.resolve(reference)
    assert (found.digest, found.size, found.media_type) == (sample.digest, len(sample.raw), sample.media_type)
    assert registry.paths("HEAD") == ["/v2/team/app/manifests/1"]
    assert registry.paths("GET") == []  # an answer that is no TLS tells the scheme


@pytest.mark.parametrize("fault", ["no_head", "no_digest"])
def test_resolve_falls_back_to_get(
    client: RegistryClient, registry: SampleRegistry, reference: Reference, sample: SampleImage, fault: str
) -> None:
    setattr(registry.faults, fault, True)
    assert client.resolve(reference).digest == sample.digest


def test_asks_for_oci_and_docker_types(
    client: RegistryClient, registry: SampleRegistry, reference: Reference
) -> None:
    client.manifest(reference)
    accept = registry.requests[-1].headers["accept"]
    for media_type in (
        MediaType.OCI_INDEX,
        MediaType.OCI_MANIFEST,
        MediaType.DOCKER_INDEX,
        MediaType.DOCKER_MANIFEST,
    ):
        assert media_type in accept
    assert registry.requests[-1].headers["accept-encoding"] == "identity"


def test_fetches_by_tag_and_by_digest(
    client: RegistryClient, reference: Reference, sample: SampleImage
) -> None:
    by_tag = client.manifest(reference)
    by_digest = client.manifest(("team/app", sample.digest))
    assert by_tag == by_digest
    assert by_tag.raw == sample.raw
    assert isinstance(parse_manifest(by_tag.raw, by_tag.content_type), Manifest)


def test_fetches_an_index(client: RegistryClient, registry: SampleRegistry, sample: SampleImage) -> None:
    registry.push("team/app", "multi", index([sample]))
    fetched = client.manifest(Reference.parse(f"{registry.host}/team/app:multi"))
    parsed = parse_manifest(fetched.raw, fetched.content_type)
    assert isinstance(parsed, Index)
    assert parsed.select(sample.config.platform).digest == sample.digest


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("team/nope:1", RepositoryNotFound, "no repository team/nope"),
        ("team/app:nope", TagNotFound, "no tag nope in the repository team/app"),
        (f"team/app@{Digest.of(b'')}", TagNotFound, "no manifest sha256:e3b0"),
    ],
)
@pytest.mark.parametrize("call", ["resolve", "manifest"])
def test_404_says_what_is_missing(
    client: RegistryClient,
    registry: SampleRegistry,
    name: str,
    error: type[NotInRegistry],
    words: str,
    call: str,
) -> None:
    """Though the registry answers MANIFEST_UNKNOWN to all of them, as the reference implementation does."""
    with pytest.raises(error, match=words) as caught:
        getattr(client, call)(Reference.parse(f"{registry.host}/{name}"))
    assert registry.host in caught.value.message


def test_name_unknown_is_believed(
    client: RegistryClient, registry: SampleRegistry, reference: Reference
) -> None:
    body = json.dumps({"errors": [{"code": "NAME_UNKNOWN", "message": "gone"}]})
    registry.faults.where = "manifests"
    registry.faults.fail(404, body=body)
    with pytest.raises(RepositoryNotFound):
        client.manifest(reference)
    assert not [path for path in registry.paths() if "tags/list" in path]


def test_a_lying_digest_header_is_found_out(
    client: RegistryClient, registry: SampleRegistry, reference: Reference
) -> None:
    registry.faults.digest = str(Digest.of(b"something else"))
    with pytest.raises(DigestMismatch, match="team/app:1"):
        client.manifest(reference)


@pytest.mark.parametrize("call", ["resolve", "manifest"])
def test_a_digest_in_the_reference_binds(
    client: RegistryClient, registry: SampleRegistry, sample: SampleImage, call: str
) -> None:
    """The registry has something else under that digest."""
    wanted = Digest.of(b"wanted")
    registry.manifests["team/app"][str(wanted)] = sample
    registry.faults.digest = "" if call == "resolve" else str(wanted)
    with pytest.raises(DigestMismatch):
        getattr(client, call)(Reference.parse(f"{registry.host}/team/app@{wanted}"))


def test_changed_bytes_are_found_out(
    client: RegistryClient, registry: SampleRegistry, sample: SampleImage
) -> None:
    registry.faults.corrupt = True
    registry.faults.no_digest = True
    with pytest.raises(DigestMismatch):
        client.manifest(("team/app", sample.digest))


def test_an_unusable_digest_header_is_as_none(
    client: RegistryClient, registry: SampleRegistry, reference: Reference, sample: SampleImage
) -> None:
    registry.faults.digest = "sha512:" + "a" * 128
    assert client.resolve(reference).digest == sample.digest


def test_an_oversized_manifest_is_not_read(
    client: RegistryClient, registry: SampleRegistry, reference: Reference
) -> None:
    registry.faults.fail(200, body="x" * (MANIFEST_MAX + 1))
    registry.faults.where = "manifests"
    with pytest.raises(RegistryMisbehaved, match="more than 4194304 bytes"):
        client.manifest(reference)


def test_a_web_page_is_no_manifest(
    client: RegistryClient, registry: SampleRegistry, reference: Reference
) -> None:
    registry.faults.page = True
    with pytest.raises(RegistryMisbehaved, match="web page"):
        client.manifest(reference)
    with pytest.raises(RegistryMisbehaved, match="web page"):
        client.resolve(reference)
    with pytest.raises(RegistryMisbehaved, match="web page"):
        client.ping()


def test_403_quotes_the_registry(
    client: RegistryClient, registry: SampleRegistry, reference: Reference
) -> None:
    body = json.dumps({"errors": [{"code": "DENIED", "message": "requested\naccess is\x00 denied."}]})
    registry.faults.where = "manifests"
    registry.faults.fail(403, body=body)
    with pytest.raises(Forbidden) as caught:
        client.manifest(reference)
    assert caught.value.message == (
        f"{registry.host} does not allow access to team/app:1 (it says: requested access is denied)."
    )


@pytest.mark.parametrize(
    "body", ["", "{", "[]", '{"errors": []}', '{"errors": [7]}', '{"errors": [{"code": 1}]}']
)
def test_an_odd_error_body_is_no_explanation(
    client: RegistryClient, registry: SampleRegistry, reference: Reference, body: str
) -> None:
    registry.faults.where = "manifests"
    registry.faults.fail(403, body=body)
    with pytest.raises(Forbidden) as caught:
        client.manifest(reference)
    assert "it says" not in caught.value.message


def test_a_strange_status_is_named(
    client: RegistryClient, registry: SampleRegistry, reference: Reference
) -> None:
    registry.faults.where = "manifests"
    registry.faults.fail(418)
    with pytest.raises(RegistryMisbehaved, match="status 418 for team/app:1"):
        client.manifest(reference)


def test_ping(client: RegistryClient, registry: SampleRegistry) -> None:
    client.ping()
    registry.faults.fail(404)
    with pytest.raises(RegistryMisbehaved, match="no registry API"):
        client.ping()
    registry.faults.fail(500, times=9)
    with pytest.raises(RegistryUnavailable):
        client.ping()
