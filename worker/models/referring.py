"""What refers to an image enters the catalog; what no longer does leaves it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from worker.engine.errors import NotFound
from worker.engine.referrers import Referrer as FoundReferrer
from worker.models.image import Image
from worker.models.index import ImageIndex
from worker.models.referrer import Referrer, ReferrerKind


def record_referrers(
    of: Image | ImageIndex, found: Iterable[FoundReferrer], looked_at: datetime | None
) -> None:
    """Write what refers to an image or index, instead of what was known.

    Args:
        looked_at: when the registry was asked; None if it was not: then what is ``found`` is only added.

    Raises:
        NotFound: the image or index was removed meanwhile.
    """
    with transaction.atomic():
        # Held, so that it is not removed before what refers to it is written.
        held = type(of).objects.select_for_update(no_key=True).filter(pk=of.pk)
        if held.values_list("pk").first() is None:
            raise NotFound("There is no such image any more.")
        known = {row.digest: row for row in of.referrers.all()}
        rows = [_row(of, one, known.get(str(one.digest))) for one in found]
        if looked_at is not None:
            of.referrers.all().delete()
            of.referrers_at = looked_at
            of.save(update_fields=["referrers_at"])
        Referrer.objects.bulk_create(rows, ignore_conflicts=True)


def _row(of: Image | ImageIndex, one: FoundReferrer, known: Referrer | None) -> Referrer:
    row = Referrer(
        image=of if isinstance(of, Image) else None,
        index=of if isinstance(of, ImageIndex) else None,
        kind=ReferrerKind(one.kind.value),
        digest=str(one.digest),
        media_type=_storable(one.media_type),
        artifact_type=_storable(one.artifact_type),
        size=one.size,
        predicates=[_storable(name) for name in one.predicates],
        found_by=one.found_by.value,
        made_at=one.created,
    )
    if known is not None and known.predicates and not row.predicates:
        # Looked at more closely before; and what has a digest never changes.
        row.kind, row.predicates, row.artifact_type = known.kind, known.predicates, known.artifact_type
    return row


def _storable(text: str) -> str:
    """A stranger's words, as any database holds them."""
    return "".join(part for part in text if part.isprintable())
