"""The drawing in a real browser: what lineage.js and lineage.css make of it. No server, no database."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

from dashboard.figures import Slice
from dashboard.lineage import Words, draw, draw_tiny, families, svg, svg_tiny
from dashboard.middleware import POLICY
from tests.dashboard.lineage.forests import graph

STATIC = Path(__file__).parents[3] / "dashboard" / "static"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")

WORDS = Words(
    image=lambda image: f"/image/{image}",
    layer=lambda layer: f"/layer/{layer}",
    more=lambda parent: f"?family={parent}",
)
SHELL = """<!doctype html><meta charset="utf-8"><html data-theme="light"><head>
<link rel="stylesheet" href="/static/css/tokens.css"><link rel="stylesheet" href="/static/css/frame.css">
<link rel="stylesheet" href="/static/css/components.css">
<link rel="stylesheet" href="/static/css/lineage.css">
<script src="/static/js/lineage.js" defer></script></head><body><section class="drawing">
<div class="sheet" data-lineage data-count="{count}" tabindex="0">{svg}</div><div class="controls" hidden>
<button data-zoom="out">-</button><output></output><button data-zoom="in">+</button>
<button data-zoom="fit">Fit</button></div></section></body></html>"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


def opened(browser: Browser, drawn: str, count: int, **options: object) -> Page:
    """Open a page with the drawing, under the policy that the real pages have."""
    options.setdefault("viewport", {"width": 1200, "height": 800})
    page = browser.new_context(**options).new_page()  # type: ignore[arg-type]

    def answer(route: Route) -> None:
        path = route.request.url.removeprefix("http://strata.test")
        if path.startswith("/static/"):
            route.fulfill(path=STATIC / path.removeprefix("/static/"))
        elif path == "/":
            html = SHELL.format(count=count, svg=drawn)
            route.fulfill(body=html, content_type="text/html", headers={"Content-Security-Policy": POLICY})
        else:
            route.fulfill(body=f"<h1>{path}</h1>", content_type="text/html")

    page.route("**/*", answer)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto("http://strata.test/")
    page.wait_for_selector(".scene[transform]" if options.get("java_script_enabled", True) else ".scene")
    page.evaluate("document.fonts.ready") if options.get("java_script_enabled", True) else None
    assert complaints == []
    return page


def family(count: int, name: str = "team/image{}:1") -> str:
    """A base, and chains of three on it."""
    forest = families(graph([None, *(1 if i % 3 == 2 else i - 1 for i in range(2, count + 1))], name=name))
    layers = {
        key: [Slice(f"sha256:{key:064x}", 10), Slice("sha256:" + "ab" * 32, 1)] for key in forest.members
    }
    return svg(draw(forest), forest, layers, WORDS)


def settle(page: Page) -> None:
    """Wait until the script has drawn what it was asked for: it does so once per frame."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def view(page: Page) -> tuple[float, float, float]:
    """Return where the scene is: x, y, zoom."""
    settle(page)
    at = page.evaluate(
        "(() => { const m = document.querySelector('.scene').transform.baseVal.consolidate().matrix;"
        " return [m.e, m.f, m.a]; })()"
    )
    return at[0], at[1], at[2]


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = opened(browser, family(40), 40)
    yield page
    page.context.close()


def test_it_opens_with_the_whole_tree_in_the_window(page: Page) -> None:
    inside = page.evaluate(
        """() => { const frame = document.querySelector('.sheet').getBoundingClientRect();
        return [...document.querySelectorAll('.node')].every((node) => {
          const box = node.getBoundingClientRect();
          return box.left >= frame.left && box.right <= frame.right
            && box.top >= frame.top && box.bottom <= frame.bottom; }); }"""
    )
    assert inside
    assert page.inner_text("output").endswith("%")


def test_the_wheel_zooms_and_what_is_under_the_pointer_stays_there(page: Page) -> None:
    node = page.locator(".node").nth(20)
    before = node.bounding_box()
    assert before is not None
    page.mouse.move(before["x"] + 1, before["y"] + 1)
    zoom = view(page)[2]
    was = page.locator(".scene").get_attribute("transform")
    page.mouse.wheel(0, -300)
    # A wheel is not waited for, unlike a key.
    page.wait_for_function(
        "(was) => document.querySelector('.scene').getAttribute('transform') !== was", arg=was
    )
    assert view(page)[2] > zoom * 1.3
    after = node.bounding_box()
    assert after is not None
    assert abs(after["x"] - before["x"]) < 3
    assert abs(after["y"] - before["y"]) < 3


def test_a_drag_moves_it_and_opens_nothing(page: Page) -> None:
    x, y, zoom = view(page)
    box = page.locator(".node").nth(5).bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + 65, box["y"] + 35, steps=5)
    page.mouse.up()
    assert view(page) == pytest.approx((x + 60, y + 30, zoom), abs=1.5)
    assert page.url == "http://strata.test/"


def test_a_click_opens_the_image(page: Page) -> None:
    page.locator(".node").first.click()
    page.wait_for_url("**/image/1")


@pytest.mark.parametrize("count", [20, 80])
def test_what_is_fitted_does_not_lie_below_the_controls(browser: Browser, count: int) -> None:
    """Many bases, in rows, reach into the corner."""
    forest = families(graph([None] * count))
    layers = {key: [Slice("sha256:" + "ab" * 32, 1)] for key in forest.members}
    drawn = svg(draw(forest), forest, layers, WORDS)
    page = opened(browser, drawn, count, viewport={"width": 900, "height": 600})
    settle(page)
    covered = page.evaluate(
        """() => {
          const lid = document.querySelector(".controls").getBoundingClientRect();
          return [...document.querySelectorAll(".tree a")].map((a) => a.getBoundingClientRect())
            .filter((box) => box.right > lid.left && box.bottom > lid.top && box.top < lid.bottom).length;
        }"""
    )
    assert covered == 0
    page.context.close()


def test_keys_zoom_move_and_fit(page: Page) -> None:
    page.locator(".sheet").focus()
    x, y, zoom = view(page)
    page.keyboard.press("+")
    assert view(page)[2] > zoom
    page.keyboard.press("-")
    assert view(page)[2] == pytest.approx(zoom)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert view(page)[:2] == pytest.approx((x - 80, y - 80), abs=1)
    page.keyboard.press("0")
    assert view(page) == pytest.approx((x, y, zoom))


def test_buttons_do_the_same(page: Page) -> None:
    zoom = view(page)[2]
    page.click("[data-zoom=in]")
    assert view(page)[2] > zoom
    page.click("[data-zoom=fit]")
    assert view(page)[2] == pytest.approx(zoom)


def test_tab_reaches_every_image_and_brings_it_into_sight(page: Page) -> None:
    page.locator(".sheet").focus()
    for _ in range(6):
        page.keyboard.press("+")
    seen = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        settle(page)
        at = page.evaluate(
            """() => { const frame = document.querySelector('.sheet').getBoundingClientRect();
            const box = document.activeElement.getBoundingClientRect();
            return [document.activeElement.getAttribute('href'), box.left >= frame.left - 1
              && box.right <= frame.right + 1 && box.top >= frame.top - 1
              && box.bottom <= frame.bottom + 1]; }"""
        )
        assert at[1], at[0]
        seen.add(at[0])
    assert len(seen) == 40


def test_it_cannot_be_lost(page: Page) -> None:
    """However far it is pushed, some of it stays in the window."""
    page.locator(".sheet").focus()
    for _ in range(60):
        page.keyboard.press("ArrowRight")
    x, _, zoom = view(page)
    width = float(page.locator("svg.tree").get_attribute("width") or 0)
    assert x + width * zoom > 50


def test_text_never_leaves_its_box(browser: Browser) -> None:
    """As the browser measures it, in the real font, for names of every kind and at every zoom."""
    for name in ("W" * 30 + "{}:Q", "i" * 200 + "{}:1", "a-{}:1", "team/" + "deep/" * 40 + "x{}:2026.11"):
        page = opened(browser, family(17, name), 17)
        for presses in (0, 4, 9):
            for _ in range(presses):
                page.click("[data-zoom=out]")
            worst = page.evaluate(
                """() => Math.max(...[...document.querySelectorAll('.node text')]
                .filter((text) => getComputedStyle(text).display !== 'none')
                .map((text) => text.getBBox().x + text.getBBox().width))"""
            )
            assert worst <= 232, (name, presses)
        page.context.close()


def test_names_become_larger_and_then_give_way_to_layers(page: Page) -> None:
    """Near, mid, far: what is shown is always legible."""

    def shown() -> list[str]:
        settle(page)
        kinds: list[str] = page.evaluate(
            """() => ['called', 'big', 'bars'].filter((kind) =>
            getComputedStyle(document.querySelector('.node .' + kind)).display !== 'none')"""
        )
        return kinds

    page.locator(".sheet").focus()
    for _ in range(8):
        page.keyboard.press("+")
    assert shown() == ["called", "bars"]
    while view(page)[2] > 0.5:
        page.keyboard.press("-")
    assert shown() == ["big", "bars"]
    for _ in range(5):
        page.keyboard.press("-")
    assert shown() == ["bars"]


def test_two_fingers_zoom(browser: Browser) -> None:
    page = opened(browser, family(40), 40, has_touch=True, viewport={"width": 390, "height": 800})
    zoom = view(page)[2]
    cdp = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[int, int]) -> None:
        cdp.send(
            "Input.dispatchTouchEvent",
            {"type": kind, "touchPoints": [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]},
        )

    touch("touchStart", (150, 300), (200, 300))
    for spread in range(10, 90, 10):
        touch("touchMove", (150 - spread, 300), (200 + spread, 300))
    touch("touchEnd")
    assert view(page)[2] > zoom * 1.5
    page.context.close()


def test_without_scripts_it_scrolls_and_its_links_work(browser: Browser) -> None:
    page = opened(browser, family(40), 40, java_script_enabled=False)
    assert not page.locator(".controls").is_visible()
    page.locator(".node").last.click()
    page.wait_for_url("**/image/*")
    page.context.close()


def test_ten_thousand_marks_open_and_move(browser: Browser) -> None:
    forest = families(graph([None if i <= 20 else i // 4 for i in range(1, 10_001)]))
    drawn = svg_tiny(draw_tiny(forest), forest, {key: f"sha256:{key:064x}" for key in forest.members}, WORDS)
    page = opened(browser, drawn, 10_000)
    assert page.locator(".tree a").count() == 10_000
    page.locator(".sheet").focus()
    x = view(page)[0]
    page.keyboard.press("ArrowLeft")
    assert view(page)[0] == pytest.approx(x + 80, abs=1)
    page.context.close()
