"""Manifests and indexes: found, fetched, verified (OCI distribution spec, "Pulling manifests")."""

from __future__ import annotations

from typing import NamedTuple

from worker.engine.errors import (
    ConnectionLost,
    DigestMismatch,
    InvalidDigest,
    NotInRegistry,
    RegistryError,
    RepositoryNotFound,
    TagNotFound,
)
from worker.engine.oci import ACCEPTED_MANIFESTS, Descriptor, Digest, Reference
from worker.engine.registry.answers import expect, failure, read_complaint, refuse_encoded, refuse_page
from worker.engine.registry.response import Response
from worker.engine.registry.session import Session

MANIFEST_MAX = 4 << 20  # bytes; what registries accept at most (distribution spec, "Pushing Manifests")
_ACCEPT = {"Accept": ", ".join(ACCEPTED_MANIFESTS)}


class FetchedManifest(NamedTuple):
    """A manifest or index as the registry sent it.

    Attributes:
        raw: Its bytes, whose digest is verified against what was asked for.
        content_type: What the registry calls it; may be empty.
        digest: Of the bytes.
    """

    raw: bytes
    content_type: str
    digest: Digest


class Resolved(NamedTuple):
    """What a reference points to.

    Attributes:
        descriptor: Of the manifest or index.
        fetched: The document itself, if the registry had to send it; None if it did not.
    """

    descriptor: Descriptor
    fetched: FetchedManifest | None = None


def resolve(session: Session, reference: Reference) -> Resolved:
    """Ask by HEAD; by GET where HEAD does not tell enough: some registries do not know it.

    Raises:
        RepositoryNotFound, TagNotFound, DigestMismatch.
    """
    key = reference.manifest_key
    found: Descriptor | None = None
    with _request(session, "HEAD", reference.repository, key) as response:
        if response.status == 429:
            raise failure(response, read_complaint(response))
        digest, size = _stated_digest(response), response.content_length
        if response.status == 200 and digest is not None and size is not None and response.content_type:
            found = Descriptor(response.content_type, digest, size)
        response.read_all(MANIFEST_MAX)  # empty; frees the connection
    if found is None:
        # Other failures too: the answer to a HEAD has no body that explains them.
        fetched = fetch(session, reference.repository, key, reference.digest)
        return Resolved(Descriptor(fetched.content_type, fetched.digest, len(fetched.raw)), fetched)
    if reference.digest is not None and found.digest != reference.digest:
        raise DigestMismatch(f"{session.endpoint.host} answers {reference} with {found.digest}.")
    return Resolved(found)


def fetch(session: Session, repository: str, key: str, digest: Digest | None) -> FetchedManifest:
    """Fetch what stands under ``key`` (a tag or digest); ``digest`` is what it must be, if that is known.

    Raises:
        RepositoryNotFound, TagNotFound, DigestMismatch, RegistryMisbehaved.
        RateLimited: the registry has just said that it has no more manifests for us; it is not asked then.
    """
    session.allowance.require()
    with _request(session, "GET", repository, key) as response:
        if response.status == 404 and not response.redirected:
            code = read_complaint(response).code
            raise _missing(session, repository, key, code)
        expect(response, 200)
        refuse_page(response)
        refuse_encoded(response)
        raw = response.read_all(MANIFEST_MAX, "manifest")
        if not raw and response.content_length is None:
            # So it looks, too, when the connection breaks in the head of the answer.
            raise ConnectionLost(f"{response.host} sent no manifest for {response.subject}.")
        stated = _stated_digest(response)
        content_type = response.content_type
    actual = Digest.of(raw)
    for expected in (digest, stated):
        if expected is not None and actual != expected:
            raise DigestMismatch(
                f"{session.endpoint.host} sent a manifest for {_name(repository, key)}"
                f" with the digest {actual} where {expected} was due."
            )
    return FetchedManifest(raw, content_type, actual)


def _request(session: Session, method: str, repository: str, key: str) -> Response:
    path = f"{repository}/manifests/{key}"
    name = _name(repository, key)
    return session.request(method, path, repository=repository, subject=name, headers=_ACCEPT)


def _missing(session: Session, repository: str, key: str, code: str) -> NotInRegistry:
    """Tell a missing repository from a missing tag: by the error's code, or by asking for its tags.

    The most common registry says MANIFEST_UNKNOWN for both.
    """
    host = session.endpoint.host
    if code == "NAME_UNKNOWN" or not _has_repository(session, repository):
        return RepositoryNotFound(f"{host} has no repository {repository}.")
    kind = "manifest" if ":" in key else "tag"
    return TagNotFound(f"{host} has no {kind} {key} in the repository {repository}.")


def _has_repository(session: Session, repository: str) -> bool:
    try:
        with session.request("GET", f"{repository}/tags/list?n=1", repository=repository) as response:
            return response.status != 404
    except RegistryError:
        return True  # not known; the tag is missing in any case


def _stated_digest(response: Response) -> Digest | None:
    """What the registry says that the digest is; None if it says nothing usable."""
    try:
        return Digest.parse(response.headers.get("Docker-Content-Digest", ""))
    except InvalidDigest:
        return None


def _name(repository: str, key: str) -> str:
    return f"{repository}@{key}" if ":" in key else f"{repository}:{key}"
