"""The whole program and a real browser in front of it, shared by the tests of this folder in their order."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from samples.registry import SampleRegistry
from scripts.setup import static
from tests.e2e.program import Api, Program
from tests.e2e.watching import Watch
from tests.supervisor.processes import kill_marked

USER, PASSWORD = "ada", "analytical engine 1843"  # of a program that lives for these tests
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
WAIT_MS = 30_000
"""How long the browser waits for what must come: generous, since nothing is measured here."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="package")
def registry() -> Iterator[SampleRegistry]:
    """An empty registry on this machine, over plain HTTP."""
    with SampleRegistry() as registry:
        yield registry


@pytest.fixture(scope="package")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """Strata, on an empty data directory, ready. At the end it must stop in time and leave no process."""
    static.ensure()
    mark = uuid.uuid4().hex
    started = Program(tmp_path_factory.mktemp("strata") / "data", mark)
    try:
        started.wait_ready()
        yield started
        assert started.stop() < 5
    finally:
        kill_marked(mark)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The system's Chromium, headless."""
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        pytest.skip("Chromium is not installed (make setup-test)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=list(FLAGS))
        expect.set_options(timeout=WAIT_MS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser, program: Program) -> Iterator[Callable[..., Page]]:
    """Open a page in a browser profile of its own: ``open_page(state=None, expected=())``.

    ``state`` is a profile to begin with, ``expected`` the error statuses that the test provokes.
    Whatever else the browser complains about fails the test.
    """
    contexts = []
    watches = []

    def open(state: dict | None = None, expected: tuple[int, ...] = (), **options: object) -> Page:
        context = browser.new_context(
            base_url=program.address, storage_state=state, viewport={"width": 1280, "height": 900}, **options
        )
        context.set_default_timeout(WAIT_MS)
        contexts.append(context)
        watches.append(Watch(context, expected))
        return context.new_page()

    yield open
    for context in contexts:
        context.close()
    assert [complaint for watch in watches for complaint in watch.complaints] == []


@pytest.fixture(scope="package")
def signed_in(browser: Browser, program: Program) -> dict:
    """The administrator's profile; made by going through the first visit, which so is tested too."""
    context = browser.new_context(base_url=program.address)
    watch = Watch(context)
    page = context.new_page()
    page.goto("/")
    expect(page.get_by_role("heading", name="Set up Strata")).to_be_visible()
    page.get_by_label("Your user name").fill(USER)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make the administrator").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    state = context.storage_state()
    context.close()
    assert watch.complaints == []
    return state


@pytest.fixture
def page(open_page: Callable[..., Page], signed_in: dict) -> Page:
    """A page of the administrator's."""
    return open_page(signed_in)


@pytest.fixture(scope="package")
def api(program: Program, signed_in: dict) -> Api:
    """The API, as the administrator."""
    return program.api(program.manage("create_token", USER).split()[-1])
