"""A project's stream: which topics changed, by name, and not too often."""

from __future__ import annotations

import asyncio

import pytest

from dashboard import tickets
from dashboard.live import Live
from tests.conftest import Users
from tests.support.asgi import Viewer
from tests.support.live import play, project_page
from tests.support.redis import RedisServer
from worker.models import Project
from worker.progress import announce, project_key

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]


def test_a_project_s_topics_are_told_by_name(
    project: Project, users: Users, redis_server: RedisServer
) -> None:
    async def story(live: Live) -> None:
        async with project_page(live, project, users.viewer.pk) as viewer:
            await viewer.begun()
            await asyncio.to_thread(announce, project.pk, "images")
            event = await viewer.event()
            assert (event.name, event.data) == ("images", "images")

    play(redis_server.url, story)


def test_a_burst_of_one_topic_is_told_once_a_second(
    project: Project, users: Users, redis_server: RedisServer
) -> None:
    async def story(live: Live) -> None:
        async with project_page(live, project, users.viewer.pk) as viewer:
            await viewer.begun()
            for _ in range(50):
                await asyncio.to_thread(announce, project.pk, "jobs")
            await asyncio.to_thread(announce, project.pk, "images")
            await viewer.event_named("images")
            assert viewer.body.count(b"event: jobs") <= 2

    play(redis_server.url, story)


def test_what_happened_since_the_page_was_made_is_told(
    project: Project, users: Users, redis_server: RedisServer
) -> None:
    """Between a page and its stream lies a moment; the ticket knows when the page was made."""
    ticket = tickets.issue("project", project.pk, users.viewer.pk)
    redis_server.client.xadd(project_key(project.pk), {"topic": "schedules"}, id="1000-0")
    announce(project.pk, "containers")

    async def story(live: Live) -> None:
        for _ in range(2):  # the first one starts the reader, the second one joins it
            async with Viewer(live, f"/live/projects/{project.pk}", f"ticket={ticket}") as viewer:
                assert (await viewer.event()).name == "containers"
        async with Viewer(live, f"/live/projects/{project.pk}", f"ticket={ticket}") as first:
            seen = (await first.event()).id
            await asyncio.to_thread(announce, project.pk, "registries")
            await first.event_named("registries")
            back = {"last-event-id": seen}
            async with Viewer(
                live, f"/live/projects/{project.pk}", f"ticket={ticket}", headers=back
            ) as second:
                assert (await second.event()).name == "registries"

    play(redis_server.url, story)
