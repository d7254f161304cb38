"""A page under watch: what the browser complains about fails the test."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, Response

_VIOLATION = "Content Security Policy"


class Watch:
    """Collects console errors, exceptions in scripts, and answers that say that the server failed.

    ``expected`` are statuses that a test provokes (the browser also logs an error for each of those), and
    words of other errors that it provokes.
    """

    def __init__(self, context: BrowserContext, expected: Iterable[int | str] = ()) -> None:
        wanted = tuple(expected)
        self._expected = {each for each in wanted if isinstance(each, int)}
        self._words = [each for each in wanted if isinstance(each, str)]
        self._words += [f"status of {status} " for status in self._expected]
        self.complaints: list[str] = []
        context.on("page", self._watch)

    def _watch(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", self._error)
        page.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        text = message.text
        if message.type not in {"error", "warning"} and _VIOLATION not in text:
            return
        if any(words in text for words in self._words):
            return
        self.complaints.append(f"console {message.type}: {text} ({message.location.get('url')})")

    def _error(self, error: Error) -> None:
        self.complaints.append(f"exception: {error}")

    def _response(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self._expected:
            self.complaints.append(f"{response.status} {response.request.method} {response.url}")


@contextmanager
def watched_page(browser: Browser, address: str, state: Any = None) -> Iterator[Page]:
    """Give a page in a profile that begins as ``state`` and is closed at the end, without any complaint."""
    context = browser.new_context(base_url=address, storage_state=state)
    watch = Watch(context)
    yield context.new_page()
    context.close()
    assert watch.complaints == []
