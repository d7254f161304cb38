"""Making a layer's file index anew, when a page found it missing or damaged."""

from __future__ import annotations

import logging
import threading
import time

from worker.celery import app
from worker.engine.cancel import CancelToken
from worker.engine.errors import Cancelled, StrataError
from worker.engine.files.mending import mend
from worker.engine.oci import Descriptor, Digest
from worker.models import Blob, Image
from worker.progress import announce
from worker.progress.mending import end_mending, keep_mending
from worker.tasks.bounds import layer_limits
from worker.tasks.stopping import stopping
from worker.tasks.stores import open_store

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.2
_BEAT_SECONDS = 10
_INTERNAL = StrataError("Something went wrong inside of Strata; the worker's log says what.")


@app.task(name="strata.mend_index")
def mend_index(diff_id: str) -> None:
    """Mend, note how it ended, and tell whoever looks at an image of this layer."""
    error: StrataError | None = None
    try:
        _mend(diff_id)
    except Cancelled:
        pass  # the worker is being ended; the next page asks again
    except StrataError as problem:
        logger.warning("the file index of %s is not mended: %s", diff_id, problem)
        error = problem
    except Exception:  # the boundary: a page waits for the end, whatever it is
        logger.exception("the file index of %s is not mended", diff_id)
        error = _INTERNAL
    end_mending(diff_id, error)
    projects = Image.objects.filter(layers__diff_id=diff_id).order_by().values_list("project", flat=True)
    for project_id in projects.distinct():
        announce(project_id, "images")


def _mend(diff_id: str) -> None:
    forms = Blob.objects.filter(layer__diff_id=diff_id).order_by("-present", "pk")
    blobs = [Descriptor(form.media_type, Digest.parse(form.digest), form.size) for form in forms]
    token, over = CancelToken(), threading.Event()
    watch = threading.Thread(
        target=_watch, args=(diff_id, token, over), name="watch of a mending", daemon=True
    )
    watch.start()
    try:
        if mend(open_store(), Digest.parse(diff_id), blobs, token, layer_limits()):
            logger.info("the file index of %s is made anew", diff_id)
    finally:
        over.set()
        watch.join()


def _watch(diff_id: str, token: CancelToken, over: threading.Event) -> None:
    """Show signs of life, until it is over or this worker is being ended."""
    beat = 0.0
    while not over.wait(_LOOK_SECONDS):
        if stopping():
            token.cancel()
            return
        if time.monotonic() >= beat + _BEAT_SECONDS:
            keep_mending(diff_id)
            beat = time.monotonic()
