"""All layers of a project, and one of them."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client

from dashboard.queries.layers import rows
from tests.conftest import Users
from tests.dashboard.catalog import MIB, diff_id, family, make_image
from tests.dashboard.doors import client_of
from worker.models import Blob, Layer, Project


def listed(client: Client, query: str = "") -> str:
    """Return the letters of the layers on the page, in order."""
    html = client.get(f"/p/team/layers/{query}").content.decode()
    letters = {diff_id(letter): letter for letter in "daipxz"}
    return "".join(letters[found] for found in re.findall(r'<a class="name mono"[^>]* title="([^"]+)"', html))


@pytest.mark.parametrize(
    ("query", "letters"),
    [
        ("", "dapxi"),
        ("?sort=size", "ixpad"),
        ("?sort=-images", "daipx"),
        ("?sort=images", "pxaid"),
        ("?q=make+p", "p"),
        ("?q=make+p&sort=-images", "p"),
        ("?q=nothing", ""),
        ("?sort=nonsense&page=x", "dapxi"),
    ],
)
def test_search_and_sort(viewer: Client, project: Project, query: str, letters: str) -> None:
    family(project)
    found = listed(viewer, query)
    if "images" in query:
        # Layers made in one family have no order among equals but that of their rows.
        assert sorted(found) == sorted(letters)
        assert (found[0] if "-images" in query else found[-1]) == (
            letters[0] if "-images" in query else letters[-1]
        )
    else:
        assert found == letters


def test_a_layer_is_found_by_its_diff_id_and_by_any_blob_of_it(viewer: Client, project: Project) -> None:
    family(project)
    assert listed(viewer, f"?q={diff_id('p')}") == "p"
    assert listed(viewer, f"?q={diff_id('p')[7:19]}") == "p"
    zstd = Blob.objects.get(layer__diff_id=diff_id("a"), media_type__endswith="zstd")
    assert listed(viewer, f"?q={zstd.digest}") == "a"


def test_a_row_counts_images_forms_and_names_the_oldest(project: Project) -> None:
    images = family(project)
    layer = images["apache"].layers.get(diff_id=diff_id("a"))
    row = rows(project, [layer.pk])[0]
    assert (row.images, row.forms, row.compressed) == (3, 2, 78 * MIB)
    assert str(row.first) == "apache:2.4"
    assert row.created_by == "RUN make a && true"


def test_layers_of_other_projects_do_not_exist_here(viewer: Client, project: Project) -> None:
    family(project)
    other = Project.objects.create(slug="other", name="Other")
    make_image(other, "secret", "dz")
    assert "z" not in listed(viewer)
    assert viewer.get(f"/p/team/layers/{diff_id('z')}/").status_code == 404
    shared = viewer.get(f"/p/team/layers/{diff_id('d')}/").content.decode()
    assert "secret" not in shared


def test_an_empty_project_says_what_to_do_next(users: Users) -> None:
    assert b"Layers arrive with images" in client_of(users.viewer).get("/p/team/layers/").content
    assert b"/p/team/pull/" in client_of(users.operator).get("/p/team/layers/").content


def test_no_match_leads_back(viewer: Client, project: Project) -> None:
    family(project)
    assert b"No layer matches" in viewer.get("/p/team/layers/?q=nothing").content


def test_htmx_gets_the_list_alone(viewer: Client, project: Project) -> None:
    family(project)
    html = viewer.get("/p/team/layers/", headers={"HX-Request": "true"}).content.decode()
    assert html.strip().startswith('<section class="card" id="layers"')


def test_one_layer_shows_its_command_forms_and_images(viewer: Client, project: Project) -> None:
    family(project)
    html = viewer.get(f"/p/team/layers/{diff_id('a')}/").content.decode()
    assert "RUN make a &amp;&amp; true" in html
    assert "the smallest of 2 forms" in html
    assert "application/vnd.oci.image.layer.v1.tar+zstd" in html
    for name in ("apache", "apache-zstd", "php"):
        assert f">{name}<" in html
    assert ">debian<" not in html
    assert " back" in html


@pytest.mark.parametrize("address", ["layers/", "layers/{layer}/"])
def test_what_was_never_extracted_has_no_count_of_entries(
    viewer: Client, project: Project, address: str
) -> None:
    make_image(project, "raw", "d", extracted=False)
    Layer.objects.update(entries=None)
    html = viewer.get("/p/team/" + address.format(layer=diff_id("d"))).content.decode()
    assert "None" not in html


@pytest.mark.parametrize("address", ["layers/", "layers/{layer}/"])
def test_whom_the_pages_refuse(users: Users, client: Client, project: Project, address: str) -> None:
    family(project)
    address = "/p/team/" + address.format(layer=diff_id("a"))
    assert client.get(address).status_code == 302
    assert client_of(users.stranger).get(address).status_code == 404
    assert client_of(users.viewer).get(address).status_code == 200
    assert client_of(users.admin).post(address).status_code == 405


@pytest.mark.parametrize("name", ["nonsense", "sha256:" + "0" * 64])
def test_an_unknown_layer_is_not_found(viewer: Client, name: str) -> None:
    response = viewer.get(f"/p/team/layers/{name}/")
    assert response.status_code == 404
    assert b"No image of this project has such a layer" in response.content


def test_the_number_of_queries_does_not_grow_with_the_list(
    viewer: Client, project: Project, queries_of: Callable[..., int]
) -> None:
    make_image(project, "first", "d")
    few = queries_of(viewer.get, "/p/team/layers/"), queries_of(viewer.get, f"/p/team/layers/{diff_id('d')}/")
    for number in range(20):
        make_image(project, f"n{number}", ["d", f"l{number}"])
    many = (
        queries_of(viewer.get, "/p/team/layers/"),
        queries_of(viewer.get, f"/p/team/layers/{diff_id('d')}/"),
    )
    # Two more: parents and their names, of which the first image alone has none.
    assert many[0] == few[0] < 30
    assert many[1] <= few[1] + 2 < 30


def test_a_known_count_pages_the_list_right(viewer: Client, project: Project) -> None:
    for number in range(60):
        make_image(project, f"n{number}", ["d", f"l{number}"])
    html = viewer.get("/p/team/layers/?page=2").content.decode()
    assert "51\u201361 of 61" in html
