"""Whether an image keeps its rules, and what breaks them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from worker.engine.files import ImageFiles, Node, View, to_text
from worker.engine.files.table import DIRECTORIES, FILE, WHITEOUT, LayerTable
from worker.engine.weight.efficiency import Efficiency, Wasted, efficiency
from worker.engine.weight.globs import PathGlob
from worker.engine.weight.rules import Rule, Rules

SET_USER_ID = 0o4000
MOST_FINDINGS = 1000
"""So many are told of one rule; all are counted."""
_WORST = 50


@dataclass(frozen=True, slots=True)
class Finding:
    """A path that breaks a rule.

    Attributes:
        path: From the root, without a leading slash.
        layer: Position of the layer that is to blame, 0 for the base: the first that has the path, or the one
            that made it set-user-ID.
        mode: Permission bits in the image, or, if it is hidden, None.
        hidden_by: Position of the layer that deletes it, or puts something else in the place of a directory
            above it; None if it is seen.
        pattern: The pattern that it matches; empty if the rule has none.
    """

    path: bytes
    layer: int
    mode: int | None
    hidden_by: int | None = None
    pattern: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "path": "/" + to_text(self.path),
            "layer": self.layer,
            "mode": None if self.mode is None else f"{self.mode:04o}",
            "hidden_by": self.hidden_by,
            "pattern": self.pattern or None,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one rule.

    Attributes:
        limit: What was asked for, as a number; for the forbidding rules 0.
        value: What is so. Of the forbidding rules, how many findings there are. May be infinite.
        sentence: What is so, and what was asked for.
        findings: The first :data:`MOST_FINDINGS`, by path.
    """

    rule: Rule
    passed: bool
    limit: float
    value: float
    sentence: str
    findings: tuple[Finding, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "rule": str(self.rule),
            "passed": self.passed,
            "limit": self.limit,
            "value": _finite(self.value),
            "message": self.sentence,
            "findings": [finding.to_json() for finding in self.findings],
        }


@dataclass(frozen=True, slots=True)
class Report:
    """What came of all rules."""

    efficiency: Efficiency
    verdicts: tuple[Verdict, ...]

    @property
    def passed(self) -> bool:
        return all(verdict.passed for verdict in self.verdicts)

    def to_json(self) -> dict[str, Any]:
        """As commands print and the API answers it: bytes, ratios, and paths in their text form. JSON has no
        infinity: such a ratio is null."""
        return {
            "passed": self.passed,
            **efficiency_json(self.efficiency),
            "rules": [verdict.to_json() for verdict in self.verdicts],
        }


def efficiency_json(known: Efficiency) -> dict[str, Any]:
    """What dive says of an image, as commands print and the API answers it, with the first worst paths."""
    return {
        "efficiency": known.score,
        "wasted_bytes": known.wasted_bytes,
        "user_wasted_percent": _finite(known.user_wasted_percent),
        "user_bytes": known.user_bytes,
        "total_bytes": known.total_bytes,
        "wasted_paths": len(known.worst),
        "worst": [_wasted_json(one) for one in known.worst[:_WORST]],
    }


def _wasted_json(one: Wasted) -> dict[str, Any]:
    return {
        "path": "/" + to_text(one.path),
        "times": one.times,
        "bytes": one.bytes,
        "layers": list(one.layers),
        "removed": one.removed,
    }


def check(files: ImageFiles, rules: Rules) -> Report:
    """Hold an image against rules."""
    known = efficiency(files)
    return Report(known, tuple(_verdicts(files, rules, known)))


def _verdicts(files: ImageFiles, rules: Rules, known: Efficiency) -> Iterator[Verdict]:
    if (lowest := rules.lowest_efficiency) is not None:
        told = f"The efficiency is {known.score:.4f}; at least {lowest:g} is asked for."
        yield Verdict(Rule.LOWEST_EFFICIENCY, known.score >= lowest, lowest, known.score, told)
    if (most := rules.highest_wasted_bytes) is not None:
        wasted = known.wasted_bytes
        told = f"{wasted:,} bytes are wasted; at most {most:,} are allowed."
        yield Verdict(Rule.HIGHEST_WASTED_BYTES, wasted <= most, most, wasted, told)
    if (highest := rules.highest_user_wasted_percent) is not None:
        ratio = known.user_wasted_percent
        told = (
            f"{ratio:.4f} of what the layers above the base hold is wasted; at most {highest:g} is allowed."
        )
        yield Verdict(Rule.HIGHEST_USER_WASTED_PERCENT, ratio <= highest, highest, ratio, told)
    if rules.forbid_setuid_added:
        found = sorted(_set_user_id(files), key=lambda one: one.path)
        told = f"{_counted(len(found), 'file', 'is')} made set-user-ID by layers above the base; none may be."
        yield _forbidding(Rule.FORBID_SETUID_ADDED, found, told)
    if rules.forbid_paths:
        view = files.view()
        forbidden = _forbidden(files.tables, rules.forbid_paths)
        shown = [_placed(files, view, *one) for one in sorted(forbidden.items())[:MOST_FINDINGS]]
        globs = ", ".join(glob.text for glob in rules.forbid_paths)
        told = f"{_counted(len(forbidden), 'path', 'matches')} {globs}; none may."
        yield _forbidding(Rule.FORBID_PATH, shown, told, len(forbidden))


def _forbidding(rule: Rule, found: list[Finding], told: str, count: int | None = None) -> Verdict:
    count = len(found) if count is None else count
    return Verdict(rule, not count, 0, count, told, tuple(found[:MOST_FINDINGS]))


def _set_user_id(files: ImageFiles) -> Iterator[Finding]:
    """Files of the image that are set-user-ID, and were not so in the base."""
    view = files.view()
    added = {path for table in files.tables[1:] for path in _set_user_id_in(table)}
    for path in added:
        node = view.get(path)
        if node is None or not _is_set_user_id(node):
            continue
        since = -1
        for version in files.history(path):
            if version.node is None or not _is_set_user_id(version.node):
                since = -1
            elif since < 0:
                since = version.layer
        if since > 0:
            yield Finding(path, since, node.mode)


def _set_user_id_in(table: LayerTable) -> Iterator[bytes]:
    for row, mode in enumerate(table.modes):
        if mode & SET_USER_ID and table.kinds[row] == FILE:
            yield table.path(row)


def _is_set_user_id(node: Node) -> bool:
    return node.is_file and bool(node.mode & SET_USER_ID)


def _forbidden(tables: Iterable[LayerTable], globs: Iterable[PathGlob]) -> dict[bytes, tuple[int, str]]:
    """Paths that match, each with the first layer that has it, and what it matches."""
    found: dict[bytes, tuple[int, str]] = {}
    for layer, table in enumerate(tables):
        rows = list(zip(table.all_paths(), table.kinds, strict=True))[1:]
        for glob in globs:
            matches, directories_only = glob.regex.fullmatch, glob.directories_only
            for path, kind in rows:
                if kind == WHITEOUT or not matches(path):
                    continue
                if not directories_only or kind in DIRECTORIES:
                    found.setdefault(path, (layer, glob.text))
    return found


def _placed(files: ImageFiles, view: View, path: bytes, first: tuple[int, str]) -> Finding:
    """Tell whether a path is still seen, or which layer hides it."""
    layer, pattern = first
    node = view.get(path)
    if node is not None:
        return Finding(path, layer, node.mode, None, pattern)
    gone = [version.layer for version in files.history(path) if version.node is None]
    return Finding(path, layer, None, gone[-1] if gone else None, pattern)


def _counted(count: int, noun: str, verb: str) -> str:
    """As ``1 file is``, ``2 files are``; the verb is given as of one."""
    if count == 1:
        return f"1 {noun} {verb}"
    return f"{count:,} {noun}s {'are' if verb == 'is' else verb.removesuffix('es')}"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
