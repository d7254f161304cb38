"""Schedules, handed out by real beats."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.utils.timezone import now

from samples.registry import SampleRegistry
from tests.support.workers import Workers, wait_for
from tests.worker.integration.conftest import KIB, noise, succeeded
from worker import services
from worker.models import Job, Project, Schedule

pytestmark = [pytest.mark.services, pytest.mark.timeout(170)]


def test_two_beats_and_two_workers_run_a_due_schedule_once(
    workers: Workers, sample_registry: SampleRegistry, project: Project
) -> None:
    reference = sample_registry.push("app", "1", noise(20 * KIB))
    schedule = services.save_schedule(
        project, reference=reference, platform="", insecure=True, cron="0 0 1 1 *", timezone="UTC", by=None
    )
    Schedule.objects.filter(pk=schedule.pk).update(next_run_at=now() - timedelta(minutes=3))
    programs = [workers.worker(), workers.worker(), workers.beat(), workers.beat()]
    wait_for(lambda: Job.objects.exists(), 60, *(program.log for program in programs))
    job = succeeded(Job.objects.get(), 60, programs[0].log, programs[1].log)
    # Several more ticks of both beats.
    time.sleep(4)
    assert Job.objects.count() == 1
    assert job.schedule == schedule
    schedule.refresh_from_db()
    assert schedule.next_run_at is not None
    assert schedule.next_run_at > now()
