"""Choosing what to pull, by asking the registry: tags, platforms, and what a pull would do.

A person waits for these answers: time limits are short, and nothing is tried more than twice.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from django.conf import settings
from django.contrib.auth.models import User
from django.core.cache import caches
from django.db.models import F, Sum
from django.utils.crypto import salted_hmac

from worker.engine.oci import Compression, Digest, Reference
from worker.engine.offer import Offer, offered
from worker.engine.pipeline.progress import Announcer
from worker.engine.preview import RATIOS, Preview, Ratios, preview
from worker.engine.pull import PullRequest
from worker.engine.registry import Endpoint, RegistryClient, TagList
from worker.engine.registry.patience import HASTY, impatient, within_reason
from worker.engine.registry.rate_limit import OnRateLimit
from worker.engine.store import Store
from worker.models import Blob, Layer, Project, Role
from worker.models.limits import require_allowed
from worker.models.platforms import read_platforms, write_platforms
from worker.models.reach import endpoint_for
from worker.services.access import require
from worker.services.tag_order import after as place_after
from worker.services.tag_order import newest_first
from worker.services.tag_order import search as narrow
from worker.tasks.limiting import LimitKeeper

TAGS_MAX = 50_000
"""Of one repository that are listed; who has more must type what is not among them."""

_PAGES_SECONDS = 12.0  # after which no further page of tags is asked for
_KEPT_SECONDS = 60
_ENOUGH_TO_JUDGE = 64 << 20  # compressed bytes of layers whose unpacked size is known too


@dataclass(frozen=True, slots=True)
class Tags:
    """Tags of a repository: the newest version first, or the nearest to what was searched for.

    Attributes:
        repository: In full, with its registry.
        items: This page of them.
        matching: How many there are that match, on all pages.
        known: How many there are, whether they match or not.
        complete: Whether these are all; the registry may have more than are listed.
        next: The tag after which the next page begins; empty if this is the last.
    """

    repository: str
    items: tuple[str, ...]
    matching: int
    known: int
    complete: bool
    next: str


def list_tags(
    project: Project,
    reference: str,
    *,
    search: str = "",
    after: str = "",
    limit: int | None = None,
    insecure: bool | None = None,
    by: User | None,
) -> Tags:
    """List the tags of a reference's repository; a tag or digest in it does not matter.

    The list is kept for a minute, for those who ask in the same project with the same credentials.

    Args:
        search: Words that all are in a tag, in any case.
        after: ``next`` of the page before.
        limit: At most how many; None for all that match.

    Raises:
        NotAllowed: ``by`` is not an operator, the registry is not on the allow-list, or its credentials would
            be sent over an insecure connection.
        InvalidReference: it cannot be meant.
        Conflict: a stored password cannot be decrypted.
        RegistryError: the registry cannot be reached, has no such repository, or lists no tags.
    """
    # While one types, the name often ends so; the name itself is right.
    parsed, endpoint = _reach(project, reference.strip().rstrip(":@"), insecure, by)
    listed = _all_tags(project, endpoint, parsed.repository)
    found = narrow(listed.tags, search)
    start = place_after(found, after, search) if after else 0
    shown = found[start:] if limit is None else found[start : start + limit]
    return Tags(
        repository=f"{parsed.registry}/{parsed.repository}",
        items=tuple(shown),
        matching=len(found),
        known=len(listed.tags),
        complete=listed.complete,
        next=shown[-1] if shown and start + len(shown) < len(found) else "",
    )


def offered_platforms(
    project: Project, reference: str, *, insecure: bool | None = None, by: User | None
) -> Offer:
    """Tell which platforms a reference has an image for.

    Raises:
        NotAllowed, InvalidReference, Conflict: as :func:`list_tags`.
        RegistryError: the registry cannot be reached, or does not have it.
        ContentError: it is no image.
    """
    parsed, endpoint = _reach(project, reference, insecure, by)
    with within_reason(endpoint) as cancel, _noting(project) as note:
        return offered(_store(), PullRequest(parsed, None, endpoint), cancel, HASTY, note)


def preview_pull(
    project: Project,
    reference: str,
    *,
    platform: str = "",
    platforms: Sequence[str] = (),
    insecure: bool | None = None,
    fetch_only: bool = False,
    by: User | None,
) -> Preview:
    """Tell what :func:`start_pull` with the same arguments would do now; nothing is changed.

    Raises:
        NotAllowed, InvalidReference, Conflict: as :func:`list_tags`.
        InvalidPlatform: one of the platforms cannot be meant.
        RegistryError: the registry cannot be reached, or does not have it.
        ContentError: it is no image, or not for one of the platforms.
    """
    parsed, endpoint = _reach(project, reference, insecure, by)
    wanted = read_platforms(write_platforms([platform, *platforms]))
    request = PullRequest(parsed, None, endpoint, fetch_only, platforms=wanted)
    with within_reason(endpoint) as cancel, _noting(project) as note:
        return preview(_store(), request, cancel, HASTY, note, known=_known_sizes, ratios=_ratios())


def _reach(
    project: Project, reference: str, insecure: bool | None, by: User | None
) -> tuple[Reference, Endpoint]:
    """Check who asks for what, and tell how to reach it, with little patience."""
    require(by, project, Role.OPERATOR)
    parsed = Reference.parse(reference)
    require_allowed(parsed.registry)
    endpoint = endpoint_for(project, parsed.registry, insecure)
    return parsed, impatient(endpoint)


@contextlib.contextmanager
def _noting(project: Project) -> Iterator[OnRateLimit]:
    """Keep what registries say of their rate limits: looking uses them, too; also a refusal tells."""
    keeper = LimitKeeper(project)
    try:
        yield Announcer(keeper).rate_limit
    finally:
        keeper.flush()


def _all_tags(project: Project, endpoint: Endpoint, repository: str) -> TagList:
    """A repository's tags, sorted; as they were up to a minute ago."""
    cache, key = caches["tags"], _cache_key(project, endpoint, repository)
    kept: TagList | None = cache.get(key)
    if kept is not None:
        return kept
    with (
        within_reason(endpoint) as cancel,
        RegistryClient(endpoint, cancel=cancel, retries=HASTY) as client,
    ):
        listed = client.all_tags(repository, most=TAGS_MAX, seconds=_PAGES_SECONDS)
    found = TagList(tuple(newest_first(listed.tags)), listed.complete)
    cache.set(key, found, _KEPT_SECONDS)
    return found


def _cache_key(project: Project, endpoint: Endpoint, repository: str) -> str:
    """One for each way to ask: who may not see a repository shall not see what others saw of it."""
    asked = repr((project.pk, asdict(endpoint), repository))
    return salted_hmac("strata tags", asked, algorithm="sha256").hexdigest()


def _known_sizes(diff_ids: Sequence[Digest]) -> Mapping[Digest, int]:
    """What the catalog remembers of layers whose trees are gone."""
    rows = Layer.objects.filter(diff_id__in=[str(one) for one in diff_ids])
    sizes = rows.values_list("diff_id", "unpacked_size")
    return {Digest.parse(diff_id): size for diff_id, size in sizes if size is not None}


def _ratios() -> Ratios:
    """How well layers are compressed here; what is usual, where there are too few to tell."""
    found = dict(RATIOS)
    rows = Blob.objects.filter(layer__unpacked_size__isnull=False)
    for compression in (Compression.GZIP, Compression.ZSTD):
        sums = rows.filter(media_type__endswith=compression.value).aggregate(
            packed=Sum("size"), unpacked=Sum(F("layer__unpacked_size"))
        )
        if (sums["packed"] or 0) >= _ENOUGH_TO_JUDGE:
            found[compression] = sums["unpacked"] / sums["packed"]
    return found


def _store() -> Store:
    return Store(settings.STORE_DIR)
