"""A job's row lets exactly one worker at a time do it."""

from __future__ import annotations

import pytest

from tests.support.threads import at_once
from worker.models import Job, JobKind, JobState, Project


def queued(project: Project) -> Job:
    return Job.objects.create(project=project, kind=JobKind.PULL, reference="docker.io/library/alpine:latest")


def test_a_claim_starts_a_new_attempt(project: Project) -> None:
    job = Job.objects.claim(queued(project).pk)
    assert job is not None
    assert (job.state, job.attempt) == (JobState.RUNNING, 1)
    assert job.started_at is not None
    assert job.heartbeat_at is not None


@pytest.mark.parametrize("state", [JobState.RUNNING, JobState.SUCCEEDED, JobState.CANCELLED])
def test_only_a_queued_job_can_be_claimed(project: Project, state: JobState) -> None:
    job = queued(project)
    Job.objects.filter(pk=job.pk).update(state=state)
    assert Job.objects.claim(job.pk) is None


def test_a_job_that_is_gone_cannot_be_claimed(project: Project) -> None:
    assert Job.objects.claim(12345) is None


@pytest.mark.django_db(transaction=True)
def test_of_many_claims_at_once_exactly_one_succeeds() -> None:
    job = queued(Project.objects.create(slug="p", name="P"))
    claims = at_once([lambda: Job.objects.claim(job.pk)] * 6)
    assert len(claims) == 6
    assert sum(claimed is not None for claimed in claims) == 1


def test_one_who_was_believed_dead_cannot_write_any_more(project: Project) -> None:
    """The successor's attempt stands, whatever the first worker still tries."""
    first = Job.objects.claim(queued(project).pk)
    assert first is not None
    assert Job.objects.put_back(first)
    second = Job.objects.claim(first.pk)
    assert second is not None
    assert not Job.objects.beat(first)
    assert not Job.objects.put_back(first)
    assert not Job.objects.end(first, JobState.SUCCEEDED)
    assert Job.objects.beat(second)
    assert Job.objects.end(second, JobState.SUCCEEDED, result={"unchanged": True})
    second.refresh_from_db()
    assert (second.state, second.attempt, second.result) == (JobState.SUCCEEDED, 2, {"unchanged": True})


def test_put_back_asks_for_a_new_message(project: Project) -> None:
    job = Job.objects.claim(queued(project).pk)
    assert job is not None
    Job.objects.put_back(job)
    job.refresh_from_db()
    assert (job.state, job.sent_at, job.heartbeat_at) == (JobState.QUEUED, None, None)
