"""Settings that differ, as a page shows them: by group, with the words that changed marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from worker.engine.compare import ConfigComparison, Setting
from worker.engine.compare.text import Piece, compare_words

_MOST = 4000  # characters of a value


@dataclass(frozen=True, slots=True)
class ShownSetting:
    """A setting, each side in pieces; None for the side that has not got it."""

    setting: Setting
    before: Sequence[Piece] | None
    after: Sequence[Piece] | None


def grouped_settings(config: ConfigComparison) -> list[tuple[str, list[ShownSetting]]]:
    """Return what differs, by group in the order in which the groups come."""
    groups: dict[str, list[ShownSetting]] = {}
    for setting in config.settings:
        groups.setdefault(setting.group, []).append(_shown(setting))
    return list(groups.items())


def _shown(setting: Setting) -> ShownSetting:
    before, after = _cut(setting.before), _cut(setting.after)
    if before is not None and after is not None:
        return ShownSetting(setting, *compare_words(before, after))
    return ShownSetting(
        setting,
        None if before is None else (Piece(before),),
        None if after is None else (Piece(after),),
    )


def _cut(value: str | None) -> str | None:
    return value if value is None or len(value) <= _MOST else value[:_MOST] + "…"
