"""Registries."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router
from ninja.responses import Status

from dashboard.api.auth import caller
from dashboard.api.paging import Cursor, Limit, newest_first
from dashboard.api.schemas.common import Page
from dashboard.api.schemas.registries import (
    ConnectionOut,
    RateLimitOut,
    RegistryChange,
    RegistryIn,
    RegistryOut,
    TestedOut,
)
from dashboard.api.scope import find, project_for
from worker import services
from worker.models import RateLimit, Registry

router = Router(tags=["registries"])


@router.get("registries", response=Page[RegistryOut], summary="List registries")
def registries(
    request: HttpRequest, project: str | None = None, cursor: Cursor = "", limit: Limit = 50
) -> Page[RegistryOut]:
    """Members."""
    rows = Registry.objects.filter(project=project_for(caller(request), project)).select_related("project")
    return newest_first(rows, "created_at", cursor, limit, RegistryOut.of)


@router.get("rate-limits", response=Page[RateLimitOut], summary="List what registries grant")
def rate_limits(
    request: HttpRequest, project: str | None = None, cursor: Cursor = "", limit: Limit = 50
) -> Page[RateLimitOut]:
    """Members. What registries said last of their own rate limits, also those that have no entry."""
    rows = RateLimit.objects.filter(project=project_for(caller(request), project))
    return newest_first(rows, "seen_at", cursor, limit, RateLimitOut.of)


@router.post("registries", response={201: RegistryOut}, summary="Add a registry")
def add(request: HttpRequest, given: RegistryIn) -> Status[RegistryOut]:
    """Admins."""
    user = caller(request)
    row = services.save_registry(
        project_for(user, given.project),
        host=given.host,
        insecure=given.insecure,
        username=given.username,
        password=given.password,
        given=given.options(),
        by=user,
    )
    return Status(201, RegistryOut.of(row))


@router.get("registries/{int:id}", response=RegistryOut, summary="A registry")
def registry(request: HttpRequest, id: int) -> RegistryOut:
    """Members."""
    return RegistryOut.of(_registry(request, id))


@router.patch("registries/{int:id}", response=RegistryOut, summary="Change a registry")
def change(request: HttpRequest, id: int, given: RegistryChange) -> RegistryOut:
    """Admins."""
    row = _registry(request, id)
    saved = services.save_registry(
        row.project,
        host=given.host or row.host,
        insecure=row.insecure if given.insecure is None else given.insecure,
        username=row.username if given.username is None else given.username,
        password=given.password,
        given=given.options(),
        by=caller(request),
        registry=row,
    )
    return RegistryOut.of(saved)


@router.delete("registries/{int:id}", response={204: None}, summary="Forget a registry")
def forget(request: HttpRequest, id: int) -> Status[None]:
    """Admins. Images stay."""
    services.delete_registry(_registry(request, id), by=caller(request))
    return Status(204, None)


@router.post("registries/{int:id}/test", response=ConnectionOut, summary="Test a registry's connection")
def test(request: HttpRequest, id: int) -> ConnectionOut:
    """Operators. The outcome is kept at the registry, too."""
    report = services.test_registry(_registry(request, id), by=caller(request))
    mirrors = [TestedOut.of(mirror) for mirror in report.mirrors]
    return ConnectionOut(**TestedOut.of(report).model_dump(), mirrors=mirrors)


def _registry(request: HttpRequest, id: int) -> Registry:
    return find(Registry.objects.select_related("project"), caller(request), id, "registry")
