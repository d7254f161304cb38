"""Starting, cancelling and repeating jobs."""

from __future__ import annotations

import pytest
from django.utils.timezone import now
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from tests.conftest import Users
from tests.support.redis import RedisServer
from tests.worker.models.test_lineage import image
from worker import services
from worker.engine.errors import Conflict, InvalidPlatform, InvalidReference, NotAllowed
from worker.models import Job, JobKind, JobState, Project
from worker.progress import latest


def test_a_pull_is_a_queued_job_with_everything_the_worker_needs(project: Project, users: Users) -> None:
    job = services.start_pull(project, "alpine", platform="linux/x86_64", by=users.operator)
    assert (job.kind, job.state, job.queue) == (JobKind.PULL, JobState.QUEUED, "pull")
    assert (job.reference, job.platform) == ("docker.io/library/alpine:latest", "linux/amd64")
    assert job.arguments == {"insecure": None, "fetch_only": False}
    assert job.created_by == users.operator


def test_the_message_is_sent_after_the_commit(
    project: Project,
    users: Users,
    redis_server: RedisServer,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    """A worker that is quick must find the row."""
    with django_capture_on_commit_callbacks() as callbacks:
        job = services.start_pull(project, "alpine", by=users.operator)
        assert redis_server.client.llen("pull") == 0
    for callback in callbacks:
        callback()
    assert redis_server.client.llen("pull") == 1
    job.refresh_from_db()
    assert job.sent_at is not None


def test_without_redis_the_job_stays_queued(
    project: Project, users: Users, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    """Nothing is lost and nothing raised: housekeeping sends it later."""
    with django_capture_on_commit_callbacks(execute=True):
        job = services.start_pull(project, "alpine", by=users.operator)
    job.refresh_from_db()
    assert (job.state, job.sent_at) == (JobState.QUEUED, None)


@pytest.mark.parametrize("who", ["viewer", "stranger"])
def test_a_viewer_does_not_pull_extract_or_cancel(project: Project, users: Users, who: str) -> None:
    by = getattr(users, who)
    job = services.start_pull(project, "alpine", by=users.operator)
    with pytest.raises(NotAllowed):
        services.start_pull(project, "alpine", by=by)
    with pytest.raises(NotAllowed):
        services.start_extract(image(project, "debian", "d"), by=by)
    with pytest.raises(NotAllowed):
        services.cancel(job, by=by)
    with pytest.raises(NotAllowed):
        services.retry(job, by=by)
    assert Job.objects.count() == 1


def test_what_cannot_be_meant_leaves_nothing_behind(project: Project, users: Users) -> None:
    with pytest.raises(InvalidReference):
        services.start_pull(project, "UPPER CASE", by=users.operator)
    with pytest.raises(InvalidPlatform):
        services.start_pull(project, "alpine", platform="pdp11", by=users.operator)
    assert not Job.objects.exists()


def test_the_longest_reference_fits_its_column(project: Project, users: Users) -> None:
    host = ".".join(["h" * 62] * 4)
    reference = f"{host}/{'r' * 255}:{'t' * 128}@sha256:{'a' * 64}"
    job = services.start_pull(project, reference, by=users.operator)
    job.refresh_from_db()
    assert job.reference == reference


def test_the_allow_list_decides_where_from(project: Project, users: Users, settings: Settings) -> None:
    settings.ALLOWED_REGISTRIES = ["docker.io", "*.Example.com"]
    services.start_pull(project, "alpine", by=users.operator)
    services.start_pull(project, "r.example.com/x", by=users.operator)
    with pytest.raises(NotAllowed, match=r"quay\.io"):
        services.start_pull(project, "quay.io/x", by=users.operator)
    with pytest.raises(NotAllowed):
        services.save_schedule(
            project, reference="quay.io/x", platform="", insecure=False, cron="* * * * *", timezone="UTC",
            by=users.operator,
        )  # fmt: skip


def test_a_used_up_quota_ends_pulls(project: Project, users: Users) -> None:
    image(project, "debian", "dab")
    project.quota_bytes = 301
    services.start_pull(project, "alpine", by=users.operator)
    project.quota_bytes = 300
    with pytest.raises(Conflict, match="quota"):
        services.start_pull(project, "alpine", by=users.operator)


def test_an_image_is_extracted_once_at_a_time(project: Project, users: Users) -> None:
    row = image(project, "debian", "d")
    job = services.start_extract(row, by=users.operator)
    assert (job.kind, job.image, job.queue) == (JobKind.EXTRACT, row, "extract")
    with pytest.raises(Conflict):
        services.start_extract(row, by=users.operator)


def test_a_queued_job_is_cancelled_at_once(project: Project, users: Users) -> None:
    job = services.start_pull(project, "alpine", by=users.operator)
    cancelled = services.cancel(job, by=users.operator)
    assert cancelled.state == JobState.CANCELLED
    assert cancelled.finished_at is not None
    assert Job.objects.claim(job.pk) is None
    with pytest.raises(Conflict, match="cancelled"):
        services.cancel(job, by=users.operator)


def test_a_cancelled_job_says_so_to_those_who_follow_it(
    project: Project, users: Users, redis_server: RedisServer
) -> None:
    job = services.start_pull(project, "alpine", by=users.operator)
    services.cancel(job, by=users.operator)
    assert redis_server.client.xlen(f"strata:job:{job.pk}") == 1
    assert latest(job).state == "cancelled"


def test_a_running_job_is_asked_to_end(project: Project, users: Users) -> None:
    job = services.start_pull(project, "alpine", by=users.operator)
    Job.objects.claim(job.pk)
    asked = services.cancel(job, by=users.operator)
    assert asked.state == JobState.RUNNING
    assert asked.cancel_requested_at is not None


def test_a_job_that_ended_can_be_repeated(project: Project, users: Users) -> None:
    job = services.start_pull(project, "alpine", platform="linux/arm64", insecure=True, by=users.operator)
    with pytest.raises(Conflict):
        services.retry(job, by=users.operator)
    Job.objects.filter(pk=job.pk).update(state=JobState.FAILED, error_code="x", finished_at=now())
    job.refresh_from_db()
    again = services.retry(job, by=users.admin)
    assert again.pk != job.pk
    assert (again.reference, again.platform, again.arguments) == (job.reference, job.platform, job.arguments)
    assert (again.state, again.created_by, again.error_code) == (JobState.QUEUED, users.admin, "")


def test_a_scheduled_pull_that_somebody_repeats_is_no_longer_one_that_nobody_waits_for(
    project: Project, users: Users
) -> None:
    """It may use the last pulls that a registry grants."""
    job = services.start_pull(project, "alpine", insecure=True, by=None)
    arguments = {"insecure": True, "fetch_only": False}
    Job.objects.filter(pk=job.pk).update(
        state=JobState.FAILED, error_code="rate_limited", arguments={**arguments, "scheduled": True}
    )
    job.refresh_from_db()
    assert services.retry(job, by=users.operator).arguments == arguments
