"""Look before pulling, in the browser: tags, platforms, a preview, and then the pull that it told of."""

from __future__ import annotations

import random
import re

from playwright.sync_api import Page, expect

from samples.images import image, index, layer
from samples.registry import SampleRegistry
from tests.e2e.conftest import OpenPage, State
from worker.engine.oci import Platform

HOST = str(Platform.host())
BASE = layer({"base": random.Random("choosing").randbytes(200_000)})


def push_many(registry: SampleRegistry, repository: str) -> None:
    """A repository with 300 tags, all of one index for three platforms."""
    platforms = (HOST, "linux/s390x", "aix/ppc")
    images = [image([BASE, layer({"arch": name.encode()})], platform=name) for name in platforms]
    content = index(images, attestations=True)
    for number in range(300):
        registry.push(repository, f"{number // 10}.{number % 10}", content)


def test_from_a_repository_to_a_tag_to_platforms_to_the_pull(
    page: Page, known: str, registry: SampleRegistry
) -> None:
    """Each step without a reload, each with an address; the pull fetches what the preview said."""
    push_many(registry, "choosing/app")
    page.goto("/pull/")
    page.evaluate("window.never = 'reloaded'")
    page.get_by_label("Reference").fill(f"{known}/choosing/app")
    page.get_by_role("button", name="Tags").click()
    expect(page.locator("#tags")).to_contain_text("300 tags, the newest version first")
    expect(page.locator("#tags li").first).to_have_text("29.9")
    expect(page).to_have_url(re.compile(r"\?reference=.*&look=tags$"))

    page.get_by_label("Part of a tag").press_sequentially("12.3")
    expect(page.locator("#tags")).to_contain_text("1 of 300 tags")
    expect(page.get_by_label("Part of a tag")).to_be_focused()
    expect(page).to_have_url(re.compile(r"&search=12\.3$"))
    page.locator("#tags").get_by_role("link", name="12.3").click()

    expect(page.get_by_label("Reference")).to_have_value(f"{known}/choosing/app:12.3")
    expect(page.get_by_role("checkbox", name=HOST)).to_be_checked()
    expect(page.locator(".to-pull")).to_have_count(1)
    page.get_by_role("checkbox", name="linux/s390x").check()
    expect(page.locator(".to-pull")).to_have_count(2)
    expect(page).to_have_url(re.compile(r"platforms=linux%2Fs390x"))
    expect(page.locator("#look")).to_contain_text("counted above")
    to_fetch = page.locator("#look .figures dd").first.inner_text()
    assert page.evaluate("window.never") == "reloaded"

    # What the address shows can be opened anew.
    page.reload()
    expect(page.locator(".to-pull")).to_have_count(2)
    expect(page.get_by_role("checkbox", name="linux/s390x")).to_be_checked()
    page.get_by_role("button", name="Pull", exact=True).click()
    expect(page.locator("#job-succeeded")).to_be_visible()
    # The job counts layers; the preview also manifests and configs, which are a few KiB.
    fetched = page.locator("#job-progress .figures dd").first.inner_text()
    assert to_fetch.split()[1] == fetched.split()[1] == "KiB"
    assert 0 <= float(to_fetch.split()[0]) - float(fetched.split()[0]) < 6

    page.goto("/pull/")
    page.get_by_label("Reference").fill(f"{known}/choosing/app:12.3")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#look")).to_contain_text("Everything is here already")
    page.get_by_role("button", name="All 3").click()
    expect(page.locator(".to-pull")).to_have_count(3)
    expect(page.locator("#look .chip.accent")).to_have_text(["to fetch"])


def test_it_says_that_it_asks_and_what_the_registry_answered(
    page: Page, known: str, registry: SampleRegistry
) -> None:
    page.goto("/pull/")
    asking = page.get_by_text("Asking the registry")
    expect(asking).not_to_be_visible()
    page.get_by_label("Reference").fill(f"{known}/nobody/knows")
    page.evaluate(
        """() => {
            const asking = document.querySelector(".asking");
            new MutationObserver(() => { window.asked ||= asking.checkVisibility(); })
                .observe(document.querySelector("#pulling"), {attributes: true});
        }"""
    )
    page.get_by_role("button", name="Tags").click()
    expect(page.get_by_role("alert")).to_contain_text("has no repository nobody/knows")
    assert page.evaluate("window.asked") is True
    expect(page.get_by_label("Reference")).to_have_value(f"{known}/nobody/knows")
    expect(asking).not_to_be_visible()


def test_the_same_steps_work_without_a_script(
    open_page: OpenPage, admin: State, known: str, registry: SampleRegistry
) -> None:
    push_many(registry, "choosing/plain")
    page = open_page(admin, java_script_enabled=False)
    page.goto("/pull/")
    page.get_by_label("Reference").fill(f"{known}/choosing/plain")
    page.get_by_role("button", name="Tags").click()
    page.get_by_label("Part of a tag").fill("7.7")
    page.get_by_role("button", name="Search", exact=True).click()
    page.locator("#tags").get_by_role("link", name="7.7", exact=True).click()
    page.get_by_role("checkbox", name="aix/ppc").check()
    page.get_by_role("button", name="Preview").click()
    expect(page.locator(".to-pull")).to_have_count(2)
    page.get_by_role("button", name="Pull", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("choosing/plain:7.7")
