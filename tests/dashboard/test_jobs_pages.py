"""The pages of jobs: what they show, to whom, and what their buttons do."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tests.conftest import Users
from tests.dashboard.catalog import make_job
from tests.dashboard.doors import client_of
from tests.worker.models.test_lineage import image
from worker.models import Container, Job, JobKind, JobState, Project
from worker.progress import LayerSnapshot, Snapshot

HTMX = {"hx-request": "true"}


def at(name: str, job: Job | None = None) -> str:
    return reverse(name, args=["team", job.pk] if job else ["team"])


@pytest.fixture
def stranger(users: Users) -> Client:
    return client_of(users.stranger)


def text(client: Client, path: str, status: int = 200, **headers: Any) -> str:
    answer = client.get(path, **headers)
    assert answer.status_code == status
    return answer.content.decode()


def test_a_running_job_is_drawn_and_followed(project: Project, viewer: Client) -> None:
    """The page holds the last known picture, and the address of its stream with a ticket."""
    job = make_job(project, state=JobState.RUNNING, started_at=timezone.now(), heartbeat_at=timezone.now())
    layer = LayerSnapshot(0, "sha256:" + "b" * 64, "sha256:" + "d" * 64, 1000, "downloading", done=250)
    shot = Snapshot(
        job.pk, "running", "pull", job.reference, layers=(layer,), to_fetch=1000, done=250, total=1000,
        at=timezone.now().isoformat(),
    )  # fmt: skip
    Job.objects.filter(pk=job.pk).update(progress=shot.to_dict())
    page = text(viewer, at("job", job))
    assert "250 B <span" in page
    assert 'width="250"' in page
    assert f'hx-sse:connect="/live/jobs/{job.pk}?ticket=' in page
    assert 'hx-sse:close="done"' in page
    assert 'id="live-status"' in page


def test_a_job_that_has_ended_is_not_followed(project: Project, viewer: Client) -> None:
    page = text(viewer, at("job", make_job(project, state=JobState.CANCELLED)))
    assert "hx-sse:connect" not in page
    assert "Finished parts are kept." in page


def test_a_queued_job_says_what_it_waits_for(project: Project, viewer: Client) -> None:
    page = text(viewer, at("job", make_job(project, sent_at=timezone.now())))
    assert "It is about to begin." in page


def test_a_failed_job_says_why_what_to_do_and_where(
    project: Project, operator: Client, viewer: Client
) -> None:
    job = make_job(
        project,
        state=JobState.FAILED,
        error_code="unauthorized",
        error_message="The registry wants <credentials>.",
        error_hint="Enter them.",
    )
    page = text(operator, at("job", job))
    assert "The registry wants &lt;credentials&gt;." in page
    assert "Enter them." in page
    assert '<code class="soft">unauthorized</code>' in page
    assert f'href="{at("registries")}">Open Registries' in page
    assert f'action="{at("job_retry", job)}"' in page
    assert "Try again" in page
    assert "Try again" not in text(viewer, at("job", job))


def test_a_succeeded_pull_leads_to_its_image_and_says_unchanged(project: Project, viewer: Client) -> None:
    job = make_job(
        project, state=JobState.SUCCEEDED, image=image(project, "alpine", "a"), result={"unchanged": True}
    )
    page = text(viewer, at("job", job))
    assert "Unchanged" in page
    assert f'href="{reverse("image", args=["team", job.image_id])}"' in page


@pytest.mark.parametrize("action", ["create", "start", "stop", "remove"])
def test_a_container_s_job_names_the_container_and_what_is_done(
    project: Project, operator: Client, action: str
) -> None:
    container = Container.objects.create(
        project=project, image=image(project, "a", "a"), name="web", node="n1"
    )
    job = make_job(
        project,
        kind=JobKind.CONTAINER,
        reference="web",
        container=container,
        arguments={"action": action},
        state=JobState.SUCCEEDED,
    )
    page = text(operator, at("job", job))
    assert action.capitalize() in page
    assert f'href="{reverse("container", args=["team", container.pk])}"' in page
    assert at("job_retry", job) not in page
    container.delete()
    assert "removed" in text(operator, at("job", job))


def test_a_pull_whose_image_was_removed_does_not_say_that_it_is_here(
    project: Project, operator: Client
) -> None:
    pulled = image(project, "alpine", "a")
    job = make_job(project, state=JobState.SUCCEEDED, image=pulled)
    assert "The image is here" in text(operator, at("job", job))
    pulled.delete()
    page = text(operator, at("job", job))
    assert "has been removed since" in page
    assert "The image is here" not in page


def test_htmx_gets_the_part_that_the_end_of_a_job_changes(project: Project, viewer: Client) -> None:
    page = text(viewer, at("job", make_job(project, state=JobState.CANCELLED)), headers=HTMX)
    assert page.lstrip().startswith('<div id="job"')
    assert "<html" not in page


def test_names_that_try_to_be_markup_stay_text(project: Project, viewer: Client) -> None:
    job = make_job(project, reference="x/<script>alert(1)</script>")
    for path in (at("job", job), at("jobs")):
        assert "<script>alert" not in text(viewer, path)


def test_the_list_shows_the_newest_first_and_what_went_wrong(project: Project, viewer: Client) -> None:
    old = make_job(project, state=JobState.FAILED, error_code="x", error_message="No space is left.")
    new = make_job(project, reference="docker.io/library/php:8")
    page = text(viewer, at("jobs"))
    assert page.index(at("job", new)) < page.index(at("job", old))
    assert "No space is left." in page
    assert 'hx-trigger="jobs from:#live"' in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=failed", {"failed"}),
        ("state=active", {"queued", "running"}),
        ("kind=extract", {"running"}),
        ("q=alpine+extract-me", set()),
        ("q=EXTRACT-ME", {"running"}),
        ("q=web", {"queued"}),
        ("state=nonsense", set()),
        ("state=failed&kind=pull&q=alpine", {"failed"}),
    ],
)
def test_filters_narrow_the_list_in_the_query_string(
    project: Project, viewer: Client, query: str, found: set[str]
) -> None:
    container = Container.objects.create(
        project=project, image=image(project, "a", "a"), name="web", node="n1"
    )
    rows = {
        "failed": make_job(project, state=JobState.FAILED, error_code="x"),
        "running": make_job(project, state=JobState.RUNNING, kind=JobKind.EXTRACT, reference="extract-me"),
        "queued": make_job(project, kind=JobKind.CONTAINER, container=container, reference="c"),
    }
    page = text(viewer, f"{at('jobs')}?{query}")
    assert {name for name, row in rows.items() if f'href="{at("job", row)}"' in page} == found
    if not found:
        assert "No job matches" in page


def test_a_job_is_found_by_its_number(project: Project, viewer: Client) -> None:
    rows = [make_job(project) for _ in range(3)]
    page = text(viewer, f"{at('jobs')}?q=%23{rows[1].pk}")
    assert [row for row in rows if f'href="{at("job", row)}"' in page] == [rows[1]]


def test_an_empty_list_says_what_will_be_here(project: Project, viewer: Client, operator: Client) -> None:
    assert "No jobs yet" in text(viewer, at("jobs"))
    assert at("pull") not in text(viewer, at("jobs"))
    assert at("pull") in text(operator, at("jobs"))


def test_the_list_is_paged_in_the_database(
    project: Project, viewer: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    made = Job.objects.bulk_create(
        Job(project=project, kind=JobKind.PULL, reference=f"docker.io/library/i{n}:1") for n in range(120)
    )
    with django_assert_max_num_queries(16):
        page = text(viewer, f"{at('jobs')}?page=3")
    assert page.count('class="name"') == 20
    assert f'href="{at("job", made[0])}"' in page
    assert 'class="name"' in text(viewer, f"{at('jobs')}?page=nonsense")


def test_htmx_gets_the_list_alone(project: Project, viewer: Client) -> None:
    make_job(project)
    page = text(viewer, at("jobs"), headers=HTMX)
    assert page.lstrip().startswith('<div id="jobs"')


def test_cancel_ends_a_queued_job(project: Project, operator: Client) -> None:
    job = make_job(project)
    answer = operator.post(at("job_cancel", job))
    assert (answer.status_code, answer["Location"]) == (302, at("job", job))
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED


def test_a_click_that_comes_too_late_is_told_on_the_job_s_page(project: Project, operator: Client) -> None:
    job = make_job(project, state=JobState.SUCCEEDED)
    answer = operator.post(at("job_cancel", job), follow=True)
    assert "ended already" in answer.content.decode()


def test_retry_leads_to_the_new_job(project: Project, operator: Client) -> None:
    job = make_job(project, state=JobState.FAILED, error_code="x", arguments={"insecure": True})
    answer = operator.post(at("job_retry", job))
    again = Job.objects.exclude(pk=job.pk).get()
    assert answer["Location"] == at("job", again)
    assert again.arguments == {"insecure": True}


def test_a_job_that_runs_is_not_repeated(project: Project, operator: Client) -> None:
    job = make_job(project, state=JobState.RUNNING)
    answer = operator.post(at("job_retry", job), follow=True)
    assert "has not ended yet" in answer.content.decode()
    assert Job.objects.count() == 1


@pytest.mark.parametrize("name", ["jobs", "job", "job_cancel", "job_retry"])
def test_each_page_refuses_strangers_nobody_and_wrong_verbs(
    project: Project, users: Users, stranger: Client, operator: Client, viewer: Client, name: str
) -> None:
    job = make_job(project)
    path = at(name, None if name == "jobs" else job)
    changes = name in ("job_cancel", "job_retry")
    right, wrong = ("post", "get") if changes else ("get", "post")
    assert getattr(stranger, right)(path).status_code == 404
    assert getattr(Client(), right)(path)["Location"].startswith(reverse("sign_in"))
    assert getattr(operator, wrong)(path).status_code == 405
    assert getattr(viewer, right)(path).status_code == (403 if changes else 200)
    job.refresh_from_db()
    assert job.state == JobState.QUEUED


@pytest.mark.parametrize("name", ["job", "job_cancel", "job_retry"])
def test_jobs_of_other_projects_are_not_there(project: Project, operator: Client, name: str) -> None:
    other = Project.objects.create(slug="other", name="Other")
    path = at(name, make_job(other))
    assert (operator.get(path) if name == "job" else operator.post(path)).status_code == 404
