"""What a job's page says of a snapshot: figures, bars, words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from dashboard.figures import duration
from dashboard.live import picture
from dashboard.live.figure import Figure
from dashboard.live.picture import JobPicture
from dashboard.live.waiting import Waiting, waiting
from worker.engine.errors import StrataError
from worker.models import Job, JobKind, JobState, Project
from worker.progress import ErrorInfo, LayerSnapshot, RetryInfo, Snapshot

MIB = 2**20


def job(**fields: Any) -> Job:
    project = Project(slug="team", name="Team")
    return Job(
        **{"pk": 7, "project": project, "kind": JobKind.PULL, "reference": "docker.io/library/php:8"} | fields
    )


def layer(position: int, phase: str, size: int, done: int, **more: Any) -> LayerSnapshot:
    return LayerSnapshot(position, "sha256:" + "b" * 64, "sha256:" + "d" * 64, size, phase, done=done, **more)


def snapshot(*layers: LayerSnapshot, state: str = "running", **fields: Any) -> Snapshot:
    return Snapshot(job=7, state=state, kind="pull", reference="php:8", layers=layers, **fields)


RUNNING = snapshot(
    layer(0, "already here", 60 * MIB, 60 * MIB),
    layer(1, "done", 40 * MIB, 40 * MIB, fetched=40 * MIB),
    layer(2, "downloading", 60 * MIB, 17 * MIB, fetched=17 * MIB, speed=3.0 * MIB),
    layer(3, "waiting", 0, 0),
    present_bytes=60 * MIB,
    fetched=57 * MIB,
    to_fetch=100 * MIB,
    done=117 * MIB,
    total=160 * MIB,
    speed=3.0 * MIB,
    peak_speed=8.0 * MIB,
    seconds_left=83.0,
)


def test_the_figures_of_a_running_pull_say_what_is_left() -> None:
    assert JobPicture(job(), RUNNING).figures == [
        Figure("Fetched", "57", "%", "57.0 MiB of 100 MiB"),
        Figure("Speed", "3.00", "MiB/s", "peak 8.00 MiB/s"),
        Figure("Time left", "1:23", "min", "1 layer at once"),
        Figure("Already here", "60.0", "MiB", "1 layer not fetched again"),
    ]


def test_the_figures_of_an_ended_pull_say_what_it_took() -> None:
    now = timezone.now()
    row = job(created_at=now - timedelta(seconds=30), started_at=now - timedelta(seconds=20), finished_at=now)
    layers = (layer(0, "already here", MIB, MIB), layer(1, "done", 100 * MIB, 100 * MIB, fetched=100 * MIB))
    ended = snapshot(
        *layers,
        state="succeeded",
        present_bytes=MIB,
        fetched=100 * MIB,
        to_fetch=100 * MIB,
        done=101 * MIB,
        total=101 * MIB,
    )
    assert JobPicture(row, ended).figures == [
        Figure("Fetched", "100", "MiB", "1 of 2 layers"),
        Figure("Average speed", "5.00", "MiB/s", ""),
        Figure("Took", "20", "s", "after 10 s in the queue"),
        Figure("Already here", "1.00", "MiB", "1 layer not fetched again"),
    ]


def test_without_a_sign_of_life_no_old_speed_is_shown() -> None:
    silent = Waiting("Its worker has shown no sign of life for a while.", is_trouble=True)
    _, speed, left, _ = JobPicture(job(), RUNNING, silent).figures
    assert (speed.value, left.value) == ("—", "—")


def ended(seconds: float, kind: JobKind = JobKind.PULL) -> Job:
    now = timezone.now()
    return job(kind=kind, created_at=now, started_at=now - timedelta(seconds=seconds), finished_at=now)


def test_the_average_speed_counts_only_what_this_run_fetched() -> None:
    """Bytes of an earlier try are on the bar, but were not fetched again."""
    resumed = snapshot(
        layer(0, "done", 100 * MIB, 100 * MIB, fetched=40 * MIB),
        state="succeeded",
        fetched=40 * MIB,
        to_fetch=100 * MIB,
        done=100 * MIB,
        peak_speed=3.0 * MIB,
    )
    fetched, speed, *_ = JobPicture(ended(20), resumed).figures
    assert fetched == Figure("Fetched", "40.0", "MiB", "of 100 MiB; the rest had come already")
    assert speed == Figure("Average speed", "2.00", "MiB/s", "peak 3.00 MiB/s")


def test_a_peak_below_the_average_is_not_told() -> None:
    quick = snapshot(
        layer(0, "done", 100 * MIB, 100 * MIB, fetched=100 * MIB),
        state="succeeded",
        fetched=100 * MIB,
        to_fetch=100 * MIB,
        done=100 * MIB,
        peak_speed=90.0 * MIB,
    )
    assert JobPicture(ended(1), quick).figures[1] == Figure("Average speed", "100", "MiB/s", "")


def test_the_figures_of_an_ended_extraction_fit_each_other() -> None:
    """Compressed bytes in so many seconds at that speed; what they became is a note."""
    extracted = snapshot(
        layer(0, "already here", 60 * MIB, 60 * MIB),
        layer(1, "done", 100 * MIB, 100 * MIB, unpacked=220 * MIB),
        state="succeeded",
        present_bytes=60 * MIB,
        to_fetch=100 * MIB,
        done=160 * MIB,
        peak_speed=60.0 * MIB,
    )
    assert JobPicture(ended(2, JobKind.EXTRACT), extracted).figures[:3] == [
        Figure("Extracted", "100", "MiB", "220 MiB unpacked, 1 of 2 layers"),
        Figure("Average speed", "50.0", "MiB/s", "peak 60.0 MiB/s"),
        Figure("Took", "2.0", "s"),
    ]


def test_a_digest_in_a_name_is_shortened() -> None:
    reference = f"localhost:5000/python@sha256:5e71e9182d72{'a' * 52}"
    picture = JobPicture(job(kind=JobKind.EXTRACT, reference=reference), snapshot())
    assert picture.name == "localhost:5000/python@sha256:5e71e9182d72…"


def test_percent_is_of_the_bytes_that_had_to_be_fetched_and_full_only_at_the_end() -> None:
    almost = snapshot(layer(0, "downloading", 1000, 999), to_fetch=1000, done=999, total=1000)
    assert JobPicture(job(), RUNNING).percent == 57
    assert JobPicture(job(), almost).percent == 99
    assert JobPicture(job(), snapshot()).percent == 100


def test_a_bar_is_as_wide_as_its_layer_is_far() -> None:
    bars = JobPicture(job(), RUNNING).layers
    assert [(bar.place, bar.width, bar.percent, bar.phase) for bar in bars] == [
        (1, 1000, 100, "already here"),
        (2, 1000, 100, "done"),
        (3, 283, 28, "downloading"),
        (4, 0, 100, "waiting"),
    ]
    assert (bars[2].done, bars[2].size, bars[2].speed) == ("17.0 MiB", "60.0 MiB", "3.00 MiB/s")


def test_when_it_is_over_no_layer_seems_to_be_under_way() -> None:
    bars = JobPicture(job(), snapshot(layer(0, "extracting", 10, 5, speed=9.0), state="failed")).layers
    assert (bars[0].phase, bars[0].chip, bars[0].speed, bars[0].width) == ("not finished", "", "", 500)


def test_an_extraction_speaks_of_extracting() -> None:
    labels = [figure.label for figure in JobPicture(job(kind=JobKind.EXTRACT), RUNNING).figures]
    assert labels == ["Extracted", "Speed", "Time left", "Already here"]


def test_without_layers_there_are_no_figures() -> None:
    assert JobPicture(job(), snapshot()).figures == []


@pytest.mark.parametrize(
    ("code", "address"),
    [
        ("unauthorized", "/p/team/registries/"),
        ("registry_speaks_http", "/p/team/registries/"),
        ("tag_not_found", "/p/team/pull/?reference=docker.io%2Flibrary%2Fphp%3A8"),
        ("disk_full", None),
    ],
)
def test_an_error_leads_to_where_it_is_mended(code: str, address: str | None) -> None:
    mend = JobPicture(job(), snapshot(state="failed", error=ErrorInfo(code, "No.", "Do."))).mend
    assert (mend.address if mend else None) == address


def test_every_code_with_a_place_to_mend_it_exists() -> None:
    """A code that errors.py no longer has would be a dead entry."""
    known: set[str] = set()
    kinds: list[type[StrataError]] = [StrataError]
    while kinds:
        kind = kinds.pop()
        known.add(kind.code)
        kinds += kind.__subclasses__()
    assert known >= picture._MENDED_AT_REGISTRIES | picture._MENDED_BY_ANOTHER_PULL


def test_a_layer_that_is_tried_again_is_named_by_its_place() -> None:
    drawn = JobPicture(job(), snapshot(retrying=RetryInfo(2, "The connection was lost.", 2, 1.5)))
    assert (drawn.retrying_layer, drawn.retry_delay) == ("3", "1.5 s")


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0, "under 0.1 s"), (0.04, "under 0.1 s"), (0.1, "0.1 s"), (9.94, "9.9 s"), (9.96, "10 s"),
     (59.4, "59 s"), (59.6, "1 min 0 s"),
     (80, "1 min 20 s"), (3599.7, "1 h 0 min"), (11_100, "3 h 5 min"), (-1, "under 0.1 s")],
)  # fmt: skip
def test_durations_are_written_short(seconds: float, written: str) -> None:
    assert duration(seconds) == written


def told_of(job: Job) -> Waiting:
    """What the page says that ``job`` waits for; it must wait for something."""
    told = waiting(job)
    assert told is not None
    return told


class TestWaiting:
    """What a job waits for, by what the catalog tells."""

    @pytest.fixture
    def queued(self, project: Project) -> Job:
        return Job.objects.create(
            project=project, kind=JobKind.PULL, reference="alpine", sent_at=timezone.now()
        )

    def test_a_job_just_sent_is_about_to_begin(self, queued: Job) -> None:
        told = told_of(queued)
        assert (told.message, told.is_trouble) == ("It is about to begin.", False)

    def test_a_job_that_nobody_takes_is_trouble(self, queued: Job) -> None:
        queued.sent_at = timezone.now() - timedelta(minutes=1)
        told = told_of(queued)
        assert told.is_trouble
        assert "“pull”" in told.hint

    def test_a_job_behind_others_waits_its_turn(self, queued: Job, project: Project) -> None:
        queued.sent_at = timezone.now() - timedelta(minutes=1)
        Job.objects.create(project=project, kind=JobKind.PULL, reference="b", state=JobState.RUNNING)
        told = told_of(queued)
        assert (told.message, told.is_trouble) == (
            "It waits for a free worker: another job is running.",
            False,
        )

    def test_a_job_that_could_not_be_sent_blames_redis(self, queued: Job) -> None:
        queued.sent_at, queued.created_at = None, timezone.now() - timedelta(minutes=1)
        told = told_of(queued)
        assert told.is_trouble
        assert "Redis" in told.message

    def test_a_job_whose_worker_is_gone_is_taken_up_again(self, queued: Job) -> None:
        queued.sent_at, queued.attempt = None, 1
        assert "taken up again" in told_of(queued).message

    def test_a_job_that_runs_or_ended_waits_for_nothing(self, queued: Job) -> None:
        queued.state, queued.heartbeat_at = JobState.RUNNING, timezone.now()
        assert waiting(queued) is None
        queued.state = JobState.FAILED
        assert waiting(queued) is None

    def test_a_silent_worker_is_trouble_and_a_cancelled_job_says_so(self, queued: Job) -> None:
        queued.state, queued.heartbeat_at = JobState.RUNNING, timezone.now() - timedelta(minutes=1)
        assert told_of(queued).is_trouble
        queued.cancel_requested_at = timezone.now()
        assert told_of(queued).message == "It is being cancelled."
