"""A family as source of other programs' drawings: Graphviz's DOT, and Mermaid."""

from __future__ import annotations

from collections.abc import Callable

from worker.engine.lineage.tree import Family, Kin, Member

_LONGEST = 60
_MOST_NAMES = 6


def dot(family: Family, size: Callable[[int], str]) -> str:
    """Return the family as a graph in the DOT language (graphviz.org/doc/info/lang.html), bases left."""
    lines = ["digraph lineage {", "  rankdir=LR;", '  node [shape=box, fontname="sans-serif"];']
    for number, member in enumerate(family.members):
        label = "\\n".join(_dot_text(line) for line in _label(member, size))
        style = ', style="dashed"' if not member.names else ', penwidth="3"' if member.kin is Kin.SELF else ""
        lines.append(f'  n{number} [label="{label}"{style}];')
    for parent, child, layers in _edges(family):
        lines.append(f'  n{parent} -> n{child} [label="+{layers}"];')
    return "\n".join([*lines, "}", ""])


def mermaid(family: Family, size: Callable[[int], str]) -> str:
    """Return the family as a flowchart of Mermaid (mermaid.js.org/syntax/flowchart.html), bases left."""
    lines = ["flowchart LR"]
    for number, member in enumerate(family.members):
        label = "<br/>".join(_mermaid_text(line) for line in _label(member, size))
        lines.append(f'  n{number}["{label}"]')
        if not member.names:
            lines.append(f"  style n{number} stroke-dasharray: 4")
        elif member.kin is Kin.SELF:
            lines.append(f"  style n{number} stroke-width:3px")
    for parent, child, layers in _edges(family):
        lines.append(f"  n{parent} -->|+{layers}| n{child}")
    return "\n".join([*lines, ""])


def _edges(family: Family) -> list[tuple[int, int, int]]:
    numbers = {member.chain_id: number for number, member in enumerate(family.members)}
    return [
        (numbers[member.parent], number, member.added_layers)
        for number, member in enumerate(family.members)
        if member.parent
    ]


def _label(member: Member, size: Callable[[int], str]) -> list[str]:
    names = list(member.names[:_MOST_NAMES]) or [_short(member.command) or "no image here"]
    if (more := len(member.names) - _MOST_NAMES) > 0:
        names.append(f"and {more} more")
    weight = "" if member.added_bytes is None else size(member.added_bytes)
    return [*names, f"{'+' if member.parent else ''}{weight}"] if weight else names


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _dot_text(text: str) -> str:
    """Within double quotes only a quote ends the text; a backslash begins an escape of labels."""
    return _one_line(text).replace("\\", "\\\\").replace('"', '\\"')


def _mermaid_text(text: str) -> str:
    """What Mermaid or the browser might take for more than text is written as an entity of Mermaid's."""
    return "".join(f"#{ord(char)};" if char in "#&<>\"'`\\{}[]|;" else char for char in _one_line(text))


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)
