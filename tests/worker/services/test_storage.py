"""Work on the whole store: for administrators of the install, and one at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils.timezone import now

from tests.conftest import Users
from tests.support.redis import RedisServer
from tests.support.threads import at_once
from worker import services
from worker.engine.errors import Conflict, NotAllowed
from worker.models import Job, JobKind, JobState, Project, StoreSurvey

Start = Callable[..., Job]


def scrub(project: Project, **who: object) -> Job:
    return services.start_scrub(project, repair=False, **who)  # type: ignore[arg-type]


def repair(project: Project, **who: object) -> Job:
    return services.start_scrub(project, repair=True, **who)  # type: ignore[arg-type]


EVERY = [services.start_preview, services.start_collect, services.start_rebuild, scrub, repair]


@pytest.mark.parametrize("start", EVERY)
def test_only_administrators_of_the_install_may(project: Project, users: Users, start: Start) -> None:
    for user in (users.viewer, users.operator, users.admin, users.stranger):
        with pytest.raises(NotAllowed):
            start(project, by=user)
    job = start(project, by=users.superuser)
    assert (job.state, job.queue, job.created_by) == (JobState.QUEUED, "storage", users.superuser)


def test_what_each_job_is_to_do_stands_in_its_row(project: Project) -> None:
    jobs = [start(project, by=None) for start in (services.start_preview, scrub, services.start_rebuild)]
    assert [(job.kind, job.arguments) for job in jobs] == [
        (JobKind.COLLECT, {"dry_run": True}),
        (JobKind.SCRUB, {"repair": False}),
        (JobKind.REBUILD, {}),
    ]
    Job.objects.all().update(state=JobState.CANCELLED)
    assert repair(project, by=None).arguments == {"repair": True}
    Job.objects.all().update(state=JobState.CANCELLED)
    assert services.start_collect(project, by=None).arguments == {"dry_run": False}


@pytest.mark.parametrize("second", [services.start_collect, services.start_rebuild, repair])
@pytest.mark.parametrize("first", [services.start_collect, services.start_rebuild, repair])
def test_of_those_that_change_the_store_one_runs_at_a_time(
    project: Project, first: Start, second: Start
) -> None:
    other = Project.objects.create(slug="other", name="Other")
    begun = first(project, by=None)
    Job.objects.filter(pk=begun.pk).update(state=JobState.RUNNING)
    with pytest.raises(Conflict, match=rf"already \(job {begun.pk}, running\)"):
        second(other, by=None)
    Job.objects.filter(pk=begun.pk).update(state=JobState.SUCCEEDED)
    second(other, by=None)


def test_those_that_only_read_go_on_beside_them_once_of_each_kind(project: Project) -> None:
    services.start_collect(project, by=None)
    for reads in (services.start_preview, scrub):
        reads(project, by=None)
        with pytest.raises(Conflict):
            reads(project, by=None)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_start_at_the_same_time_one_gets_it(project: Project) -> None:
    def start() -> bool:
        try:
            services.start_collect(project, by=None)
        except Conflict:
            return False
        return True

    assert sorted(at_once([start] * 4)) == [False, False, False, True]
    assert Job.objects.count() == 1


def test_an_operator_neither_cancels_nor_repeats_them(project: Project, users: Users) -> None:
    job = services.start_collect(project, by=users.superuser)
    for act in (services.cancel, services.retry):
        with pytest.raises(NotAllowed):
            act(job, by=users.admin)
    services.cancel(job, by=users.superuser)
    again = services.retry(job, by=users.superuser)
    assert (again.kind, again.arguments, again.slot) == (job.kind, job.arguments, job.slot)
    job.refresh_from_db()
    with pytest.raises(Conflict, match="already"):
        services.retry(job, by=users.superuser)


def test_a_measurement_is_asked_for_once_while_one_is_under_way(
    db: None, users: Users, redis_server: RedisServer
) -> None:
    with pytest.raises(NotAllowed):
        services.measure_storage(by=users.admin)
    assert services.measure_storage(by=users.superuser)
    assert not services.measure_storage(by=users.superuser)
    assert services.is_measured_now(services.refresh_storage())
    assert redis_server.client.llen("storage") == 1


def test_an_old_measurement_is_made_anew_when_somebody_looks(db: None, redis_server: RedisServer) -> None:
    moment = now()
    StoreSurvey.objects.create(pk=1, measured_at=moment, asked_at=moment)
    services.refresh_storage()
    assert redis_server.client.llen("storage") == 0
    StoreSurvey.objects.update(measured_at=moment - timedelta(hours=1), asked_at=moment - timedelta(hours=1))
    services.refresh_storage()
    services.refresh_storage()
    assert redis_server.client.llen("storage") == 1


def test_a_measurement_from_before_a_collection_is_old(project: Project, redis_server: RedisServer) -> None:
    moment = now()
    StoreSurvey.objects.create(pk=1, measured_at=moment - timedelta(minutes=1), asked_at=moment)
    StoreSurvey.objects.update(asked_at=moment - timedelta(minutes=1))
    look = services.start_preview(project, by=None)
    Job.objects.filter(pk=look.pk).update(state=JobState.SUCCEEDED, finished_at=moment)
    redis_server.client.flushall()
    services.refresh_storage()
    assert redis_server.client.llen("storage") == 0
    collected = services.start_collect(project, by=None)
    Job.objects.filter(pk=collected.pk).update(state=JobState.SUCCEEDED, finished_at=moment)
    redis_server.client.flushall()
    services.refresh_storage()
    assert redis_server.client.llen("storage") == 1


def test_without_redis_nothing_is_said_to_be_measured(db: None) -> None:
    assert not services.measure_storage(by=None)
    assert not services.is_measured_now(services.refresh_storage())
