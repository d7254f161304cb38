"""A repository's tags on the page: sorted, searched, paged, and honest about what is left out."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from samples.registry import SampleRegistry
from samples.tags import TagHabits
from tests.dashboard.catalog import make_image
from tests.dashboard.choosing.looking import ONE, listed, look, text
from worker.models import Project
from worker.services import choosing


def test_tags_are_listed_the_newest_first_and_lead_to_a_preview(
    path: str, app: str, project: Project, operator: Client
) -> None:
    """Those that the project has pulled are marked."""
    host, _, repository = app.partition("/")
    make_image(project, "app", "d", host=host, repository=repository, tags=["1.9"])
    answer = look(operator, path, reference=app, look="tags")
    assert answer.status_code == 200
    assert listed(answer) == ["latest", "1.10", "1.9"]
    assert "3 tags, the newest version first" in text(answer)
    assert answer.content.decode().count('<span class="chip good">here</span>') == 1
    links = re.findall(r'<li[^>]*><a href="([^"]*look=preview[^"]*)"', answer.content.decode())
    asked = parse_qs(urlsplit(unescape(links[1])).query)
    assert asked == {"reference": [f"{app}:1.10"], "look": ["preview"]}


def test_a_search_answers_with_the_list_alone_and_keeps_its_address(
    path: str, app: str, operator: Client
) -> None:
    answer = look(operator, path, "div#tags", reference=app, look="tags", search="1.1", insecure="")
    assert listed(answer) == ["1.10"]
    assert "1 of 3 tags, the nearest first" in text(answer)
    assert answer.content.decode().lstrip().startswith('<div id="tags">')
    assert parse_qs(urlsplit(answer["HX-Push-Url"]).query) == {
        "reference": [app],
        "look": ["tags"],
        "search": ["1.1"],
    }
    assert "No tag matches" in text(look(operator, path, reference=app, look="tags", search="none"))


def test_many_tags_come_in_pages(
    path: str, app: str, operator: Client, sample_registry: SampleRegistry
) -> None:
    for number in range(130):
        sample_registry.push("team/many", f"2.{number}", ONE)
    many = f"{sample_registry.host}/team/many"
    first = look(operator, path, reference=many, look="tags")
    assert listed(first) == [f"2.{number}" for number in range(129, 69, -1)]
    assert "of 130" in text(first)
    last = look(operator, path, "div#tags", reference=many, look="tags", page=3)
    assert listed(last) == [f"2.{number}" for number in range(9, -1, -1)]


def test_a_long_list_that_was_cut_is_not_called_complete(
    path: str, app: str, operator: Client, sample_registry: SampleRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "TAGS_MAX", 2)
    sample_registry.tags = TagHabits(most=1)
    assert "The registry has more than are listed" in text(look(operator, path, reference=app, look="tags"))


def test_a_repository_without_tags_says_so(
    path: str, app: str, operator: Client, sample_registry: SampleRegistry
) -> None:
    sample_registry.manifests["team/empty"] = {}
    answer = look(operator, path, reference=f"{sample_registry.host}/team/empty", look="tags")
    assert "nothing in it has a tag" in text(answer)
