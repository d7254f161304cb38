"""Pull an image in the browser and watch it arrive."""

from __future__ import annotations

import random

import pytest
from playwright.sync_api import Page, expect

from samples.images import image, layer
from samples.registry import SampleRegistry
from samples.slow import Bandwidth
from tests.e2e.conftest import OpenPage, State
from tests.support.program import Api

BARS = "#job-progress table rect:not(.rest)"


@pytest.fixture
def slow(registry: SampleRegistry):  # type: ignore[no-untyped-def]
    """Let the registry serve 1.5 MB a second, as a far one would."""
    registry.bandwidth = Bandwidth(1_500_000)
    yield registry
    registry.bandwidth = None


def start_pull(page: Page, reference: str) -> None:
    page.goto("/pull/")
    page.get_by_label("Reference").fill(reference)
    page.get_by_role("button", name="Pull", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(reference)


def widths(page: Page) -> list[float]:
    return page.locator(BARS).evaluate_all("bars => bars.map(bar => Number(bar.getAttribute('width')))")


def wait_for_growth(page: Page, times: int) -> None:
    """Wait until the bars together have grown ``times`` times."""
    page.wait_for_function(
        """([bars, times]) => {
            const sum = [...document.querySelectorAll(bars)]
                .reduce((total, bar) => total + Number(bar.getAttribute("width")), 0);
            window.seen = window.seen || [];
            if (sum > (window.seen.at(-1) ?? -1)) window.seen.push(sum);
            return window.seen.length > times;
        }""",
        arg=[BARS, times],
        polling=50,
    )


def test_bars_move_by_themselves_until_the_image_is_here(
    page: Page, known: str, slow: SampleRegistry, open_page: OpenPage, admin: State
) -> None:
    """Each layer has a bar that grows without a reload; a second browser sees the same end."""
    # An image that no other test pulls.
    layers = [layer({name: random.Random(name).randbytes(2_000_000)}) for name in ("low", "mid", "top")]
    slow.push("bars", "1", image(layers))
    slow.bandwidth = Bandwidth(200_000)  # until both have seen it move, however slow this machine is
    start_pull(page, f"{known}/bars:1")
    page.evaluate("window.never = 'reloaded'")
    other = open_page(admin)
    other.goto(page.url)
    wait_for_growth(page, 5)
    wait_for_growth(other, 2)
    assert any(0 < width < 1000 for width in widths(page))
    slow.bandwidth = None
    expect(page.locator("#job-succeeded")).to_contain_text("The image is here.")
    expect(other.locator("#job-succeeded")).to_contain_text("The image is here.")
    assert page.evaluate("window.never") == "reloaded"
    assert page.locator("#job-progress tbody tr").count() == 3
    expect(page.locator("#job-state")).to_contain_text("succeeded")
    page.get_by_role("link", name="Open the image").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("bars:1")


def test_the_rail_counts_along(page: Page, known: str, slow: SampleRegistry, api: Api) -> None:
    """On a page of something else, and on the job's own: the number of jobs at work comes and goes."""
    slow.bandwidth = Bandwidth(200_000)  # until it has been seen
    for tag in "12":
        slow.push("rail", tag, image([layer({tag: random.Random(tag).randbytes(6_000_000)})]))
    count = page.locator("#count-jobs")
    page.goto("/schedules/")
    expect(count).to_be_empty()
    api.post("pulls", reference=f"{known}/rail:1")
    expect(count).to_have_text("1")
    slow.bandwidth = None
    expect(count).to_be_empty()
    slow.bandwidth = Bandwidth(200_000)
    start_pull(page, f"{known}/rail:2")
    expect(count).to_have_text("1")
    slow.bandwidth = None
    expect(page.locator("#job-succeeded")).to_be_visible()
    expect(count).to_be_empty()


def test_cancel_ends_a_pull_and_another_try_completes_it(
    page: Page, known: str, slow: SampleRegistry
) -> None:
    start_pull(page, f"{known}/site:2")
    wait_for_growth(page, 2)
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#job-state")).to_contain_text("cancelled")
    slow.bandwidth = None
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#job-succeeded")).to_be_visible()


def test_a_twin_by_other_compression_is_recognised(page: Page, known: str) -> None:
    """The same layers in zstd: none is extracted again, and both images name each other."""
    start_pull(page, f"{known}/web:2.4")
    expect(page.locator("#job-succeeded")).to_be_visible()
    start_pull(page, f"{known}/web:2.4-zstd")
    expect(page.locator("#job-succeeded")).to_be_visible()
    page.get_by_role("link", name="Open the image").click()
    page.get_by_role("link", name="Lineage").last.click()
    expect(page.get_by_text("Same layers:")).to_contain_text("web:2.4")


def test_a_second_pull_says_unchanged(page: Page, known: str) -> None:
    for sentence in ("here", "Unchanged: the registry has what is here already."):
        start_pull(page, f"{known}/base:12")
        expect(page.locator("#job-succeeded")).to_contain_text(sentence)


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("UPPER/case", "'UPPER' is neither a repository's name nor a registry's host."),
        ("a b", "'a b' is not a repository's name."),
        ("", "Enter a reference."),
    ],
)
def test_a_reference_that_cannot_be_meant_is_refused_in_the_form(
    open_page: OpenPage, admin: State, reference: str, said: str
) -> None:
    page = open_page(admin, expected=(422,))
    page.goto("/pull/")
    page.get_by_label("Reference").fill(reference)
    page.get_by_role("button", name="Pull", exact=True).click()
    expect(page.locator("form .error, form .notice").first).to_contain_text(said)
    expect(page.get_by_label("Reference")).to_have_value(reference)


@pytest.mark.parametrize(
    ("reference", "platform", "said"),
    [
        ("web:none", "", "none"),
        ("nobody:1", "", "nobody"),
        ("base:12", "linux/s390x", "linux/arm64"),
    ],
)
def test_a_pull_that_fails_says_why_and_what_to_do(
    page: Page, known: str, reference: str, platform: str, said: str
) -> None:
    """An unknown tag, repository or platform; the last names the platforms that exist."""
    page.goto("/pull/")
    page.get_by_label("Reference").fill(f"{known}/{reference}")
    page.get_by_label("Platform").fill(platform)
    page.get_by_role("button", name="Pull", exact=True).click()
    expect(page.locator("#job-error .strong")).to_contain_text(said)
    expect(page.locator("#job-error .hint")).not_to_be_empty()
    expect(page.locator("#job-state")).to_contain_text("failed")
