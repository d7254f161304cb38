"""A job that pulls several platforms, and what it finds out beside."""

from __future__ import annotations

import pytest

from samples.images import image, index, layer
from samples.referrers import referring
from samples.registry import SampleRegistry
from tests.conftest import Users
from worker import services
from worker.engine.errors import InvalidPlatform
from worker.models import Image, ImageIndex, Job, JobState, Project, Referrer
from worker.progress import latest
from worker.tasks.pulling import pull_image
from worker.tasks.running import run_job

SHARED = layer({"data": b"data" * 1000})
NAMES = ("linux/amd64", "linux/arm64", "linux/s390x")
INDEX = index(
    [image([SHARED, layer({"arch": name.encode()})], platform=name) for name in NAMES], attestations=True
)


def pull(project: Project, reference: str, *platforms: str) -> Job:
    """Run such a job here, as a worker would."""
    job = services.start_pull(project, reference, platforms=platforms, insecure=True, by=None)
    run_job(job.pk, pull_image)
    job.refresh_from_db()
    return job


@pytest.fixture
def served(sample_registry: SampleRegistry) -> str:
    sample_registry.referrers.api = True
    return sample_registry.push("multi", "1", INDEX)


@pytest.mark.root
@pytest.mark.usefixtures("transactional_db", "data_dir")
class TestAJob:
    def test_it_brings_them_all(self, project: Project, served: str) -> None:
        job = pull(project, served, "all")
        assert (job.state, job.platform) == (JobState.SUCCEEDED, "all")
        images = list(Image.objects.order_by("pk"))
        assert {one.platform for one in images} == set(NAMES)
        assert job.result["images"] == [one.pk for one in images]
        assert job.image == images[0]
        assert ImageIndex.objects.get().digest == str(INDEX.digest)

    def test_its_progress_counts_a_shared_layer_once(self, project: Project, served: str) -> None:
        shot = latest(pull(project, served, "linux/arm64", "linux/s390x"))
        assert shot.platform == "linux/arm64,linux/s390x"
        assert [layer.platform for layer in shot.layers] == ["linux/arm64"] * 2 + ["linux/s390x"] * 2
        assert [layer.again for layer in shot.layers] == [False, False, True, False]
        once = sum(layer.size for layer in shot.layers if not layer.again)
        assert (shot.fetched, shot.to_fetch, shot.done, shot.total) == (once, once, once, once)

    def test_what_refers_to_it_is_found_beside(
        self, project: Project, served: str, sample_registry: SampleRegistry
    ) -> None:
        sbom = referring(INDEX.images[0], "application/spdx+json")
        signature = referring(INDEX, "application/vnd.cncf.notary.signature")
        for one in (sbom, signature):
            sample_registry.push("multi", str(one.digest), one)
        job = pull(project, served, "linux/amd64", "linux/arm64")
        assert job.image is not None
        of_image = {(one.kind, one.found_by) for one in job.image.referrers.all()}
        assert of_image == {("sbom", "referrers"), ("attestation", "index")}
        (of_index,) = ImageIndex.objects.get().referrers.all()
        assert (of_index.digest, of_index.kind) == (str(signature.digest), "signature")
        assert job.image.referrers_at is not None

    def test_an_unchanged_pull_asks_for_nothing_more(
        self, project: Project, served: str, sample_registry: SampleRegistry
    ) -> None:
        pull(project, served, "all")
        sample_registry.requests.clear()
        assert pull(project, served, "all").result["unchanged"]
        asked = [(request.method, request.path) for request in sample_registry.requests]
        assert [one for one in asked if one[1] != "/v2/"] == [("HEAD", "/v2/multi/manifests/1")]

    def test_a_look_that_fails_fails_no_pull(
        self, project: Project, served: str, sample_registry: SampleRegistry
    ) -> None:
        sample_registry.faults.where = "/referrers/"
        sample_registry.faults.fail(500, times=50)
        job = pull(project, served, "linux/amd64")
        assert job.state == JobState.SUCCEEDED
        assert job.image is not None
        assert job.image.referrers_at is None
        # What stands in the index itself is known all the same.
        assert [one.found_by for one in Referrer.objects.all()] == ["index"]

    def test_a_platform_that_does_not_exist_is_said(self, project: Project, served: str) -> None:
        job = pull(project, served, "linux/amd64", "windows/amd64")
        assert (job.state, job.error_code) == (JobState.FAILED, "platform_not_found")
        assert "linux/arm64, linux/s390x" in job.error_message
        assert not Image.objects.exists()


class TestAskingForSeveral:
    def test_they_stand_in_the_job_s_row(self, project: Project, users: Users) -> None:
        job = services.start_pull(
            project, "alpine", platform="linux/x86_64", platforms=["linux/arm64/v8"], by=users.operator
        )
        assert job.platform == "linux/amd64,linux/arm64"
        assert services.start_pull(project, "alpine", platforms=["all"], by=users.operator).platform == "all"

    def test_a_repeated_job_asks_for_the_same(self, project: Project, users: Users) -> None:
        job = services.start_pull(
            project, "alpine", platforms=["linux/amd64", "linux/arm64"], by=users.operator
        )
        Job.objects.update(state=JobState.FAILED, error_code="x")
        job.refresh_from_db()
        assert services.retry(job, by=users.operator).platform == job.platform

    @pytest.mark.parametrize("platforms", [["nonsense"], ["all", "linux/amd64"]])
    def test_what_cannot_be_meant_is_refused(
        self, project: Project, users: Users, platforms: list[str]
    ) -> None:
        with pytest.raises(InvalidPlatform):
            services.start_pull(project, "alpine", platforms=platforms, by=users.operator)
        assert not Job.objects.exists()

    def test_a_schedule_may_ask_for_several(self, project: Project, users: Users) -> None:
        row = services.save_schedule(
            project,
            reference="alpine",
            platform="linux/amd64, linux/arm64",
            insecure=False,
            cron="0 4 * * *",
            timezone="UTC",
            by=users.operator,
        )
        assert row.platform == "linux/amd64,linux/arm64"
        assert services.run_schedule_now(row, by=users.operator).platform == row.platform
        with pytest.raises(InvalidPlatform):
            services.save_schedule(
                project,
                reference="alpine",
                platform="all,linux/amd64",
                insecure=False,
                cron="0 4 * * *",
                timezone="UTC",
                by=users.operator,
                schedule=row,
            )
