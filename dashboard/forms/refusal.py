"""Say at the right field why the services refused what a form asked for."""

from __future__ import annotations

from typing import ClassVar

from django import forms

from dashboard.messages import sentence
from worker.engine.errors import StrataError


class RefusableForm(forms.Form):
    """A form whose wish may be refused after it was read.

    Attributes:
        blamed: which field an error is about, by its class; the first that fits. No field: the whole form.
    """

    blamed: ClassVar[tuple[tuple[type[StrataError], str], ...]] = ()

    def refuse(self, error: StrataError) -> None:
        """Show ``error`` and its next step at the field that it is about."""
        field = next((name for kind, name in self.blamed if isinstance(error, kind)), None)
        self.add_error(field, sentence(error))


def code(**attributes: str | bool) -> dict[str, str | bool]:
    """Return widget attributes for what is code and not prose."""
    return {
        "class": "mono",
        "autocomplete": "off",
        "autocapitalize": "none",
        "spellcheck": "false",
    } | attributes
