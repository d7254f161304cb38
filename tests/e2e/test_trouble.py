"""What a person sees while something behind the pages is broken, and after it is mended."""

from __future__ import annotations

import os
import signal

from playwright.sync_api import Page, expect

from samples.images import SampleImage
from samples.registry import SampleRegistry
from samples.slow import Bandwidth
from tests.e2e.conftest import OpenPage, State
from tests.support.processes import wait_until
from tests.support.program import Program


def test_with_redis_gone_the_page_says_so_and_recovers(
    open_page: OpenPage,
    admin: State,
    known: str,
    program: Program,
    registry: SampleRegistry,
) -> None:
    """A pull goes on behind the notice; when Redis is back the notice goes and the bars show the truth."""
    page = open_page(admin, expected=(503,))
    registry.bandwidth = Bandwidth(300_000)  # so that it lasts longer than Redis is gone
    redis = program.pid_of("redis-server")
    try:
        page.goto("/pull/")
        page.get_by_label("Reference").fill(f"{known}/api:1.1-debug")
        page.get_by_role("button", name="Pull", exact=True).click()
        expect(page.locator("#job-state")).to_contain_text("running")
        expect(page.locator("#live-status .notice")).to_have_count(0)
        os.kill(redis, signal.SIGSTOP)
        expect(page.locator("#live-status .notice")).to_be_visible()
        os.kill(redis, signal.SIGCONT)
        expect(page.locator("#live-status .notice")).to_have_count(0)
        registry.bandwidth = None
        expect(page.locator("#job-succeeded")).to_be_visible(timeout=120_000)
    finally:
        os.kill(redis, signal.SIGCONT)
        registry.bandwidth = None


def test_a_connection_that_breaks_off_is_taken_up_at_the_same_byte(
    page: Page, known: str, registry: SampleRegistry, family: dict[str, SampleImage]
) -> None:
    """It breaks twice inside of the largest of the layers that are new."""
    largest = max(family["worker:2.0"].layers[-2:], key=lambda layer: len(layer.blob))
    registry.faults.where = str(largest.digest)
    registry.faults.cut, registry.faults.cut_times = 1_000_000, 2
    before = len(registry.requests)
    page.goto("/pull/")
    page.get_by_label("Reference").fill(f"{known}/worker:2.0")
    page.get_by_role("button", name="Pull", exact=True).click()
    expect(page.locator("#job-succeeded")).to_contain_text("The image is here.")
    assert registry.faults.cut_times == 0
    registry.faults.where, registry.faults.cut = "", None
    ranges = [request.headers.get("range") for request in registry.requests[before:]]
    assert any(wanted and not wanted.startswith("bytes=0-") for wanted in ranges)


def test_a_killed_web_process_comes_back_under_an_open_page(
    open_page: OpenPage, admin: State, program: Program
) -> None:
    """The page says that it is interrupted, then goes on by itself."""
    page = open_page(admin, expected=("net::ERR_", "Failed to fetch", "network error"))
    page.goto("/jobs/")
    os.kill(program.pid_of("granian"), signal.SIGKILL)
    expect(page.locator("#live-status .notice")).to_be_visible()
    expect(page.locator("#live-status .notice")).to_have_count(0)
    wait_until(lambda: page.goto("/jobs/") is not None, 30, "an answer")
