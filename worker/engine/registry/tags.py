"""The tags of a repository, page by page (OCI distribution spec, "Listing Tags").

Registries differ: some ignore ``n``, some hand out pages under names of their own, some link to a host that
only they can reach. So of a ``Link`` header only the query is taken: it goes to the same repository.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from worker.engine.errors import RegistryError, RegistryMisbehaved, RepositoryNotFound
from worker.engine.registry.answers import expect, read_complaint, refuse_page
from worker.engine.registry.response import Response
from worker.engine.registry.session import Session

PAGE_MAX = 16 << 20  # bytes; a hundred thousand tags of the greatest length
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_LINK = re.compile(r"<([^<>]*)>([^<>]*)")
_NEXT = re.compile(r";\s*rel\s*=\s*(?:next\b|\"(?:[^\"]*\s)?next(?:\s[^\"]*)?\")", re.IGNORECASE)
_LINK_LENGTH_MAX = 8192
_PARAMETERS_MAX = 20
_NO_LISTING = frozenset({405, 501})


@dataclass(frozen=True, slots=True)
class TagPage:
    """One page of a repository's tags.

    Attributes:
        tags: In the registry's order; what cannot be a tag is left out.
        next: What asks for the page after, as ``page``; empty if this was the last.
    """

    tags: tuple[str, ...]
    next: str = ""

    @property
    def more(self) -> bool:
        """Whether there may be tags after these."""
        return bool(self.next)


@dataclass(frozen=True, slots=True)
class TagList:
    """The tags of a repository.

    Attributes:
        tags: Each once, in the registry's order.
        complete: Whether these are all.
    """

    tags: tuple[str, ...]
    complete: bool


def fetch_tags(
    session: Session, repository: str, *, last: str = "", limit: int = 0, page: str = ""
) -> TagPage:
    """Fetch one page.

    Args:
        last: The tag after which to begin, in lexical order; empty for the first.
        limit: At most how many to send, which registries may ignore; 0 leaves it to the registry.
        page: ``next`` of the page before; the others do not count then.

    Raises:
        RepositoryNotFound, RegistryMisbehaved.
    """
    asked = {key: value for key, value in (("n", str(limit or "")), ("last", last)) if value}
    query = page or urlencode(asked)
    path = f"{repository}/tags/list" + (f"?{query}" if query else "")
    with session.request("GET", path, repository=repository) as response:
        if response.status != 200:
            raise _refused(session, repository, response)
        refuse_page(response)
        tags, count = _read(response)
        following = next_page(response.header_values("Link"))
    size = dict(parse_qsl(query)).get("n", "")
    if not following and tags and size == str(count):
        # The header is optional: a full page may be followed by another.
        following = urlencode({"n": size, "last": tags[-1]})
    return TagPage(tags, following)


def collect(fetch: Callable[[str], TagPage], most: int, seconds: float) -> TagList:
    """Fetch page after page, until the last one, ``most`` tags, or ``seconds`` from now.

    A registry that leads in a circle, or nowhere, ends it too. Once there are some tags a failure does not
    lose them.

    Args:
        fetch: Gives a page by what the page before called ``next``; by an empty text the first.

    Raises:
        RegistryError: the first page cannot be had.
    """
    deadline = time.monotonic() + seconds
    found: dict[str, None] = {}
    page = fetch("")
    while True:
        before = len(found)
        found.update(dict.fromkeys(page.tags))
        if len(found) > most or not page.more:
            break
        # A page that brings nothing new leads in a circle.
        if len(found) == before or len(found) == most or time.monotonic() > deadline:
            return TagList(tuple(found)[:most], complete=False)
        try:
            page = fetch(page.next)
        except RegistryError:
            return TagList(tuple(found), complete=False)
    return TagList(tuple(found)[:most], complete=len(found) <= most)


def _read(response: Response) -> tuple[tuple[str, ...], int]:
    """The tags in an answer, and how many it had, also of what cannot be one."""
    broken = RegistryMisbehaved(f"{response.host} sent no list of tags for {response.subject}.")
    try:
        # Not by the type of the content: some call it text. A repository that lost its last tag has null.
        listed = json.loads(response.read_all(PAGE_MAX, "list of tags"))["tags"] or []
    except (ValueError, LookupError, TypeError, RecursionError):
        raise broken from None
    if not isinstance(listed, list):
        raise broken
    return tuple(tag for tag in listed if isinstance(tag, str) and _TAG.fullmatch(tag)), len(listed)


def _refused(session: Session, repository: str, response: Response) -> RegistryError:
    host = session.endpoint.host
    if response.status == 404 and not response.redirected:
        complaint = read_complaint(response)
        if complaint.code != "UNSUPPORTED":
            return RepositoryNotFound(f"{host} has no repository {repository}.")
    elif response.status not in _NO_LISTING:
        try:
            expect(response, 200)
        except RegistryError as error:
            return error
    return RegistryMisbehaved(
        f"{host} does not list the tags of {repository}.", hint="Type the tag; it can be pulled all the same."
    )


def next_page(headers: Iterable[str]) -> str:
    """The query of the next page, out of ``Link`` headers (RFC 8288); empty if there is none to be used."""
    for header in headers:
        for match in _LINK.finditer(header[:_LINK_LENGTH_MAX]):
            if ";" in match[2] and not _NEXT.search(match[2]):
                continue
            try:
                query = urlsplit(match[1]).query
                return urlencode(parse_qsl(query, keep_blank_values=True, max_num_fields=_PARAMETERS_MAX))
            except ValueError:
                continue
    return ""
