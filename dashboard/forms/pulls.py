"""What to pull."""

from __future__ import annotations

from typing import Any

from django import forms

from worker.engine.errors import InvalidPlatform, InvalidReference, NotAllowed, StrataError


class PullForm(forms.Form):
    """A pull as a person asks for it. Whether it can be meant, the services decide; see :meth:`refuse`."""

    reference = forms.CharField(
        max_length=512,
        help_text="As Docker writes it: name, name:tag, host:port/name:tag or name@sha256:…",
        widget=forms.TextInput(
            attrs={
                "class": "mono",
                "placeholder": "debian:bookworm",
                "list": "references",
                "autocomplete": "off",
                "autocapitalize": "none",
                "spellcheck": "false",
                "autofocus": True,
            }
        ),
        error_messages={"required": "Enter a reference."},
    )
    platform = forms.CharField(
        max_length=152,
        required=False,
        help_text="os/arch or os/arch/variant; empty for the platform of the worker's machine.",
        widget=forms.TextInput(
            attrs={
                "class": "mono",
                "placeholder": "linux/arm64/v8",
                "list": "platforms",
                "autocomplete": "off",
                "autocapitalize": "none",
                "spellcheck": "false",
            }
        ),
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

    def refuse(self, error: StrataError) -> None:
        """Show ``error`` at the field that it is about, with what to do next."""
        field = None
        if isinstance(error, (InvalidReference, NotAllowed)):
            field = "reference"
        elif isinstance(error, InvalidPlatform):
            field = "platform"
        self.add_error(field, f"{error.message} {error.hint}".strip())
