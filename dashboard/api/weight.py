"""What an image weighs, and whether it keeps rules."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from django.http import HttpRequest
from ninja import Query, Router

from dashboard.api.auth import caller
from dashboard.api.paging import Cursor, Limit, start_of
from dashboard.api.schemas.weight import (
    AmountOut,
    CheckOut,
    EfficiencyOut,
    FilesWeightOut,
    LayersWeightOut,
    ProjectWeightOut,
    RepositoryWeightOut,
    WeightOut,
)
from dashboard.api.scope import find, project_for
from dashboard.queries.file_trees import files_of
from dashboard.queries.images import stack_of
from dashboard.queries.weight import Bytes, files_weight, weigh
from dashboard.queries.weights import Amount, RepositoryWeight, project_weight
from worker.engine.weight import Rules, Sums, check, efficiency_json
from worker.models import Image

router = Router(tags=["weight"])


@router.get("weight", response=ProjectWeightOut, summary="What a project and its repositories weigh")
def weight(
    request: HttpRequest,
    project: str | None = None,
    repository: Annotated[str, Query(description="Only this one: `library/debian`.")] = "",
    cursor: Cursor = "",
    limit: Limit = 50,
) -> ProjectWeightOut:
    """Members. Each layer counts once, however many images stand on it."""
    owner = project_for(caller(request), project)
    known = project_weight(owner)
    found = [one for one in known.repositories if repository in ("", one.repository)]
    start = start_of(cursor)
    end = start + limit
    return ProjectWeightOut(
        project=owner.slug,
        images=known.images,
        whole=_amount(known.whole),
        unique=_amount(known.single),
        between=known.between,
        apart=known.apart,
        total=len(found),
        items=[_repository(one) for one in found[start:end]],
        next=str(end) if end < len(found) else None,
    )


@router.get("images/{int:id}/weight", response=WeightOut, summary="What an image weighs, shares and wastes")
def image_weight(request: HttpRequest, id: int) -> WeightOut:
    """Members. By layer, and by the content of files."""
    image = _image(request, id)
    files = files_of(image, caller(request)) if image.extracted else None
    of_files = files_weight(files) if files is not None else None
    known = of_files.sums if of_files else None
    weight = weigh(image, stack_of(image), known)
    return WeightOut(
        image=image.pk,
        whole=_layers(weight.whole),
        unique=_layers(weight.own),
        shared=_layers(weight.shared),
        files=_files(known) if known else None,
        efficiency=EfficiencyOut(**efficiency_json(of_files.efficiency)) if of_files else None,
    )


@router.get("images/{int:id}/check", response=CheckOut, summary="Hold an image against rules")
def check_image(
    request: HttpRequest,
    id: int,
    lowest_efficiency: Annotated[str, Query(description="A ratio from 0 to 1.")] = "",
    highest_wasted_bytes: Annotated[
        str, Query(description="20MB is 20,000,000 bytes, 20MiB 20,971,520.")
    ] = "",
    highest_user_wasted_percent: Annotated[str, Query(description="A ratio from 0 to 1.")] = "",
    forbid_setuid_added: Annotated[
        bool, Query(description="No layer above the base may make a file set-user-ID.")
    ] = False,
    forbid_path: Annotated[
        list[str], Query(description="Patterns such as *.pem or /root/**; may be given several times.")
    ] = [],  # noqa: B006 - ninja copies it
) -> CheckOut:
    """Members. Answers 200 whether the image keeps the rules (`passed`) or not. Without any rule, those that
    dive checks by itself: an efficiency of 0.9, and 0.1 of the user's bytes wasted."""
    image = _image(request, id)
    rules = Rules.parse(
        lowest_efficiency=lowest_efficiency,
        highest_wasted_bytes=highest_wasted_bytes,
        highest_user_wasted_percent=highest_user_wasted_percent,
        forbid_setuid_added=forbid_setuid_added,
        forbid_path=forbid_path,
    )
    report = check(files_of(image, caller(request)), rules)
    return CheckOut(image=image.pk, digest=image.digest, **report.to_json())


def _image(request: HttpRequest, id: int) -> Image:
    return find(Image.objects.defer("config"), caller(request), id, "image")


def _repository(one: RepositoryWeight) -> RepositoryWeightOut:
    return RepositoryWeightOut(
        registry=one.host,
        repository=one.repository,
        images=one.images,
        whole=_amount(one.whole),
        unique=_amount(one.own),
        apart=one.apart,
    )


def _amount(some: Amount) -> AmountOut:
    return AmountOut(**asdict(some))


def _layers(some: Bytes) -> LayersWeightOut:
    return LayersWeightOut(**asdict(some))


def _files(known: Sums) -> FilesWeightOut:
    return FilesWeightOut(
        content=known.bytes,
        seen=known.seen,
        hidden=known.hidden,
        distinct=known.distinct,
        repeated=known.repeated,
        files=known.files,
        distinct_files=known.distinct_files,
    )
