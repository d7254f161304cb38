"""A team's unit of ownership, and who belongs to it."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Role(models.TextChoices):
    """What a member may do; each role includes the ones before it.

    viewer: see everything. operator: also pull, run containers, schedule. admin: also registries and members.
    """

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        return [Role.VIEWER, Role.OPERATOR, Role.ADMIN].index(self)

    def covers(self, needed: Role) -> bool:
        return self.rank >= needed.rank


class ProjectManager(models.Manager["Project"]):
    def first_or_new(self, name: str = "") -> Project:
        """Return the install's first project; make it, called ``name``, if there is none."""
        if (first := self.order_by("id").first()) is not None:
            return first
        project, _ = self.get_or_create(slug="default", defaults={"name": name.strip() or "Default"})
        return project


class Project(models.Model):
    """Images, containers, schedules, registries and members belong to exactly one project.

    Attributes:
        slug: its name in addresses (/p/<slug>/).
        quota_bytes: upper bound for the compressed bytes of all its images; None for no bound.
    """

    slug = models.SlugField(max_length=50, unique=True)
    name = models.CharField(max_length=100)
    quota_bytes = models.PositiveBigIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ProjectManager()

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """One person's role in one project."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.VIEWER)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], name="membership_once"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.project}"
