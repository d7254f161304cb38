"""A caller of the API."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

from worker.services import issue_token


class Api:
    """Calls the API as one user."""

    def __init__(self, user: Any) -> None:
        self._headers = {"authorization": f"Bearer {issue_token(user)[1]}"}

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        answer = Client().generic(
            method, f"/api/v1/{path}", json.dumps(body), "application/json", headers=self._headers
        )
        return answer.status_code, json.loads(answer.content or b"null")

    def get(self, path: str) -> Any:
        status, body = self.call("GET", path)
        assert status == 200, body
        return body
