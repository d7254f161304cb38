"""What the portal shows of images: their layers, their lineage, their config."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from samples.images import SampleImage
from tests.support.program import Api


@pytest.fixture(scope="module")
def pulled(api: Api, known: str) -> dict[str, int]:
    """base, web, site and api in the catalog; the image's number by name."""
    return {
        name: api.pull(f"{known}/{name}")["image"]
        for name in ("base:12", "web:2.4", "site:1", "python:3", "api:1.1")
    }


def test_layers_are_those_of_the_manifest_and_config(
    page: Page,
    pulled: dict[str, int],
    family: dict[str, SampleImage],
) -> None:
    """Each layer, newest on top, with its whole diff ID and blob digest."""
    image = family["site:1"]
    page.goto(f"/images/{pulled['site:1']}/")
    rows = page.locator("table.strata tbody tr")
    expect(rows).to_have_count(len(image.layers))
    for place, layer in enumerate(image.layers, start=1):
        row = page.locator(f"#layer-{place}")
        expect(row.locator(f"[title='{layer.diff_id}']").first).to_be_visible()
        expect(row.locator(f"[title='{layer.digest}']").first).to_be_visible()
    places = rows.locator("td.place").all_inner_texts()
    assert [int(text) for text in places] == list(range(len(image.layers), 0, -1))


def test_lineage_runs_from_the_base_to_what_stands_on_it(page: Page, pulled: dict[str, int]) -> None:
    page.goto(f"/images/{pulled['web:2.4']}/lineage/")
    names = page.locator(".family .kin .name").all_inner_texts()
    at = {name: names.index(name) for name in names}
    assert names[0].startswith("base:12")
    assert at["web:2.4"] > 0
    assert any(name.startswith("site:1") for name in names[at["web:2.4"] + 1 :])


def test_the_graph_is_drawn_pans_and_zooms_and_leads_to_images(page: Page, pulled: dict[str, int]) -> None:
    page.goto("/lineage/")
    sheet = page.locator("[data-lineage]")
    # Each says its own name first, and then on what it stands.
    site, web = (
        sheet.get_by_role("link", name=re.compile(rf"^\S*{name}\b")) for name in ("site:1", r"web:2\.4")
    )
    expect(site).to_be_visible()
    zoom = page.get_by_label("Zoom", exact=True)
    before = zoom.inner_text()
    page.get_by_label("Zoom in").click()
    expect(zoom).not_to_have_text(before)
    page.get_by_title("Fit into view (0)").click()
    web.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("web:2.4")


def test_images_are_found_filtered_and_sorted_in_the_address(page: Page, pulled: dict[str, int]) -> None:
    """Every view of the list can be bookmarked: what is chosen stands in the query."""
    page.goto("/images/")
    page.locator("#images-q").fill("web")
    expect(page).to_have_url(re.compile(r"q=web"))
    expect(page.locator("#images").get_by_role("link", name="python:3")).to_have_count(0)
    page.reload()
    expect(page.locator("#images-q")).to_have_value("web")
    expect(page.locator("#images .name", has_text="web").first).to_be_visible()


def test_config_tells_what_the_image_runs(page: Page, pulled: dict[str, int]) -> None:
    page.goto(f"/images/{pulled['api:1.1']}/config/")
    main = page.locator("main")
    for text in ("python3", "/srv/app", "8000/tcp", "org.opencontainers.image.title"):
        expect(main.get_by_text(text).first).to_be_visible()


def test_layers_of_the_project_name_the_images_that_share_them(
    page: Page, pulled: dict[str, int], family: dict[str, SampleImage]
) -> None:
    page.goto("/layers/?sort=images")
    expect(page.locator("#layers tbody tr").first).to_be_visible()
    page.goto(f"/layers/{family['web:2.4'].layers[0].diff_id}/")
    for name in ("base", "web:2.4", "site:1"):
        expect(
            page.locator("main").get_by_role("link", name=re.compile(re.escape(name))).first
        ).to_be_visible()


def test_every_page_fits_a_phone(open_page, admin, pulled: dict[str, int]) -> None:  # type: ignore[no-untyped-def]
    """No page is wider than the screen of a phone."""
    page = open_page(admin, viewport={"width": 390, "height": 844})
    number = pulled["site:1"]
    for address in (
        "",
        "images/",
        f"images/{number}/",
        f"images/{number}/lineage/",
        f"images/{number}/config/",
        "lineage/",
        "layers/",
        "containers/",
        "jobs/",
        "pull/",
        "registries/",
        "schedules/",
        "members/",
    ):
        page.goto(f"/p/default/{address}")
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{address} is {wide} px too wide"


def test_what_is_not_there_is_a_page_of_ours(open_page, admin) -> None:  # type: ignore[no-untyped-def]
    page = open_page(admin, expected=(404,))
    for address in ("images/999999/", "jobs/999999/", "containers/999999/", "nowhere/"):
        response = page.goto(f"/p/default/{address}")
        assert response is not None
        assert response.status == 404
        expect(page.get_by_role("link", name="To the overview")).to_be_visible()
