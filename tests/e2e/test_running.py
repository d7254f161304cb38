"""Containers and schedules, from the browser to the runtime and back."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.program import Api, Program


@pytest.mark.root
def test_a_container_runs_its_log_and_changes_are_shown(
    page: Page, api: Api, known: str, program: Program
) -> None:
    """It writes a file: that stands in its own upper directory, and no layer of its image has it."""
    image = api.pull(f"{known}/web:2.4")["image"]
    page.goto(f"/images/{image}/")
    page.get_by_role("link", name="New container").click()
    page.get_by_label("Command").fill(
        "sh -c 'echo hi > /root/x; rm /etc/profile; echo says hello; ls /var/www/html'"
    )
    page.get_by_label("Name", exact=False).last.fill("first")
    page.get_by_role("button", name="Create the container").click()
    expect(page.locator("#status h1")).to_contain_text("first")
    expect(page.locator("#status")).to_contain_text("stopped")
    expect(page.locator("#log")).to_contain_text("says hello")
    expect(page.locator("#log")).to_contain_text("index.html")
    page.get_by_role("link", name="Changes").click()
    rows = page.locator("table.changes tbody tr")
    expect(rows.filter(has_text="/root/x").filter(has_text="added")).to_be_visible()
    expect(rows.filter(has_text="/etc/profile").filter(has_text="removed")).to_be_visible()
    uppers = list((program.data / "store" / "containers").glob("*/upper/root/x"))
    assert [path.read_text() for path in uppers] == ["hi\n"]
    assert not list((program.data / "store" / "layers").glob("sha256/*/tree/root/x"))


@pytest.mark.root
def test_a_running_container_is_stopped_started_and_removed(page: Page, api: Api, known: str) -> None:
    image = api.pull(f"{known}/web:2.4")["image"]
    page.goto(f"/containers/new/?image={image}")
    page.get_by_role("button", name="Create the container").click()
    status = page.locator("#status")
    expect(status).to_contain_text("running")
    expect(page.locator("#log")).to_contain_text("web 2.4 serves")
    page.get_by_role("button", name="Stop").click()
    expect(status).to_contain_text("stopped")
    page.get_by_role("button", name="Start").click()
    expect(status).to_contain_text("running")
    page.get_by_role("button", name="Stop").click()
    expect(status).to_contain_text("stopped")
    page.get_by_role("link", name="Remove").click()
    page.get_by_role("button", name=re.compile("Remove")).click()
    expect(page.get_by_role("heading", level=1, name="Containers")).to_be_visible()


@pytest.mark.root
def test_a_command_that_the_image_lacks_is_named(page: Page, api: Api, known: str) -> None:
    image = api.pull(f"{known}/web:2.4")["image"]
    page.goto(f"/containers/new/?image={image}")
    page.get_by_label("Command").fill("/no/such/program")
    page.get_by_role("button", name="Create the container").click()
    notice = page.locator("#status .notice")
    expect(notice).to_contain_text("/no/such/program")
    expect(page.locator("#log")).to_contain_text("It failed before it could run.")
    # What is wrong stands apart from the figures below it.
    said, figures = notice.bounding_box(), page.locator("#status .figures").bounding_box()
    assert said is not None
    assert figures is not None
    assert figures["y"] - (said["y"] + said["height"]) >= 12


def test_a_schedule_runs_now_and_says_unchanged(page: Page, api: Api, known: str) -> None:
    api.pull(f"{known}/base:12")
    page.goto("/schedules/")
    page.get_by_role("link", name="New schedule").first.click()
    page.get_by_label("Reference").fill(f"{known}/base:12")
    page.get_by_label("When").fill("0 4 1 1 *")
    page.get_by_role("button", name="Save").click()
    row = page.locator("#schedules tbody tr").filter(has_text="base:12")
    expect(row).to_contain_text("0 4 1 1 *")
    page.get_by_role("button", name=re.compile("^Pull .*base:12 now")).click()
    expect(page.locator("#job-succeeded")).to_contain_text("Unchanged")
    page.goto("/schedules/")
    expect(row).to_contain_text("unchanged")


def test_a_cron_line_that_cannot_be_meant_is_refused(open_page, admin, known: str) -> None:  # type: ignore[no-untyped-def]
    page = open_page(admin, expected=(422,))
    page.goto("/schedules/new/")
    page.get_by_label("Reference").fill(f"{known}/base:12")
    page.get_by_label("When").fill("61 * * * *")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("form .error, form .notice").first).to_be_visible()
