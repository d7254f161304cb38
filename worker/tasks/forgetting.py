"""Taking removed images off the store's lists, which is what keeps them from being collected."""

from __future__ import annotations

from django.db import transaction

from worker.engine.oci import Digest
from worker.engine.store import Store
from worker.models import Image, RemovedManifest
from worker.models.recording import take_turn


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
        for removed in RemovedManifest.objects.all():
            if not Image.objects.filter(digest=removed.digest).exists():
                store.images.forget(Digest.parse(removed.digest))
                store.shallow_images.forget(Digest.parse(removed.digest))
            removed.delete()
