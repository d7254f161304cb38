"""The same family tree as a nested list: for phones, screen readers and whoever prefers words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from django.utils.safestring import SafeString, mark_safe

from dashboard.figures import Slice, bars
from dashboard.lineage.family import Families
from dashboard.lineage.svg import Words, added

_WIDTH = 300
#: A list up to this long opens all of its branches; a longer one only its bases.
_ALL_OPEN = 40


def outline(forest: Families, layers: Mapping[int, Sequence[Slice]], words: Words) -> SafeString:
    """Write the forest as ``<ul>``, one ``<details>`` per image that others stand on."""
    out: list[str] = ['<ul class="family">']
    # (member, or text that closes a branch): a stack and not recursion, chains may be long.
    stack: list[int | str] = _branch(forest, None, words)[::-1]
    everything = len(forest.members) <= _ALL_OPEN
    while stack:
        at = stack.pop()
        if isinstance(at, str):
            out.append(at)
            continue
        line = _line(forest, at, layers, words)
        if forest.is_leaf(at):
            out.append(f'<li><div class="leaf">{line}</div></li>')
            continue
        opened = " open" if everything or at == words.here else ""
        out.append(f'<li><details{opened}><summary>{line}</summary><ul class="family">')
        stack.append("</ul></details></li>")
        stack.extend(_branch(forest, at, words)[::-1])
    out.append("</ul>")
    return mark_safe("".join(out))  # noqa: S308 - built above, every foreign text escaped


def _branch(forest: Families, parent: int | None, words: Words) -> list[int | str]:
    its: list[int | str] = [*(forest.roots if parent is None else forest.children[parent])]
    if parent in forest.hidden:
        count = forest.hidden[parent].members
        its.append(
            f'<li><div class="leaf"><a class="rest" href="{escape(words.more(parent))}">'
            f"{count:,} more</a></div></li>"
        )
    return its


def _line(forest: Families, at: int, layers: Mapping[int, Sequence[Slice]], words: Words) -> str:
    member = forest.members[at]
    dim = "" if member.matched else " context"
    current = ' aria-current="true"' if at == words.here else ""
    twins = "".join(f' <span class="twin">= {escape(name)}</span>' for name in member.names[1:4])
    if len(member.names) > 4:
        twins += f' <span class="twin">+{len(member.names) - 4}</span>'
    platform = f" · {escape(member.platform)}" if words.platforms and member.platform else ""
    note = '<span class="twin">no image here ends on it</span>' if member.layer else ""
    below = forest.below[at]
    count = f'<span class="count" title="images that stand on it">{below}</span>' if below else ""
    rects = "".join(
        f'<rect class="layer h{bar.hue}" x="{bar.start:g}" width="{bar.length:g}" height="6"/>'
        for bar in bars(layers.get(at, ()), _WIDTH)
    )
    return (
        f'<span class="said{dim}"><a href="{escape(words.address(member))}"{current}'
        f' title="{escape(member.full_names[0])}">{escape(member.names[0])}</a>{twins}{note}'
        f'<span class="adds">{added(member)}{platform}</span>'
        f'<svg class="core" viewBox="0 0 {_WIDTH} 6" preserveAspectRatio="none" height="6"'
        f' aria-hidden="true">{rects}</svg></span>{count}'
    )
