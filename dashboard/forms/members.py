"""Who belongs to a project; and a project to belong to."""

from __future__ import annotations

from typing import Any

from django import forms

from dashboard.forms.refusal import RefusableForm, code
from worker.engine.errors import Conflict, InvalidInput, NotFound
from worker.models import Role

_ROLES = [
    (Role.VIEWER.value, "viewer: sees everything"),
    (Role.OPERATOR.value, "operator: also pulls, runs containers, schedules"),
    (Role.ADMIN.value, "admin: also registries and members"),
]


class MemberForm(RefusableForm):
    """Let somebody in; with a password, make that user first."""

    blamed = ((NotFound, "password"), (Conflict, "username"), (InvalidInput, "password"))

    username = forms.CharField(
        label="User name",
        max_length=150,
        widget=forms.TextInput({"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
        error_messages={"required": "Enter a user name."},
    )
    role = forms.ChoiceField(choices=_ROLES, initial=Role.VIEWER.value)
    password = forms.CharField(
        max_length=128,
        strip=False,
        required=False,
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
        help_text="Only for somebody who has no user here yet: the first password, which they can change.",
    )

    def arguments(self) -> dict[str, Any]:
        """Return what ``services.add_member`` takes."""
        cleaned = self.cleaned_data
        return {
            "username": cleaned["username"],
            "role": cleaned["role"],
            "password": cleaned["password"] or None,
        }


class ProjectForm(RefusableForm):
    """A new project."""

    blamed = ((Conflict, "slug"), (InvalidInput, "slug"))

    name = forms.CharField(max_length=100, widget=forms.TextInput({"autocomplete": "off", "autofocus": True}))
    slug = forms.CharField(
        label="Address",
        max_length=50,
        required=False,
        help_text="The part of its pages' addresses after /p/. Small letters, digits and dashes; "
        "empty: made from the name.",
        widget=forms.TextInput(code(placeholder="platform-team")),
    )
