"""Comparing versions, by the rules of the ecosystem that they belong to.

Debian: deb-version(7); rpm: rpm-version(7); Python: PEP 440; npm: Semantic Versioning 2.0.0; Alpine: see
``apk_versions``. This module loads libraries that neither a pull nor the reading of packages needs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from packaging import version as pep440
from semver import Version as SemanticVersion
from univers import debian, rpm

from worker.engine.errors import InvalidInput
from worker.engine.packages import apk_versions
from worker.engine.packages.values import MAX_VERSION, Ecosystem, Unreadable, is_name


class Operator(StrEnum):
    """How an installed version must stand to the one asked for."""

    BELOW = "<"
    UP_TO = "<="
    EQUAL = "="
    NOT_EQUAL = "!="
    FROM = ">="
    ABOVE = ">"

    def holds(self, order: int) -> bool:
        """Whether it holds for a version that is below (-1), equal to (0) or above (1) the other."""
        return order in _HOLDS[self]


_HOLDS = {
    Operator.BELOW: (-1,),
    Operator.UP_TO: (-1, 0),
    Operator.EQUAL: (0,),
    Operator.NOT_EQUAL: (-1, 1),
    Operator.FROM: (0, 1),
    Operator.ABOVE: (1,),
}


@dataclass(frozen=True, slots=True)
class Constraint:
    """A bound for versions, such as ``< 3.0.11``."""

    operator: Operator
    version: str

    def holds(self, ecosystem: Ecosystem, version: str) -> bool | None:
        """Whether an installed version fulfils it; None if one of the two is no version there."""
        order = compare(ecosystem, version, self.version)
        return None if order is None else self.operator.holds(order)

    def __str__(self) -> str:
        return f"{self.operator} {self.version}"


_CONSTRAINT = re.compile(r"\s*(<=|>=|==|!=|<<|>>|<|>|=)\s*(\S+?)\s*(?:,|\s(?=\s*[<>=!])|$)")
_MEANS = {"==": "=", "<<": "<", ">>": ">"}  # as Python and Debian write them


def parse_constraints(text: str) -> tuple[Constraint, ...]:
    """Read ``>= 3.0, < 3.0.11``.

    Raises:
        InvalidInput: it is none.
    """
    found: list[Constraint] = []
    at = 0
    while text[at:].strip():
        match = _CONSTRAINT.match(text, at)
        if match is None or not is_name(match[2], MAX_VERSION) or len(found) == 8:
            raise InvalidInput(
                f"“{text.strip()[:80]}” is no bound for versions.",
                hint="Write an operator and a version, for example < 3.0.11, or several: >= 3.0, < 3.0.11.",
            )
        found.append(Constraint(Operator(_MEANS.get(match[1], match[1])), match[2]))
        at = match.end()
    return tuple(found)


def compare(ecosystem: Ecosystem, a: str, b: str) -> int | None:
    """Return -1, 0 or 1 as ``a`` is below, equal to or above ``b``; None if either is no version."""
    try:
        return _COMPARE[ecosystem](a, b)
    except (ValueError, Unreadable):
        return None


def _deb(a: str, b: str) -> int:
    return int(debian.compare_versions(a, b))  # type: ignore[no-untyped-call]


def _rpm(a: str, b: str) -> int:
    one, other = (rpm.RpmVersion.from_string(text) for text in (a, b))  # type: ignore[no-untyped-call]
    if not one.release or not other.release:
        # As in dependencies of rpm packages: who names no release means any.
        one, other = (rpm.RpmVersion(each.epoch, each.version, "") for each in (one, other))
    return int(rpm.compare_rpm_versions(one, other))


def _apk(a: str, b: str) -> int:
    return apk_versions.compare(apk_versions.ApkVersion.parse(a), apk_versions.ApkVersion.parse(b))


def _pypi(a: str, b: str) -> int:
    one, other = pep440.Version(a), pep440.Version(b)
    if not other.local:
        # What was built locally counts as the release that it was built from (PEP 440, "Local versions").
        one = pep440.Version(one.public)
    return (one > other) - (one < other)


def _npm(a: str, b: str) -> int:
    one, other = (
        SemanticVersion.parse(text.removeprefix("v"), optional_minor_and_patch=True) for text in (a, b)
    )
    return int(one.compare(other))


_COMPARE = {
    Ecosystem.DEB: _deb,
    Ecosystem.APK: _apk,
    Ecosystem.RPM: _rpm,
    Ecosystem.PYPI: _pypi,
    Ecosystem.NPM: _npm,
}
