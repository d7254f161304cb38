"""Containers as rows: what is refused before any node hears of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Users
from tests.worker.models.test_lineage import image
from worker import services
from worker.engine.errors import (
    Conflict,
    ContainerStateError,
    InvalidInput,
    LayerMissing,
    NotAllowed,
    NotFound,
)
from worker.models import Container, ContainerState, Image, Job, JobState, Project


@pytest.fixture
def debian(project: Project) -> Image:
    row = image(project, "debian", "d")
    row.extracted = True
    row.save()
    return row


def rested(container: Container, state: ContainerState) -> Container:
    Job.objects.all().delete()
    Container.objects.filter(pk=container.pk).update(state=state)
    container.refresh_from_db()
    return container


def test_a_container_comes_with_the_job_that_makes_it(project: Project, users: Users, debian: Image) -> None:
    container, job = services.create_container(
        project, debian, name="web", command=["sh", "-c", "true"], env={"A": "1=2"}, by=users.operator
    )
    assert (container.state, container.command, container.env) == (
        "creating",
        ["sh", "-c", "true"],
        {"A": "1=2"},
    )
    assert job.arguments == {"action": "create", "start": True}
    assert job.queue == f"container.{container.node}"


def test_names_are_made_up_if_none_is_given(project: Project, users: Users, debian: Image) -> None:
    names = {services.create_container(project, debian, by=users.operator)[0].name for _ in range(5)}
    assert len(names) == 5
    assert all(name.count("-") >= 1 for name in names)


@pytest.mark.parametrize(
    "bad",
    [
        {"name": "-x"}, {"name": "a/b"}, {"name": "x" * 64}, {"command": ["a\0b"]}, {"command": ["", "x"]},
        {"env": {"": "x"}}, {"env": {"A=B": "x"}}, {"env": {"A": "\0"}},
    ],
)  # fmt: skip
def test_what_cannot_be_meant_leaves_nothing(
    project: Project, users: Users, debian: Image, bad: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput):
        services.create_container(project, debian, by=users.operator, **bad)
    assert not Container.objects.exists()
    assert not Job.objects.exists()


def test_a_name_is_taken_once(project: Project, users: Users, debian: Image) -> None:
    services.create_container(project, debian, name="web", by=users.operator)
    with pytest.raises(Conflict, match="web"):
        services.create_container(project, debian, name="web", by=users.operator)
    assert Job.objects.count() == 1


def test_an_image_that_was_only_fetched_cannot_run(project: Project, users: Users) -> None:
    with pytest.raises(LayerMissing):
        services.create_container(project, image(project, "debian", "d"), by=users.operator)


def test_another_projects_image_is_not_there(users: Users, project: Project) -> None:
    other = image(Project.objects.create(slug="other", name="Other"), "debian", "d")
    with pytest.raises(NotFound):
        services.create_container(project, other, by=users.operator)


@pytest.mark.parametrize("who", ["viewer", "stranger"])
def test_a_viewer_touches_no_container(project: Project, users: Users, debian: Image, who: str) -> None:
    by = getattr(users, who)
    container, _ = services.create_container(project, debian, by=users.operator)
    with pytest.raises(NotAllowed):
        services.create_container(project, debian, by=by)
    for act in (services.start_container, services.stop_container, services.remove_container):
        with pytest.raises(NotAllowed):
            act(container, by=by)


def test_actions_fit_the_state(project: Project, users: Users, debian: Image) -> None:
    container, _ = services.create_container(project, debian, by=users.operator)
    with pytest.raises(ContainerStateError):
        services.stop_container(rested(container, ContainerState.STOPPED), by=users.operator)
    with pytest.raises(ContainerStateError):
        services.start_container(rested(container, ContainerState.RUNNING), by=users.operator)
    assert services.stop_container(container, by=users.operator).arguments == {"action": "stop"}


def test_one_job_at_a_time(project: Project, users: Users, debian: Image) -> None:
    container, _ = services.create_container(project, debian, by=users.operator)
    rested(container, ContainerState.STOPPED)
    services.start_container(container, by=users.operator)
    with pytest.raises(Conflict):
        services.remove_container(container, by=users.operator)


def test_a_container_whose_creation_was_cancelled_says_so(
    project: Project, users: Users, debian: Image
) -> None:
    container, job = services.create_container(project, debian, by=users.operator)
    services.cancel(job, by=users.operator)
    container.refresh_from_db()
    assert container.state == ContainerState.FAILED
    assert "cancelled" in container.error_message
    assert services.remove_container(container, by=users.operator).state == JobState.QUEUED


def test_a_running_container_job_is_not_cancelled(project: Project, users: Users, debian: Image) -> None:
    """Half a container would be worse than a moment's patience."""
    _, job = services.create_container(project, debian, by=users.operator)
    Job.objects.claim(job.pk)
    job.refresh_from_db()
    with pytest.raises(Conflict):
        services.cancel(job, by=users.operator)


def test_one_that_does_not_exist_yet_has_no_log_and_no_changes(
    project: Project, users: Users, debian: Image
) -> None:
    container, _ = services.create_container(project, debian, by=users.operator)
    assert services.container_log(container) == []
    assert services.container_changes(container) == []
