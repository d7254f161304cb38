"""A container's job runs again after its worker died: what was done is neither undone nor done twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils.timezone import now

from samples.images import SampleImage
from samples.registry import SampleRegistry
from tests.support.workers import wait_for
from worker import services
from worker.engine.cancel import CancelToken
from worker.engine.containers import Containers
from worker.engine.oci import Reference
from worker.engine.pull import PullRequest, pull
from worker.engine.registry import Endpoint
from worker.engine.store import Store
from worker.models import Container, ContainerState, Image, Job, JobState, Project
from worker.models.recording import record
from worker.progress import Reporter
from worker.tasks.containing import act
from worker.tasks.running import Run

pytestmark = [pytest.mark.root, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def engine(data_dir: Path) -> Iterator[Containers]:
    engine = Containers(Store(data_dir / "store"))
    yield engine
    for name in engine.list():
        engine.remove(name)


@pytest.fixture
def base(
    project: Project,
    engine: Containers,
    data_dir: Path,
    sample_registry: SampleRegistry,
    sample_base: SampleImage,
) -> Image:
    reference = Reference.parse(sample_registry.push("base", "12", sample_base))
    request = PullRequest(reference, None, Endpoint(reference.registry, insecure=True))
    pulled = pull(Store(data_dir / "store"), request)
    return record(project, reference, pulled)


def attempt(job: Job) -> None:
    """Do a job's work as a worker that dies before it writes the end."""
    Job.objects.filter(pk=job.pk, state=JobState.RUNNING).update(state=JobState.QUEUED)
    claimed = Job.objects.claim(job.pk)
    assert claimed is not None
    act(Run(claimed, Reporter(claimed), CancelToken()))


def runs(container: Container) -> list[str]:
    return [line.text for line in services.container_log(container)]


def test_a_running_container_is_not_made_anew(base: Image, engine: Containers) -> None:
    """What it has written since would be lost."""
    container, job = services.create_container(
        base.project, base, command=["sh", "-c", "echo precious > /tmp/x; echo run; sleep 1000"], by=None
    )
    attempt(job)
    wait_for(lambda: runs(container) == ["run"], 20)
    before = engine.status(str(container.runtime_id))
    attempt(job)
    assert engine.status(str(container.runtime_id)) == before
    assert "/tmp/x" in [change.path for change in services.container_changes(container)]
    assert Container.objects.get().state == ContainerState.RUNNING


@pytest.mark.parametrize("first_time", [True, False])
def test_a_program_that_has_ended_does_not_run_twice(
    base: Image, engine: Containers, first_time: bool
) -> None:
    container, job = services.create_container(
        base.project, base, command=["sh", "-c", "echo run; exit 3"], start=first_time, by=None
    )
    if not first_time:
        attempt(job)
        Job.objects.all().update(state=JobState.SUCCEEDED, finished_at=now())
        container.refresh_from_db()
        job = services.start_container(container, by=None)
    attempt(job)
    wait_for(lambda: engine.status(str(container.runtime_id)).exit_code == 3, 20)
    attempt(job)
    wait_for(lambda: engine.status(str(container.runtime_id)).state == "stopped", 20)
    assert runs(container) == ["run"]
    row = Container.objects.get()
    assert (row.state, row.exit_code) == (ContainerState.STOPPED, 3)


def test_a_container_that_was_half_made_is_made_anew(base: Image, engine: Containers) -> None:
    container, job = services.create_container(base.project, base, command=["true"], start=False, by=None)
    attempt(job)
    # As if the worker had died before it wrote the row.
    Container.objects.update(state=ContainerState.CREATING)
    attempt(job)
    assert Container.objects.get().state == ContainerState.CREATED
    assert engine.list() == [str(container.runtime_id)]
