"""What registries say of their rate limits is kept, and scheduled pulls leave the last ones to people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils.timezone import now

from samples.images import image, layer
from samples.pulls import PullLimit
from samples.registry import SampleRegistry
from tests.support.redis import RedisServer
from worker import services
from worker.models import Job, JobState, Project, RateLimit, Registry, Schedule
from worker.tasks.pulling import pull_image
from worker.tasks.running import run_job
from worker.tasks.scheduling import run_due

pytestmark = pytest.mark.django_db(transaction=True)

IMAGE = image([layer({"etc/name": b"x"})])
HUB = "docker.io"


@pytest.fixture
def pull(
    project: Project, data_dir: Path, sample_registry: SampleRegistry, redis_server: RedisServer
) -> Callable[..., Job]:
    """Run a pull as a worker does."""

    def pull(**arguments: object) -> Job:
        reference = sample_registry.push("app", "1", IMAGE)
        job = services.start_pull(project, reference, insecure=True, fetch_only=True, by=None)
        Job.objects.filter(pk=job.pk).update(arguments=job.arguments | arguments)
        run_job(job.pk, pull_image)
        job.refresh_from_db()
        return job

    return pull


def seen(project: Project, host: str = HUB, **changes: int) -> RateLimit:
    RateLimit.objects.note(
        project, host, **{"limit": 100, "remaining": 5, "window": 21_600, "wait": 21_600, **changes}
    )
    return RateLimit.objects.get(project=project, host=host)


def due(project: Project) -> Schedule:
    return Schedule.objects.create(
        project=project,
        reference="docker.io/library/debian:bookworm",
        cron="0 * * * *",
        next_run_at=now() - timedelta(seconds=1),
    )


def test_a_pull_keeps_what_it_was_told(
    project: Project, pull: Callable[..., Job], sample_registry: SampleRegistry
) -> None:
    sample_registry.pulls = PullLimit(100, used=23)
    assert pull().state == JobState.SUCCEEDED
    row = RateLimit.objects.get()
    assert (row.project, row.host) == (project, sample_registry.host)
    assert (row.limit, row.remaining, row.window, row.source) == (100, 76, 21_600, "192.0.2.1")
    assert row.full_at == row.seen_at + timedelta(hours=6)


def test_so_does_one_that_is_refused(pull: Callable[..., Job], sample_registry: SampleRegistry) -> None:
    sample_registry.pulls = PullLimit(100, used=100)
    job = pull()
    assert (job.state, job.error_code) == (JobState.FAILED, "rate_limited")
    assert "works again" in job.error_message
    assert RateLimit.objects.get().remaining == 0


def test_a_scheduled_pull_that_finds_few_left_holds_back(
    project: Project, pull: Callable[..., Job], sample_registry: SampleRegistry
) -> None:
    sample_registry.pulls = PullLimit(100, used=95)
    job = pull(scheduled=True)
    assert job.error_code == "rate_limited"
    assert "kept for people" in job.error_message
    assert sample_registry.pulls.used == 95
    assert pull().state == JobState.SUCCEEDED


def test_a_schedule_passes_with_a_note(project: Project) -> None:
    schedule = due(project)
    seen(project)
    assert run_due() == 0
    schedule.refresh_from_db()
    assert schedule.note.startswith("Held back until ")
    assert "docker.io has 5 of 100 pulls left, and those are for people." in schedule.note


@pytest.mark.parametrize("changes", [{"remaining": 11}, {"limit": 10, "remaining": 2}])
def test_it_runs_while_there_are_enough(project: Project, changes: dict[str, int]) -> None:
    due(project)
    seen(project, **changes)
    assert run_due() == 1


def test_it_looks_again_after_a_while(project: Project) -> None:
    """To look costs nothing, and a window slides."""
    due(project)
    row = seen(project)
    RateLimit.objects.filter(pk=row.pk).update(seen_at=now() - timedelta(minutes=16))
    assert run_due() == 1


def test_another_projects_limit_and_another_hosts_hold_nobody(project: Project) -> None:
    due(project)
    seen(Project.objects.create(slug="other", name="Other"))
    seen(project, "quay.io")
    assert run_due() == 1


def test_where_mirrors_do_the_work_nothing_is_held_back(project: Project) -> None:
    due(project)
    seen(project)
    Registry.objects.create(project=project, host=HUB, mirrors=["m.example"])
    assert run_due() == 1


def test_what_is_long_ago_says_nothing(project: Project) -> None:
    row = seen(project, wait=60)
    assert not row.outdated
    row.seen_at -= timedelta(minutes=2)
    assert row.outdated
