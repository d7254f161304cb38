"""How the sample registry lists tags (OCI distribution spec, "Listing Tags"), and how other registries do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode


@dataclass
class TagHabits:
    """By default as the specification wants it; change it at any time.

    Attributes:
        most: In one answer, however many are asked for; 0 means no bound.
        ignore_paging: Send everything, whatever is asked for.
        link: Of the header that leads to the next page: ``relative``, ``elsewhere`` (a host that does not
            exist), ``circle`` (to the first page), ``token`` (a name of the registry's own) or ``none``.
        extra: What else to send among the tags.
        null: Send null where there are no tags.
        reverse: Send them in the wrong order.
    """

    most: int = 0
    ignore_paging: bool = False
    link: str = "relative"
    extra: Sequence[object] = ()
    null: bool = False
    reverse: bool = False


def tag_page(
    repository: str, tags: Iterable[str], query: str, habits: TagHabits
) -> tuple[dict[str, object], dict[str, str]]:
    """Answer a question for tags: the body and the headers."""
    listed = sorted(tags)
    asked = parse_qs(query)
    size = _number(asked.get("n", [""])[0])
    last = asked.get("last", asked.get("token", [""]))[0]
    headers: dict[str, str] = {}
    if not habits.ignore_paging:
        if last:
            listed = [tag for tag in listed if tag > last.removeprefix("after:")]
        bounds = [bound for bound in (size, habits.most) if bound]
        if bounds and len(listed) > min(bounds):
            listed = listed[: min(bounds)]
            if habits.link != "none":
                headers["Link"] = _link(repository, size, listed[-1], habits.link)
    if habits.reverse:
        listed.reverse()
    value: list[object] | None = [*listed, *habits.extra]
    return {"name": repository, "tags": value or (None if habits.null else [])}, headers


def _link(repository: str, size: int, last: str, kind: str) -> str:
    path = f"/v2/{repository}/tags/list"
    if kind == "elsewhere":
        path = f"http://registry.internal.invalid{path}"
    which = {"circle": {"last": ""}, "token": {"token": f"after:{last}"}}.get(kind, {"last": last})
    query = urlencode({**which, **({"n": size} if size else {})})
    return f'<{path}?{query}>; rel="next"'


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0
