"""The rules of an image, as its page asks for them; the fields are those of the command and the API."""

from __future__ import annotations

import shlex

from django import forms

from worker.engine.errors import InvalidInput
from worker.engine.weight import Rules

_LIMITS = ("lowest_efficiency", "highest_wasted_bytes", "highest_user_wasted_percent")


class RulesForm(forms.Form):
    """Sent by GET, so that a check can be bookmarked. ``rules`` is set once it is valid."""

    lowest_efficiency = forms.CharField(
        required=False, max_length=40, widget=forms.TextInput(attrs={"placeholder": "0.95"}),
        label="Lowest efficiency", help_text="A ratio from 0 to 1",
    )  # fmt: skip
    highest_wasted_bytes = forms.CharField(
        required=False, max_length=40, widget=forms.TextInput(attrs={"placeholder": "20MB"}),
        label="Highest wasted bytes", help_text="20MB are 20,000,000 bytes, 20MiB 20,971,520",
    )  # fmt: skip
    highest_user_wasted_percent = forms.CharField(
        required=False, max_length=40, widget=forms.TextInput(attrs={"placeholder": "0.1"}),
        label="Highest user wasted percent", help_text="A ratio from 0 to 1, in spite of its name",
    )  # fmt: skip
    forbid_path = forms.CharField(
        required=False, max_length=20_000, strip=False, label="Forbidden paths",
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": "*.pem\n/root/**", "spellcheck": "false"}),
        help_text="One pattern a line; what a later layer deletes counts, too",
    )  # fmt: skip
    forbid_setuid_added = forms.BooleanField(
        required=False, label="No set-user-ID file added above the base layer"
    )

    rules: Rules | None = None

    def clean(self) -> None:
        given = self.cleaned_data
        try:
            self.rules = Rules.parse(
                **{name: given.get(name, "") for name in _LIMITS},
                forbid_setuid_added=given.get("forbid_setuid_added", False),
                forbid_path=self.globs,
            )
        except InvalidInput as error:
            field = error.field if error.field in self.fields else None
            self.add_error(field, f"{error.message} {error.hint}")

    @property
    def globs(self) -> list[str]:
        return [line for line in self.cleaned_data.get("forbid_path", "").splitlines() if line.strip()]

    def command(self, reference: str) -> str:
        """What does the same in a shell."""
        words = ["manage.py", "check_image", reference]
        for name in _LIMITS:
            if value := self.cleaned_data.get(name):
                words += [f"--{name.replace('_', '-')}", value]
        if self.cleaned_data.get("forbid_setuid_added"):
            words.append("--forbid-setuid-added")
        for glob in self.globs:
            words += ["--forbid-path", glob]
        return shlex.join(words)
