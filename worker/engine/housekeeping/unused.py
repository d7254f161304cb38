"""Making sure that no container stands on a tree that is about to be replaced."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator

from worker.engine.cancel import CancelToken
from worker.engine.containers.about import About
from worker.engine.containers.home import Home
from worker.engine.containers.mounts import mounted_at
from worker.engine.containers.overlay import unmount
from worker.engine.containers.run import Run
from worker.engine.disk import disk_errors
from worker.engine.errors import Conflict
from worker.engine.oci import Digest
from worker.engine.store import Store


@contextlib.contextmanager
def unused(store: Store, diff_id: Digest, cancel: CancelToken | None) -> Iterator[None]:
    """Within the block no running container has the layer's tree mounted, and none begins to. Be quick.

    One that does not run is unmounted, if its mount is seen from here; a start mounts it again anyway.

    Raises:
        Conflict: one that stands on it runs, perhaps out of sight, or is just changing.
        StoreDamaged: the record of a container cannot be read.
        MountFailed: one cannot be unmounted.
        StoreError: the disk refuses.
        Cancelled
    """
    with contextlib.ExitStack() as held:
        with disk_errors("look at the containers"):
            # Containers that are just being made end with a look at the tree that they mounted, at this gate.
            held.enter_context(store.pins.closed(cancel))
            for path in sorted(store.containers.iterdir()):
                _let_go(Home(path), diff_id, held)
        yield


def _let_go(home: Home, diff_id: Digest, held: contextlib.ExitStack) -> None:
    """Unmount a container if it stands on the layer, and keep it from starting."""
    about = About.of(home)
    if about is None or diff_id not in about.diff_ids:
        return
    _hold(home, held)
    run = Run.last(home)
    # With Compose this process sees neither the processes nor the mounts of containers.
    if run is not None and not run.over(home):
        raise Conflict(
            f"The container {home.id} stands on it, and nobody has seen it end.",
            hint="Stop or remove the container, and scrub again.",
        )
    if mounted_at(home.rootfs) is not None:
        unmount(home.rootfs)


def _hold(home: Home, held: contextlib.ExitStack) -> None:
    """Take the container's lock (:meth:`Home.locked`), without waiting for it."""
    fd = os.open(home.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    held.callback(os.close, fd)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Conflict(f"The container {home.id}, which stands on it, is just changing.") from None
