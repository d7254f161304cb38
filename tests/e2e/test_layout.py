"""The frame in a real browser: nothing sticks out at any width, keys and menus work.

A test also fails for whatever the browser's console complains about, so each page that is opened here proves
that it needs nothing inline and nothing from elsewhere.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import OpenPage, State
from tests.support.program import Api

PAGES = [
    "/",
    "/images/",
    "/images/?q=nothing+matches+this",
    "/lineage/",
    "/layers/",
    "/pull/",
    "/jobs/",
    "/containers/",
    "/registries/",
    "/registries/new/",
    "/schedules/",
    "/schedules/new/",
    "/members/",
    "/account/",
]
WIDTHS = [320, 390, 768, 820, 900, 1024, 1200, 1280, 1440]


def over_by_width(page: Page) -> dict[int, int]:
    """By how many px the page is wider than its window, at each width."""
    over = {}
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        over[width] = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
    return over


@pytest.mark.parametrize("address", PAGES)
def test_nothing_sticks_out_at_any_width(page: Page, address: str) -> None:
    page.goto(address)
    assert over_by_width(page) == dict.fromkeys(WIDTHS, 0)


@pytest.mark.parametrize("address", PAGES)
def test_every_control_has_a_name(page: Page, address: str) -> None:
    """Whatever can be focused says to a screen reader what it is."""
    page.goto(address)
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("a[href], button, input, select, textarea, summary")]
          .filter((e) => e.type !== "hidden" && e.checkVisibility() && e.tabIndex >= 0)
          .filter((e) => !(e.ariaLabel || e.title || e.labels?.length || e.textContent.trim()))
          .map((e) => e.outerHTML.slice(0, 120))"""
    )
    assert nameless == []


def test_a_list_of_schedules_does_not_stick_out_at_any_width(page: Page, known: str, api: Api) -> None:
    """One that has run, one that has not, with a long name and many words about its times."""
    ran = api.post("schedules", reference=f"{known}/model:2026", cron="0 0 1 1 *", timezone="UTC")
    api.job(api.post(f"schedules/{ran['id']}/run")["id"], lambda job: job["state"] == "succeeded")
    name = "registry.example.org/a-team/with-a-long-name:2026-11-24"
    api.post("schedules", reference=name, cron="*/7 4,16 * * 1-5", timezone="America/Argentina/Buenos_Aires")
    page.goto("/schedules/")
    expect(page.get_by_role("row", name=name)).to_be_visible()
    assert over_by_width(page) == dict.fromkeys(WIDTHS, 0)


@pytest.mark.parametrize("width", WIDTHS)
def test_what_removes_a_row_says_so_in_a_stacked_row(page: Page, known: str, width: int) -> None:
    """In a stacked row a lone icon would say nothing; the word is there whenever the row is stacked."""
    page.set_viewport_size({"width": width, "height": 800})
    page.goto("/registries/")
    is_stacked = not page.locator("#registries thead").is_visible()
    word = page.get_by_role("link", name=f"Remove {known}").locator("span")
    expect(word).to_be_visible(visible=is_stacked)


def test_an_unknown_address_is_a_page_in_the_frame(open_page: OpenPage, admin: State) -> None:
    page = open_page(admin, expected=(404,))
    page.goto("/nowhere")
    expect(page.get_by_role("heading", name="Not found")).to_be_visible()
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()


def test_a_slash_leads_to_the_search_and_escape_closes_a_menu(page: Page) -> None:
    page.goto("/layers/")
    page.keyboard.press("/")
    expect(page.locator(".top .find input")).to_be_focused()
    page.locator(".you > summary").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()


def test_the_chosen_colours_override_those_of_the_system(page: Page) -> None:
    page.emulate_media(color_scheme="light")
    page.goto("/account/")
    colour = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(colour) == "rgb(247, 245, 242)"
    page.locator(".card").get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate(colour) == "rgb(21, 19, 15)"
    page.locator(".card").get_by_role("button", name="System").click()
    expect(page.locator("html")).not_to_have_attribute("data-theme", "dark")


def test_on_a_phone_more_opens_without_a_script(open_page: OpenPage, admin: State) -> None:
    page = open_page(admin, java_script_enabled=False)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/images/")
    more = page.get_by_role("navigation", name="Main").locator("details.more")
    expect(more.get_by_role("link", name="Schedules")).to_be_hidden()
    more.locator("summary").click()
    more.get_by_role("link", name="Schedules").click()
    expect(page.get_by_role("heading", name="Schedules")).to_be_visible()
