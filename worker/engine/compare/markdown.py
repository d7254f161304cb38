"""A comparison as Markdown, as it goes into a pull request: figures first, then the largest differences."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from worker.engine.compare.config import ConfigComparison
from worker.engine.compare.trees import Comparison
from worker.engine.compare.values import Count, Difference, Kind
from worker.engine.files import to_text

MAX_FILES = 100
"""So many files of each kind are listed."""
MAX_DIRECTORIES = 20
MAX_VALUE = 200
"""So many characters of a setting's value are written."""

_NONE, _MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"
_BACKTICKS = re.compile("`+")
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\u200e\u200f]")
_SIGNS = {Kind.ADDED: "Added", Kind.REMOVED: "Removed", Kind.CHANGED: "Changed"}


@dataclass(frozen=True, slots=True)
class Side:
    """What is compared, in words.

    Attributes:
        name: As people say it: ``php:8``.
        digest: The whole, or what stands in its place for a container.
        facts: More, such as the platform.
    """

    name: str
    digest: str
    facts: str = ""


def write_markdown(
    a: Side,
    b: Side,
    files: Comparison | None,
    config: ConfigComparison | None,
    layers: str,
    packages: Sequence[str] = (),
    why_no_files: str = "",
) -> str:
    """Write a comparison.

    Args:
        files: None if it is not known.
        config: None if there is nothing to compare.
        layers: A sentence about the layers in common.
        packages: Lines of Markdown about packages; a section of its own if there are any.
        why_no_files: Why ``files`` is not known.
    """
    parts = [f"# {_plain(a.name)} → {_plain(b.name)}\n"]
    parts += table(
        ("", "Before", "After"),
        (
            ("Image", code(a.name), code(b.name)),
            ("Digest", code(a.digest), code(b.digest)),
            ("Platform", _plain(a.facts) or _NONE, _plain(b.facts) or _NONE),
            *((("Content", size(files.before), f"{size(files.after)} ({_grown(files)})"),) if files else ()),
        ),
    )
    parts.append(f"\n{layers}\n")
    if files is not None:
        parts += _files(files)
    else:
        parts.append(f"\n## Files\n\nNot compared. {_plain(why_no_files)}")
    if packages:
        parts += ["\n## Packages\n", *packages]
    if config is not None:
        parts += _config(config)
    return "\n".join(parts) + "\n"


def code(text: str) -> str:
    """Write a text as code, whatever it holds; also in a table."""
    legible = _BREAKS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    if not legible:
        return "``"
    fence = "`" * (max((len(run) for run in _BACKTICKS.findall(legible)), default=0) + 1)
    pad = " " if legible[0] in "` " or legible[-1] in "` " else ""
    return f"{fence}{pad}{legible.replace('|', chr(92) + '|')}{pad}{fence}"


def size(count: int) -> str:
    """Write bytes: exactly, with thousands apart, as a diff wants them."""
    return f"{count:,} B"


def signed(count: int) -> str:
    """Write bytes with a sign."""
    return f"{'+' if count > 0 else _MINUS if count < 0 else '±'}{abs(count):,} B"


def _files(files: Comparison) -> Iterator[str]:
    yield "\n## Files\n"
    if files.identical:
        yield "All files are the same, with mode, owner and time."
        return
    counts = files.counts
    yield from table(
        ("Kind", "Paths", "Files", "Bytes"),
        (
            *(_counted(word, counts[kind]) for kind, word in _SIGNS.items()),
            _counted("Only the time", counts[Kind.TIME]),
        ),
    )
    changed = [f"{aspect.names[0]} {count:,}" for aspect, count in files.aspects.items() if count]
    if changed:
        yield f"\nWhat changed: {', '.join(changed)}."
    grown = files.directories.children()[:MAX_DIRECTORIES]
    if grown:
        yield "\n### By directory\n"
        rows = [
            (code("/" + to_text(one.path)), f"{one.differences:,}", signed(one.grown), signed(-one.shrunk))
            for one in grown
        ]
        yield from table(("Directory", "Paths", "Grown", "Shrunk"), rows)
    for kind, word in _SIGNS.items():
        yield from _listed(word, [one for one in files.differences if one.kind is kind])


def _listed(word: str, found: list[Difference]) -> Iterator[str]:
    if not found:
        return
    shown = sorted(found, key=lambda one: -abs(one.growth))[:MAX_FILES]
    rest = f", the {len(shown)} that weigh most of {len(found):,}" if len(found) > len(shown) else ""
    yield f"\n<details><summary>{word}{rest}</summary>\n"
    rows = [
        (code("/" + to_text(one.path)), ", ".join(one.aspects.names) or one.type, signed(one.growth))
        for one in shown
    ]
    yield from table(("Path", "What", "Bytes"), rows)
    yield "\n</details>"


def _config(config: ConfigComparison) -> Iterator[str]:
    yield "\n## Configuration\n"
    if not config.settings:
        yield "No setting differs."
    else:
        rows = [(one.group, code(one.name), _value(one.before), _value(one.after)) for one in config.settings]
        yield from table(("Group", "Setting", "Before", "After"), rows)
    if config.steps_added or config.steps_removed:
        yield f"\nThe history has {config.steps_added} new steps, and {config.steps_removed} are gone."


def _value(value: str | None) -> str:
    if value is None:
        return _NONE
    return code(value if len(value) <= MAX_VALUE else value[:MAX_VALUE] + "…")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Write a table's lines; cells are Markdown already."""
    yield f"| {' | '.join(head)} |"
    yield f"|{'|'.join(' --- ' for _ in head)}|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _counted(word: str, count: Count) -> tuple[str, ...]:
    return word, f"{count.entries:,}", f"{count.files:,}", signed(count.growth)


def _grown(files: Comparison) -> str:
    return signed(files.after - files.before)


def _plain(text: str) -> str:
    """Write a name as text, so that nothing in it is taken for Markdown."""
    legible = _BREAKS.sub(" ", text)
    return re.sub(r"([\\`*_{}\[\]<>#|!~&])", r"\\\1", legible)
