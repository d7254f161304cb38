"""A check of real answers against an OpenAPI document: as much of JSON Schema as our document uses.

What it does not know makes it fail, so a new keyword in the document cannot pass unchecked.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

_IGNORED = {"title", "description", "default", "examples", "$defs"}
_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "object": dict,
    "array": list,
    "null": type(None),
}


def check(document: dict[str, Any], schema: dict[str, Any], value: Any, where: str = "body") -> None:
    """Raise AssertionError unless ``value`` is what ``schema`` says."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/components/schemas/")
        check(document, document["components"]["schemas"][name], value, where)
        return
    # The type first: other keywords rely on it.
    for keyword, wanted in sorted(schema.items(), key=lambda pair: pair[0] != "type"):
        if keyword in _IGNORED:
            continue
        _check_keyword(document, schema, keyword, wanted, value, where)
    if schema.get("type") == "object" and "properties" in schema:
        unknown = set(value) - set(schema["properties"])
        assert not unknown, f"{where}: {unknown} is not in the document"


def _check_keyword(
    document: dict[str, Any], schema: dict[str, Any], keyword: str, wanted: Any, value: Any, where: str
) -> None:
    match keyword:
        case "type":
            assert isinstance(value, _TYPES[wanted]), f"{where}: {value!r} is no {wanted}"
            assert wanted == "boolean" or not isinstance(value, bool), f"{where}: a boolean for {wanted}"
        case "properties":
            for name, inner in wanted.items():
                if name in value:
                    check(document, inner, value[name], f"{where}.{name}")
        case "required":
            assert set(wanted) <= set(value), f"{where}: {set(wanted) - set(value)} is missing"
        case "items":
            for number, item in enumerate(value):
                check(document, wanted, item, f"{where}[{number}]")
        case "additionalProperties":
            for name, inner in value.items():
                if name not in schema.get("properties", {}):
                    assert wanted is not False, f"{where}: {name} is one too many"
                    check(document, wanted, inner, f"{where}.{name}")
        case "anyOf":
            problems = []
            for option in wanted:
                try:
                    check(document, option, value, where)
                    return
                except AssertionError as error:
                    problems.append(str(error))
            raise AssertionError("; or ".join(problems))
        case "enum":
            assert value in wanted, f"{where}: {value!r} is none of {wanted}"
        case "pattern":
            assert re.search(wanted, value), f"{where}: {value!r} does not match {wanted}"
        case "minimum":
            assert value >= wanted, f"{where}: {value} is below {wanted}"
        case "format":
            assert wanted == "date-time", f"{where}: the format {wanted} is not known to this check"
            assert datetime.fromisoformat(value).tzinfo is not None, f"{where}: {value} has no zone"
        case _:
            raise AssertionError(f"{where}: the keyword {keyword} is not known to this check")
