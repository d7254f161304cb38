"""Schedules come due: each time once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import Settings

from tests.support.threads import at_once
from worker.models import Job, JobState, Project, Schedule
from worker.tasks.scheduling import run_due

DUE = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


def hourly(project: Project, **fields: object) -> Schedule:
    values = {
        "reference": "docker.io/library/debian:bookworm", "cron": "0 * * * *", "timezone": "UTC",
        "next_run_at": DUE, **fields,
    }  # fmt: skip
    return Schedule.objects.create(project=project, **values)


def test_what_is_due_becomes_a_pull(project: Project) -> None:
    schedule = hourly(project, platform="linux/arm64", insecure=True)
    assert run_due(DUE + timedelta(seconds=3)) == 1
    job = Job.objects.get()
    assert (job.schedule, job.reference, job.platform) == (schedule, schedule.reference, "linux/arm64")
    assert job.arguments == {"insecure": True, "fetch_only": False, "scheduled": True}
    schedule.refresh_from_db()
    assert schedule.next_run_at == DUE + timedelta(hours=1)
    assert schedule.last_run_at == DUE + timedelta(seconds=3)


def test_nothing_runs_before_its_time_or_while_off(project: Project) -> None:
    hourly(project)
    hourly(project, enabled=False)
    assert run_due(DUE - timedelta(seconds=1)) == 0
    assert not Job.objects.exists()


def test_the_same_time_runs_once(project: Project) -> None:
    hourly(project)
    assert [run_due(DUE), run_due(DUE), run_due(DUE + timedelta(minutes=59))] == [1, 0, 0]


def test_times_that_were_missed_run_once(project: Project) -> None:
    """The machine was off for a day: one pull brings everything up to date."""
    schedule = hourly(project)
    assert run_due(DUE + timedelta(hours=24, minutes=10)) == 1
    schedule.refresh_from_db()
    assert schedule.next_run_at == DUE + timedelta(hours=25)


def test_a_pull_that_takes_longer_than_the_interval_is_not_overtaken(project: Project) -> None:
    schedule = hourly(project)
    run_due(DUE)
    assert run_due(DUE + timedelta(hours=1)) == 0
    schedule.refresh_from_db()
    assert "had not ended" in schedule.note
    assert schedule.next_run_at == DUE + timedelta(hours=2)
    Job.objects.update(state=JobState.SUCCEEDED)
    assert run_due(DUE + timedelta(hours=2)) == 1
    schedule.refresh_from_db()
    assert schedule.note == ""


def test_a_schedule_respects_the_allow_list_and_the_quota(project: Project, settings: Settings) -> None:
    schedule = hourly(project)
    settings.ALLOWED_REGISTRIES = ["quay.io"]
    assert run_due(DUE) == 0
    schedule.refresh_from_db()
    assert "may not pull from docker.io" in schedule.note
    settings.ALLOWED_REGISTRIES = []
    project.quota_bytes = 0
    project.save()
    assert run_due(DUE + timedelta(hours=1)) == 0
    schedule.refresh_from_db()
    assert "quota" in schedule.note


def test_one_that_cannot_be_reckoned_any_more_is_switched_off_and_harms_no_other(project: Project) -> None:
    broken = hourly(project, timezone="Gone/Zone", next_run_at=DUE - timedelta(minutes=1))
    hourly(project)
    assert run_due(DUE) == 1
    broken.refresh_from_db()
    assert (broken.enabled, broken.next_run_at) == (False, None)
    assert "time zone" in broken.note


@pytest.mark.django_db(transaction=True)
def test_however_many_look_at_the_same_moment_it_runs_once() -> None:
    hourly(Project.objects.create(slug="p", name="P"))
    started = at_once([lambda: run_due(DUE)] * 5)
    assert sorted(started) == [0, 0, 0, 0, 1]
    assert Job.objects.count() == 1
