"""How each operation of the API is called so that it works: one line per operation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from worker.models import Role

SCHEDULE = {"reference": "alpine", "cron": "0 4 * * *", "timezone": "Europe/Berlin"}


@dataclass(frozen=True)
class Call:
    """How to call one operation so that it works.

    Attributes:
        role: the lowest that may; None: anyone with a token.
        by: who may, if no role is enough.
        row: which row's id goes into the path.
        body: what is sent; ``{image}`` stands for the image's id, ``{host}`` for a registry with ``app:1``.
        query: of the address; ``{host}`` likewise, and the name of a row for its id.
        status: of the answer.
    """

    method: str
    path: str
    role: Role | None = Role.VIEWER
    by: str = ""
    row: str = ""
    body: dict[str, Any] | None = None
    query: str = ""
    status: int = 200
    before: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


OPERATOR, ADMIN = Role.OPERATOR, Role.ADMIN
CALLS = [
    Call("POST", "pulls", OPERATOR, body={"reference": "alpine", "platform": "linux/arm64"}, status=202),
    Call("POST", "pulls/preview", OPERATOR, body={"reference": "{host}/app:1", "insecure": True}),
    Call("GET", "tags", OPERATOR, query="?reference={host}/app&insecure=true&search=1&limit=1"),
    Call("GET", "platforms", OPERATOR, query="?reference={host}/app:1&insecure=true"),
    Call("GET", "jobs"),
    Call("GET", "jobs/{id}", row="failed"),
    Call("POST", "jobs/{id}/cancel", OPERATOR, row="queued", status=202),
    Call("POST", "jobs/{id}/retry", OPERATOR, row="failed", status=202),
    Call("GET", "images"),
    Call("GET", "images/{id}", row="image"),
    Call("GET", "images/{id}/lineage", row="image"),
    Call("GET", "images/{id}/referrers", row="image"),
    Call("POST", "images/{id}/referrers/look", OPERATOR, row="served"),
    Call("DELETE", "images/{id}", OPERATOR, row="unused", status=204),
    Call("POST", "images/removal-preview", OPERATOR, body={"images": ["{image}"]}),
    Call("POST", "images/removals", OPERATOR, body={"images": ["{unused}"]}, status=202),
    Call("GET", "images/{id}/packages", row="filed"),
    Call("GET", "images/{id}/sbom", row="filed", query="?format=spdx"),
    Call("GET", "packages", query="?q=openssl"),
    Call("GET", "images/{id}/weight", row="filed"),
    Call("GET", "weight", query="?repository=library/alpine&limit=1"),
    Call("GET", "images/{id}/check", row="filed", query="?lowest_efficiency=0.9&forbid_path=*.pem"),
    Call("GET", "compare", query="?a={filed}&b={refiled}"),
    Call("GET", "compare/text", query="?a={filed}&b={refiled}&path=a"),
    Call("GET", "compare/markdown", query="?a={filed}&b={refiled}"),
    Call("GET", "search/files", query="?q=etc&type=file"),
    Call("GET", "images/{id}/files", row="filed", query="?q=a&sort=-size"),
    Call("GET", "images/{id}/file", row="filed", query="?path=/a"),
    Call("GET", "images/{id}/file/content", row="filed", query="?path=/a"),
    Call("GET", "layers"),
    Call("GET", "layers/{diff_id}"),
    Call("GET", "layers/{diff_id}/changes", query="?change=added"),
    Call(
        "POST",
        "containers",
        OPERATOR,
        body={"image": "{image}", "command": ["sh"], "env": {"A": "b"}},
        status=202,
    ),
    Call("GET", "containers"),
    Call("GET", "containers/{id}", row="container"),
    Call("DELETE", "containers/{id}", OPERATOR, row="container", status=202),
    Call("POST", "containers/{id}/start", OPERATOR, row="container", status=202),
    Call("POST", "containers/{id}/stop", OPERATOR, row="container", status=202, before={"state": "running"}),
    Call("GET", "containers/{id}/log", row="container"),
    Call("GET", "containers/{id}/changes", row="container"),
    Call("GET", "registries"),
    Call("POST", "registries", ADMIN, body={"host": "ghcr.io", "username": "u", "password": "p"}, status=201),
    Call("GET", "registries/{id}", row="registry"),
    Call("PATCH", "registries/{id}", ADMIN, row="registry", body={"insecure": True}),
    Call("DELETE", "registries/{id}", ADMIN, row="registry", status=204),
    Call("POST", "registries/{id}/test", OPERATOR, row="registry"),
    Call("GET", "rate-limits"),
    Call("GET", "schedules"),
    Call("POST", "schedules", OPERATOR, body=SCHEDULE, status=201),
    Call("GET", "schedules/{id}", row="schedule"),
    Call("PATCH", "schedules/{id}", OPERATOR, row="schedule", body={"enabled": False}),
    Call("DELETE", "schedules/{id}", OPERATOR, row="schedule", status=204),
    Call("POST", "schedules/{id}/run", OPERATOR, row="schedule", status=202),
    Call("GET", "projects", role=None),
    Call("GET", "storage"),
    Call("POST", "storage/preview", ADMIN, "superuser", body={}, status=202),
    Call("POST", "storage/collect", ADMIN, "superuser", body={}, status=202),
    Call("POST", "storage/scrub", ADMIN, "superuser", body={"repair": True}, status=202),
    Call("POST", "storage/rebuild", ADMIN, "superuser", body={}, status=202),
    Call("GET", "storage/jobs/{id}", ADMIN, "superuser", row="scrub"),
]
