"""How templates write digests, times, icons and layers."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import timezone

from dashboard.figures import Slice
from tests.dashboard.catalog import diff_id, make_image
from worker.models import Project

DIGEST = "sha256:282c8fd3c922" + "0" * 52


def draw(template: str, **context: object) -> str:
    return Template("{% load strata %}" + template).render(Context(context))


def test_a_digest_is_short_whole_on_hover_and_can_be_copied() -> None:
    html = draw("{% digest d %}", d=DIGEST)
    assert f'title="{DIGEST}">282c8fd3c922<' in html
    assert f'data-copy="{DIGEST}"' in html
    assert 'aria-label="Copy digest"' in html


def test_what_is_copied_is_escaped() -> None:
    html = draw("{% copy text %}", text='"><script>')
    assert "<script>" not in html


def test_sizes_and_hues_and_unknown_sizes() -> None:
    assert draw("{{ n|size }} {{ none|size }} {{ d|short }} {{ d|hue }}", n=2**20, none=None, d=DIGEST) == (
        "1.00 MiB — 282c8fd3c922 h5"
    )


def test_a_time_is_relative_and_exact_on_hover() -> None:
    html = draw("{% when t %}", t=timezone.now() - timedelta(minutes=3, seconds=5))
    assert ">3 min ago</time>" in html
    assert re.search(r'title="\d+ \w+ \d{4}, \d\d:\d\d:\d\d UTC"', html)
    assert re.search(r'datetime="[^"]+\+00:00"', html)


def test_a_time_that_is_not_known_is_said_so() -> None:
    assert draw('{% when t never="never" %}', t=None) == "never"
    assert draw("{% when t %}", t=None) == "—"


def test_an_old_time_is_a_date() -> None:
    assert ">1 Jan 2020<" in draw("{% when t %}", t=datetime(2020, 1, 1, tzinfo=UTC))


def test_an_icon_is_drawn_inline_and_hidden_from_readers() -> None:
    html = draw('{% icon "copy" %}')
    assert html.startswith('<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><')


def test_an_unknown_icon_is_an_error_of_the_programmer() -> None:
    with pytest.raises(KeyError):
        draw('{% icon "no-such-icon" %}')


@pytest.mark.django_db
def test_a_core_shows_each_layer_with_its_hue_command_and_size(project: Project) -> None:
    image = make_image(project, "apache", "dai")
    html = draw("{% core layers %}", layers=image.image_layers.select_related("layer", "blob"))
    assert html.count("<rect") == 3
    assert f'class="layer {draw("{{ d|hue }}", d=diff_id("d"))}"' in html
    assert "<title>RUN make d &amp;&amp; true · 163 MiB</title>" in html
    assert 'aria-label="3 layers, 320 MiB together"' in html
    assert "style" not in html


@pytest.mark.django_db
def test_a_core_of_an_image_that_is_only_fetched_is_by_compressed_size(project: Project) -> None:
    image = make_image(project, "raw", "dz", extracted=False)
    html = draw("{% core layers %}", layers=image.image_layers.select_related("layer", "blob"))
    assert 'aria-label="2 layers, 86.5 MiB together"' in html


def test_a_core_of_nothing_says_so() -> None:
    assert "no layers" in draw("{% core layers %}", layers=[])


def test_the_layer_that_a_page_is_about_stands_out() -> None:
    layers = [Slice(diff_id("a"), 1), Slice(diff_id("b"), 1)]
    html = draw("{% core layers lit=lit %}", layers=layers, lit=diff_id("a"))
    assert html.count(" back") == 1


def test_a_share_of_the_width_draws_images_on_one_scale() -> None:
    html = draw("{% core layers 10 0.5 %}", layers=[Slice(diff_id("a"), 1)])
    assert 'width="150"' in html


def test_a_query_string_changes_only_what_is_named_and_drops_what_is_empty() -> None:
    request = RequestFactory().get("/?q=php&sort=&page=7")
    html = draw("{% query page=2 %} {% query page=None %} {% query q='' page='' %}", request=request)
    assert html == "?q=php&amp;page=2 ?q=php ?"


@pytest.mark.parametrize(
    ("current", "state", "target"),
    [("-size", "descending", "size"), ("size", "ascending", "-size"), ("name", None, "-size")],
)
def test_a_head_that_sorts_says_how_and_turns_around(current: str, state: str | None, target: str) -> None:
    html = draw(
        '{% sort_head "size" "Size" num=True %}',
        request=RequestFactory().get("/?page=3"),
        wanted=SimpleNamespace(sort=current),
    )
    assert f'href="?sort={target}"' in html
    assert ("aria-sort" in html) == (state is not None)
    assert state is None or f'aria-sort="{state}"' in html
