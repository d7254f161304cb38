"""Two images, or a container and its image, compared."""

from __future__ import annotations

from typing import Annotated, Literal

from django.http import HttpRequest, QueryDict
from ninja import Query, Router

from dashboard.api.auth import caller
from dashboard.api.paging import Limit, start_of
from dashboard.api.schemas.compare import (
    CommonLayersOut,
    ComparedConfigOut,
    ComparedEntryOut,
    ComparedFilesOut,
    ComparedPackagesOut,
    ComparisonOut,
    DifferenceCountOut,
    DirectoryGrowthOut,
    MarkdownOut,
    entries_of,
    sides_of,
)
from dashboard.api.schemas.compare_text import ComparedTextOut, hunks_of
from dashboard.api.scope import find
from dashboard.queries.compare import (
    Pair,
    compared_configs,
    compared_files,
    compared_layers,
    pair_of_container,
    pair_of_images,
)
from dashboard.queries.compare_markdown import markdown_of
from dashboard.queries.compare_packages import compared_packages
from dashboard.queries.compare_rows import MAX_PATTERN, Wish
from dashboard.queries.compare_text import file_pair
from dashboard.queries.files_wish import read_path
from worker.engine.compare import Aspect
from worker.engine.errors import InvalidInput, NotFound
from worker.engine.files import to_text
from worker.models import Container, Image, Role
from worker.services import role_of

router = Router(tags=["compare"])

Sort = Literal["path", "-path", "change", "-change", "growth", "-growth", "size", "-size"]

A = Annotated[int | None, Query(description="The image before, by its id.")]
B = Annotated[int | None, Query(description="The image after; of the same project.")]
OfContainer = Annotated[int | None, Query(description="Instead of both: a container, with its image.")]
Path = Annotated[str, Query(description=r"A path, in its text form: `\\xNN` for a byte that is not text.")]


@router.get("compare", response=ComparisonOut, summary="Compare two images, or a container with its image")
def compare(
    request: HttpRequest,
    a: A = None,
    b: B = None,
    container: OfContainer = None,
    kind: Annotated[
        Literal["", "added", "removed", "changed", "time"], Query(description="Without: all but time.")
    ] = "",
    aspect: Literal["", "type", "content", "link", "device", "mode", "owner", "xattrs", "time"] = "",
    q: Annotated[str, Query(max_length=MAX_PATTERN, description="A part of a path, or a glob.")] = "",
    under: Annotated[str, Query(description="A directory: what differs in it.")] = "",
    sort: Annotated[Sort, Query(description="With `-`: the largest first.")] = "path",
    cursor: Annotated[str, Query(description="`next` of the page before.")] = "",
    limit: Limit = 50,
) -> ComparisonOut:
    """Members of the project that both are of. 409 if the layers of one are not extracted."""
    pair = _pair(request, a, b, container)
    query = QueryDict(mutable=True)
    query.update({"kind": kind, "aspect": aspect, "q": q, "dir": under, "sort": sort})
    wish = Wish.read(query)
    if wish.problem is not None:
        raise wish.problem
    start = start_of(cursor)
    comparison = compared_files(pair)
    found = wish.selection.apply(comparison.differences)
    packages = compared_packages(pair)
    config = compared_configs(pair, with_values=_sees_values(request, pair))
    return ComparisonOut(
        **sides_of(pair),
        files=ComparedFilesOut(
            before=comparison.before,
            after=comparison.after,
            same=comparison.same,
            counts={one.value: DifferenceCountOut.of(count) for one, count in comparison.counts.items()},
            aspects={one.names[0]: comparison.aspects[one] for one in Aspect if one is not Aspect.TIME},
            directories=[
                DirectoryGrowthOut.of(one) for one in comparison.directories.children(wish.selection.under)
            ],
            found=len(found),
            items=entries_of(comparison, found[start : start + limit]),
            next=str(start + limit) if len(found) > start + limit else None,
        ),
        config=ComparedConfigOut.of(config) if config else None,
        layers=CommonLayersOut.of(compared_layers(pair)),
        packages=ComparedPackagesOut.of(packages) if packages else None,
    )


@router.get("compare/text", response=ComparedTextOut, summary="One file of both sides, line by line")
def compare_text(
    request: HttpRequest, path: Path, a: A = None, b: B = None, container: OfContainer = None
) -> ComparedTextOut:
    """Members. 404 if nothing differs there."""
    pair = _pair(request, a, b, container)
    asked = read_path(path)
    file = file_pair(pair, asked)
    row, text = file.row, file.text
    return ComparedTextOut(
        path=f"/{to_text(asked)}",
        before=ComparedEntryOut.of(row.before) if row.before else None,
        after=ComparedEntryOut.of(row.after) if row.after else None,
        why_not=file.why_not,
        added=text.added if text else 0,
        removed=text.removed if text else 0,
        cut=text.cut if text else 0,
        hunks=hunks_of(text),
    )


@router.get("compare/markdown", response=MarkdownOut, summary="The same as Markdown, for a pull request")
def compare_markdown(
    request: HttpRequest, a: A = None, b: B = None, container: OfContainer = None
) -> MarkdownOut:
    """Members."""
    pair = _pair(request, a, b, container)
    return MarkdownOut(text=markdown_of(pair, with_values=_sees_values(request, pair)))


def _pair(request: HttpRequest, a: int | None, b: int | None, container: int | None) -> Pair:
    user = caller(request)
    if container is not None:
        rows = Container.objects.select_related("project", "image", "image__index")
        return pair_of_container(find(rows, user, _possible(container), "container"))
    if a is None or b is None:
        raise InvalidInput("Say what to compare.", hint="Give a and b, or container.")
    images = Image.objects.select_related("project", "index")
    before, after = (find(images, user, _possible(one), "image") for one in (a, b))
    if before.project_id != after.project_id:
        raise InvalidInput("The images are of different projects.", hint="Compare images of one project.")
    return pair_of_images(before, after)


def _possible(id: int) -> int:
    """An id that a database can be asked for."""
    if not 0 < id < 2**63:
        raise NotFound(f"There is nothing with the id {id}.")
    return id


def _sees_values(request: HttpRequest, pair: Pair) -> bool:
    """Whether the caller may read what a container's variables hold: whoever may set them."""
    role = role_of(caller(request), pair.a.image.project)
    return role is not None and role.covers(Role.OPERATOR)
