"""Schedules as people see them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils.timezone import now

from tests.conftest import Users
from worker import services
from worker.engine.errors import Conflict, InvalidInput, NotAllowed
from worker.models import Job, Project, Schedule


def save(project: Project, users: Users, **changes: Any) -> Schedule:
    fields = {
        "reference": "debian:bookworm", "platform": "", "insecure": False, "cron": "*  * * * *",
        "timezone": "UTC", "by": users.operator,
    }  # fmt: skip
    return services.save_schedule(project, **{**fields, **changes})


def test_a_schedule_knows_when_it_is_due(project: Project, users: Users) -> None:
    schedule = save(project, users)
    assert schedule.reference == "docker.io/library/debian:bookworm"
    assert schedule.cron == "* * * * *"
    assert schedule.next_run_at is not None
    assert timedelta(0) < schedule.next_run_at - now() <= timedelta(minutes=1)


def test_one_that_is_off_is_never_due(project: Project, users: Users) -> None:
    schedule = save(project, users, enabled=False)
    assert schedule.next_run_at is None
    services.switch_schedule(schedule, True, by=users.operator)
    assert schedule.next_run_at is not None
    services.switch_schedule(schedule, False, by=users.operator)
    schedule.refresh_from_db()
    assert (schedule.enabled, schedule.next_run_at) == (False, None)


def test_an_edit_keeps_the_row(project: Project, users: Users) -> None:
    schedule = save(project, users)
    save(project, users, schedule=schedule, cron="0 4 * * *", timezone="Europe/Berlin")
    assert Schedule.objects.count() == 1
    schedule.refresh_from_db()
    assert (schedule.cron, schedule.timezone) == ("0 4 * * *", "Europe/Berlin")


@pytest.mark.parametrize(
    "changes", [{"cron": "nonsense"}, {"timezone": "Nowhere"}, {"reference": "::"}, {"platform": "x"}]
)
@pytest.mark.parametrize("enabled", [True, False])
def test_what_cannot_be_meant_is_refused(
    project: Project, users: Users, changes: dict[str, str], enabled: bool
) -> None:
    with pytest.raises(InvalidInput):
        save(project, users, enabled=enabled, **changes)
    assert not Schedule.objects.exists()


def test_run_now_is_a_pull_of_its_own(project: Project, users: Users) -> None:
    schedule = save(project, users, insecure=True)
    due = schedule.next_run_at
    job = services.run_schedule_now(schedule, by=users.operator)
    assert (job.reference, job.schedule) == (schedule.reference, schedule)
    assert job.arguments["insecure"] is True
    schedule.refresh_from_db()
    assert schedule.next_run_at == due
    assert schedule.last_run_at is not None
    with pytest.raises(Conflict):
        services.run_schedule_now(schedule, by=users.operator)


def test_a_removed_schedule_leaves_its_jobs(project: Project, users: Users) -> None:
    schedule = save(project, users)
    job = services.run_schedule_now(schedule, by=users.operator)
    services.delete_schedule(schedule, by=users.operator)
    assert Job.objects.get(pk=job.pk).schedule is None


@pytest.mark.parametrize("who", ["viewer", "stranger"])
def test_a_viewer_changes_nothing(project: Project, users: Users, who: str) -> None:
    by = getattr(users, who)
    schedule = save(project, users)
    with pytest.raises(NotAllowed):
        save(project, users, by=by)
    with pytest.raises(NotAllowed):
        services.switch_schedule(schedule, False, by=by)
    with pytest.raises(NotAllowed):
        services.run_schedule_now(schedule, by=by)
    with pytest.raises(NotAllowed):
        services.delete_schedule(schedule, by=by)
