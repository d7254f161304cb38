"""Pulls that start by themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.core.paginator import Paginator
from django.db.models import OuterRef, Subquery
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone as clock
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard.access import Request, get_project, signed_in
from dashboard.forms.schedules import COMMON, ScheduleForm, timezones
from dashboard.fragments import page_or_part
from dashboard.messages import done, refused, sentence
from dashboard.queries.names import Name
from worker import services
from worker.engine.errors import Conflict, InvalidInput, InvalidReference, NotFound, StrataError
from worker.engine.oci import Reference
from worker.models import Job, Project, Role, Schedule, Tag
from worker.models.cron import next_run

PER_PAGE = 50
_RUNS_SHOWN = 3
_SUGGESTED = 50


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the list: ``name`` as short as it may be written, ``when`` in words, and the latest job."""

    schedule: Schedule
    name: str
    when: str
    last: Job | None

    @property
    def due(self) -> bool:
        """Whether its time has come; a beat takes a moment to notice."""
        at = self.schedule.next_run_at
        return at is not None and at <= clock.now()


@require_safe
def schedules(request: Request, project_slug: str) -> HttpResponse:
    """Members."""
    project = get_project(request, project_slug)
    found = Schedule.objects.filter(project=project).order_by("reference", "id")
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": _rows(page),
    }
    return page_or_part(request, "schedules/schedules.html", "list", context)


@require_http_methods(["GET", "POST"])
def new(request: Request, project_slug: str) -> HttpResponse:
    """Operators. The fields can be filled by the query string."""
    project = get_project(request, project_slug, Role.OPERATOR)
    if request.method == "GET":
        given = {name: request.GET[name] for name in ScheduleForm.base_fields if name in request.GET}
        return _form(request, project, ScheduleForm(initial=given))
    return _save(request, project, ScheduleForm(request.POST), None)


@require_http_methods(["GET", "POST"])
def edit(request: Request, project_slug: str, schedule_id: int) -> HttpResponse:
    """Operators."""
    project = get_project(request, project_slug, Role.OPERATOR)
    schedule = _schedule(project, schedule_id)
    if request.method == "GET":
        return _form(request, project, ScheduleForm(schedule=schedule), schedule)
    return _save(request, project, ScheduleForm(request.POST, schedule=schedule), schedule)


@require_safe
def preview(request: Request, project_slug: str) -> HttpResponse:
    """Operators: what a cron line means, while it is typed."""
    get_project(request, project_slug, Role.OPERATOR)
    meant = _meant(request.GET.get("cron", ""), request.GET.get("timezone", ""))
    return render(request, "schedules/meant.html", {"meant": meant})


@require_POST
def switch(request: Request, project_slug: str, schedule_id: int) -> HttpResponse:
    """Operators. The form says which way, so that a second click does not turn it back."""
    project = get_project(request, project_slug, Role.OPERATOR)
    schedule = _schedule(project, schedule_id)
    services.switch_schedule(schedule, request.POST.get("enabled") == "1", by=signed_in(request))
    return _back(project, schedule)


@require_POST
def run(request: Request, project_slug: str, schedule_id: int) -> HttpResponse:
    """Operators. The job's page follows."""
    project = get_project(request, project_slug, Role.OPERATOR)
    schedule = _schedule(project, schedule_id)
    try:
        job = services.run_schedule_now(schedule, by=signed_in(request))
    except Conflict as error:
        refused(request, error)
        return _back(project, schedule)
    return redirect("job", project.slug, job.pk)


@require_http_methods(["GET", "POST"])
def remove(request: Request, project_slug: str, schedule_id: int) -> HttpResponse:
    """Operators; first it is asked back."""
    project = get_project(request, project_slug, Role.OPERATOR)
    schedule = _schedule(project, schedule_id)
    name = _short(schedule.reference)
    if request.method == "POST":
        services.delete_schedule(schedule, by=signed_in(request))
        done(request, f"{name} is no longer pulled by itself.")
        return redirect("schedules", project.slug)
    context = {
        "title": f"Remove the schedule of {name}",
        "consequences": [
            f"{name} is no longer pulled by itself. Images and jobs stay.",
            "To pause it, turn it off instead.",
        ],
        "verb": "Remove the schedule",
        "back": reverse("schedules", args=[project.slug]),
    }
    return render(request, "parts/confirm.html", context)


@dataclass(frozen=True, slots=True)
class Run:
    """A moment to come; ``text`` is as the clock on the wall will show it there."""

    moment: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Meant:
    """What a cron line means: in words, and its next runs; or why it means nothing."""

    words: str = ""
    runs: tuple[Run, ...] = ()
    error: str = ""


def _meant(cron: str, timezone: str) -> Meant | None:
    if not cron.strip():
        return None
    runs: list[Run] = []
    after = clock.now()
    try:
        words = services.describe_cron(cron, timezone)
        for _ in range(_RUNS_SHOWN):
            after = next_run(cron, timezone, after)
            # Written here: a template would turn it into the server's own time zone.
            runs.append(Run(after, f"{after.astimezone(ZoneInfo(timezone)):%a %-d %b %Y, %H:%M}"))
    except InvalidInput as error:
        return Meant(error=sentence(error))
    return Meant(words, tuple(runs))


def _rows(schedules: Iterable[Schedule]) -> list[Row]:
    """Read the latest job of each in one query."""
    found = list(schedules)
    latest = Job.objects.filter(schedule=OuterRef("pk")).order_by("-created_at", "-id").values("pk")[:1]
    ids = Schedule.objects.filter(pk__in=[schedule.pk for schedule in found]).values_list(
        "pk", Subquery(latest)
    )
    job_of = dict(ids)
    jobs = Job.objects.defer("progress").in_bulk([job for job in job_of.values() if job is not None])
    return [
        Row(
            schedule,
            _short(schedule.reference),
            _words(schedule),
            jobs.get(job) if (job := job_of.get(schedule.pk)) is not None else None,
        )
        for schedule in found
    ]


def _words(schedule: Schedule) -> str:
    try:
        return services.describe_cron(schedule.cron, schedule.timezone)
    except InvalidInput:
        # A time zone may vanish with an update of the machine.
        return f"{schedule.cron}, {schedule.timezone}"


def _short(reference: str) -> str:
    try:
        return Reference.parse(reference).familiar
    except InvalidReference:
        return reference


def _save(request: Request, project: Project, form: ScheduleForm, schedule: Schedule | None) -> HttpResponse:
    if form.is_valid():
        try:
            saved = services.save_schedule(
                project, **form.arguments(), by=signed_in(request), schedule=schedule
            )
        except StrataError as error:
            form.refuse(error)
        else:
            done(request, f"The schedule of {_short(saved.reference)} is saved.")
            return _back(project, saved)
    return _form(request, project, form, schedule, status=422)


def _form(
    request: Request,
    project: Project,
    form: ScheduleForm,
    schedule: Schedule | None = None,
    status: int = 200,
) -> HttpResponse:
    tags = Tag.objects.filter(project=project).order_by("-checked_at")[:_SUGGESTED]
    context = {
        "form": form,
        "schedule": schedule,
        "name": _short(schedule.reference) if schedule else "",
        "meant": _meant(str(form["cron"].value() or ""), str(form["timezone"].value() or "")),
        "crons": COMMON,
        "timezones": timezones(),
        "references": sorted(
            {Name.of(tag.registry_host, tag.repository, tag.name).reference for tag in tags}
        ),
    }
    return render(request, "schedules/form.html", context, status=status)


def _back(project: Project, schedule: Schedule) -> HttpResponse:
    return redirect(f"{reverse('schedules', args=[project.slug])}#schedule-{schedule.pk}")


def _schedule(project: Project, schedule_id: int) -> Schedule:
    schedule = Schedule.objects.filter(project=project, pk=schedule_id).first()
    if schedule is None:
        raise NotFound(f"There is no such schedule in {project.name}.")
    return schedule
