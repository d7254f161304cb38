"""A pull before it is made, on the page, and the pull that then is asked for."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse

from samples.images import image
from samples.pulls import PullLimit
from samples.registry import SampleRegistry
from tests.conftest import Users
from tests.dashboard.catalog import make_image
from tests.dashboard.choosing.looking import HOST, LAYERS, ONE, look, text, ticked
from tests.support.api import Api
from worker import services
from worker.models import Image, Job, Project


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


def test_what_no_page_can_hold_is_replaced(
    path: str, app: str, operator: Client, users: Users, sample_registry: SampleRegistry
) -> None:
    """A config is JSON, which can hold a NUL and half a character."""
    sample_registry.push("team/app", "odd", image(LAYERS[:1], history=["RUN \0 \udfff"], platform=HOST))
    answer = look(operator, path, reference=f"{app}:odd", look="preview")
    assert answer.status_code == 200
    assert "RUN \ufffd \ufffd" in answer.content.decode()
    told = Api(users.operator).call("POST", "pulls/preview", {"reference": f"{app}:odd"})
    assert told[0] == 200
    assert told[1]["images"][0]["layers"][0]["created_by"] == "RUN \ufffd \ufffd"


def test_a_preview_tells_how_many_pulls_the_registry_still_grants(
    path: str, app: str, operator: Client, sample_registry: SampleRegistry
) -> None:
    sample_registry.pulls = PullLimit(100)
    answer = look(operator, path, reference=f"{app}:1.9", look="preview")
    assert "It grants 98 more of 100 pulls" in text(answer)


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
