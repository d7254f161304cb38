"""The Compare pages: two images, or a container with its image."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape

import pytest
from django.test import Client
from django.utils import timezone

from samples.layers import layer
from tests.conftest import Users
from tests.dashboard.catalog import make_tag
from tests.dashboard.compared import BASE, NEXT, PLACE, address, pair, store, text_of
from tests.dashboard.doors import assert_door, assert_verbs, client_of
from tests.support.files import file_entry, make_image, put_index
from worker.engine.store import Store
from worker.models import Image, Project, Role, TagMovement
from worker.progress.mending import Mending

__all__ = ["pair", "store"]

MINUS = "\N{MINUS SIGN}"
PAGES = [
    "compare/?a={a}&b={b}",
    "compare/text/?a={a}&b={b}&path=etc/motd",
    "compare/comparison.md?a={a}&b={b}",
]


@pytest.mark.parametrize("page", PAGES)
def test_whom_the_pages_refuse(users: Users, pair: tuple[Image, Image], page: str) -> None:
    where = "/p/team/" + page.format(a=pair[0].pk, b=pair[1].pk)
    assert_door(users, "get", where, needs=Role.VIEWER)
    assert client_of(users.viewer).get(where).status_code == 200
    assert_verbs(users.admin, where, refused="post put delete")


@pytest.mark.parametrize("page", PAGES)
def test_an_image_of_another_project_does_not_exist_here(
    viewer: Client, pair: tuple[Image, Image], store: Store, page: str
) -> None:
    other = make_image(Project.objects.create(slug="other", name="Other"), store, "secret", [BASE])
    for a, b in ((pair[0], other), (other, pair[0])):
        answer = viewer.get("/p/team/" + page.format(a=a.pk, b=b.pk))
        assert answer.status_code == 404
        assert b"secret" not in answer.content


@pytest.mark.parametrize("query", ["a=x&b=1", "a=1&b=999999", "a=1&b=" + "9" * 40, "container=7", "a=-1&b=2"])
def test_what_is_no_image_is_not_found(viewer: Client, pair: tuple[Image, Image], query: str) -> None:
    assert viewer.get(f"{PLACE}?{query}").status_code == 404


def test_the_files_tab_counts_and_lists_what_differs(viewer: Client, pair: tuple[Image, Image]) -> None:
    text = text_of(viewer, address(*pair))
    assert "Content +8 B" in text
    assert "Added 1 " in text
    assert "Changed 2 " in text
    assert "Layers in common 1 of 1 and 2" in text
    assert "etc/motd" in text.replace(" ", "")
    assert "usr/new" in text.replace(" ", "")
    assert "usr/gone" not in text.replace(" ", "")


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("&kind=added", {"new"}),
        ("&kind=changed", {"motd", "tool"}),
        ("&kind=removed", set()),
        ("&q=*.nothing", set()),
        ("&q=MOTD", {"motd"}),
        ("&dir=usr/bin", {"tool"}),
        ("&dir=usr&kind=added", {"new"}),
        ("&aspect=content", {"motd", "tool"}),
        ("&kind=nonsense&sort=nonsense&page=x", {"motd", "tool", "new"}),
        ("&q=%5Cq", set()),
    ],
)
def test_filters_live_in_the_address(
    viewer: Client, pair: tuple[Image, Image], query: str, names: set[str]
) -> None:
    html = viewer.get(address(*pair, query)).content.decode()
    assert set(re.findall(r'<bdi class="strong">([^<]+)</bdi>', html)) == names


def test_htmx_gets_the_part_alone(viewer: Client, pair: tuple[Image, Image]) -> None:
    html = viewer.get(address(*pair), headers={"HX-Request": "true"}).content.decode()
    assert html.strip().startswith('<div id="part">')


def test_sides_are_swapped_by_a_link(viewer: Client, pair: tuple[Image, Image]) -> None:
    a, b = pair
    html = viewer.get(address(a, b)).content.decode()
    assert f'href="{PLACE}?a={b.pk}&amp;b={a.pk}"' in html
    assert f"Content {MINUS}8 B" in text_of(viewer, address(b, a))
    assert "Removed 1 " in text_of(viewer, address(b, a))


def test_an_image_is_the_same_as_itself_and_as_its_twin(
    viewer: Client, project: Project, store: Store, pair: tuple[Image, Image]
) -> None:
    assert "This is one image twice" in text_of(viewer, address(pair[0], pair[0]))
    twin = make_image(project, store, "twin", [BASE])
    assert "All files are the same" in text_of(viewer, address(pair[0], twin))


def test_the_configuration_is_compared_with_words_marked(viewer: Client, pair: tuple[Image, Image]) -> None:
    html = viewer.get(address(*pair, "&tab=config")).content.decode()
    assert "<del>ho</del>" in html
    assert "<ins>hi</ins>" in html
    assert "not set" in html


def test_the_layers_are_drawn_joined_as_far_as_they_are_the_same(
    viewer: Client, pair: tuple[Image, Image]
) -> None:
    html = viewer.get(address(*pair, "&tab=layers")).content.decode()
    figure = html.split("<figure>", 1)[1].split("</figure>", 1)[0]
    assert re.findall(r'<rect [^>]*width="([\d.]+)"', figure) == ["320.00", "120.00"]
    assert "&lt;b&gt;make&lt;/b&gt;" in html
    assert "the same" in html
    assert "only after" in html


def test_packages_that_nobody_has_read_yet_are_said_to_be_unknown(
    viewer: Client, pair: tuple[Image, Image]
) -> None:
    assert "not known yet" in text_of(viewer, address(*pair, "&tab=packages"))


def test_two_platforms_are_told_to_be_two(viewer: Client, pair: tuple[Image, Image]) -> None:
    Image.objects.filter(pk=pair[1].pk).update(architecture="arm64")
    assert "different platforms, linux/amd64 and linux/arm64" in text_of(viewer, address(*pair))


def test_layers_that_are_not_here_leave_the_other_parts(
    users: Users, project: Project, store: Store, pair: tuple[Image, Image]
) -> None:
    gone = layer({"never": b"looked at before"})
    b = make_image(project, store, "fetched", [BASE, gone], extracted=False)
    store.layers.remove(gone.diff_id)
    text = text_of(client_of(users.operator), address(pair[0], b))
    assert "The files are not here to be compared" in text
    assert "Extract" in text
    assert "RUN step 1" in text_of(client_of(users.viewer), address(pair[0], b, "&tab=layers"))
    markdown = client_of(users.viewer).get(f"{PLACE}comparison.md?a={pair[0].pk}&b={b.pk}")
    assert b"Not compared" in markdown.content


def test_a_damaged_index_is_asked_to_be_made_anew(
    viewer: Client, project: Project, store: Store, pair: tuple[Image, Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def ask(diff_id: str, *, by: object) -> Mending:
        asked.append(diff_id)
        return Mending(under_way=True)

    monkeypatch.setattr("worker.services.mend_index", ask)
    damaged = layer({"soon": b"damaged"})
    b = make_image(project, store, "damaged", [BASE, damaged])
    index = store.layers.index_path(damaged.diff_id)
    index.chmod(0o644)
    whole = index.read_bytes()
    index.write_bytes(b"nonsense")
    text = text_of(viewer, address(pair[0], b))
    assert "A file index is being made anew" in text
    assert asked == [str(damaged.diff_id)]
    place = address(pair[0], b)
    html = viewer.get(place).content.decode()
    assert f'hx-get="{escape(place)}" hx-trigger="every 3s" hx-target="#compared"' in html
    assert '<noscript><meta http-equiv="refresh"' in html
    index.write_bytes(whole)
    there = viewer.get(place, headers={"HX-Request": "true", "HX-Target": "div#compared"}).content.decode()
    assert there.strip().startswith('<div id="compared">')
    assert '<dl class="figures">' in there  # not the list alone: what stands above it was not known, either
    assert "every 3s" not in there


HOSTILE = ["new\nline", "\u202etxt.exe", "<script>alert(1)</script>", "b\udcff\udcfe", "a|b`c``d", "x" * 250]


def test_hostile_names_and_contents_do_nothing_but_stand_there(
    viewer: Client, project: Project, store: Store
) -> None:
    a = make_image(project, store, "clean", [layer({"a": b"\x1b[31m\xe2\x80\xae<script>\n"})])
    bad = layer({"a": b"</td><script>x</script>\xe2\x80\xae\n", **dict.fromkeys(HOSTILE[:3], b"1")})
    b = make_image(project, store, "hostile", [bad])
    names = put_index(store, "names", [file_entry(name, 5, b"12345") for name in HOSTILE])
    c = make_image(project, store, "names", [names])
    text = f"{PLACE}text/?a={a.pk}&b={b.pk}&path="
    pages = [address(a, b), address(a, c), address(a, b, "&kind=added&q=%3Cscript")]
    pages += [f"{text}a", f"{text}new%5Cx0aline"]
    for page in pages:
        html = viewer.get(page).content.decode()
        assert "<script>alert" not in html
        assert "<script>x" not in html
        assert "\u202e" not in html
        assert "\x1b" not in html
    markdown = viewer.get(f"{PLACE}comparison.md?a={a.pk}&b={c.pk}")
    assert markdown["Content-Disposition"].startswith("attachment")
    written = markdown.content.decode()
    assert "\u202e" not in written
    assert "`/new\\\\x0aline`" in written or "`/new\\x0aline`" in written
    row = next(line for line in written.splitlines() if "a\\|b" in line)
    assert "```/a\\|b`c``d```" in row


def test_ten_thousand_differences_are_paged(
    viewer: Client, project: Project, store: Store, queries_of: Callable[..., int]
) -> None:
    entries = [file_entry(f"d{number % 40:02}/f{number:05}", number + 1) for number in range(10_000)]
    a = make_image(project, store, "few", [put_index(store, "few", entries[:1])])
    b = make_image(project, store, "many", [put_index(store, "many", entries)])
    html = viewer.get(address(a, b)).content.decode()
    assert html.count('<bdi class="strong">') == 100
    assert "28 more directories" in html
    last = viewer.get(address(a, b, "&sort=-change&page=101")).content.decode()
    assert 0 < last.count('<bdi class="strong">') <= 100
    assert queries_of(viewer.get, address(a, b)) < 40


class TestChoosing:
    def test_without_images_it_says_how_to_get_some(self, viewer: Client, project: Project) -> None:
        assert "No image to compare yet" in text_of(viewer, PLACE)

    def test_first_one_then_the_other(self, viewer: Client, pair: tuple[Image, Image]) -> None:
        a, b = pair
        assert f'href="{PLACE}?a={a.pk}"' in viewer.get(PLACE).content.decode()
        html = viewer.get(f"{PLACE}?a={a.pk}").content.decode()
        assert f'href="{PLACE}?a={a.pk}&amp;b={b.pk}"' in html
        html = viewer.get(f"{PLACE}?b={b.pk}&pick=a&q=app-one").content.decode()
        assert f'href="{PLACE}?a={a.pk}&amp;b={b.pk}"' in html
        assert f"?a={b.pk}&amp;b={b.pk}" not in html
        assert "No image matches" in text_of(viewer, f"{PLACE}?b={b.pk}&q=nothing")

    def test_the_parent_and_what_the_tag_pointed_at_before_are_suggested(
        self, viewer: Client, project: Project, store: Store, pair: tuple[Image, Image]
    ) -> None:
        b = pair[1]
        older = make_image(project, store, "older", [NEXT])
        tag = make_tag(b, "1")
        TagMovement.objects.create(
            tag=tag, from_digest=older.digest, to_digest=b.digest, moved_at=timezone.now()
        )
        text = text_of(viewer, f"{PLACE}?b={b.pk}")
        likely = text.split("Likely", 1)[1]
        assert "the tag pointed there before" in likely
        assert "it stands on this" in likely
        tags = viewer.get(f"/p/team/images/{b.pk}/tags/").content.decode()
        assert f"{PLACE}?a={older.pk}&amp;b={b.pk}" in tags


def test_markdown_tells_all_parts(viewer: Client, pair: tuple[Image, Image]) -> None:
    text = viewer.get(f"{PLACE}comparison.md?a={pair[0].pk}&b={pair[1].pk}").content.decode()
    assert "| Added | 1 | 1 | +8 B |" in text
    assert "1 layer from the base up in common, of 1 and 2." in text
    assert "| Environment | `GREETING` | `ho` | `hi` |" in text
    assert "`/usr/new`" in text


def test_the_image_page_leads_to_comparing(viewer: Client, pair: tuple[Image, Image]) -> None:
    html = viewer.get(f"/p/team/images/{pair[1].pk}/").content.decode()
    assert f'href="{PLACE}?b={pair[1].pk}"' in html
