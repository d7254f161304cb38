"""Who belongs to a project."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.access import Request, get_project, signed_in
from dashboard.forms.members import MemberForm, ProjectForm
from dashboard.messages import done, refused
from worker import services
from worker.engine.errors import Conflict, InvalidInput, NotAllowed, NotFound, StrataError
from worker.models import Membership, Project, Role


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def members(request: Request, project_slug: str) -> HttpResponse:
    """Members see each other; admins let others in."""
    needed = Role.ADMIN if request.method == "POST" else Role.VIEWER
    project = get_project(request, project_slug, needed)
    if request.method == "GET":
        return _page(request, project, MemberForm())
    form = MemberForm(request.POST)
    if form.is_valid():
        try:
            member = services.add_member(project, **form.arguments(), by=signed_in(request))
        except StrataError as error:
            form.refuse(error)
        else:
            done(request, f"{member.user.get_username()} is now {member.role} of {project.name}.")
            return redirect("members", project.slug)
    return _page(request, project, form, status=422)


@require_POST
def change(request: Request, project_slug: str, membership_id: int) -> HttpResponse:
    """Admins."""
    project = get_project(request, project_slug, Role.ADMIN)
    member = _membership(project, membership_id)
    try:
        services.change_role(member, request.POST.get("role", ""), by=signed_in(request))
    except (Conflict, InvalidInput) as error:
        refused(request, error)
    else:
        done(request, f"{member.user.get_username()} is now {member.role} of {project.name}.")
    return redirect("members", project.slug)


@require_http_methods(["GET", "POST"])
def remove(request: Request, project_slug: str, membership_id: int) -> HttpResponse:
    """Admins; first it is asked back."""
    project = get_project(request, project_slug, Role.ADMIN)
    member = _membership(project, membership_id)
    name = member.user.get_username()
    if request.method == "POST":
        try:
            services.remove_member(member, by=signed_in(request))
        except Conflict as error:
            refused(request, error)
        else:
            done(request, f"{name} no longer belongs to {project.name}.")
            if member.user_id == signed_in(request).pk and not signed_in(request).is_superuser:
                return redirect("home")
        return redirect("members", project.slug)
    context = {
        "title": f"Remove {name} from {project.name}",
        "consequences": [
            f"{name} no longer sees this project. What {name} made stays, and so does the user.",
        ],
        "verb": "Remove the member",
        "back": reverse("members", args=[project.slug]),
    }
    return render(request, "parts/confirm.html", context)


@require_http_methods(["GET", "POST"])
def new_project(request: Request) -> HttpResponse:
    """Administrators of the install."""
    user = signed_in(request)
    if not user.is_superuser:
        raise NotAllowed(
            "Only an administrator may create projects.", hint="Ask an administrator of this install."
        )
    if request.method == "GET":
        return render(request, "members/project.html", {"form": ProjectForm()})
    form = ProjectForm(request.POST)
    if form.is_valid():
        try:
            project = services.create_project(
                form.cleaned_data["name"], slug=form.cleaned_data["slug"], by=user
            )
        except StrataError as error:
            form.refuse(error)
        else:
            done(request, f"{project.name} is ready, and you are its admin.")
            return redirect("overview", project.slug)
    return render(request, "members/project.html", {"form": form}, status=422)


def _page(request: Request, project: Project, form: MemberForm, status: int = 200) -> HttpResponse:
    rows = Membership.objects.filter(project=project).select_related("user").order_by("user__username")
    context = {"members": rows, "form": form, "roles": Role.choices}
    return render(request, "members/members.html", context, status=status)


def _membership(project: Project, membership_id: int) -> Membership:
    rows = Membership.objects.filter(project=project, pk=membership_id)
    if (member := rows.select_related("user", "project").first()) is None:
        raise NotFound(f"There is no such member of {project.name}.")
    return member
