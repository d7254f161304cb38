"""What to run."""

from __future__ import annotations

import re
import shlex

from django import forms

from dashboard.forms.refusal import RefusableForm, code
from worker.engine.errors import Conflict, InvalidInput, LayerMissing, NotFound

_VARIABLE = re.compile(r"[^\s=]+")
_LONGEST = 32_768  # characters of a command or of all variables; the kernel's own bound per word is higher


class ContainerForm(RefusableForm):
    """A container as a person asks for it: its command as typed into a shell, variables line by line."""

    blamed = ((Conflict, "name"), (LayerMissing, "image"), (NotFound, "image"), (InvalidInput, "name"))

    image = forms.IntegerField(
        widget=forms.Select(), error_messages={"required": "Choose an image.", "invalid": "Choose an image."}
    )
    name = forms.CharField(
        max_length=63,
        required=False,
        help_text="Letters, digits, dots, dashes and underscores. Empty: one is made up.",
        widget=forms.TextInput(code(placeholder="quiet-basalt")),
    )
    command = forms.CharField(
        max_length=_LONGEST,
        required=False,
        help_text="Replaces the image's command. Quotes work as in a shell; for pipes and redirections, "
        "write sh -c '…'. Empty: what the image runs by itself.",
        widget=forms.TextInput(code(placeholder="sh -c 'echo hello'")),
    )
    env = forms.CharField(
        label="Environment",
        max_length=_LONGEST,
        required=False,
        help_text="One NAME=value per line, taken as written. They add to the image's, or replace them.",
        widget=forms.Textarea(code(rows="4", placeholder="LANG=C.UTF-8")),
    )
    start = forms.BooleanField(label="Start it now", required=False, initial=True)

    def clean_command(self) -> list[str]:
        """Return its words."""
        try:
            return shlex.split(self.cleaned_data["command"])
        except ValueError as error:
            raise forms.ValidationError(_SHELL_ERRORS.get(str(error), f"{error}.")) from error

    def clean_env(self) -> dict[str, str]:
        """Return the variables; a later line wins over an earlier one of the same name."""
        variables: dict[str, str] = {}
        for number, line in enumerate(self.cleaned_data["env"].splitlines(), start=1):
            if not line.strip():
                continue
            name, equals, value = line.partition("=")
            name = name.strip()
            if not equals or not _VARIABLE.fullmatch(name):
                raise forms.ValidationError(f"Line {number}, “{line.strip()[:60]}”, is not NAME=value.")
            variables[name] = value
        return variables


_SHELL_ERRORS = {
    "No closing quotation": r"A quote is opened and not closed. Close it, or write \' or \" for the sign.",
    "No escaped character": r"It ends with a backslash that escapes nothing. Write \\ for the sign itself.",
}
