"""How two images' configs differ: setting by setting, and the steps of the build."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from worker.engine.compare.matching import blocks
from worker.engine.oci import ImageConfig
from worker.engine.oci.config import History

Change = Literal["added", "removed", "changed"]

MAX_STEPS = 2_000
"""So many steps of a history are compared; an image has at most a few hundred."""

_MAPS = (("Env", "Environment"), ("Labels", "Labels"))
_SETS = (("ExposedPorts", "Exposed ports"), ("Volumes", "Volumes"))
_ARGV = (("Entrypoint", "Entrypoint"), ("Cmd", "Command"), ("Shell", "Shell"), ("OnBuild", "On build"))
_TEXTS = (("User", "User"), ("WorkingDir", "Working directory"), ("StopSignal", "Stop signal"))
_NAMED = frozenset(key for key, _ in _MAPS + _SETS + _ARGV + _TEXTS)
_PLATFORM = ("os", "architecture", "variant", "os.version", "os.features")
_ELSEWHERE = frozenset({"config", "rootfs", "history", *_PLATFORM})


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting that is not the same; None on the side that has not got it.

    Attributes:
        group: What it belongs to: ``Environment``, ``Labels``, ``How it runs``, ...
        name: The variable, the label, the port; or the setting's own name.
    """

    group: str
    name: str
    before: str | None
    after: str | None

    @property
    def change(self) -> Change:
        if self.before is None:
            return "added"
        return "removed" if self.after is None else "changed"


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the build, of both images or of one."""

    before: History | None
    after: History | None

    @property
    def command(self) -> str:
        step = self.after or self.before
        return (step.created_by or step.comment) if step else ""

    @property
    def change(self) -> Literal["same", "added", "removed"]:
        if self.before is None:
            return "added"
        return "removed" if self.after is None else "same"


@dataclass(frozen=True, slots=True)
class ConfigComparison:
    """Two configs, compared.

    Attributes:
        settings: Those that differ, in the order in which one reads a config.
        history: All steps, the oldest first; what both have in the same order stands once.
    """

    settings: tuple[Setting, ...]
    history: tuple[Step, ...]

    @property
    def steps_added(self) -> int:
        return sum(step.change == "added" for step in self.history)

    @property
    def steps_removed(self) -> int:
        return sum(step.change == "removed" for step in self.history)


def compare_configs(a: ImageConfig, b: ImageConfig) -> ConfigComparison:
    """Compare two configs."""
    return ConfigComparison(
        tuple(_settings(a.raw_json, b.raw_json)),
        tuple(_history(a.history[:MAX_STEPS], b.history[:MAX_STEPS])),
    )


def _settings(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Setting]:
    run_a, run_b = _object(a.get("config")), _object(b.get("config"))
    runs = "How it runs"
    for key, name in (*_ARGV, *_TEXTS):
        yield from _setting(runs, name, run_a.get(key), run_b.get(key))
    for key in sorted((run_a.keys() | run_b.keys()) - _NAMED):
        yield from _setting(runs, key, run_a.get(key), run_b.get(key))
    for key, group in _MAPS:
        yield from _by_name(group, _pairs(run_a.get(key)), _pairs(run_b.get(key)))
    for key, group in _SETS:
        yield from _by_name(group, _object(run_a.get(key)), _object(run_b.get(key)))
    for key in _PLATFORM:
        yield from _setting("Platform", key, a.get(key), b.get(key))
    for key in sorted((a.keys() | b.keys()) - _ELSEWHERE):
        yield from _setting("Build", key, a.get(key), b.get(key))


def _setting(group: str, name: str, a: object, b: object) -> Iterator[Setting]:
    before, after = _written(a), _written(b)
    if before != after:
        yield Setting(group, name, before, after)


def _by_name(group: str, a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Setting]:
    """In the order of the second, and then what only the first has."""
    for name in [*b, *(name for name in a if name not in b)]:
        before = _text(a[name]) if name in a else None
        after = _text(b[name]) if name in b else None
        if before != after:
            yield Setting(group, name, before, after)


def _pairs(value: object) -> Mapping[str, Any]:
    """Labels as they are, and variables (``NAME=value`` each) by name."""
    if isinstance(value, list):
        return dict(str(item).partition("=")[::2] for item in value)
    return _object(value)


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _written(value: object) -> str | None:
    """None for what is not there: an empty text, list or object says the same as none."""
    return None if value in (None, "", [], {}) else _text(value)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _history(a: Sequence[History], b: Sequence[History]) -> Iterator[Step]:
    for block in blocks([_identity(step) for step in a], [_identity(step) for step in b]):
        before, after = a[block.a_start : block.a_end], b[block.b_start : block.b_end]
        if block.equal:
            yield from map(Step, before, after)
        else:
            yield from (Step(step, None) for step in before)
            yield from (Step(None, step) for step in after)


def _identity(step: History) -> tuple[str, str, bool]:
    return step.created_by, step.comment, step.empty_layer
