"""What refers to an image is listed, however the registry keeps it; and sorted by kind."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from samples.images import Content, image, index, layer
from samples.referrers import referrers_index, referring
from samples.registry import SampleRegistry
from tests.engine.registry.real import RealRegistry
from worker.engine.errors import RegistryMisbehaved, RegistryUnavailable
from worker.engine.oci import Index
from worker.engine.referrers import FoundBy, Kind, find_referrers, look_at
from worker.engine.registry import Endpoint, RegistryClient, RetryPolicy

IMAGE = image([layer({"f": b"content"})])
SBOM = referring(
    IMAGE, "application/spdx+json", annotations={"org.opencontainers.image.created": "2026-02-03T04:05:06Z"}
)
SIGNATURE = referring(IMAGE, "application/vnd.cncf.notary.signature")
COSIGNED = referring(None, "", layer_type="application/vnd.dev.cosign.simplesigning.v1+json")


@pytest.fixture
def registry() -> Iterator[SampleRegistry]:
    with SampleRegistry() as registry:
        registry.push("app", "1", IMAGE)
        yield registry


@pytest.fixture
def client(registry: SampleRegistry) -> Iterator[RegistryClient]:
    with RegistryClient(Endpoint(registry.host, insecure=True), retries=RetryPolicy(attempts=1)) as client:
        yield client


def attach(registry: SampleRegistry, *contents: Content) -> None:
    for content in contents:
        registry.push("app", str(content.digest), content)


class TestTheApi:
    @pytest.fixture(autouse=True)
    def _api(self, registry: SampleRegistry) -> None:
        registry.referrers.api = True
        attach(registry, SBOM, SIGNATURE)

    def test_it_lists_them(self, client: RegistryClient) -> None:
        found = client.referrers("app", IMAGE.digest)
        assert {one.digest: one.artifact_type for one in found} == {
            SBOM.digest: "application/spdx+json",
            SIGNATURE.digest: "application/vnd.cncf.notary.signature",
        }

    def test_what_nothing_refers_to_has_none(self, client: RegistryClient, registry: SampleRegistry) -> None:
        other = image([layer({"other": b""})])
        registry.push("app", "2", other)
        assert client.referrers("app", other.digest) == ()
        assert not any("/manifests/" in path for path in registry.paths())

    def test_pages_are_followed(self, client: RegistryClient, registry: SampleRegistry) -> None:
        registry.referrers.most = 1
        assert len(client.referrers("app", IMAGE.digest)) == 2
        assert sum("/referrers/" in path for path in registry.paths()) == 2

    @pytest.mark.parametrize("heeded", [True, False])
    def test_a_type_narrows_them_whether_the_registry_heeds_it_or_not(
        self, client: RegistryClient, registry: SampleRegistry, heeded: bool
    ) -> None:
        registry.referrers.filters = heeded
        (found,) = client.referrers("app", IMAGE.digest, "application/spdx+json")
        assert found.digest == SBOM.digest

    def test_an_answer_without_bounds_is_refused(
        self, client: RegistryClient, registry: SampleRegistry
    ) -> None:
        registry.faults.where = "/referrers/"
        registry.faults.fail(200, body="[" * (5 << 20))
        with pytest.raises(RegistryMisbehaved, match="more than"):
            client.referrers("app", IMAGE.digest)

    def test_an_answer_that_is_no_list_is_named(
        self, client: RegistryClient, registry: SampleRegistry
    ) -> None:
        registry.faults.where = "/referrers/"
        registry.faults.fail(200, body='{"manifests": 7}')
        with pytest.raises(RegistryMisbehaved, match="no list of referrers"):
            client.referrers("app", IMAGE.digest)

    def test_entries_that_make_no_sense_are_left_out(
        self, client: RegistryClient, registry: SampleRegistry
    ) -> None:
        registry.faults.where = "/referrers/"
        registry.faults.fail(200, body='{"manifests": [7, {"digest": "x"}]}')
        assert client.referrers("app", IMAGE.digest) == ()

    def test_a_registry_in_trouble_is_not_one_without_the_api(
        self, client: RegistryClient, registry: SampleRegistry
    ) -> None:
        registry.faults.where = "/referrers/"
        registry.faults.fail(503)
        with pytest.raises(RegistryUnavailable):
            client.referrers("app", IMAGE.digest)


class TestWithoutTheApi:
    @pytest.mark.parametrize("status", [404, 405, 400])
    def test_the_index_under_the_tag_of_the_digest_is_read(
        self, client: RegistryClient, registry: SampleRegistry, status: int
    ) -> None:
        registry.push("app", f"sha256-{IMAGE.digest.hex}", referrers_index([SBOM]))
        registry.faults.where = "/referrers/"
        registry.faults.fail(status)
        (found,) = client.referrers("app", IMAGE.digest)
        assert (found.digest, found.artifact_type) == (SBOM.digest, "application/spdx+json")

    def test_without_such_a_tag_there_are_none(self, client: RegistryClient) -> None:
        assert client.referrers("app", IMAGE.digest) == ()

    def test_a_tag_that_is_no_index_counts_for_nothing(
        self, client: RegistryClient, registry: SampleRegistry
    ) -> None:
        registry.push("app", f"sha256-{IMAGE.digest.hex}", IMAGE)
        assert client.referrers("app", IMAGE.digest) == ()

    def test_the_api_is_asked_for_once(self, client: RegistryClient, registry: SampleRegistry) -> None:
        for _ in range(3):
            client.referrers("app", IMAGE.digest)
        assert sum("/referrers/" in path for path in registry.paths()) == 1


class TestKinds:
    def test_of_all_sources_together(self, client: RegistryClient, registry: SampleRegistry) -> None:
        registry.referrers.api = True
        attach(registry, SBOM, SIGNATURE)
        registry.push("app", f"sha256-{IMAGE.digest.hex}.sig", COSIGNED)
        found = {one.digest: one for one in find_referrers(client, "app", IMAGE.digest)}
        assert {digest: (one.kind, one.found_by) for digest, one in found.items()} == {
            SBOM.digest: (Kind.SBOM, FoundBy.REFERRERS),
            SIGNATURE.digest: (Kind.SIGNATURE, FoundBy.REFERRERS),
            COSIGNED.digest: (Kind.SIGNATURE, FoundBy.COSIGN),
        }
        assert found[SBOM.digest].created == datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
        assert found[SBOM.digest].size == len(SBOM.raw)

    @pytest.mark.parametrize(
        ("predicates", "kind"),
        [
            (["https://spdx.dev/Document"], Kind.SBOM),
            (["https://slsa.dev/provenance/v1"], Kind.ATTESTATION),
            (["https://spdx.dev/Document", "https://slsa.dev/provenance/v1"], Kind.ATTESTATION),
            (["https://sigstore.dev/cosign/sign/v1"], Kind.SIGNATURE),
        ],
    )
    def test_what_an_artifact_states_tells_its_kind(
        self, client: RegistryClient, registry: SampleRegistry, predicates: list[str], kind: Kind
    ) -> None:
        registry.referrers.api = True
        attach(registry, referring(IMAGE, "application/vnd.in-toto+json", predicates=predicates))
        (found,) = find_referrers(client, "app", IMAGE.digest)
        assert (found.kind, list(found.predicates)) == (kind, predicates)

    def test_what_nobody_knows_is_listed_all_the_same(
        self, client: RegistryClient, registry: SampleRegistry
    ) -> None:
        registry.referrers.api = True
        attach(registry, referring(IMAGE, "application/vnd.example.thing"))
        (found,) = find_referrers(client, "app", IMAGE.digest)
        assert (found.kind, found.artifact_type) == (Kind.OTHER, "application/vnd.example.thing")

    def test_attestations_in_an_index_need_no_request(self, client: RegistryClient) -> None:
        listed = Index.parse(index([IMAGE], attestations=True).raw)
        beside = [entry for entry in listed.manifests if entry.annotations]
        found = find_referrers(client, "app", IMAGE.digest, beside, cosign=False, thorough=False)
        assert [(one.kind, one.found_by) for one in found] == [(Kind.ATTESTATION, FoundBy.INDEX)]


def test_several_are_looked_at_with_few_requests(client: RegistryClient, registry: SampleRegistry) -> None:
    others = [image([layer({f"{at}": b""})]) for at in range(4)]
    client.scheme  # noqa: B018 - found out before the requests are counted
    registry.requests.clear()
    found = look_at(client, "app", [one.digest for one in (IMAGE, *others)])
    assert len(found) == 5
    # The API once, which is not there; one tag each; three of cosign's for the first.
    assert len(registry.requests) == 1 + 5 + 3


def test_what_cannot_be_looked_at_is_left_out(client: RegistryClient, registry: SampleRegistry) -> None:
    registry.faults.where = "/v2/app/"
    registry.faults.fail(503, times=9)
    assert look_at(client, "app", [IMAGE.digest]) == {}


@pytest.mark.services
def test_the_reference_implementation_which_has_no_such_api(real_registry: RealRegistry) -> None:
    """An artifact that ORAS or notation attach goes under a tag there, and cosign's under tags of its own."""
    real_registry.push("team/app", "1", IMAGE)
    real_registry.push("team/app", f"sha256-{IMAGE.digest.hex}.sig", COSIGNED)
    real_registry.push("team/app", str(SBOM.digest), SBOM)
    real_registry.push("team/app", f"sha256-{IMAGE.digest.hex}", referrers_index([SBOM]))
    with RegistryClient(Endpoint(real_registry.host, insecure=True)) as client:
        found = {one.digest: one for one in find_referrers(client, "team/app", IMAGE.digest)}
    assert {digest: (one.kind, one.found_by) for digest, one in found.items()} == {
        SBOM.digest: (Kind.SBOM, FoundBy.TAG),
        COSIGNED.digest: (Kind.SIGNATURE, FoundBy.COSIGN),
    }
