"""What a pull brings can be searched a moment later, by real workers."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from dashboard.queries.file_search import search
from dashboard.queries.file_search_wish import FileWish
from dashboard.queries.search_index import forget_stacks, search_index, stacks_of
from samples.images import image, layer
from samples.registry import SampleRegistry
from tests.support.workers import Workers, wait_for
from tests.worker.integration.conftest import succeeded
from worker import services
from worker.engine.search import database
from worker.models import Layer, Project

pytestmark = [pytest.mark.services, pytest.mark.root, pytest.mark.timeout(170)]

QUEUES = "pull,housekeeping,storage,index"


def paths(project: Project, text: str) -> list[bytes]:
    forget_stacks()
    found = search(project, stacks_of(project), FileWish(text).query())
    return [place.path for one in found.items for place in one.found.places]


def searchable(count: int) -> bool:
    return len(search_index().layers()) == count


def test_a_pull_becomes_searchable_and_a_damaged_database_comes_back(
    workers: Workers, sample_registry: SampleRegistry, project: Project, data_dir: Path
) -> None:
    """Also after the database was damaged, and after the worker was killed."""
    sample = image([layer({"etc/one": b"1", "etc/two": b"2"}), layer({"etc/.wh.one": b""})])
    reference = sample_registry.push("app", "1", sample)
    worker = workers.worker(QUEUES)
    succeeded(services.start_pull(project, reference, insecure=True, by=None), 60, worker.log)
    wait_for(lambda: searchable(2), 60, worker.log)
    assert paths(project, "/etc/one") == [b"etc/one", b"etc/one"]
    assert not (set(Layer.objects.values_list("tree_present", flat=True)) - {True})

    path = database.current(data_dir / "search")
    assert path is not None
    damaged = path.with_suffix(".damaged")
    damaged.write_bytes(b"SQLite format 3\0" + os.urandom(20_000))
    damaged.rename(path)
    assert services.mend_search()
    wait_for(lambda: database.current(data_dir / "search") not in (None, path), 60, worker.log)
    wait_for(lambda: searchable(2), 60, worker.log)

    os.killpg(worker.process.pid, signal.SIGKILL)
    worker.process.wait()
    another = sample_registry.push("app", "2", image([layer({"srv/three": b"3"})]))
    worker = workers.worker(QUEUES)
    succeeded(services.start_pull(project, another, insecure=True, by=None), 60, worker.log)
    wait_for(lambda: searchable(3), 60, worker.log)
    assert paths(project, "srv/") == [b"srv/three"]
