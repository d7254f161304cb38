"""Choosing before pulling: who may ask, what is asked, and what is remembered of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from pytest_django import Settings

from samples.images import image, index, layer
from samples.pulls import PullLimit
from samples.registry import Auth, SampleRegistry
from samples.tags import TagHabits
from tests.conftest import Users
from worker import services
from worker.engine.errors import (
    InvalidPlatform,
    InvalidReference,
    NotAllowed,
    PlatformNotFound,
    RateLimited,
    RegistryTimeout,
    RepositoryNotFound,
    Unauthorized,
)
from worker.engine.oci import Platform
from worker.engine.registry import patience
from worker.models import Blob, Job, Layer, Project, RateLimit, Registry
from worker.services import choosing

HOST = str(Platform.host())
CONTENT = image([layer({"a": b"b"})])
OTHER = image([layer({"c": b"d"})], platform="linux/s390x")
CALLS: list[Callable[..., Any]] = [
    services.list_tags,
    services.offered_platforms,
    services.preview_pull,
]


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    caches["tags"].clear()
    yield
    caches["tags"].clear()


@pytest.fixture
def app(sample_registry: SampleRegistry, project: Project, data_dir: Path) -> str:
    """A repository with tags, in a registry that the project knows."""
    for tag in ("1.0", "1.10", "1.9", "latest", "edge"):
        sample_registry.push("team/app", tag, index([CONTENT, OTHER], attestations=True))
    Registry.objects.create(project=project, host=sample_registry.host, insecure=True)
    return f"{sample_registry.host}/team/app"


def asked(registry: SampleRegistry) -> int:
    return sum("/tags/list" in path for path in registry.paths())


@pytest.mark.parametrize("call", CALLS)
def test_operators_may_ask_and_nobody_below(app: str, project: Project, users: Users, call: Any) -> None:
    """As for pulling: asking uses the project's credentials."""
    call(project, app, by=users.operator)
    for user in (users.viewer, users.stranger):
        with pytest.raises(NotAllowed):
            call(project, app, by=user)


@pytest.mark.parametrize("call", CALLS)
def test_what_may_not_be_pulled_is_not_asked_for(
    app: str, project: Project, settings: Settings, sample_registry: SampleRegistry, call: Any
) -> None:
    settings.ALLOWED_REGISTRIES = ["ghcr.io"]
    with pytest.raises(NotAllowed, match="may not pull from"):
        call(project, app, by=None)
    with pytest.raises(InvalidReference):
        call(project, "No Good", by=None)
    assert not sample_registry.requests


@pytest.mark.parametrize("call", CALLS)
def test_credentials_do_not_go_over_a_connection_that_is_not_trusted(project: Project, call: Any) -> None:
    services.save_registry(
        project, host="r.example", insecure=False, username="u", password="secret", by=None
    )
    with pytest.raises(NotAllowed, match="not sent over an insecure connection"):
        call(project, "r.example/x", insecure=True, by=None)


def test_tags_come_the_newest_first_in_pages(app: str, project: Project) -> None:
    ordered = ["latest", "1.10", "1.9", "1.0", "edge"]
    whole = services.list_tags(project, app, by=None)
    assert (list(whole.items), whole.matching, whole.known, whole.complete) == (ordered, 5, 5, True)
    assert (whole.repository, whole.next) == (app, "")
    first = services.list_tags(project, app, limit=2, by=None)
    second = services.list_tags(project, app, limit=2, after=first.next, by=None)
    third = services.list_tags(project, app, limit=2, after=second.next, by=None)
    assert [*first.items, *second.items, *third.items] == ordered
    assert third.next == ""


@pytest.mark.parametrize("ending", ["", ":", "@", ":1.9", "@sha256:" + "0" * 64])
def test_a_tag_or_digest_does_not_matter_for_the_list(app: str, project: Project, ending: str) -> None:
    assert services.list_tags(project, app + ending, by=None).known == 5


def test_a_search_is_over_the_whole_list(app: str, project: Project) -> None:
    found = services.list_tags(project, app, search="1.1", limit=1, by=None)
    assert (found.items, found.matching, found.known, found.next) == (("1.10",), 1, 5, "")
    assert services.list_tags(project, app, search="none", by=None).items == ()


def test_a_list_is_asked_for_once_a_minute(
    app: str, project: Project, sample_registry: SampleRegistry
) -> None:
    for text in ("", "1", "1.", "1.9"):
        services.list_tags(project, app, search=text, by=None)
    assert asked(sample_registry) == 1


def test_what_one_may_see_another_does_not_get_from_memory(
    app: str, project: Project, sample_registry: SampleRegistry
) -> None:
    """Neither another project, nor the same with other credentials or none."""
    sample_registry.auth = Auth(username="u", password="secret")
    row = Registry.objects.get()
    keep: dict[str, Any] = {"host": row.host, "insecure": True, "by": None}
    services.save_registry(project, **keep, username="u", password="secret", registry=row)
    assert services.list_tags(project, app, by=None).known == 5
    other = Project.objects.create(slug="other", name="Other")
    with pytest.raises(Unauthorized):
        services.list_tags(other, app, insecure=True, by=None)
    services.save_registry(project, **keep, username="u", password="wrong", registry=row)
    with pytest.raises(Unauthorized):
        services.list_tags(project, app, by=None)
    services.save_registry(project, **keep, username="", password=None, registry=row)
    with pytest.raises(Unauthorized):
        services.list_tags(project, app, by=None)


def test_a_failure_is_not_remembered(app: str, project: Project, sample_registry: SampleRegistry) -> None:
    with pytest.raises(RepositoryNotFound):
        services.list_tags(project, f"{sample_registry.host}/team/new", by=None)
    sample_registry.push("team/new", "1", CONTENT)
    assert services.list_tags(project, f"{sample_registry.host}/team/new", by=None).items == ("1",)


def test_a_list_that_was_cut_says_so(
    app: str, project: Project, sample_registry: SampleRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "TAGS_MAX", 3)
    sample_registry.tags = TagHabits(most=2)
    listed = services.list_tags(project, app, by=None)
    assert (listed.known, listed.complete) == (3, False)


@pytest.mark.parametrize("call", CALLS)
def test_an_answer_that_only_trickles_ends(
    app: str,
    project: Project,
    sample_registry: SampleRegistry,
    monkeypatch: pytest.MonkeyPatch,
    call: Any,
) -> None:
    """A registry that never finishes does not hold the page for ever."""
    monkeypatch.setattr(patience, "SECONDS", 0.3)
    slow = SlowRegistry(sample_registry)
    monkeypatch.setattr(sample_registry, "record", slow.record)
    with pytest.raises(RegistryTimeout, match="took longer than") as caught:
        call(project, app, by=None)
    assert "pull without looking first" in caught.value.hint
    slow.let_go()


class SlowRegistry:
    """Holds every request until it is let go."""

    def __init__(self, registry: SampleRegistry) -> None:
        self._stop = registry.stopping.__class__()
        self._log = registry.record

    def record(self, *request: Any) -> None:
        self._stop.wait(60)
        self._log(*request)

    def let_go(self) -> None:
        self._stop.set()


def test_platforms_are_those_of_the_index(app: str, project: Project) -> None:
    offer = services.offered_platforms(project, f"{app}:1.9", by=None)
    assert [str(one.platform) for one in offer.platforms] == [HOST, "linux/s390x"]


def test_a_preview_changes_nothing(app: str, project: Project, data_dir: Path) -> None:
    found = services.preview_pull(project, f"{app}:1.9", by=None)
    assert [str(one.platform) for one in found.images] == [HOST]
    assert found.to_fetch > 0
    assert not (data_dir / "store").exists()
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("wanted", "platforms"),
    [
        ({"platform": "linux/s390x"}, ["linux/s390x"]),
        ({"platforms": ["linux/s390x"]}, ["linux/s390x"]),
        ({"platforms": ["linux/s390x", HOST]}, [HOST, "linux/s390x"]),
        ({"platforms": ["all"]}, [HOST, "linux/s390x"]),
    ],
)
def test_a_preview_is_for_the_platforms_asked_for(
    app: str, project: Project, wanted: dict[str, Any], platforms: list[str]
) -> None:
    found = services.preview_pull(project, app, **wanted, by=None)
    assert [str(one.platform) for one in found.images] == platforms


def test_a_platform_that_cannot_be_had_is_refused(app: str, project: Project) -> None:
    with pytest.raises(PlatformNotFound):
        services.preview_pull(project, app, platform="plan9/mips", by=None)
    for wanted in ({"platform": "linux"}, {"platforms": ["linux"]}):
        with pytest.raises(InvalidPlatform):
            services.preview_pull(project, app, **wanted, by=None)


def test_what_the_registry_says_of_its_rate_limit_is_kept(
    app: str, project: Project, sample_registry: SampleRegistry
) -> None:
    """Also what it says when it refuses."""
    sample_registry.pulls = PullLimit(3)
    services.preview_pull(project, app, by=None)  # the index and the manifest
    row = RateLimit.objects.get(project=project)
    assert (row.host, row.limit, row.remaining) == (sample_registry.host, 3, 1)
    services.offered_platforms(project, app, by=None)
    with pytest.raises(RateLimited):
        services.offered_platforms(project, app, by=None)
    row.refresh_from_db()
    assert row.remaining == 0


def test_what_the_catalog_remembers_is_no_estimate(app: str, project: Project) -> None:
    (part,) = CONTENT.layers
    guessed = services.preview_pull(project, app, by=None)
    assert (guessed.unpacked_known, guessed.unpacked_guessed) == (0, round(part.size * 2.5))
    Layer.objects.create(diff_id=str(part.diff_id), unpacked_size=len(part.tar))
    known = services.preview_pull(project, app, by=None)
    assert (known.unpacked_known, known.unpacked_guessed) == (len(part.tar), 0)


def test_estimates_follow_what_was_pulled_so_far(app: str, project: Project) -> None:
    gzip = "application/vnd.oci.image.layer.v1.tar+gzip"
    row = Layer.objects.create(diff_id="sha256:" + "0" * 64, unpacked_size=300 << 20)
    Blob.objects.create(digest="sha256:" + "1" * 64, media_type=gzip, size=100 << 20, layer=row)
    (part,) = CONTENT.layers
    assert services.preview_pull(project, app, by=None).unpacked_guessed == part.size * 3
