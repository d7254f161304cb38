"""The page of a job that pulls several platforms: layers stand by platform, and shared ones count once."""

from __future__ import annotations

from django.test import Client
from django.utils import timezone

from dashboard.live.picture import JobPicture
from tests.dashboard.catalog import make_job
from tests.dashboard.test_jobs_picture import MIB, job, layer, snapshot
from worker.models import JobState, Project
from worker.progress import RetryInfo

PLATFORMS = "linux/amd64,linux/arm64"
SHOT = snapshot(
    layer(0, "done", 40 * MIB, 40 * MIB, fetched=40 * MIB, platform="linux/amd64"),
    layer(1, "downloading", 60 * MIB, 17 * MIB, fetched=17 * MIB, platform="linux/amd64", speed=1.0 * MIB),
    layer(2, "already here", 30 * MIB, 30 * MIB, platform="linux/arm64"),
    layer(3, "downloading", 60 * MIB, 17 * MIB, fetched=17 * MIB, platform="linux/arm64", again=True),
    platform=PLATFORMS,
    present_bytes=30 * MIB,
    to_fetch=100 * MIB,
    done=87 * MIB,
    total=130 * MIB,
)


def test_layers_stand_by_platform_and_each_image_counts_from_its_base() -> None:
    drawn = JobPicture(job(platform="all"), SHOT)
    assert drawn.platforms == ["linux/amd64", "linux/arm64"]
    assert [(group.platform, group.done, group.is_done) for group in drawn.groups] == [
        ("linux/amd64", 1, False),
        ("linux/arm64", 1, False),
    ]
    assert [[bar.place for bar in group.layers] for group in drawn.groups] == [[1, 2], [1, 2]]
    assert [bar.number for bar in drawn.layers] == [1, 2, 3, 4]
    assert [bar.again for bar in drawn.layers] == [False, False, False, True]


def test_a_shared_layer_counts_once_in_the_figures() -> None:
    figures = {figure.label: figure for figure in JobPicture(job(), SHOT).figures}
    assert (figures["Fetched"].value, figures["Fetched"].note) == ("57", "57.0 MiB of 100 MiB")
    assert figures["Time left"].note == "1 layer at once"
    assert figures["Already here"].note == "1 layer not fetched again"


def test_the_layer_that_is_tried_again_is_named_with_its_platform() -> None:
    retrying = RetryInfo(3, "The connection was lost.", 2, 1.5)
    drawn = JobPicture(job(), snapshot(*SHOT.layers, retrying=retrying))
    assert drawn.retrying_layer == "2 of linux/arm64"


def test_what_was_asked_for_is_said_until_it_is_known() -> None:
    assert JobPicture(job(platform="all"), snapshot()).platforms == ["all"]
    assert JobPicture(job(platform=PLATFORMS), snapshot()).asked_for == "linux/amd64, linux/arm64"
    assert JobPicture(job(), snapshot()).platforms == []


def test_the_page_groups_them(project: Project, viewer: Client) -> None:
    row = make_job(project, state=JobState.RUNNING, platform="all", started_at=timezone.now())
    row.progress = {**SHOT.to_dict(), "job": row.pk}
    row.save()
    html = viewer.get(f"/p/team/jobs/{row.pk}/").content.decode()
    assert html.count('scope="rowgroup"') == 2
    assert html.index("linux/amd64 <span") < html.index('id="layer-2"') < html.index("linux/arm64 <span")
    assert ">shared</span>" in html
    assert "all platforms" in viewer.get("/p/team/jobs/").content.decode()


def test_one_platform_alone_needs_no_group(project: Project, viewer: Client) -> None:
    row = make_job(project, state=JobState.RUNNING, started_at=timezone.now())
    row.progress = {**snapshot(layer(0, "done", MIB, MIB), platform="linux/amd64").to_dict(), "job": row.pk}
    row.save()
    html = viewer.get(f"/p/team/jobs/{row.pk}/").content.decode()
    assert 'id="layer-1"' in html
    assert "rowgroup" not in html
