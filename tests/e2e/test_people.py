"""Who may come in, and who may do what."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import PASSWORD, USER, OpenPage, State
from tests.e2e.watching import watched_page

VIEWER, VIEWERS_PASSWORD = "grace", "compiler of 1952"


def sign_in(page: Page, user: str, password: str) -> None:
    page.get_by_label("User name").fill(user)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_after_the_first_visit_nobody_else_can_become_administrator(
    admin: State, open_page: OpenPage
) -> None:
    """The set-up page is gone for strangers: they are asked to sign in."""
    page = open_page()
    page.goto("/setup/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_stranger_is_led_to_sign_in_and_back_to_where_they_wanted(
    admin: State, open_page: OpenPage
) -> None:
    page = open_page(expected=(422,))
    page.goto("/p/default/images/?q=x")
    sign_in(page, USER, "wrong")
    expect(page.locator("form .error, form .notice")).to_be_visible()
    sign_in(page, USER, PASSWORD)
    expect(page).to_have_url("/p/default/images/?q=x")


def test_sign_out_ends_the_session(admin: State, open_page: OpenPage) -> None:
    page = open_page()
    page.goto("/sign-in/")
    sign_in(page, USER, PASSWORD)
    page.get_by_label(f"You: {USER}").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto("/p/default/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


@pytest.fixture(scope="module")
def viewer(program, browser, admin: State) -> State:  # type: ignore[no-untyped-def]
    """A viewer's profile; the administrator adds them on the Members page."""
    with watched_page(browser, program.address, admin) as page:
        page.goto("/members/")
        page.get_by_label("User name").fill(VIEWER)
        page.get_by_label("Role", exact=True).select_option("viewer")
        page.get_by_label("Password").fill(VIEWERS_PASSWORD)
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.get_by_role("cell", name=VIEWER).first).to_be_visible()
    with watched_page(browser, program.address) as page:
        page.goto("/sign-in/")
        sign_in(page, VIEWER, VIEWERS_PASSWORD)
        expect(page.get_by_label(f"You: {VIEWER}")).to_be_visible()
        return page.context.storage_state()


@pytest.mark.parametrize("address", ["", "images/", "jobs/", "containers/", "schedules/", "registries/"])
def test_a_viewer_sees_pages_without_what_they_may_not_do(
    viewer: State, open_page: OpenPage, address: str
) -> None:
    page = open_page(viewer)
    page.goto(f"/p/default/{address}")
    expect(page.locator("main h1")).to_be_visible()
    for word in ("Pull an image", "New container", "New schedule", "Add a registry", "Run now", "Remove"):
        expect(page.get_by_role("link", name=word)).to_have_count(0)
        expect(page.get_by_role("button", name=word)).to_have_count(0)


def test_a_viewer_who_tries_to_pull_is_refused(viewer: State, open_page: OpenPage) -> None:
    """By address, and by a form that somebody else's page showed; both say what to do."""
    page = open_page(viewer, expected=(403,))
    response = page.goto("/p/default/pull/")
    assert response is not None
    assert response.status == 403
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_text("operator")).to_be_visible()
    cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    answer = page.request.post(
        "/p/default/pull/",
        form={"reference": "alpine", "csrfmiddlewaretoken": cookies.get("csrftoken", "")},
        headers={"Referer": page.url},
    )
    assert answer.status == 403
    page.goto("/p/default/jobs/")
    expect(page.get_by_text("alpine")).to_have_count(0)
