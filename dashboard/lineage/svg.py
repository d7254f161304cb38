"""Write a drawing as SVG: links, no script, no inline style, every colour a class.

Written by hand and not by a template: a tree of ten thousand nodes is one loop over strings here (0.1 s), and
ten times that in a template. Everything that comes from outside goes through ``escape``.

The root is ``<g class="scene">``; the script of the page moves that group and nothing else. A node's parts
are placed relative to the node, so that the style sheet can show a shorter, larger name when the reader moves
away (``.mid``), and a solid block of layers when even that is too small to be read (``.far``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from django.utils.safestring import SafeString, mark_safe

from dashboard.figures import Slice, bars, hue, size
from dashboard.lineage.drawing import STUB, Drawing, More, Style
from dashboard.lineage.family import Families, Hidden, Member
from dashboard.lineage.text import clip, clip_middle, length

_PAD = 14.0
_NAME, _SMALL, _BIG = 14.0, 12.0, 27.0
_BIG_PAD = 8.0
_BAR_Y, _BAR_HEIGHT = 47.0, 8


@dataclass(frozen=True, slots=True)
class Words:
    """What the drawing says and where its links lead.

    Attributes:
        image: image id -> address of its page.
        layer: diff ID -> address of the layer's page.
        more: member (None: the whole project) -> address that shows what is left out beneath it.
        platforms: whether to name each node's platform (there are several in the project).
        here: the member that the page is about, if any.
    """

    image: Callable[[int], str]
    layer: Callable[[str], str]
    more: Callable[[int | None], str]
    platforms: bool = False
    here: int | None = None

    def address(self, member: Member) -> str:
        """Where a member leads: to the image, or to the layer on which none ends."""
        return self.layer(member.layer) if member.layer else self.image(member.id)


def svg(
    drawing: Drawing, forest: Families, layers: Mapping[int, Sequence[Slice]], words: Words
) -> SafeString:
    """Write every node with names, size and bars."""
    style = drawing.style
    room = style.width - 2 * _PAD
    out = _opening(drawing, forest)
    for node in drawing.nodes:
        member = forest.members[node.member]
        kinds = "node" + ("" if member.matched else " context") + (" fork" if member.layer else "")
        kinds += " here" if member.id == words.here else ""
        current = ' aria-current="true"' if member.id == words.here else ""
        out.append(
            f'<a class="{kinds}"{current} href="{escape(words.address(member))}"'
            f' transform="translate({node.x:g} {node.y:g})">'
            f"<title>{escape(_title(member, forest))}</title>"
            f'<rect class="box" width="{style.width:g}" height="{style.height:g}" rx="8"/>'
        )
        out.append(_text(member, words, room))
        out.append(f'<g class="bars" transform="translate({_PAD:g} {_BAR_Y:g})">')
        out.extend(
            f'<rect class="layer h{bar.hue}" x="{bar.start:g}" width="{bar.length:g}"'
            f' height="{_BAR_HEIGHT}" rx="2"/>'
            for bar in bars(layers.get(member.id, ()), room)
        )
        out.append("</g></a>")
    out.extend(
        (_stub if more.stub else _more)(more, forest.hidden[more.parent], words, style)
        for more in drawing.more
    )
    out.append("</g></svg>")
    return mark_safe("".join(out))  # noqa: S308 - built above, every foreign text escaped


def svg_tiny(drawing: Drawing, forest: Families, tops: Mapping[int, str], words: Words) -> SafeString:
    """Write every node as one mark in the colour of its top layer; its name only on hover."""
    style = drawing.style
    out = _opening(drawing, forest, "tree tiny")
    mark = f'width="{style.width:g}" height="{style.height:g}" rx="2"/></a>'
    for node in drawing.nodes:
        member = forest.members[node.member]
        top = member.layer or tops.get(member.id)
        colour = f"layer h{hue(top)}" if top else "box"
        dim = "" if member.matched else ' class="context"'
        out.append(
            f'<a{dim} href="{escape(words.address(member))}"><title>{escape(_title(member, forest))}</title>'
            f'<rect class="{colour}" x="{node.x:g}" y="{node.y:g}" {mark}'
        )
    out.append("</g></svg>")
    return mark_safe("".join(out))  # noqa: S308 - built above, every foreign text escaped


def added(member: Member) -> str:
    """Say what a member adds: ``+163 MiB · 1 layer``."""
    plural = "layer" if member.added_layers == 1 else "layers"
    compressed = "" if member.unpacked else " compressed"
    return f"+{size(member.added)}{compressed} · {member.added_layers} {plural}"


def _opening(drawing: Drawing, forest: Families, kind: str = "tree") -> list[str]:
    count = sum(member.counts for member in forest.members.values())
    out = [
        f'<svg class="{kind}" xmlns="http://www.w3.org/2000/svg" width="{drawing.width:.0f}"'
        f' height="{drawing.height:.0f}" role="group"'
        f' aria-label="Family tree of {count} {"image" if count == 1 else "images"}"><g class="scene">'
    ]
    out.extend(
        f'<rect class="block" x="{block.x:g}" y="{block.y:g}" width="{block.width:g}"'
        f' height="{block.height:g}" rx="{drawing.style.block_pad:g}"/>'
        for block in drawing.blocks
    )
    # One path for all edges: thousands of them then cost the browser no more than one.
    bend = drawing.style.column_gap / 2
    steps = [
        f"M{e.x1:g} {e.y1:g}H{e.x2:g}"
        if abs(e.y1 - e.y2) < 0.5
        else f"M{e.x1:g} {e.y1:g}C{e.x1 + bend:g} {e.y1:g} {e.x2 - bend:g} {e.y2:g} {e.x2:g} {e.y2:g}"
        for e in drawing.edges
    ]
    if steps:
        out.append(f'<path class="edge" d="{"".join(steps)}"/>')
    return out


def _text(member: Member, words: Words, room: float) -> str:
    name = clip_middle(member.names[0], _NAME, room)
    big = _short(member, room + 2 * (_PAD - _BIG_PAD))
    twins = ""
    if len(member.names) > 1:
        left = room - length(name, _NAME)
        said = f"= {member.names[1]}"
        if len(member.names) > 2:
            said += f" +{len(member.names) - 2}"
        if left > 44:
            twins = f'<tspan class="twin" dx="4">{escape(clip(said, _SMALL, left - 4))}</tspan>'
    line = added(member)
    if words.platforms and member.platform:
        line += f" · {member.platform}"
    return (
        f'<text class="called" x="{_PAD:g}" y="22">{escape(name)}{twins}</text>'
        f'<text class="adds" x="{_PAD:g}" y="38.5">{escape(clip(line, _SMALL, room))}</text>'
        f'<text class="big" x="{_BIG_PAD:g}" y="33">{escape(big)}</text>'
    )


def _short(member: Member, room: float) -> str:
    """Return a name for where room is scarce: the end of the repository, with the tag if that fits."""
    if member.layer:
        return clip(member.names[0], _BIG, room)
    whole = member.names[0].rpartition("/")[2]
    return whole if length(whole, _BIG) <= room else clip(re.split("[:@]", whole)[0], _BIG, room)


def _title(member: Member, forest: Families) -> str:
    """Return all that a node stands for, for hovering and for screen readers."""
    lines = [" = ".join(member.full_names), f"{added(member)} · {member.platform}"]
    if member.layer:
        lines = ["No image here ends on this layer; those that stand on it have it in common", *member.names]
        lines.append(added(member))
    if member.parent is None and not member.layer:
        lines.append("A base: it stands on no other image here")
    elif member.parent is not None:
        lines.append(f"Stands on {forest.members[member.parent].names[0]}")
    below = forest.below[member.id]
    if below:
        lines.append(f"{below} {'image stands' if below == 1 else 'images stand'} on it")
    return "\n".join(lines)


def _more(more: More, hidden: Hidden, words: Words, style: Style) -> str:
    said = f"{hidden.members:,} more {'image' if hidden.members == 1 else 'images'}"
    families = f"in {hidden.children:,} {'family' if hidden.children == 1 else 'families'}; open them"
    return (
        f'<a class="more" href="{escape(words.more(more.parent))}"'
        f' transform="translate({more.x:g} {more.y:g})">'
        f"<title>{said}</title>"
        f'<rect class="box" width="{style.width:g}" height="{style.height:g}" rx="8"/>'
        f'<text class="called" x="{_PAD:g}" y="31">{said}</text>'
        f'<text class="adds" x="{_PAD:g}" y="49">{families}</text>'
        f'<text class="big" x="{_PAD:g}" y="43">+{hidden.members:,}</text></a>'
    )


def _stub(more: More, hidden: Hidden, words: Words, style: Style) -> str:
    width, height = STUB
    stand = "image stands" if hidden.members == 1 else "images stand"
    said = f"{hidden.members:,} {stand} on it; open the family"
    return (
        f'<a class="more stub" href="{escape(words.more(more.parent))}"'
        f' transform="translate({more.x:g} {more.y:g})"><title>{said}</title>'
        f'<rect class="box" width="{width:g}" height="{height:g}" rx="{height / 2:g}"/>'
        f'<text class="adds" x="{width / 2:g}" y="17">+{hidden.members:,}</text></a>'
    )
