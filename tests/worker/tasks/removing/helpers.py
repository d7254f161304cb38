"""Images that share a base, what they take on the disk, and removing them by a job."""

from __future__ import annotations

import os
import subprocess

from samples.images import image, layer
from tests.worker.tasks.helpers import ended
from worker import services
from worker.engine.store import Store
from worker.models import Image, Job
from worker.services import WhatWouldGo, what_would_go

BASE_LAYER = layer({"etc/name": b"base", "big": os.urandom(40_000)})
BASE = image([BASE_LAYER])
APP = image([BASE_LAYER, layer({"app": os.urandom(60_000)})])
OTHER = image([BASE_LAYER, layer({"other": os.urandom(30_000)})])


def du(store: Store) -> int:
    """Bytes on disk of blobs and layers, as the program of that name counts them."""
    out = subprocess.check_output(
        ["du", "--summarize", "--block-size=1", "--total", store.root / "blobs", store.root / "layers"]
    )
    return int(out.split()[-2])


def foreseen(*images: Image) -> WhatWouldGo:
    what = what_would_go(images, by=None)
    assert not what.unmeasured
    return what


def removed(*images: Image) -> Job:
    """Remove them, by a job run here; return its row."""
    return ended(services.remove_images(images, by=None))


def removes_what_it_foresaw(store: Store, *images: Image) -> Job:
    what, before = foreseen(*images), du(store)
    job = removed(*images)
    assert job.result["bytes"] == what.freed == before - du(store)
    assert (job.result["foreseen"], job.result["stay"]) == (what.freed, 0)
    return job
