"""Containers, made and watched by a real worker with a real runtime."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from samples.images import SampleImage
from samples.registry import SampleRegistry
from tests.support.workers import Program, Workers, wait_for
from tests.worker.integration.conftest import ended, succeeded
from worker import services
from worker.engine.containers import Containers
from worker.engine.store import Store
from worker.models import Container, ContainerState, Image, JobState, Project

pytestmark = [pytest.mark.services, pytest.mark.root, pytest.mark.timeout(170)]


@pytest.fixture
def worker(workers: Workers) -> Program:
    workers.beat()
    return workers.worker()


@pytest.fixture
def base(
    worker: Program, sample_registry: SampleRegistry, sample_base: SampleImage, project: Project
) -> Image:
    reference = sample_registry.push("base", "12", sample_base)
    job = succeeded(services.start_pull(project, reference, insecure=True, by=None), 60, worker.log)
    assert job.image is not None
    return job.image


@pytest.fixture(autouse=True)
def _nothing_keeps_running(workers: Workers) -> object:
    yield
    engine = Containers(Store(workers.data / "store"))
    for name in engine.list():
        engine.remove(name)


def state(container: Container, wanted: ContainerState) -> Callable[[], bool]:
    def reached() -> bool:
        return Container.objects.get(pk=container.pk).state == wanted

    return reached


def test_a_container_runs_and_its_end_is_noticed(worker: Program, base: Image, project: Project) -> None:
    container, job = services.create_container(
        project, base, name="hello", command=["sh", "-c", "echo hi; echo $WHO > /tmp/x; exit 3"],
        env={"WHO": "me"}, by=None,
    )  # fmt: skip
    succeeded(job, 60, worker.log)
    wait_for(state(container, ContainerState.STOPPED), 30, worker.log)
    container.refresh_from_db()
    assert container.exit_code == 3
    assert container.started_at is not None
    assert container.finished_at is not None
    assert container.finished_at >= container.started_at
    assert [line.text for line in services.container_log(container)] == ["hi"]
    assert "/tmp/x" in {str(change.path) for change in services.container_changes(container)}

    succeeded(services.remove_container(container, by=None), 60, worker.log)
    assert not Container.objects.exists()
    assert not list((worker.log.parent / "store" / "containers").iterdir())


def test_a_container_is_stopped_and_started_again(worker: Program, base: Image, project: Project) -> None:
    container, job = services.create_container(
        project, base, command=["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"], by=None
    )
    succeeded(job, 60, worker.log)
    wait_for(state(container, ContainerState.RUNNING), 30, worker.log)
    succeeded(services.stop_container(container, by=None), 60, worker.log)
    container.refresh_from_db()
    assert (container.state, container.exit_code) == (ContainerState.STOPPED, 0)
    succeeded(services.start_container(container, by=None), 60, worker.log)
    container.refresh_from_db()
    assert (container.state, container.exit_code, container.finished_at) == (
        ContainerState.RUNNING,
        None,
        None,
    )
    succeeded(services.remove_container(container, by=None), 60, worker.log)


def test_a_program_that_does_not_exist_is_named(worker: Program, base: Image, project: Project) -> None:
    container, job = services.create_container(project, base, command=["no-such-program"], by=None)
    job = ended(job, 60, worker.log)
    assert (job.state, job.error_code) == (JobState.FAILED, "command_not_found")
    container.refresh_from_db()
    assert container.state == ContainerState.FAILED
    assert container.error_message == job.error_message
    succeeded(services.remove_container(container, by=None), 60, worker.log)
    assert not Container.objects.exists()


def test_a_container_that_ended_while_no_worker_looked_is_noticed(
    workers: Workers, worker: Program, base: Image, project: Project
) -> None:
    """As after a restart of the machine: the row says running, nothing runs."""
    container, job = services.create_container(project, base, command=["sleep", "1000"], by=None)
    succeeded(job, 60, worker.log)
    wait_for(state(container, ContainerState.RUNNING), 30, worker.log)
    worker.kill()
    Containers(Store(workers.data / "store")).kill(str(container.runtime_id))
    again = workers.worker()
    wait_for(state(container, ContainerState.STOPPED), 30, again.log)
    container.refresh_from_db()
    assert container.exit_code == 137
