"""What to pull by itself, and when."""

from __future__ import annotations

from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.utils import timezone as clock

from dashboard.forms.refusal import RefusableForm, code
from dashboard.messages import sentence
from worker.engine.errors import InvalidInput, InvalidPlatform, InvalidReference, NotAllowed
from worker.models import Schedule
from worker.models.cron import next_run

COMMON = (
    ("0 4 * * *", "every day at 04:00"),
    ("0 * * * *", "every hour"),
    ("*/15 * * * *", "every 15 minutes"),
    ("0 4 * * 1", "every Monday at 04:00"),
    ("0 4 1 * *", "on the first of each month at 04:00"),
)


@cache
def timezones() -> tuple[str, ...]:
    """Return the IANA names that this machine knows, UTC first; old aliases without a region are left out."""
    return (
        "UTC",
        *sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc")),
    )


class ScheduleForm(RefusableForm):
    """A schedule as a person asks for it."""

    blamed = (
        (InvalidReference, "reference"),
        (InvalidPlatform, "platform"),
        (NotAllowed, "reference"),
        (InvalidInput, "cron"),
    )

    reference = forms.CharField(
        max_length=800,
        help_text="Exactly this reference is pulled each time: a tag is followed to where it points then.",
        widget=forms.TextInput(code(placeholder="debian:bookworm", list="references")),
        error_messages={"required": "Enter a reference."},
    )
    platform = forms.CharField(
        max_length=152,
        required=False,
        help_text="os/arch or os/arch/variant; empty for the platform of the worker's machine.",
        widget=forms.TextInput(code(placeholder="linux/arm64/v8")),
    )
    insecure = forms.BooleanField(
        required=False,
        label="Allow plain HTTP and certificates that are not trusted",
        help_text="A registry that is marked as insecure needs no tick.",
    )
    cron = forms.CharField(
        label="When",
        max_length=100,
        help_text="A cron line: minute, hour, day of month, month, day of week.",
        widget=forms.TextInput(code(placeholder="0 4 * * *", list="crons")),
        error_messages={"required": "Enter a cron line."},
    )
    timezone = forms.CharField(
        label="Time zone",
        max_length=64,
        initial="UTC",
        help_text="An IANA name, such as Europe/Berlin; summer time is taken care of.",
        widget=forms.TextInput(code(list="timezones")),
    )
    enabled = forms.BooleanField(label="On", required=False, initial=True)

    def __init__(self, *args: Any, schedule: Schedule | None = None, **kwargs: Any) -> None:
        if schedule is not None:
            kwargs.setdefault("initial", {name: getattr(schedule, name) for name in self.base_fields})
        super().__init__(*args, **kwargs)

    def clean_timezone(self) -> str:
        name: str = self.cleaned_data["timezone"].strip()
        if name not in available_timezones():
            raise forms.ValidationError(
                f"There is no time zone “{name}”. Use an IANA name such as UTC or Europe/Berlin."
            )
        return name

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if "cron" in cleaned:
            try:
                # In any zone: a wrong zone is said at its own field.
                next_run(cleaned["cron"], cleaned.get("timezone", "UTC"), clock.now())
            except InvalidInput as error:
                self.add_error("cron", sentence(error))
        return cleaned

    def arguments(self) -> dict[str, Any]:
        """Return what ``services.save_schedule`` takes."""
        return {name: self.cleaned_data[name] for name in self.base_fields}
