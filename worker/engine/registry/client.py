"""The registry's API as calls (OCI distribution spec, "Pull")."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self, TypeVar

from worker.engine.cancel import CancelToken
from worker.engine.errors import InvalidManifest
from worker.engine.oci import Descriptor, Digest, Reference
from worker.engine.registry import blobs, manifests
from worker.engine.registry.answers import expect_api
from worker.engine.registry.caps import Lane
from worker.engine.registry.downloads import SharedStream
from worker.engine.registry.endpoint import Endpoint
from worker.engine.registry.mirrors import Source, Sources
from worker.engine.registry.rate_limit import OnRateLimit, ignore_rate_limit
from worker.engine.registry.referrers import fetch_if_there, fetch_referrers, fetch_referrers_by_tag
from worker.engine.registry.retry import OnRetry, RetryPolicy, ignore_retries
from worker.engine.registry.tags import TagList, TagPage, collect, fetch_tags

_Result = TypeVar("_Result")


class RegistryClient:
    """Talks to one registry; use it in a ``with`` block, from as many threads as you like.

    Every call may raise any :class:`RegistryError`, and :class:`Cancelled` as soon as ``cancel`` is
    cancelled, whatever it is waiting for. Temporary failures are tried again by ``retries`` before they are
    raised; ``on_retry`` is told the reason, the number of the failed attempt, and the pause in seconds.
    ``on_rate_limit`` is told whose rate limit stands how, whenever an answer says something new of it.

    What is asked for comes from the first of the endpoint's mirrors that has it, or from the registry itself.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        cancel: CancelToken | None = None,
        on_retry: OnRetry | None = None,
        retries: RetryPolicy | None = None,
        on_rate_limit: OnRateLimit = ignore_rate_limit,
    ) -> None:
        self._cancel = cancel or CancelToken()
        self._on_retry = on_retry or ignore_retries
        self._retries = retries or RetryPolicy()
        self._caps = endpoint.caps
        self._sources = Sources(endpoint, self._cancel, on_rate_limit)
        self._session = self._sources.origin
        self._lists_referrers = True  # until it says that it cannot
        # What came when it was resolved, from a registry that does not do HEAD: it need not send it again.
        self._unasked: dict[tuple[str, Digest], manifests.FetchedManifest] = {}

    def close(self) -> None:
        """Close all connections."""
        self._sources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def scheme(self) -> str:
        """``https`` or ``http``: what the registry speaks."""
        return self._retrying(self._session.scheme)

    def ping(self) -> None:
        """Check that this is a registry, and that it accepts the credentials, or their absence.

        Raises:
            Unauthorized, Forbidden, RegistryMisbehaved: it is not, or it does not.
        """
        self._retrying(self._ping)

    def resolve(self, reference: Reference, *, mirrors: bool = True) -> Descriptor:
        """Find what a reference points to right now, with as little traffic as possible.

        Args:
            mirrors: Whether their word is enough.

        Raises:
            RepositoryNotFound, TagNotFound: there is no such thing.
        """
        if mirrors:
            found, fetched = self._ask(
                lambda source: manifests.resolve(source.session, reference),
                by_digest=reference.digest is not None,
            )
        else:
            found, fetched = self._retrying(lambda: manifests.resolve(self._session, reference))
        if fetched is not None:
            self._unasked[reference.repository, fetched.digest] = fetched
        return found

    def manifest(self, wanted: Reference | tuple[str, Digest]) -> manifests.FetchedManifest:
        """Fetch a manifest or index by reference, or by repository and digest.

        Raises:
            RepositoryNotFound, TagNotFound: there is no such thing.
            DigestMismatch: the content is not what was asked for, or what the registry says that it is.
            RegistryMisbehaved: it is larger than 4 MiB, or a web page.
        """
        if isinstance(wanted, Reference):
            repository, key, digest = wanted.repository, wanted.manifest_key, wanted.digest
        else:
            repository, digest = wanted
            key = str(digest)
            if (known := self._unasked.pop((repository, digest), None)) is not None:
                return known
        return self._ask(
            lambda source: manifests.fetch(source.session, repository, key, digest),
            by_digest=digest is not None,
        )

    def blob_bytes(self, repository: str, descriptor: Descriptor, limit: int) -> bytes:
        """Fetch a whole small blob (an image's config) of at most ``limit`` bytes, verified.

        Raises:
            BlobNotFound, DigestMismatch, SizeMismatch.
            InvalidManifest: the descriptor announces more than ``limit``.
        """
        if descriptor.size > limit:
            raise InvalidManifest(
                f"The manifest of {repository} announces {descriptor.size} bytes of {descriptor.media_type};"
                f" at most {limit} are read."
            )
        return self._ask(lambda source: blobs.read_blob(source.session, repository, descriptor))

    def open_blob(
        self, repository: str, descriptor: Descriptor, offset: int = 0, *, on_retry: OnRetry | None = None
    ) -> blobs.BlobStream:
        """Open a blob for reading, from ``offset`` bytes on; the stream's own ``offset`` is what was granted.

        Not all of the rest need come: see the stream's ``end``. ``on_retry`` is told of failures instead of
        the client's own.

        With caps it waits for its turn first, and keeps it until the stream is closed.

        Raises:
            BlobNotFound.
            SizeMismatch: the registry announces another size than the descriptor.
            StoreError: the caps' files cannot be made.
        """
        if not 0 <= offset <= descriptor.size:
            raise ValueError(f"offset {offset} is outside of a blob of {descriptor.size} bytes")
        lane = Lane(self._caps, self._cancel)
        try:
            lane.enter()
            stream = self._ask(
                lambda source: SharedStream.open(self._sources, source, repository, descriptor, offset),
                on_retry=on_retry,
            )
        except BaseException:
            lane.leave()
            raise
        stream.keep_within(lane)
        return stream

    def blame(self, digest: Digest) -> bool:
        """Say that a blob that was read is not what it should be: mirrors that sent it are not asked again.

        Tells whether a mirror had a hand in it; then another attempt may bring the right bytes.
        """
        return self._sources.blame(digest)

    def tags(self, repository: str, *, last: str = "", limit: int = 100, page: str = "") -> TagPage:
        """List one page of a repository's tags, in the registry's order.

        Args:
            last: The tag after which to begin, in lexical order; empty for the first.
            limit: At most how many to send; some registries send all. 0 leaves it to the registry.
            page: ``next`` of the page before; ``last`` and ``limit`` do not count then.

        Raises:
            RepositoryNotFound: there is no such repository.
            RegistryMisbehaved: it lists no tags, or sends more than 16 MiB of them in one page.
        """
        return self._retrying(
            lambda: fetch_tags(self._session, repository, last=last, limit=limit, page=page)
        )

    def all_tags(self, repository: str, *, most: int, seconds: float) -> TagList:
        """List a repository's tags, up to ``most``, for about ``seconds`` at most; raises as :meth:`tags`.

        What is left out then, or was lost on the way, the list says.
        """
        return collect(lambda page: self.tags(repository, limit=0, page=page), most, seconds)

    def referrers(self, repository: str, digest: Digest, artifact_type: str = "") -> tuple[Descriptor, ...]:
        """List what refers to a manifest or index: by the Referrers API, else by the referrers tag schema.

        Args:
            artifact_type: Only these.

        Raises:
            RegistryMisbehaved: it sends no list, or more than 4 MiB of it in one page.
        """
        found = self.referrers_by_api(repository, digest, artifact_type)
        if found is not None:
            return found
        return self._retrying(
            lambda: fetch_referrers_by_tag(self._session, repository, digest, artifact_type)
        )

    def referrers_by_api(
        self, repository: str, digest: Digest, artifact_type: str = ""
    ) -> tuple[Descriptor, ...] | None:
        """Like :meth:`referrers`, by the Referrers API alone; None if the registry does not have it."""
        if not self._lists_referrers:
            return None
        found = self._retrying(lambda: fetch_referrers(self._session, repository, digest, artifact_type))
        self._lists_referrers = found is not None
        return found

    def manifest_if_there(self, repository: str, key: str) -> manifests.FetchedManifest | None:
        """Fetch, unparsed, what stands under a tag or digest; None if nothing does. One request."""
        return self._retrying(lambda: fetch_if_there(self._session, repository, key))

    def _ask(
        self, call: Callable[[Source], _Result], *, by_digest: bool = True, on_retry: OnRetry | None = None
    ) -> _Result:
        return self._retrying(lambda: self._sources.ask(call, by_digest=by_digest), on_retry)

    def _retrying(self, call: Callable[[], _Result], on_retry: OnRetry | None = None) -> _Result:
        return self._retries.run(call, self._cancel, on_retry or self._on_retry, self._sources.answered)

    def _ping(self) -> None:
        with self._session.request("GET", "") as response:
            expect_api(response)
