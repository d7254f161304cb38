"""What a job of the store shows: its step while it runs, and what came of it afterwards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.template.loader import render_to_string

from dashboard.live.figure import Figure
from dashboard.live.picture import JobPicture
from tests.dashboard.catalog import MIB
from worker.models import Job, JobKind, JobState, Project
from worker.progress import KeepingInfo, Snapshot

BEGAN = datetime(2026, 11, 24, 12, tzinfo=UTC)
STEP = KeepingInfo("reading blobs", 1_234, 4_936, 50 * MIB, "sha256:" + "ab" * 32)


def picture(kind: JobKind, state: JobState, keeping: KeepingInfo | None = None, **fields: Any) -> JobPicture:
    job = Job(
        pk=7,
        project=Project(slug="team"),
        kind=kind,
        state=state,
        reference="Scrub the store",
        started_at=BEGAN,
        finished_at=BEGAN + timedelta(seconds=90) if state == JobState.SUCCEEDED else None,
        **fields,
    )
    snapshot = Snapshot(7, state, kind, job.reference, speed=3.0 * MIB, keeping=keeping, at=BEGAN.isoformat())
    return JobPicture(job, snapshot)


def collected(**fields: Any) -> JobPicture:
    result = {"dry_run": False, "count": 34, "bytes": 12 * MIB, "kinds": {}, "items": []} | fields
    arguments = {"dry_run": result["dry_run"]}
    return picture(JobKind.COLLECT, JobState.SUCCEEDED, result=result, arguments=arguments)


def scrubbed(found: int, repaired: int) -> JobPicture:
    result = {"repair": True, "blobs": 9, "layers": 5, "bytes": MIB, "found": found, "repaired": repaired}
    return picture(JobKind.SCRUB, JobState.SUCCEEDED, result=result | {"findings": []})


def test_while_it_runs_it_tells_its_step() -> None:
    running = picture(JobKind.SCRUB, JobState.RUNNING, STEP)
    assert running.name == "Scrub the store"
    assert (running.has_bar, running.percent) == (True, 25)
    assert running.keeping is not None
    assert (running.keeping.counted, running.keeping.subject) == ("1,234 of 4,936", "sha256:abababababab…")
    assert running.figures == [
        Figure("Done", "25", "%", "of this step: reading blobs"),
        Figure("Dealt with", "1,234 of 4,936", "", "reading blobs"),
        Figure("Bytes", "50.0", "MiB", "in this step"),
        Figure("Speed", "3.00", "MiB/s"),
    ]


def test_a_step_of_unknown_length_has_no_bar() -> None:
    running = picture(JobKind.COLLECT, JobState.RUNNING, KeepingInfo("looking"))
    assert (running.has_bar, running.percent) == (False, 0)
    assert [figure.label for figure in running.figures] == ["Dealt with", "Bytes", "Speed"]


def test_before_its_first_step_it_has_nothing_to_show_and_does_not_fail() -> None:
    running = picture(JobKind.REBUILD, JobState.RUNNING)
    assert running.figures == []
    html = render_to_string("jobs/progress.html", {"picture": running, "job": running.job})
    assert "Beginning" in html
    assert "registry" not in html


@pytest.mark.parametrize(
    ("shown", "sentence", "is_sound"),
    [
        (collected(), "12.0 MiB freed: 34 things that nothing needed.", True),
        (collected(count=0), "There is no garbage.", True),
        (collected(dry_run=True, count=1), "12.0 MiB would be freed, in 1 thing that nothing needs.", True),
        (scrubbed(0, 0), "Nothing is damaged.", True),
        (scrubbed(3, 3), "3 findings, all repaired.", True),
        (scrubbed(3, 2), "3 findings, 2 repaired: 1 remains.", False),
        (scrubbed(1, 0), "1 finding, not repaired.", False),
    ],
)
def test_afterwards_a_sentence_says_what_came_of_it(shown: JobPicture, sentence: str, is_sound: bool) -> None:
    assert shown.keeping is not None
    assert (shown.keeping.outcome, shown.keeping.is_sound) == (sentence, is_sound)
    assert shown.figures[-1] == Figure("Took", "1:30", "min")


@pytest.mark.parametrize("added", [0, 2])
def test_a_rebuild_says_what_it_added(added: int) -> None:
    counts = {"in_store": 3, "added": added, "tags": added, "completed": 0, "damaged": 0, "missing": 1}
    keeping = picture(JobKind.REBUILD, JobState.SUCCEEDED, result=counts).keeping
    assert keeping is not None
    assert keeping.outcome == (
        "2 images and 2 tags added to the catalog."
        if added
        else "The catalog has everything that the store has."
    )


def test_one_that_was_cancelled_or_failed_claims_nothing() -> None:
    for state in (JobState.CANCELLED, JobState.FAILED, JobState.QUEUED):
        keeping = picture(JobKind.SCRUB, state).keeping
        assert keeping is not None
        assert keeping.outcome == ""


def test_a_removal_tells_what_was_foreseen_and_what_stays() -> None:
    result = {
        "removed": 3, "foreseen": 5000, "bytes": 4000, "count": 2, "kinds": {}, "items": [], "stay": 1,
        "stay_bytes": 1000, "stays": [{"kind": "layer", "name": "sha256:a", "size": 1000, "why": "work"}],
    }  # fmt: skip
    keeping = picture(JobKind.REMOVE, JobState.SUCCEEDED, result=result).keeping
    assert keeping is not None
    assert keeping.outcome == (
        "3 images removed, 3.91 KiB freed; 1000 B less than foreseen, because somebody has begun to need it."
    )
    assert [figure.label for figure in keeping.figures(True)][:2] == ["Freed", "Foreseen"]
    assert keeping.figures(True)[1].note == "1000 B less went"
    assert keeping.stays[0]["because"] == "a running pull or extraction"
    exactly = result | {"bytes": 5000, "stay": 0, "stay_bytes": 0, "stays": []}
    keeping = picture(JobKind.REMOVE, JobState.SUCCEEDED, result=exactly).keeping
    assert keeping is not None
    assert keeping.outcome == "3 images removed, 4.88 KiB freed."
    assert keeping.figures(True)[1].note == "exactly what went"
