"""Rules that an image has to keep before it is shipped: read from text, as people and programs write them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from worker.engine.errors import InvalidInput
from worker.engine.weight.globs import PathGlob
from worker.engine.weight.sizes import parse_size

#: As dive takes them, for a rule that is not to be checked.
_OFF = frozenset({"", "disabled", "off", "false"})
_GLOBS_MAX = 100
#: What dive asks for if nothing else is said.
DEFAULT_EFFICIENCY, DEFAULT_USER_WASTED = 0.9, 0.1


class Rule(StrEnum):
    """What can be asked of an image; the first three are dive's, by its definitions (``efficiency``)."""

    LOWEST_EFFICIENCY = "lowest-efficiency"
    HIGHEST_WASTED_BYTES = "highest-wasted-bytes"
    HIGHEST_USER_WASTED_PERCENT = "highest-user-wasted-percent"
    FORBID_SETUID_ADDED = "forbid-setuid-added"
    FORBID_PATH = "forbid-path"

    @property
    def field(self) -> str:
        """As a name in programs."""
        return self.value.replace("-", "_")


@dataclass(frozen=True, slots=True)
class Rules:
    """Which rules are checked, and with what limits; None and empty: not at all.

    Attributes:
        lowest_efficiency: The score may not be below; 0 to 1.
        highest_wasted_bytes: No more may be wasted; bytes.
        highest_user_wasted_percent: The ratio may not be above; 0 to 1.
        forbid_setuid_added: No layer above the base may make a file set-user-ID that was not so before.
        forbid_paths: No layer may have a path that matches, not even one that a later layer deletes: whoever
            has the image can read it.
    """

    lowest_efficiency: float | None = None
    highest_wasted_bytes: int | None = None
    highest_user_wasted_percent: float | None = None
    forbid_setuid_added: bool = False
    forbid_paths: tuple[PathGlob, ...] = ()

    @classmethod
    def parse(
        cls,
        *,
        lowest_efficiency: str = "",
        highest_wasted_bytes: str = "",
        highest_user_wasted_percent: str = "",
        forbid_setuid_added: bool = False,
        forbid_path: Sequence[str] = (),
    ) -> Self:
        """Read rules; without any, those that dive checks if it is told none.

        Raises:
            InvalidInput: a value cannot be meant. The message names its rule; so does the error's ``field``.
        """
        off = [text.strip().lower() in _OFF for text in (lowest_efficiency, highest_user_wasted_percent)]
        wasted_off = highest_wasted_bytes.strip().lower() in _OFF
        if len(forbid_path) > _GLOBS_MAX:
            raise _named(
                InvalidInput(f"More than {_GLOBS_MAX} patterns are not looked for."), Rule.FORBID_PATH
            )
        none_given = not (
            lowest_efficiency or highest_wasted_bytes or highest_user_wasted_percent or forbid_path
        )
        if none_given and not forbid_setuid_added:
            return cls(DEFAULT_EFFICIENCY, None, DEFAULT_USER_WASTED)
        return cls(
            None if off[0] else _ratio(lowest_efficiency, Rule.LOWEST_EFFICIENCY),
            None if wasted_off else _size(highest_wasted_bytes),
            None if off[1] else _ratio(highest_user_wasted_percent, Rule.HIGHEST_USER_WASTED_PERCENT),
            forbid_setuid_added,
            tuple(_glob(text) for text in forbid_path),
        )


def _ratio(text: str, rule: Rule) -> float:
    try:
        ratio = float(text.replace("_", "x"))
    except ValueError:
        ratio = -1.0
    if not 0 <= ratio <= 1:
        raise _named(
            InvalidInput(f"{text[:40]!r} is not a ratio.", hint="Write a number from 0 to 1, like 0.95."),
            rule,
        )
    return ratio


def _size(text: str) -> int:
    try:
        return parse_size(text)
    except InvalidInput as error:
        raise _named(error, Rule.HIGHEST_WASTED_BYTES) from error


def _glob(text: str) -> PathGlob:
    try:
        return PathGlob.parse(text)
    except InvalidInput as error:
        raise _named(error, Rule.FORBID_PATH) from error


def _named(error: InvalidInput, rule: Rule) -> InvalidInput:
    """The error, with the rule that it is about."""
    named = InvalidInput(f"{rule}: {error.message}", hint=error.hint)
    named.field = rule.field
    return named
