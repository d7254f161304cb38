"""An image that is removed between its record in the catalog and the end of its pull."""

from __future__ import annotations

from pathlib import Path

import pytest

from samples.images import image, index, layer
from samples.referrers import referring
from samples.registry import SampleRegistry
from worker import services
from worker.models import Image, Job, JobState, Project, Referrer
from worker.tasks.pulling import pull_image
from worker.tasks.running import Outcome, Run, run_job

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.root]


@pytest.mark.parametrize("when", ["before what refers to it is recorded", "after that"])
def test_its_job_succeeds_all_the_same(
    when: str,
    project: Project,
    sample_registry: SampleRegistry,
    data_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = index([image([layer({"a": b"a"})])])
    sample_registry.referrers.api = True
    reference = sample_registry.push("app", "1", content)
    for subject in (content, content.images[0]):
        sbom = referring(subject, "application/vnd.cyclonedx+json")
        sample_registry.push("app", str(sbom.digest), sbom)

    def remove(*arguments: object) -> None:
        services.remove_image(Image.objects.get(), by=None)

    def work(run: Run) -> Outcome:
        return pull_image(run, remove if when == "after that" else None)

    if when != "after that":
        monkeypatch.setattr("worker.tasks.pulling.keep_listed", remove)
    job = services.start_pull(project, reference, insecure=True, by=None)
    assert run_job(job.pk, work) is JobState.SUCCEEDED, Job.objects.get(pk=job.pk).error_message
    job.refresh_from_db()
    assert (job.state, job.image) == (JobState.SUCCEEDED, None)
    assert not Image.objects.exists()
    assert not Referrer.objects.exists()
