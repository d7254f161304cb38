"""Taking removed images off the store's lists, which is what keeps them from being collected."""

from __future__ import annotations

from django.db import transaction

from worker.engine.oci import Digest
from worker.engine.store import Store
from worker.models import RemovedManifest
from worker.models.recording import take_turn
from worker.models.removing import still_there


def forget_removed(store: Store) -> None:
    """Take the manifests off the lists that the last project removed. Safe to repeat.

    Raises:
        StoreError: a list is damaged, or the disk is full or refuses.
    """
    if not RemovedManifest.objects.exists():
        return
    with transaction.atomic():
        # Who pulls such an image again meanwhile records it before this, and it stays; or after this, and
        # then lists it anew (worker.tasks.entering).
        take_turn()
        removed = list(RemovedManifest.objects.all())
        digests = {row.digest for row in removed}
        gone = [Digest.parse(digest) for digest in digests - still_there(digests)]
        if gone:
            store.images.forget(*gone)
            store.shallow_images.forget(*gone)
        RemovedManifest.objects.filter(pk__in=[row.pk for row in removed]).delete()
