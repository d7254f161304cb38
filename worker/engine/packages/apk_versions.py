"""How apk orders versions (apk-tools, src/version.c).

``digits{.digits}[letter]{_suffix[digits]}[~hash][-rN]``. Written here because no kept library knows it:
univers takes Gentoo's rules, which refuse the suffixes of snapshots (``_git20240101``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cmp_to_key

from worker.engine.packages.values import Unreadable

_VERSION = re.compile(
    r"(?P<numbers>\d+(?:\.\d+)*)(?P<letter>[a-z])?(?P<suffixes>(?:_[a-z]+\d*)*)(?:~[0-9a-f]+)?(?:-r(?P<revision>\d+))?",
    re.ASCII,
)
_SUFFIX = re.compile(r"_([a-z]+)(\d*)")
# Below and above a version with no suffix at all, which is 0.
_ORDER = {
    "alpha": -4, "beta": -3, "pre": -2, "rc": -1,
    "cvs": 1, "svn": 2, "git": 3, "hg": 4, "p": 5,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ApkVersion:
    """A version, taken apart."""

    numbers: tuple[str, ...]
    letter: str
    suffixes: tuple[tuple[int, int], ...]
    revision: int

    @classmethod
    def parse(cls, text: str) -> ApkVersion:
        """Raises Unreadable if it is no version of apk."""
        match = _VERSION.fullmatch(text)
        if match is None:
            raise Unreadable(f"{text} is no version of apk")
        suffixes = []
        for name, number in _SUFFIX.findall(match["suffixes"]):
            if name not in _ORDER:
                raise Unreadable(f"{text} is no version of apk")
            suffixes.append((_ORDER[name], int(number or 0)))
        numbers = tuple(match["numbers"].split("."))
        return cls(numbers, match["letter"] or "", tuple(suffixes), int(match["revision"] or 0))


def compare(a: ApkVersion, b: ApkVersion) -> int:
    """Return -1, 0 or 1."""
    for place, (one, other) in enumerate(zip(a.numbers, b.numbers, strict=False)):
        # Behind the first dot, digits with a leading zero count as those of a fraction.
        if place and one != other and (_is_fraction(one) or _is_fraction(other)):
            return -1 if one < other else 1
        if int(one) != int(other):
            return -1 if int(one) < int(other) else 1
    rest = (
        (len(a.numbers), len(b.numbers)),
        (a.letter, b.letter),
        ((*a.suffixes, (0, 0)), (*b.suffixes, (0, 0))),
        (a.revision, b.revision),
    )
    for mine, yours in rest:
        if mine != yours:
            return -1 if mine < yours else 1  # type: ignore[operator]
    return 0


key = cmp_to_key(compare)


def _is_fraction(digits: str) -> bool:
    return len(digits) > 1 and digits.startswith("0")
