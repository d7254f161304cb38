"""npm packages: the package.json of what stands directly in a node_modules directory."""

from __future__ import annotations

import json
from typing import Any

from worker.engine.packages.values import Ecosystem, Package, Unreadable, is_name, short

MAX_BYTES = 1 << 20
"""A larger package.json is not read."""

_MODULES = b"node_modules"
_STORE = b".pnpm"


def is_record(path: bytes) -> bool:
    """Whether a file at this path records an installed package.

    ``node_modules/NAME/package.json`` and ``node_modules/@SCOPE/NAME/package.json`` do, also nested directly
    in another installed package, and in pnpm's store (``node_modules/.pnpm/ID/node_modules/NAME``). What
    packages carry as examples and test fixtures somewhere inside of them does not.
    """
    if not path.endswith(b"/package.json"):
        return False
    parts = path.split(b"/")[:-1]
    if _MODULES not in parts:
        return False
    rest = parts[parts.index(_MODULES) :]
    while rest and rest[0] == _MODULES:
        rest = rest[1:]
        if rest[:1] == [_STORE]:
            rest = rest[2:]  # the store's ID of it; a node_modules directory must follow
            if rest[:1] != [_MODULES]:
                return False
            continue
        if not rest or rest[0].startswith(b"."):
            return False
        rest = rest[2:] if rest[0].startswith(b"@") and len(rest) > 1 else rest[1:]
        if not rest:
            return not parts[-1].startswith(b"@")
    return False


def read_record(content: bytes) -> Package | None:
    """Return the package that a package.json describes; None if it describes none, as some only mark what
    kind of modules a directory holds.

    Raises:
        Unreadable: it is no JSON.
    """
    try:
        record = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Unreadable("is not JSON") from error
    if not isinstance(record, dict):
        return None
    name, version = _text(record.get("name")), _text(record.get("version"))
    if not is_name(name) or not is_name(version):
        return None
    return Package(Ecosystem.NPM, name, version, license=short(_license(record)))


def _license(record: dict[str, Any]) -> str:
    said = record.get("license", record.get("licenses"))
    several = said if isinstance(said, list) else [said]
    names = [_text(one.get("type")) if isinstance(one, dict) else _text(one) for one in several[:20]]
    return " OR ".join(name for name in names if name)


def _text(value: object) -> str:
    if not isinstance(value, str):
        return ""
    return "".join(c if c.isprintable() else "\ufffd" for c in value)
