"""How to reach a registry, and as whom."""

from __future__ import annotations

from typing import Any

from django import forms

from dashboard.forms.refusal import RefusableForm, code
from worker.engine.errors import Conflict, InvalidInput, NotAllowed
from worker.models import Registry


class RegistryForm(RefusableForm):
    """A registry of a project. The password goes in and never comes out."""

    blamed = ((Conflict, "host"), (NotAllowed, "host"), (InvalidInput, "host"))

    host = forms.CharField(
        max_length=255,
        help_text="host or host:port, as in a reference. docker.io is Docker Hub.",
        widget=forms.TextInput(code(placeholder="registry.example.org:5000")),
        error_messages={"required": "Enter the registry's host."},
    )
    insecure = forms.BooleanField(
        required=False,
        label="Insecure: plain HTTP, or TLS whose certificate is not checked",
        help_text="Whoever is in between can read passwords and change images on their way; digests that you "
        "give are still verified.",
    )
    username = forms.CharField(
        label="User name",
        max_length=255,
        required=False,
        widget=forms.TextInput(code()),
    )
    password = forms.CharField(
        label="Password or token",
        max_length=4096,
        required=False,
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
    )
    forget = forms.BooleanField(
        required=False, label="Remove the stored user name and password; pull as anybody"
    )

    def __init__(self, *args: Any, registry: Registry | None = None, **kwargs: Any) -> None:
        if registry is not None:
            kwargs.setdefault(
                "initial",
                {"host": registry.host, "insecure": registry.insecure, "username": registry.username},
            )
        super().__init__(*args, **kwargs)
        self._has_password = registry is not None and bool(registry.password_encrypted)
        if self._has_password:
            self.fields["password"].help_text = "One is stored. Empty keeps it; it is never shown."
        else:
            self.fields["password"].help_text = "It is stored encrypted, and never shown again."
            del self.fields["forget"]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("forget"):
            cleaned["username"], cleaned["password"] = "", ""
        elif cleaned.get("password") and not cleaned.get("username"):
            self.add_error("username", "There is a password, but no user name.")
        elif cleaned.get("username") and not cleaned.get("password") and not self._has_password:
            self.add_error("password", "There is a user name, but no password.")
        return cleaned

    def arguments(self) -> dict[str, Any]:
        """Return what ``services.save_registry`` takes; no password means: keep the stored one."""
        cleaned = self.cleaned_data
        return {
            "host": cleaned["host"],
            "insecure": cleaned["insecure"],
            "username": cleaned["username"],
            "password": cleaned["password"] or None,
        }
