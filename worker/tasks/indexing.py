"""The work of indexing: layers into the search database, and the packages of images into the catalog.

It happens beside pulls, by one process at a time. Nothing is lost by what is not done: the next round sees
it.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator

from django.conf import settings

from worker.engine.cancel import CancelToken
from worker.engine.errors import Cancelled, StrataError
from worker.engine.oci import Digest
from worker.engine.search import upkeep
from worker.engine.store import LayerStore, Store, file_lock
from worker.models import Layer
from worker.progress import announce
from worker.progress.mending import begin_mending, end_mending
from worker.tasks.dispatch import ask_to_mend
from worker.tasks.packages import read_all_packages
from worker.tasks.stopping import stopping

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.2


def index(*, suspicious: bool = False) -> None:
    """Do what there is to do; nothing, if another process is at it."""
    layers = Store(settings.STORE_DIR).layers
    with until_stopped() as cancel, contextlib.suppress(upkeep.Busy, Cancelled), _one_at_a_time():
        _make_searchable(layers, suspicious, cancel)
        _read_packages(layers, cancel)


def _make_searchable(layers: LayerStore, suspicious: bool, cancel: CancelToken) -> None:
    """Bring the search database up to date; if that fails, packages can be read all the same."""
    try:
        count = upkeep.keep_up(
            settings.SEARCH_DIR,
            layers,
            layers_to_search,
            _mend_file_index,
            suspicious=suspicious,
            cancel=cancel,
        )
    except upkeep.Busy:  # it is being rebuilt
        return
    except Cancelled:
        raise
    except StrataError as error:
        logger.warning("files cannot be searched: %s", error.message)
        return
    if count:
        logger.info("%s layers more can be searched", count)


def rebuild(progress: Callable[[Digest], None]) -> int:
    """Make the search database anew, in this process; the one that is there serves until then.

    Raises:
        upkeep.Busy: another process writes to it at the moment.
        StoreError: the disk is full or refuses.
    """
    return upkeep.rebuild(
        settings.SEARCH_DIR,
        Store(settings.STORE_DIR).layers,
        layers_to_search,
        _mend_file_index,
        progress=progress,
    )


def layers_to_search() -> list[Digest]:
    """Return the layers whose trees are here, as they came into the catalog: bases first."""
    rows = Layer.objects.filter(tree_present=True).order_by("pk").values_list("diff_id", flat=True)
    return [Digest.parse(diff_id) for diff_id in rows]


def _mend_file_index(diff_id: Digest) -> None:
    # None: nobody is at it, and nobody tried in vain just now.
    if begin_mending(str(diff_id)) is None and not ask_to_mend(str(diff_id)):
        end_mending(str(diff_id), None)


def _read_packages(layers: LayerStore, cancel: CancelToken) -> None:
    for project_id in read_all_packages(layers, cancel):
        announce(project_id, "images")


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    def give_up() -> None:
        raise upkeep.Busy

    settings.SEARCH_DIR.mkdir(parents=True, exist_ok=True)
    with file_lock(settings.SEARCH_DIR / "round", on_wait=give_up):
        yield


@contextlib.contextmanager
def until_stopped() -> Iterator[CancelToken]:
    """Yield what is cancelled when the worker is being ended."""
    token, over = CancelToken(), threading.Event()

    def watch() -> None:
        while not over.wait(_LOOK_SECONDS):
            if stopping():
                token.cancel()
                return

    thread = threading.Thread(target=watch, name="watch of indexing", daemon=True)
    thread.start()
    try:
        yield token
    finally:
        over.set()
        thread.join()
