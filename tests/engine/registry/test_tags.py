"""Listing tags: pages, and registries that have ideas of their own about them."""

from __future__ import annotations

import json

import pytest

from samples.images import image, layer
from samples.registry import Auth, SampleRegistry
from samples.tags import TagHabits
from worker.engine.errors import (
    RateLimited,
    RegistryMisbehaved,
    RegistryUnavailable,
    RepositoryNotFound,
    Unauthorized,
)
from worker.engine.registry import Credentials, Endpoint, RegistryClient, TagList, TagPage
from worker.engine.registry.tags import PAGE_MAX, collect

NAMES = [f"1.{number}" for number in range(10)]
MANY = {"most": 1000, "seconds": 60.0}


@pytest.fixture
def registry() -> SampleRegistry:
    with SampleRegistry() as running:
        content = image([layer({"a": b"b"})])
        for name in NAMES:
            running.push("team/app", name, content)
        yield running


def listed(client: RegistryClient, *, most: int = 1000) -> TagList:
    return client.all_tags("team/app", most=most, seconds=60)


def test_a_page_ends_where_it_should_and_leads_on(client: RegistryClient) -> None:
    first = client.tags("team/app", limit=4)
    assert (list(first.tags), first.more) == (NAMES[:4], True)
    second = client.tags("team/app", page=first.next)
    third = client.tags("team/app", page=second.next)
    assert (list(second.tags), list(third.tags), third.more) == (NAMES[4:8], NAMES[8:], False)


def test_a_page_may_begin_after_any_tag(client: RegistryClient) -> None:
    assert list(client.tags("team/app", last="1.6").tags) == NAMES[7:]


@pytest.mark.parametrize("link", ["relative", "elsewhere", "token"])
def test_all_tags_come_however_the_pages_are_called(
    registry: SampleRegistry, client: RegistryClient, link: str
) -> None:
    """A link to a host that only the registry can reach leads to the registry all the same."""
    registry.tags = TagHabits(most=3, link=link)
    assert listed(client) == TagList(tuple(NAMES), complete=True)
    assert len(registry.paths()) == 4
    assert all(path.startswith("/v2/team/app/tags/list") for path in registry.paths())


def test_a_full_page_without_a_link_may_be_followed_by_another(
    registry: SampleRegistry, client: RegistryClient
) -> None:
    registry.tags = TagHabits(link="none")
    first = client.tags("team/app", limit=5)
    second = client.tags("team/app", page=first.next)
    assert [*first.tags, *second.tags] == NAMES
    assert client.tags("team/app", page=second.next).tags == ()


def test_a_registry_that_ignores_the_limit_is_asked_once(
    registry: SampleRegistry, client: RegistryClient
) -> None:
    registry.tags = TagHabits(ignore_paging=True)
    assert client.tags("team/app", limit=4) == TagPage(tuple(NAMES))


def test_a_circle_of_pages_ends_and_is_not_called_complete(
    registry: SampleRegistry, client: RegistryClient
) -> None:
    registry.tags = TagHabits(most=3, link="circle")
    assert listed(client) == TagList(tuple(NAMES[:3]), complete=False)


def test_no_tags_may_be_null(registry: SampleRegistry, client: RegistryClient) -> None:
    for name in NAMES:
        del registry.manifests["team/app"][name]
    for null in (True, False):
        registry.tags = TagHabits(null=null)
        assert listed(client) == TagList((), complete=True)


def test_the_order_is_the_registry_s_and_what_is_no_tag_is_left_out(
    registry: SampleRegistry, client: RegistryClient
) -> None:
    registry.tags = TagHabits(reverse=True, extra=(5, None, "", "a b", "x" * 129, "../etc", "1.0"))
    assert listed(client) == TagList((*NAMES[::-1],), complete=True)


def test_a_list_ends_at_a_bound_and_says_so(registry: SampleRegistry, client: RegistryClient) -> None:
    registry.tags = TagHabits(most=4)
    assert listed(client, most=6) == TagList(tuple(NAMES[:6]), complete=False)
    assert listed(client, most=8) == TagList(tuple(NAMES[:8]), complete=False)
    assert listed(client, most=10).complete
    registry.tags = TagHabits(ignore_paging=True)
    assert listed(client, most=6) == TagList(tuple(NAMES[:6]), complete=False)


def test_when_time_is_up_what_is_there_is_the_list() -> None:
    pages = iter([TagPage(("a",), "n"), TagPage(("b",), "n")])
    assert collect(lambda page: next(pages), most=10, seconds=-1) == TagList(("a",), complete=False)


def test_a_later_page_that_fails_does_not_lose_the_first(
    registry: SampleRegistry, client: RegistryClient
) -> None:
    registry.tags = TagHabits(most=3)

    def fetch(page: str) -> TagPage:
        if page:
            raise RegistryUnavailable("gone")
        return client.tags("team/app")

    assert collect(fetch, **MANY) == TagList(tuple(NAMES[:3]), complete=False)


def test_an_unknown_repository_is_named(client: RegistryClient) -> None:
    with pytest.raises(RepositoryNotFound, match="has no repository team/none"):
        client.tags("team/none")


@pytest.mark.parametrize(("status", "code"), [(405, ""), (501, ""), (404, "UNSUPPORTED")])
def test_a_registry_that_lists_no_tags_says_what_to_do(
    registry: SampleRegistry, client: RegistryClient, status: int, code: str
) -> None:
    registry.faults.where = "tags"
    registry.faults.fail(status, body=json.dumps({"errors": [{"code": code}]}))
    with pytest.raises(RegistryMisbehaved, match="does not list the tags") as caught:
        client.tags("team/app")
    assert caught.value.hint == "Type the tag; it can be pulled all the same."


def test_a_limit_of_the_registry_is_told_as_one(registry: SampleRegistry, client: RegistryClient) -> None:
    registry.faults.where = "tags"
    registry.faults.fail(429, headers={"Retry-After": "600"})
    with pytest.raises(RateLimited):
        client.tags("team/app")


def test_tags_need_the_credentials_that_a_pull_needs(registry: SampleRegistry) -> None:
    registry.auth = Auth(username="u", password="p")
    for credentials in (None, Credentials("u", "wrong")):
        with RegistryClient(Endpoint(registry.host, insecure=True, credentials=credentials)) as client:
            with pytest.raises(Unauthorized):
                client.tags("team/app")
    with RegistryClient(Endpoint(registry.host, insecure=True, credentials=Credentials("u", "p"))) as client:
        assert len(listed(client).tags) == 10


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"tags": 1}', '{"tags": {"a": 1}}', "[" * 100_000, "\xff"])
def test_what_is_no_list_is_refused(registry: SampleRegistry, client: RegistryClient, body: str) -> None:
    registry.faults.where = "tags"
    registry.faults.fail(200, body=body)
    with pytest.raises(RegistryMisbehaved, match="sent no list of tags for team/app"):
        client.tags("team/app")


def test_a_web_page_and_an_endless_list_are_refused(registry: SampleRegistry, client: RegistryClient) -> None:
    client.tags("team/app")  # it knows what the registry speaks
    registry.faults.page = True
    with pytest.raises(RegistryMisbehaved, match="web page"):
        client.tags("team/app")
    registry.faults.page = False
    registry.faults.where = "tags"
    registry.faults.fail(200, body=" " * (PAGE_MAX + 1))
    with pytest.raises(RegistryMisbehaved, match="list of tags of more than"):
        client.tags("team/app")


@pytest.mark.parametrize(
    ("header", "query"),
    [
        ('</v2/a/tags/list?n=5&last=b>; rel="next"', "n=5&last=b"),
        ("</v2/a/tags/list?last=b>; rel=next", "last=b"),
        ('<http://x/v2/a/tags/list?last=b%26c>; title="a, b"; rel="prev next"', "last=b%26c"),
        ('<?last=a>; rel="prev", <?last=z>; rel="next"', "last=z"),
        ("<?last=z>", "last=z"),
        ('<?last=a>; rel="prev"', ""),
        ('<?last=a>; rel="nextish"', ""),
        ('<http://[x/?last=a>; rel="next"', ""),
        ("<?" + "a=1&" * 30 + '>; rel="next"', ""),
        ("<" * 9000, ""),
        ("nonsense", ""),
    ],
)
def test_a_link_is_read_as_the_standard_says(
    registry: SampleRegistry, client: RegistryClient, header: str, query: str
) -> None:
    registry.faults.where = "tags"
    registry.faults.fail(200, headers={"Link": header}, body='{"tags": ["a"]}')
    assert client.tags("team/app") == TagPage(("a",), query)
