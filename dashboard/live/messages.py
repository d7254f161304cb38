"""What streams say, rendered once for everybody: HTML for pages, JSON for programs."""

from __future__ import annotations

import json

from django.template.loader import render_to_string

from dashboard.api.schemas.jobs import JobOut
from dashboard.live import wire
from dashboard.live.channel import Update
from dashboard.live.picture import JobPicture
from dashboard.live.waiting import Waiting
from worker.models import Job
from worker.progress import Snapshot

INTERRUPTED = "Live updates are interrupted; trying again."


def job_update(job: Job, snapshot: Snapshot, waits_for: Waiting | None, entry: str) -> Update:
    """Return the job as it stands. ``entry`` is the stream's entry id; empty if it comes from the row."""
    html = render_to_string("jobs/live.html", {"picture": JobPicture(job, snapshot, waits_for), "job": job})
    return Update(
        slot="state",
        html=wire.message(html, id=entry),
        json=wire.message(JobOut.of(job, snapshot).model_dump_json(), id=entry),
    )


def done(snapshot: Snapshot) -> Update:
    """Return the last message of a job's stream; a page closes the connection at it."""
    return Update(
        slot="done",
        html=wire.message(snapshot.state, event="done"),
        json=wire.message(json.dumps({"state": snapshot.state}), event="done"),
    )


def topic_update(topic: str, entry: str) -> Update:
    """Return the news that something of ``topic`` changed: an event that parts of a page listen to."""
    return Update(slot=topic, html=wire.message(topic, event=topic, id=entry), json=b"")


def notice(interrupted: bool) -> Update:
    """Return the news that live updates are interrupted, or that they are back."""
    html = render_to_string("live/notice.html", {"interrupted": INTERRUPTED if interrupted else ""})
    event = "interrupted" if interrupted else "resumed"
    return Update(slot="notice", html=wire.message(html), json=wire.message("{}", event=event))
