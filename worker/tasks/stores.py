"""The store, as tasks open it, and the catalog brought in line with it."""

from __future__ import annotations

from django.conf import settings

from worker.engine.store import Store
from worker.models.reconciling import reconcile
from worker.progress import announce


def open_store() -> Store:
    """Return the store of this install, with its directories made. Raises StoreError."""
    store = Store(settings.STORE_DIR)
    store.prepare()
    return store


def bring_in_line(store: Store) -> None:
    """Write into the catalog what stands in the store, and tell whoever looks at the images it is about.

    Raises:
        StoreError: the disk refuses.
    """
    for project_id in reconcile(store):
        announce(project_id, "images")
