"""The API's description: what ninja derives from the code, and what it cannot know."""

from __future__ import annotations

from typing import Any

from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema

from dashboard.api.schemas.common import Refusal

_REFUSALS = {
    401: "No token, or one that is not valid",
    403: "Your role in the project is too low, or this install does not allow it",
    404: "There is no such thing in your projects",
    405: "This address does not take this verb",
    409: "It clashes with what is there",
    422: "The input cannot be meant",
}
_BODY = {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}

_EVENTS = {
    "get": {
        "operationId": "job_events",
        "summary": "A job's progress as it goes",
        "description": (
            "Members. Server-sent events: each message is a whole job as of `GET jobs/{id}`, at most ten a "
            "second; `event: done` with `{state}` is the last one. `event: interrupted` and `event: resumed` "
            "tell of a gap. Reconnect with `Last-Event-ID`: the newest message makes up for all before it."
        ),
        "tags": ["jobs"],
        "parameters": [
            {"in": "path", "name": "id", "schema": {"title": "Id", "type": "integer"}, "required": True},
            {"in": "header", "name": "Last-Event-ID", "schema": {"type": "string"}, "required": False},
        ],
        "responses": {
            "200": {"description": "OK", "content": {"text/event-stream": {"schema": {"type": "string"}}}}
        },
        "security": [{"Bearer": []}],
    }
}


class Described(NinjaAPI):
    """An API whose description also tells of the event stream, and of every refusal."""

    def get_openapi_schema(self, **kwargs: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(**kwargs)
        prefix = next(path.removesuffix("jobs") for path in schema["paths"] if path.endswith("/jobs"))
        schema["paths"][f"{prefix}jobs/{{id}}/events"] = _EVENTS
        model = Refusal.model_json_schema(ref_template="#/components/schemas/{model}")
        schema["components"]["schemas"] |= model.pop("$defs") | {"Refusal": model}
        for operations in schema["paths"].values():
            for operation in operations.values():
                told = {
                    str(status): {"description": why, "content": _BODY} for status, why in _REFUSALS.items()
                }
                operation["responses"] = {**operation["responses"], **told}
        return schema
