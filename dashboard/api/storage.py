"""The store that all projects share. Whoever administers the install may start what keeps it in order."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router
from ninja.responses import Status

from dashboard.api.auth import caller
from dashboard.api.schemas.jobs import JobOut
from dashboard.api.schemas.kept import KeptDetailsOut
from dashboard.api.schemas.storage import KeepIn, ScrubIn, StorageOut
from dashboard.api.scope import find, project_for
from worker import services
from worker.models import INSTALL_KINDS, Job, JobKind
from worker.progress import latest

router = Router(tags=["storage"])


@router.get("storage", response=StorageOut, summary="The store's disk use")
def storage(request: HttpRequest, project: str | None = None) -> StorageOut:
    """Members of any project. An old measurement is made anew in the background."""
    project_for(caller(request), project)
    survey = services.refresh_storage()
    scrubbed = Job.objects.done_last(JobKind.SCRUB).first()
    return StorageOut.of(survey, services.is_measured_now(survey), scrubbed)


@router.post("storage/preview", response={202: JobOut}, summary="Look for garbage")
def preview(request: HttpRequest, given: KeepIn) -> Status[JobOut]:
    """Administrators of the install. Removes nothing; `storage/jobs/{id}` lists what would go."""
    user = caller(request)
    return _accepted(services.start_preview(project_for(user, given.project), by=user))


@router.post("storage/collect", response={202: JobOut}, summary="Collect garbage")
def collect(request: HttpRequest, given: KeepIn) -> Status[JobOut]:
    """Administrators of the install. Removes what no image, container or running pull needs."""
    user = caller(request)
    return _accepted(services.start_collect(project_for(user, given.project), by=user))


@router.post("storage/scrub", response={202: JobOut}, summary="Compare the store with what it should be")
def scrub(request: HttpRequest, given: ScrubIn) -> Status[JobOut]:
    """Administrators of the install."""
    user = caller(request)
    return _accepted(services.start_scrub(project_for(user, given.project), repair=given.repair, by=user))


@router.post("storage/rebuild", response={202: JobOut}, summary="Rebuild the catalog from the store")
def rebuild(request: HttpRequest, given: KeepIn) -> Status[JobOut]:
    """Administrators of the install. Images that no project has come into `project`; nothing is removed."""
    user = caller(request)
    return _accepted(services.start_rebuild(project_for(user, given.project), by=user))


@router.get(
    "storage/jobs/{int:id}", response=KeptDetailsOut, summary="What a job of the store removed or found"
)
def details(request: HttpRequest, id: int) -> KeptDetailsOut:
    """Administrators of the install: what is named here may be of any project."""
    user = caller(request)
    rows = Job.objects.filter(kind__in=INSTALL_KINDS)
    job = find(rows, user, id, "job of the store")
    services.require_install_admin(user)
    return KeptDetailsOut.of(job)


def _accepted(job: Job) -> Status[JobOut]:
    return Status(202, JobOut.of(job, latest(job)))
