"""Whether this web process can do its work: for load balancers and container health checks."""

from __future__ import annotations

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

_PATIENCE = 1.0


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Anyone: 200 while database and Redis answer, else 503; says which does not, and nothing else."""
    checks = {"database": _database_answers(), "redis": _redis_answers()}
    healthy = all(checks.values())
    body = {
        "status": "ok" if healthy else "degraded",
        **{name: "ok" if ok else "down" for name, ok in checks.items()},
    }
    return JsonResponse(body, status=200 if healthy else 503)


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _redis_answers() -> bool:
    client = redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE
    )
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()
