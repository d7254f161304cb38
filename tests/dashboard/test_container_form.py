"""What people type to run a container, read strictly."""

from __future__ import annotations

import pytest

from dashboard.forms.containers import ContainerForm


def form(**data: str) -> ContainerForm:
    return ContainerForm({"image": "1", **data})


def test_a_command_is_split_as_a_shell_splits_it() -> None:
    read = form(command="sh -c 'echo hi > /root/x; ls /var/www/html'")
    assert read.is_valid()
    assert read.cleaned_data["command"] == ["sh", "-c", "echo hi > /root/x; ls /var/www/html"]


def test_no_command_is_the_images_own() -> None:
    read = form(command="  ")
    assert read.is_valid()
    assert read.cleaned_data["command"] == []


@pytest.mark.parametrize(
    ("command", "said"),
    [("echo 'hi", "A quote is opened and not closed"), ("echo \\", "ends with a backslash")],
)
def test_a_command_that_a_shell_would_wait_on_is_refused(command: str, said: str) -> None:
    read = form(command=command)
    assert not read.is_valid()
    assert said in read.errors["command"][0]


def test_variables_are_taken_as_written() -> None:
    read = form(env='A=1\r\n\r\nGREETING="hello = world" \nA=2\nEMPTY=')
    assert read.is_valid()
    assert read.cleaned_data["env"] == {"A": "2", "GREETING": '"hello = world" ', "EMPTY": ""}


@pytest.mark.parametrize("line", ["A", "=1", "A B=1"])
def test_a_line_that_is_no_variable_is_named(line: str) -> None:
    read = form(env=f"OK=1\n{line}")
    assert not read.is_valid()
    assert f"Line 2, “{line}”" in read.errors["env"][0]


def test_an_image_is_needed() -> None:
    assert form(image="").errors["image"] == ["Choose an image."]
