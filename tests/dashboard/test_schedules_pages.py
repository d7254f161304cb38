"""The pages of schedules."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tests.conftest import Users
from tests.dashboard.doors import assert_door, assert_verbs, client_of
from tests.support.redis import RedisServer
from worker.models import Job, JobKind, JobState, Project, Role, Schedule

LIST = "/p/team/schedules/"
GOOD = {"reference": "debian:bookworm", "cron": "0 4 * * *", "timezone": "Europe/Berlin", "enabled": "on"}


@pytest.fixture
def schedule(project: Project) -> Schedule:
    return Schedule.objects.create(
        project=project,
        reference="docker.io/library/debian:bookworm",
        cron="0 4 * * *",
        timezone="Europe/Berlin",
        next_run_at=timezone.now() + timedelta(hours=3),
    )


def test_doors(users: Users, schedule: Schedule) -> None:
    one = f"{LIST}{schedule.pk}/"
    assert_door(users, "get", LIST, needs=Role.VIEWER)
    assert_verbs(users.admin, LIST, refused="post put delete")
    for address in (f"{LIST}new/", one, f"{one}remove/"):
        for method in ("get", "post"):
            assert_door(users, method, address, needs=Role.OPERATOR)
        assert_verbs(users.admin, address, refused="put delete")
    for address in (f"{one}switch/", f"{one}run/"):
        assert_door(users, "post", address, needs=Role.OPERATOR)
        assert_verbs(users.admin, address, refused="get put delete")
    assert_door(users, "get", f"{LIST}preview/", needs=Role.OPERATOR)
    assert_verbs(users.admin, f"{LIST}preview/", refused="post")
    assert Schedule.objects.filter(pk=schedule.pk, enabled=True).exists()


def test_another_projects_schedule_is_not_found(users: Users) -> None:
    other = Schedule.objects.create(
        project=Project.objects.create(slug="o", name="O"), reference="x", cron="* * * * *", enabled=False
    )
    client = client_of(users.admin)
    assert client.get(f"{LIST}{other.pk}/").status_code == 404
    for action in ("switch", "run", "remove"):
        assert client.post(f"{LIST}{other.pk}/{action}/").status_code == 404


def test_the_list_says_when_in_words_and_what_came_of_it(
    users: Users, project: Project, schedule: Schedule
) -> None:
    Job.objects.create(
        project=project, kind=JobKind.PULL, schedule=schedule, state=JobState.SUCCEEDED, result={}
    )
    latest = Job.objects.create(
        project=project,
        kind=JobKind.PULL,
        schedule=schedule,
        state=JobState.SUCCEEDED,
        result={"unchanged": True},
    )
    html = client_of(users.viewer).get(LIST).content.decode()
    for text in ("debian:bookworm", "At 04:00 every day, Europe/Berlin", "0 4 * * *", "unchanged"):
        assert text in html
    assert f"/p/team/jobs/{latest.pk}/" in html
    assert "pulled<" not in html


def test_a_viewer_is_offered_nothing_to_do(users: Users, schedule: Schedule) -> None:
    html = client_of(users.viewer).get(LIST).content.decode()
    assert f"{LIST}{schedule.pk}/" not in html
    assert f"{LIST}new/" not in html


def test_one_is_made(users: Users, redis_server: RedisServer) -> None:
    answer = client_of(users.operator).post(f"{LIST}new/", GOOD)
    made = Schedule.objects.get()
    assert answer["Location"] == f"{LIST}#schedule-{made.pk}"
    assert (made.reference, made.timezone) == ("docker.io/library/debian:bookworm", "Europe/Berlin")
    assert made.enabled
    assert made.next_run_at is not None


def test_one_is_changed(users: Users, schedule: Schedule, redis_server: RedisServer) -> None:
    client_of(users.operator).post(f"{LIST}{schedule.pk}/", GOOD | {"cron": "30 5 * * 1", "enabled": ""})
    schedule.refresh_from_db()
    assert (schedule.cron, schedule.enabled, schedule.next_run_at) == ("30 5 * * 1", False, None)
    assert Schedule.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"reference": "Not A Reference"}, "id_reference_error"),
        ({"reference": ""}, "Enter a reference."),
        ({"platform": "nonsense"}, "id_platform_error"),
        ({"cron": "every day"}, "does not have five fields"),
        ({"cron": "0 0 31 2 *"}, "id_cron_error"),
        ({"timezone": "Mars/Olympus"}, "There is no time zone “Mars/Olympus”."),
    ],
)
def test_what_cannot_be_meant_is_said_at_the_field(users: Users, change: dict[str, str], said: str) -> None:
    answer = client_of(users.operator).post(f"{LIST}new/", GOOD | change)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not Schedule.objects.exists()


def test_the_preview_shows_the_next_three_runs_in_their_zone(users: Users) -> None:
    html = (
        client_of(users.operator)
        .get(f"{LIST}preview/", {"cron": "0 4 * * *", "timezone": "Asia/Kolkata"})
        .content.decode()
    )
    assert "At 04:00 every day, Asia/Kolkata" in html
    assert html.count(", 04:00</time>") == 3


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"cron": "61 * * * *", "timezone": "UTC"}, "cannot be read"),
        ({"cron": "* * * * *", "timezone": "Mars"}, "There is no time zone"),
        ({"cron": "* * * * *", "timezone": "../../etc/passwd"}, "There is no time zone"),
        ({}, "is shown here"),
    ],
)
def test_the_preview_of_nonsense_says_what_is_wrong(users: Users, query: dict[str, str], said: str) -> None:
    answer = client_of(users.operator).get(f"{LIST}preview/", query)
    assert answer.status_code == 200
    assert said in answer.content.decode()


def test_the_switch_goes_where_it_says(users: Users, schedule: Schedule, redis_server: RedisServer) -> None:
    """Two clicks on the same button turn it off once, and not back on."""
    client = client_of(users.operator)
    for _ in range(2):
        client.post(f"{LIST}{schedule.pk}/switch/", {"enabled": "0"})
        schedule.refresh_from_db()
        assert not schedule.enabled
    client.post(f"{LIST}{schedule.pk}/switch/", {"enabled": "1"})
    schedule.refresh_from_db()
    assert schedule.enabled


@pytest.mark.django_db(transaction=True)
def test_run_now_starts_a_pull_and_leads_to_it(
    users: Users, schedule: Schedule, redis_server: RedisServer
) -> None:
    client = client_of(users.operator)
    answer = client.post(f"{LIST}{schedule.pk}/run/")
    job = Job.objects.get()
    assert answer["Location"] == f"/p/team/jobs/{job.pk}/"
    assert (job.kind, job.schedule_id) == (JobKind.PULL, schedule.pk)
    again = client.post(f"{LIST}{schedule.pk}/run/", follow=True)
    assert "has not ended yet" in again.content.decode()
    assert Job.objects.count() == 1


def test_removal_is_asked_back_first(users: Users, schedule: Schedule, redis_server: RedisServer) -> None:
    client = client_of(users.operator)
    assert "Images and jobs stay" in client.get(f"{LIST}{schedule.pk}/remove/").content.decode()
    assert Schedule.objects.exists()
    client.post(f"{LIST}{schedule.pk}/remove/")
    assert not Schedule.objects.exists()


def test_queries_do_not_grow(
    users: Users, project: Project, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(12):
        row = Schedule.objects.create(
            project=project, reference=f"docker.io/library/i{number}:1", cron="* * * * *", enabled=False
        )
        Job.objects.create(project=project, kind=JobKind.PULL, schedule=row)
    client = client_of(users.operator)
    client.get(LIST)
    with django_assert_max_num_queries(14):
        client.get(LIST)
