"""The Files tab in a browser: opened, stepped through and searched, by mouse, by keys, without scripts."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import OpenPage, State
from tests.support.program import Api


@pytest.fixture(scope="module")
def number(api: Api, known: str) -> int:
    """The sample image site:1 in the catalog: its number."""
    image: int = api.pull(f"{known}/site:1")["image"]
    return image


@pytest.fixture
def files(page: Page, number: int) -> Page:
    page.goto(f"/p/default/images/{number}/files/")
    expect(row(page, "/var")).to_be_visible()
    return page


def row(page: Page, path: str) -> Locator:
    return page.locator(f'table.files tr[data-path="{path}"]')


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_a_click_opens_a_directory_and_the_address_says_so(files: Page) -> None:
    row(files, "/var").locator("a.go").click()
    row(files, "/var/www").locator("a.go").click()
    row(files, "/var/www/html").locator("a.go").click()
    expect(row(files, "/var/www/html/index.html")).to_be_visible()
    expect(files).to_have_url(re.compile(r"\?open=/var/www/html$"))
    files.reload()
    expect(row(files, "/var/www/html/index.html")).to_be_visible()
    row(files, "/var").locator("a.go").click()
    expect(row(files, "/var/www")).to_have_count(0)
    expect(files).not_to_have_url(re.compile("open"))


def test_arrows_move_open_and_close(files: Page) -> None:
    """One row at a time takes part in the order of Tab; the others are reached by arrows and letters."""
    assert files.locator('table.files tbody tr[tabindex="0"]').count() == 1
    files.locator("table.files tbody tr").first.focus()
    press(files, "End", "Home", "v")
    expect(row(files, "/var")).to_be_focused()
    press(files, "ArrowRight")
    expect(row(files, "/var")).to_have_attribute("aria-expanded", "true")
    expect(row(files, "/var/cache")).to_be_visible()
    press(files, "ArrowRight")
    expect(row(files, "/var/cache")).to_be_focused()
    press(files, "w")
    expect(row(files, "/var/www")).to_be_focused()
    press(files, "ArrowLeft")
    expect(row(files, "/var")).to_be_focused()
    press(files, "ArrowLeft")
    expect(row(files, "/var")).to_have_attribute("aria-expanded", "false")
    expect(row(files, "/var/www")).to_have_count(0)
    press(files, "ArrowUp")
    expect(row(files, "/usr")).to_be_focused()


def test_enter_goes_in_and_backspace_out_again_to_where_one_was(files: Page) -> None:
    row(files, "/var").focus()
    press(files, "Enter")
    expect(files).to_have_url(re.compile(r"\?path=/var$"))
    expect(row(files, "/var/cache")).to_be_focused()
    press(files, "Backspace")
    expect(row(files, "/var")).to_be_focused()
    expect(row(files, "/etc")).to_be_visible()


def test_a_step_down_the_stack_keeps_the_row_and_shows_what_that_layer_did(files: Page) -> None:
    """The layer below the topmost wrote the page; below that, it is not there."""
    row(files, "/var").locator("a.go").click()
    expect(row(files, "/var/www")).to_be_visible()
    row(files, "/var/www").focus()
    press(files, "[")
    expect(files).to_have_url(re.compile(r"\?layer=3&open=/var$"))
    expect(row(files, "/var/www")).to_be_focused()
    expect(row(files, "/var/www")).to_have_class(re.compile("added"))
    press(files, "[")
    expect(row(files, "/var/www")).to_have_count(0)
    expect(files.locator("#files-layer")).to_have_value("2")


def test_a_slash_searches_here_and_what_is_found_can_be_shared(files: Page) -> None:
    press(files, "/")
    search = files.locator("#files-q")
    expect(search).to_be_focused()
    files.keyboard.type("*.html", delay=20)
    expect(row(files, "/var/www/html/index.html")).to_be_visible()
    expect(files).to_have_url(re.compile(r"q=%2A\.html"))
    expect(row(files, "/etc")).to_have_count(0)
    files.locator("select[name=type]").select_option("directory")
    expect(files.get_by_text("No file matches")).to_be_visible()
    files.get_by_role("link", name="Show all files").click()
    expect(row(files, "/etc")).to_be_visible()
    expect(search).to_have_value("")


def test_the_tree_says_to_a_screen_reader_where_one_is(files: Page) -> None:
    row(files, "/var").locator("a.go").click()
    inside = row(files, "/var/cache")
    expect(inside).to_have_attribute("aria-level", "2")
    expect(inside).to_have_attribute("aria-posinset", "1")
    expect(files.get_by_role("treegrid", name=re.compile("Files as of layer"))).to_be_visible()


def test_without_a_script_links_and_forms_do_the_same(open_page: OpenPage, admin: State, number: int) -> None:
    page = open_page(admin, java_script_enabled=False)
    page.goto(f"/p/default/images/{number}/files/")
    row(page, "/var").locator("a.go").click()
    row(page, "/var/www").locator("a.go").click()
    expect(row(page, "/var/www/html")).to_be_visible()
    expect(page).to_have_url(re.compile("open=/var/www"))
    row(page, "/var/www").locator("a.go").click()
    expect(row(page, "/var/www/html")).to_have_count(0)
    expect(row(page, "/var/www")).to_be_visible()
    page.locator("#files-below").click()
    expect(page).to_have_url(re.compile("layer=3"))
    page.locator("#files-q").fill("index*")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(row(page, "/var/www/html/index.html")).to_be_visible()


@pytest.mark.parametrize("width", [320, 390, 768, 1024, 1440])
def test_nothing_sticks_out_at_any_width(page: Page, number: int, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"/p/default/images/{number}/files/?open=/usr/share/zoneinfo&open=/var/www/html")
    over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert over <= 0
