"""What to pull."""

from __future__ import annotations

from typing import Any

from django import forms

from dashboard.forms.refusal import RefusableForm, code
from worker.engine.errors import InvalidPlatform, InvalidReference, NotAllowed

EVERY_PLATFORM = "all"
_SEVERAL = 50


class Platforms(forms.MultipleChoiceField):
    """Ticked platforms; which there are to tick, the registry has said."""

    def valid_value(self, value: str) -> bool:
        return True


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
        help_text="os/arch or os/arch/variant, several with commas, or all; empty for that of the worker's "
        "machine.",
        widget=forms.TextInput(code(placeholder="linux/arm64/v8", list="platforms")),
    )
    platforms = Platforms(required=False)
    offered = forms.IntegerField(required=False, widget=forms.HiddenInput)
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

    def clean(self) -> dict[str, Any]:
        """Let all that there are to tick stand for all: a row has room for few names."""
        cleaned: dict[str, Any] = super().clean() or {}
        ticked = list(dict.fromkeys(cleaned.get("platforms") or []))[:_SEVERAL]
        if EVERY_PLATFORM in ticked or len(ticked) == cleaned.get("offered") != 1:
            ticked = [EVERY_PLATFORM]
        cleaned["platforms"] = ticked
        return cleaned

    def keep_still(self) -> None:
        """Leave the focus where it is: something else was asked for than to type."""
        del self.fields["reference"].widget.attrs["autofocus"]

    def arguments(self) -> dict[str, Any]:
        """Return what ``services.start_pull`` takes. No tick means: as the registry's entry says."""
        cleaned = self.cleaned_data
        return {
            "reference": cleaned["reference"],
            "platform": cleaned["platform"],
            "platforms": cleaned["platforms"],
            "insecure": True if cleaned["insecure"] else None,
            "fetch_only": cleaned["fetch_only"],
        }

    def question(self, look: str) -> dict[str, str | list[str]]:
        """Return the query string, as fields, of the page on which one looks before pulling.

        ``look`` is ``tags`` or ``preview``, or ``all`` for a preview of all platforms.
        """
        cleaned = self.cleaned_data
        if look == EVERY_PLATFORM:
            cleaned, look = {**cleaned, "platforms": [EVERY_PLATFORM], "platform": ""}, "preview"
        asked: dict[str, str | list[str]] = {
            "reference": cleaned["reference"],
            "platform": cleaned["platform"],
            "platforms": cleaned["platforms"],
            "insecure": "on" if cleaned["insecure"] else "",
            "fetch_only": "on" if cleaned["fetch_only"] else "",
            "look": look,
        }
        return {name: value for name, value in asked.items() if value}
