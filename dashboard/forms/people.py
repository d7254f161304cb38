"""Forms about people: the first administrator, sign-in, passwords, API tokens."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password

from dashboard.messages import sentence
from worker.engine.errors import InvalidInput
from worker.services.people import check_username


def _current_password(label: str) -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=128,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


def _new_password(label: str) -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=128,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least 8 characters; not a common word, not only digits.",
    )


def _own_name(label: str) -> forms.CharField:
    """The field in which somebody enters the name that he signs in with; it has the focus."""
    return forms.CharField(
        label=label,
        max_length=150,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "username",
                "autocapitalize": "none",
                "spellcheck": "false",
                "autofocus": True,
            }
        ),
    )


class SetupForm(forms.Form):
    """The first visit."""

    username = _own_name("Your user name")
    password = _new_password("Password")
    project_name = forms.CharField(
        label="First project",
        max_length=100,
        initial="Default",
        help_text="Images, containers and members belong to a project; more can be added later.",
    )

    def clean_username(self) -> str:
        username: str = self.cleaned_data["username"]
        try:
            check_username(username)
        except InvalidInput as error:
            raise forms.ValidationError(sentence(error)) from error
        return username

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        validate_password(password, User(username=self.cleaned_data.get("username", "")))
        return password


class SignInForm(forms.Form):
    username = _own_name("User name")
    password = _current_password("Password")


class PasswordForm(forms.Form):
    """Change one's own password, by proving the current one."""

    current = _current_password("Current password")
    new = _new_password("New password")

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._user = user

    def clean_current(self) -> str:
        current: str = self.cleaned_data["current"]
        if not self._user.check_password(current):
            raise forms.ValidationError("This is not your current password.")
        return current

    def clean_new(self) -> str:
        new: str = self.cleaned_data["new"]
        validate_password(new, self._user)
        return new


class TokenForm(forms.Form):
    name = forms.CharField(
        label="What is it for?",
        max_length=100,
        widget=forms.TextInput(attrs={"placeholder": "ci, backup, laptop", "autocomplete": "off"}),
    )
