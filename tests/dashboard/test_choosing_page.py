"""The page on which one looks before pulling: tags, platforms and previews, whole and in parts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.core.cache import caches
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from samples.images import image, index, layer
from samples.pulls import PullLimit
from samples.registry import Auth, SampleRegistry
from samples.tags import TagHabits
from tests.conftest import Users
from tests.dashboard.catalog import make_image
from tests.dashboard.doors import assert_door, assert_verbs
from worker import services
from worker.engine.oci import Platform
from worker.models import Image, Job, Project, Registry, Role
from worker.services import choosing

HOST = str(Platform.host())
LAYERS = [layer({"a": b"b" * 100}), layer({"c": b"d" * 100})]
ONE = image(LAYERS, history=["COPY <rootfs> /", "RUN make"])
FAR = image(LAYERS[:1], platform="linux/s390x")
CONTENT = index([ONE, FAR], attestations=True)
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _empty_tags() -> Iterator[None]:
    caches["tags"].clear()
    yield
    caches["tags"].clear()


@pytest.fixture
def path(project: Project) -> str:
    return reverse("pull", args=[project.slug])


@pytest.fixture
def app(sample_registry: SampleRegistry, project: Project, data_dir: Path) -> str:
    for tag in ("1.9", "1.10", "latest"):
        sample_registry.push("team/app", tag, CONTENT)
    Registry.objects.create(project=project, host=sample_registry.host, insecure=True)
    return f"{sample_registry.host}/team/app"


def look(client: Client, path: str, target: str = "", **query: object) -> HttpResponse:
    headers = {**HTMX, "HX-Target": target} if target else {}
    answer: HttpResponse = client.get(f"{path}?{urlencode(query, doseq=True)}", headers=headers)
    return answer


def text(answer: HttpResponse) -> str:
    """What the page says, without the markup."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", answer.content.decode())).split())


def listed(answer: HttpResponse) -> list[str]:
    return re.findall(r'<li[^>]*><a [^>]*><span class="mono">([^<]*)</span>', answer.content.decode())


def ticked(answer: HttpResponse) -> list[str]:
    return re.findall(r'name="platforms" value="([^"]*)" checked', answer.content.decode())


def test_what_is_looked_at_has_an_address_of_its_own(path: str, operator: Client) -> None:
    """Without a script the buttons lead there; nothing is asked or made on the way."""
    given = {"reference": "r.example/app", "insecure": "on", "platforms": ["linux/arm64", HOST]}
    for what in ("tags", "preview"):
        answer = operator.post(path, {**given, "look": what})
        address = urlsplit(answer["Location"])
        assert (answer.status_code, address.path) == (302, path)
        assert parse_qs(address.query) == {
            "reference": ["r.example/app"],
            "platforms": ["linux/arm64", HOST],
            "insecure": ["on"],
            "look": [what],
        }
    every = operator.post(path, {**given, "look": "all"})
    assert parse_qs(urlsplit(every["Location"]).query)["platforms"] == ["all"]
    assert operator.post(path, {"reference": "", "look": "tags"}).status_code == 422
    assert not Job.objects.exists()


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


def test_a_preview_tells_what_a_pull_would_do(path: str, app: str, operator: Client) -> None:
    answer = look(operator, path, reference=f"{app}:1.9", look="preview")
    page, said = answer.content.decode(), text(answer)
    assert answer.status_code == 200
    assert ticked(answer) == [HOST]
    assert 'value="linux/s390x"' in page
    assert "an index for 2 platforms" in said
    assert "2 of 2 layers" in said
    assert "COPY &lt;rootfs&gt; /" in page
    assert page.count("to fetch</span>") == 2
    assert str(LAYERS[0].diff_id) in page
    assert not Job.objects.exists()


def test_a_preview_tells_how_many_pulls_the_registry_still_grants(
    path: str, app: str, operator: Client, sample_registry: SampleRegistry
) -> None:
    sample_registry.pulls = PullLimit(100)
    answer = look(operator, path, reference=f"{app}:1.9", look="preview")
    assert "it grants 98 more of 100 pulls" in text(answer)


def test_platforms_are_previewed_as_ticked(path: str, app: str, operator: Client) -> None:
    """Only the right side is exchanged: what was ticked stays as it is."""
    both = look(
        operator,
        path,
        "section#look",
        reference=f"{app}:1.9",
        look="preview",
        platforms=[HOST, "linux/s390x"],
    )
    assert both.content.decode().lstrip().startswith('<section id="look"')
    assert both.content.decode().count('class="stack pairs to-pull"') == 2
    assert "counted above" in text(both)
    every = look(operator, path, reference=f"{app}:1.9", look="preview", platforms="all")
    assert ticked(every) == [HOST, "linux/s390x"]
    typed = look(operator, path, reference=f"{app}:1.9", look="preview", platform="linux/s390x")
    assert ticked(typed) == ["linux/s390x"]


@pytest.mark.parametrize(
    ("given", "platform"),
    [
        ({"platforms": [HOST], "offered": "2"}, HOST),
        ({"platforms": [HOST, "linux/s390x"], "offered": "3"}, f"{HOST},linux/s390x"),
        ({"platforms": [HOST, "linux/s390x"], "offered": "2"}, "all"),
        ({"platforms": ["all"]}, "all"),
        ({"platforms": [HOST], "offered": "1"}, HOST),
        ({"offered": "2"}, ""),
    ],
)
def test_a_pull_brings_what_is_ticked(
    path: str, operator: Client, given: dict[str, object], platform: str
) -> None:
    operator.post(path, {"reference": "alpine", **given})
    assert Job.objects.get().platform == platform


def test_an_image_that_is_here_already_is_named(
    path: str, app: str, project: Project, operator: Client
) -> None:
    row = make_image(project, "app", "d", tags=["older"])
    Image.objects.filter(pk=row.pk).update(digest=str(ONE.digest))
    answer = look(operator, path, reference=f"{app}:1.9", look="preview")
    assert "here as app:older" in text(answer)
    assert reverse("image", args=[project.slug, row.pk]) in answer.content.decode()


@pytest.mark.parametrize(
    ("free", "said"),
    [(0, "It does not fit on the disk."), (None, "It may not fit on the disk."), (2**60, "")],
)
def test_a_disk_that_is_too_small_is_told_before(
    path: str, app: str, operator: Client, monkeypatch: pytest.MonkeyPatch, free: int | None, said: str
) -> None:
    real = services.preview_pull

    def preview(*args: object, **options: object) -> object:
        found = real(*args, **options)  # type: ignore[arg-type]
        return replace(found, free=found.to_fetch if free is None else free)

    monkeypatch.setattr(services, "preview_pull", preview)
    answer = look(operator, path, reference=f"{app}:1.9", look="preview")
    assert said in text(answer)
    assert ("fit on the disk" in text(answer)) == bool(said)


@pytest.mark.parametrize(
    ("what", "reference", "said", "link"),
    [
        ("tags", "{host}/team/none", "has no repository team/none", ""),
        ("preview", "{host}/team/app:none", "has no tag none in the repository team/app", "look=tags"),
        ("tags", "localhost:1/x", "refused the connection", "registries/"),
        ("preview", "localhost:1/x", "refused the connection", "registries/"),
    ],
)
def test_what_the_registry_refuses_is_said_in_place_with_a_next_step(
    path: str, app: str, operator: Client, what: str, reference: str, said: str, link: str
) -> None:
    """The form stays as it was filled."""
    name = reference.format(host=app.partition("/")[0])
    answer = look(operator, path, reference=name, look=what, insecure="on", fetch_only="on")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert said in text(answer), text(answer)
    assert 'class="hint"' in page
    assert f'value="{name}"' in page
    section = page[page.index('<section id="look"') :]
    assert link in section
    assert not Job.objects.exists()


def test_credentials_that_are_wrong_lead_to_the_registries(
    path: str, app: str, operator: Client, sample_registry: SampleRegistry
) -> None:
    sample_registry.auth = Auth(username="u", password="p")
    for what in ("tags", "preview"):
        said = text(look(operator, path, reference=app, look=what))
        assert "wants credentials" in said
        assert "Enter credentials for this registry on the Registries page" in said


def test_a_platform_that_is_not_there_shows_those_that_are(path: str, app: str, operator: Client) -> None:
    answer = look(operator, path, reference=app, look="preview", platform="aix/ppc")
    assert "The image does not exist for aix/ppc" in text(answer)
    assert re.findall(r'name="platforms" value="([^"]*)"', answer.content.decode()) == [HOST, "linux/s390x"]
    assert ticked(answer) == []


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"reference": ""}, "Enter a reference."),
        ({"reference": "No Good"}, "Write it as Docker does"),
        ({"reference": "x" * 600}, "512"),
        ({"reference": "localhost:1/a", "platform": "linux"}, "Write a platform as os/arch"),
    ],
)
def test_what_cannot_be_meant_is_said_at_the_field(
    path: str, operator: Client, given: dict[str, str], sentence: str
) -> None:
    answer = look(operator, path, look="preview", **given)
    assert answer.status_code == 422
    assert sentence in text(answer)
    assert 'aria-invalid="true"' in answer.content.decode()


def test_a_registry_that_is_not_allowed_is_not_asked(
    path: str, app: str, operator: Client, settings: Settings, sample_registry: SampleRegistry
) -> None:
    settings.ALLOWED_REGISTRIES = ["ghcr.io"]
    for what in ("tags", "preview"):
        answer = look(operator, path, reference=app, look=what)
        assert answer.status_code == 422
        assert "may not pull from" in text(answer)
    assert not sample_registry.requests


def test_what_nobody_can_look_at_is_the_form(path: str, operator: Client) -> None:
    answer = look(operator, path, reference="alpine", look="nonsense")
    assert answer.status_code == 200
    assert 'value="alpine"' in answer.content.decode()


def test_who_may_not_pull_may_not_look(path: str, app: str, users: Users) -> None:
    for what in ("tags", "preview"):
        address = f"{path}?{urlencode({'reference': app, 'look': what})}"
        assert_door(users, "get", address, needs=Role.OPERATOR)
        assert_verbs(users.operator, address, refused="put patch delete")
