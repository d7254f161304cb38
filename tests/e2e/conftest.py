"""The whole program and a real browser in front of it, shared by the tests of this folder."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from samples.family import sample_family
from samples.images import SampleImage, SampleIndex
from samples.registry import SampleRegistry
from scripts.setup import static
from tests.e2e.watching import Watch, watched_page
from tests.support.processes import kill_marked
from tests.support.program import Api, Program

USER, PASSWORD = "ada", "analytical engine 1843"
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

State = Any
OpenPage = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="package")
def family() -> dict[str, SampleImage | SampleIndex]:
    """The sample images, by repository and tag."""
    return {f"{repository}:{tag}": content for repository, tag, content in sample_family()}


@pytest.fixture(scope="package")
def registry(family: dict[str, SampleImage | SampleIndex]) -> Iterator[SampleRegistry]:
    """The sample images in a registry on this machine, over plain HTTP."""
    with SampleRegistry() as registry:
        for name, content in family.items():
            registry.push(*name.split(":"), content)
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
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=list(FLAGS))
        expect.set_options(timeout=WAIT_MS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser, program: Program) -> Iterator[OpenPage]:
    """Open a page in a browser profile of its own: ``open_page(state=None, expected=())``.

    ``state`` is a profile to begin with, ``expected`` the statuses or words of errors that the test provokes.
    Whatever else the browser complains about fails the test.
    """
    contexts = []
    watches = []

    def open(state: State = None, expected: tuple[int | str, ...] = (), **options: Any) -> Page:
        options.setdefault("viewport", {"width": 1280, "height": 900})
        context = browser.new_context(base_url=program.address, storage_state=state, **options)
        context.set_default_timeout(WAIT_MS)
        contexts.append(context)
        watches.append(Watch(context, expected))
        return context.new_page()

    yield open
    for context in contexts:
        context.close()
    assert [complaint for watch in watches for complaint in watch.complaints] == []


@pytest.fixture(scope="package")
def admin(browser: Browser, program: Program) -> State:
    """The administrator's profile, made by going through the first visit, which so is tested too."""
    with watched_page(browser, program.address) as page:
        page.goto("/")
        expect(page.get_by_role("heading", name="Set up Strata")).to_be_visible()
        page.get_by_label("Your user name").fill(USER)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Make the administrator").click()
        expect(page.get_by_text("You are the administrator.")).to_be_visible()
        return page.context.storage_state()


@pytest.fixture(scope="package")
def known(browser: Browser, program: Program, admin: State, registry: SampleRegistry) -> str:
    """The sample registry's host, after it was added and tested on the Registries page."""
    with watched_page(browser, program.address, admin) as page:
        page.goto("/registries/")
        page.get_by_role("link", name="Add a registry").first.click()
        page.get_by_label("Host").fill(registry.host)
        page.get_by_label("Insecure").check()
        page.get_by_role("button", name="Save").click()
        page.get_by_role("button", name=f"Test the connection to {registry.host}").click()
        expect(page.get_by_role("heading", name=f"{registry.host} can be reached")).to_be_visible()
        expect(page.locator("#registries").get_by_text("reachable")).to_be_visible()
    return registry.host


@pytest.fixture
def page(open_page: OpenPage, admin: State) -> Page:
    """A page of the administrator's."""
    return open_page(admin)


@pytest.fixture(scope="package")
def api(program: Program, admin: State) -> Api:
    """The API, as the administrator."""
    return program.api(program.manage("create_token", USER).split()[-1])
