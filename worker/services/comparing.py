"""A container beside its image: what only this node's disk can tell. Read only; pages have asked who may."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from worker.engine.compare import Comparison
from worker.engine.compare.upper import compare_upper, read_upper
from worker.engine.containers import Containers
from worker.engine.containers.home import Home
from worker.engine.disk import disk_errors
from worker.engine.errors import NotFound
from worker.engine.files import View
from worker.engine.store import Store
from worker.models import Container

_DOING = "look at what the container changed"


def compare_container(container: Container, image: View) -> Comparison:
    """Compare a container with its image's files; it may be running. One that was never made changed nothing.

    Raises:
        LayerMissing: a layer that it stands on is not extracted any more.
        StoreError: this process may not read it.
    """
    store = Store(settings.STORE_DIR)
    with disk_errors(_DOING):
        try:
            changes = Containers(store).changes(str(container.runtime_id))
            return compare_upper(image, _upper(store, container), changes)
        except (NotFound, FileNotFoundError):
            return compare_upper(image, None, [])


def read_container_file(container: Container, path: bytes, limit: int) -> bytes:
    """Return the first bytes of a regular file that the container wrote, at most ``limit``.

    Raises:
        NotFound: there is none, or not any more.
        StoreError: this process may not read it.
    """
    with disk_errors(_DOING):
        try:
            return read_upper(_upper(Store(settings.STORE_DIR), container), path, limit)
        except FileNotFoundError as error:
            raise NotFound("The container has no such file any more.", hint="Look at it again.") from error


def _upper(store: Store, container: Container) -> Path:
    return Home(store.containers / str(container.runtime_id)).upper
