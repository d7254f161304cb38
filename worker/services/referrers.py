"""Ask a registry what refers to an image: signatures, SBOMs, attestations. Nothing is verified."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.utils.timezone import now

from worker.engine.errors import ContentError, RegistryError
from worker.engine.oci import Descriptor, Digest, Index
from worker.engine.referrers import Referrer, find_referrers
from worker.engine.registry import RegistryClient
from worker.engine.registry.patience import HASTY, impatient, within_reason
from worker.models import Image, ImageIndex, Role
from worker.models.limits import require_allowed
from worker.models.reach import endpoint_for
from worker.models.referring import record_referrers
from worker.progress import announce
from worker.services.access import require


def look_for_referrers(image: Image, *, by: User | None) -> int:
    """Look for what refers to an image, and to the index that led to it. Return how much was found.

    It replaces what was known.

    Raises:
        NotAllowed: ``by`` is not an operator, the registry is not on the allow-list, or its credentials would
            be sent over an insecure connection.
        Conflict: a stored password cannot be decrypted.
        NotFound: the image was removed meanwhile.
        RegistryError: the registry cannot be asked.
    """
    require(by, image.project, Role.OPERATOR)
    require_allowed(image.registry_host)
    endpoint = impatient(endpoint_for(image.project, image.registry_host))
    with (
        within_reason(endpoint) as cancel,
        RegistryClient(endpoint, cancel=cancel, retries=HASTY) as client,
    ):
        of_index = _of_index(client, image.repository, image.index)
        beside = _attestations(client, image)
        digest = Digest.parse(image.digest)
        of_image = find_referrers(client, image.repository, digest, beside)
    moment = now()
    record_referrers(image, of_image, moment)
    if image.index is not None:
        record_referrers(image.index, of_index, moment)
    announce(image.project_id, "images")
    return len(of_image) + len(of_index)


def _of_index(client: RegistryClient, repository: str, index: ImageIndex | None) -> tuple[Referrer, ...]:
    if index is None:
        return ()
    return find_referrers(client, repository, Digest.parse(index.digest))


def _attestations(client: RegistryClient, image: Image) -> tuple[Descriptor, ...]:
    """What the index has about an image; none if the registry has lost it."""
    if image.index is None:
        return ()
    try:
        fetched = client.manifest((image.repository, Digest.parse(image.index.digest)))
        index = Index.parse(fetched.raw, fetched.content_type)
    except (RegistryError, ContentError):
        return ()
    return index.attestations_of(Digest.parse(image.digest))
