"""How names of packages are compared: as each ecosystem does it."""

from __future__ import annotations

import re

from worker.engine.packages import Ecosystem
from worker.engine.packages.values import MAX_NAME

_SEPARATORS = re.compile(r"[-_.]+")


def search_name(ecosystem: Ecosystem, name: str) -> str:
    """The form by which a package is found: lower case; of Python packages as PEP 503 normalizes them."""
    lower = name.lower()
    normal = _SEPARATORS.sub("-", lower) if ecosystem is Ecosystem.PYPI else lower
    return normal[:MAX_NAME]  # some letters are longer in lower case
