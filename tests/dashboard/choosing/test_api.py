"""Choosing by the API: what tags, platforms and previews say, and how failures of the registry are told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Users
from tests.dashboard.choosing.looking import CONTENT, HOST, LAYERS
from tests.support.api import Api
from worker.models import Job


@pytest.fixture
def operator(users: Users) -> Api:
    return Api(users.operator)


def test_tags_are_paged_and_searched(app: str, operator: Api) -> None:
    first = operator.get(f"tags?reference={app}&limit=2")
    assert first == {
        "repository": app,
        "items": ["latest", "1.10"],
        "matching": 3,
        "known": 3,
        "complete": True,
        "next": "1.10",
    }
    second = operator.get(f"tags?reference={app}&limit=2&after={first['next']}")
    assert (second["items"], second["next"]) == (["1.9"], None)
    found = operator.get(f"tags?reference={app}&search=1.1")
    assert (found["items"], found["matching"], found["known"]) == (["1.10"], 1, 3)


def test_platforms_come_with_whole_digests(app: str, operator: Api) -> None:
    told = operator.get(f"platforms?reference={app}:1.9")
    assert told["reference"] == f"{app}:1.9"
    assert (told["digest"], told["default"]) == (str(CONTENT.digest), HOST)
    assert told["platforms"] == [
        {"platform": str(one.config.platform), "digest": str(one.digest), "compressed_size": None}
        for one in CONTENT.images
    ]


def test_a_preview_tells_bytes_and_makes_nothing(app: str, operator: Api) -> None:
    status, told = operator.call("POST", "pulls/preview", {"reference": f"{app}:1.9", "platforms": ["all"]})
    assert status == 200
    layers = [[(one["presence"], one["again"]) for one in shown["layers"]] for shown in told["images"]]
    assert layers == [[("missing", False), ("missing", False)], [("missing", True)]]
    assert told["images"][0]["layers"][0]["diff_id"] == str(LAYERS[0].diff_id)
    assert told["to_fetch"] - told["documents"] == sum(part.size for part in LAYERS)
    assert told["added"] == told["to_fetch"] + told["unpacked_known"] + told["unpacked_guessed"]
    assert (told["here"], told["room"]) == (0, "enough")
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "tags?reference={app}-none", None, 502, "repository_not_found"),
        ("GET", "platforms?reference={app}:none", None, 502, "tag_not_found"),
        ("GET", "tags", None, 422, "invalid_input"),
        ("GET", "tags?reference=", None, 422, "invalid_input"),
        ("GET", "tags?reference=No%20Good", None, 422, "invalid_reference"),
        ("GET", "tags?reference={app}&limit=0", None, 422, "invalid_input"),
        ("GET", "tags?reference=localhost:1/x&insecure=true", None, 502, "connection_refused"),
        ("POST", "pulls/preview", {"reference": "{app}:none"}, 502, "tag_not_found"),
        ("POST", "pulls/preview", {"reference": "{app}", "platform": "aix/ppc"}, 502, "platform_not_found"),
        ("POST", "pulls/preview", {"reference": "{app}", "platforms": ["x"]}, 422, "invalid_platform"),
    ],
)
def test_what_goes_wrong_has_its_code_and_a_next_step(
    app: str, operator: Api, method: str, path: str, body: dict[str, Any] | None, status: int, code: str
) -> None:
    given = {
        key: value if isinstance(value, list) else value.format(app=app)
        for key, value in (body or {}).items()
    }
    answered, refusal = operator.call(method, path.format(app=app), given)
    assert (answered, refusal["error"]["code"]) == (status, code)
    assert refusal["error"]["hint"]


def test_what_asks_a_registry_says_in_its_description_that_it_may_fail(operator: Api) -> None:
    paths = {name.partition("/v1/")[2]: path for name, path in operator.get("openapi.json")["paths"].items()}
    for path, verb in {
        "tags": "get",
        "platforms": "get",
        "pulls/preview": "post",
        "images/{id}/referrers/look": "post",
    }.items():
        assert "502" in paths[path][verb]["responses"], path
