"""What to pull."""

from __future__ import annotations

from typing import Any

from django import forms

from dashboard.forms.refusal import RefusableForm, code
from worker.engine.errors import InvalidPlatform, InvalidReference, NotAllowed


class PullForm(RefusableForm):
    """A pull as a person asks for it. Whether it can be meant, the services decide."""

    blamed = ((InvalidReference, "reference"), (NotAllowed, "reference"), (InvalidPlatform, "platform"))

    reference = forms.CharField(
        max_length=512,
        help_text="As Docker writes it: name, name:tag, host:port/name:tag or name@sha256:…",
        widget=forms.TextInput(code(placeholder="debian:bookworm", list="references", autofocus=True)),
        error_messages={"required": "Enter a reference."},
    )
    platform = forms.CharField(
        max_length=152,
        required=False,
        help_text="os/arch or os/arch/variant; empty for the platform of the worker's machine.",
        widget=forms.TextInput(code(placeholder="linux/arm64/v8", list="platforms")),
    )
    insecure = forms.BooleanField(
        required=False,
        label="Allow plain HTTP and certificates that are not trusted",
        help_text="For this pull. A registry that is marked as insecure needs no tick.",
    )
    fetch_only = forms.BooleanField(
        required=False,
        label="Fetch only",
        help_text="Download and verify the layers; extract them later.",
    )

    def arguments(self) -> dict[str, Any]:
        """Return what ``services.start_pull`` takes. No tick means: as the registry's entry says."""
        cleaned = self.cleaned_data
        return {
            "reference": cleaned["reference"],
            "platform": cleaned["platform"],
            "insecure": True if cleaned["insecure"] else None,
            "fetch_only": cleaned["fetch_only"],
        }
