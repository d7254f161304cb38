"""What would go: who may ask and begin, and what cannot be meant."""

from __future__ import annotations

import pytest

from tests.conftest import Users
from tests.dashboard.catalog import family, make_image, make_job
from worker import services
from worker.engine.errors import Conflict, InvalidInput, NotAllowed, NotFound
from worker.models import Container, Image, Job, JobKind, JobState, Project


@pytest.fixture
def image(project: Project, data_dir: object) -> Image:
    return make_image(project, "php", "daipx", tags=["8"])


def test_operators_may_viewers_may_not(image: Image, users: Users) -> None:
    for user in (users.viewer, users.stranger):
        for ask in (services.what_would_go, services.remove_images):
            with pytest.raises(NotAllowed):
                ask([image], by=user)
    services.what_would_go([image], by=users.operator)
    assert services.remove_images([image], by=users.operator).created_by == users.operator


def test_only_some_images_of_one_project_can_be_meant(
    image: Image, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_image(Project.objects.create(slug="other", name="Other"), "a", "d")
    for images, words in (((), "No image was chosen"), ((image, other), "of one project")):
        with pytest.raises(InvalidInput, match=words):
            services.what_would_go(images, by=None)
    monkeypatch.setattr("worker.services.foreseeing.MOST_IMAGES", 1)
    with pytest.raises(InvalidInput, match="At most 1 images can be removed at once; these are 2"):
        services.what_would_go([image, make_image(project, "b", "d")], by=None)
    with pytest.raises(NotFound, match="not in this project"):
        services.chosen_images(project, [image.pk, other.pk])


def test_what_holds_an_image_refuses(image: Image, project: Project) -> None:
    job = make_job(project, kind=JobKind.EXTRACT, image=image)
    with pytest.raises(Conflict, match="being extracted"):
        services.remove_images([image], by=None)
    Job.objects.filter(pk=job.pk).update(state=JobState.CANCELLED)
    Container.objects.create(project=project, image=image, name="quiet-basalt", node="local")
    with pytest.raises(Conflict, match="The container quiet-basalt stands on this image"):
        services.remove_images([image], by=None)
    assert not Job.objects.filter(kind=JobKind.REMOVE).exists()


def test_its_members_end_and_repeat_it_without_the_install(
    project: Project, users: Users, data_dir: object
) -> None:
    """A collection is for administrators of the install; this is for operators of the project."""
    images = family(project)
    job = services.remove_images([images["php"]], by=users.operator)
    assert job.queue == "storage"
    with pytest.raises(NotAllowed):
        services.cancel(job, by=users.viewer)
    services.cancel(job, by=users.operator)
    again = services.retry(job, by=users.operator)
    assert (again.kind, again.arguments) == (JobKind.REMOVE, job.arguments)
    Job.objects.filter(pk=again.pk).update(state=JobState.SUCCEEDED)
    again.refresh_from_db()
    with pytest.raises(Conflict, match="has removed its images"):
        services.retry(again, by=users.operator)
