"""What refers to a manifest (OCI distribution spec 1.1, "Listing Referrers"), and its older form, a tag."""

from __future__ import annotations

import json
from collections.abc import Iterable
from urllib.parse import urlencode

from worker.engine.errors import InvalidManifest, RegistryMisbehaved
from worker.engine.oci import ACCEPTED_MANIFESTS, Descriptor, Digest, MediaType
from worker.engine.registry.answers import expect, is_page, refuse_page
from worker.engine.registry.manifests import MANIFEST_MAX, FetchedManifest
from worker.engine.registry.response import Response
from worker.engine.registry.session import Session
from worker.engine.registry.tags import next_page

REFERRERS_MAX = 500
"""Of one manifest that are listed."""
_PAGES_MAX = 10
# The specification says 404; others that have never heard of it complain of the address or the method.
_UNKNOWN_API = frozenset({400, 404, 405, 406, 501})
_ACCEPT_INDEX = {"Accept": MediaType.OCI_INDEX}
_ACCEPT_ANY = {"Accept": ", ".join(ACCEPTED_MANIFESTS)}


def fetch_referrers(
    session: Session, repository: str, digest: Digest, artifact_type: str = ""
) -> tuple[Descriptor, ...] | None:
    """Ask the Referrers API, page by page; None if the registry does not have it.

    Args:
        artifact_type: Only these; whether the registry heeds it does not matter.

    Raises:
        RegistryError, RegistryMisbehaved: it sends no index, or too large a one.
    """
    found: list[Descriptor] = []
    query = urlencode({"artifactType": artifact_type}) if artifact_type else ""
    seen: set[str] = set()
    for _ in range(_PAGES_MAX):
        seen.add(query)
        path = f"{repository}/referrers/{digest}" + (f"?{query}" if query else "")
        name = f"{repository}@{digest}"
        with session.request(
            "GET", path, repository=repository, subject=name, headers=_ACCEPT_INDEX
        ) as response:
            unknown = response.status in _UNKNOWN_API or is_page(response)
            if unknown and not found and not response.redirected:
                return None
            expect(response, 200)
            refuse_page(response)
            found += _descriptors(response.read_all(MANIFEST_MAX, "list of referrers"), response)
            query = next_page(response.header_values("Link"))
        if not query or query in seen or len(found) >= REFERRERS_MAX:
            break
    return _narrowed(found, artifact_type)


def fetch_referrers_by_tag(
    session: Session, repository: str, digest: Digest, artifact_type: str = ""
) -> tuple[Descriptor, ...]:
    """Read the index under the tag that is made of a digest ("Referrers Tag Schema"); often there is none.

    Raises:
        RegistryError.
    """
    fetched = fetch_if_there(session, repository, referrers_tag(digest))
    if fetched is None:
        return ()
    try:
        return _narrowed(_parse(fetched.raw), artifact_type)
    except InvalidManifest:
        return ()  # somebody's tag that only looks like it


def fetch_if_there(session: Session, repository: str, key: str) -> FetchedManifest | None:
    """Fetch the manifest under a tag or digest that need not exist; one request.

    Raises:
        RegistryError: anything but that it is there or is not; RegistryMisbehaved: it is too large.
    """
    with session.request(
        "GET", f"{repository}/manifests/{key}", repository=repository, headers=_ACCEPT_ANY
    ) as response:
        if response.status == 404 and not response.redirected:
            return None
        expect(response, 200)
        refuse_page(response)
        raw = response.read_all(MANIFEST_MAX, "manifest")
        content_type = response.content_type
    actual = Digest.of(raw)
    if ":" in key and str(actual) != key:
        raise RegistryMisbehaved(f"{session.endpoint.host} sent {actual} where {key} was asked for.")
    return FetchedManifest(raw, content_type, actual)


def referrers_tag(digest: Digest) -> str:
    """The tag that stands for a digest."""
    return f"{digest.algorithm}-{digest.hex}"


def _descriptors(raw: bytes, response: Response) -> list[Descriptor]:
    try:
        return _parse(raw)
    except InvalidManifest as error:
        raise RegistryMisbehaved(f"{response.host} sent no list of referrers: {error.message}") from error


def _parse(raw: bytes) -> list[Descriptor]:
    """The descriptors in an index of referrers; those that make no sense are left out."""
    try:
        entries = json.loads(raw)["manifests"] or []
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise InvalidManifest("The list of referrers is no index.") from error
    if not isinstance(entries, list):
        raise InvalidManifest("The list of referrers is no index.")
    found = []
    for entry in entries[:REFERRERS_MAX]:
        if isinstance(entry, dict):
            try:
                found.append(Descriptor.parse(entry, "referrer"))
            except InvalidManifest:
                continue
    return found


def _narrowed(found: Iterable[Descriptor], artifact_type: str) -> tuple[Descriptor, ...]:
    wanted = [one for one in found if not artifact_type or one.artifact_type == artifact_type]
    return tuple({one.digest: one for one in wanted}.values())[:REFERRERS_MAX]
