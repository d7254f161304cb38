"""How things are written on pages. Digests, sizes, times, icons and layers look the same everywhere.

``{% load strata %}`` gives:

- ``{{ bytes|size }}`` binary units, three significant digits; a dash for None
- ``{{ digest|short }}`` its first 12 hexadecimal digits; ``{{ diff_id|hue }}`` its colour, ``h0``..``h35``
- ``{% digest d "diff ID" href %}`` short, the whole on hover, a copy button; a link, if ``href`` is given
- ``{% copy text "what" %}`` the copy button alone
- ``{% when moment %}`` relative, the exact time on hover; a dash (or ``never="…"``) for None
- ``{% icon "name" %}`` one of ``static/vendor/lucide.svg``
- ``{% core image_layers %}`` an image as its layers, to scale
- ``{% field form.name %}`` label, input, help and errors of a form field
- ``{% nav "name" … %}`` ``aria-current`` for the place that one is at
- ``{% sort_head "name" "Name" num=True %}`` a table's head that sorts the list by the query string's ``sort``
- ``{{ page|numbers }}`` the numbers of a list's pages that a pager shows, the others as an ellipsis
- ``{% query page=2 %}`` this page's query string with changes; None or "" removes
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from django import template
from django.core.paginator import Page
from django.forms import BoundField, CheckboxInput
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from dashboard import figures
from dashboard.fragments import filled
from dashboard.icons import icons
from worker.models import ImageLayer

register = template.Library()

DASH = "—"
_CORE_WIDTH = 300
_CORE_HEIGHT = 12


@register.filter
def size(count: int | None) -> str:
    return DASH if count is None else figures.size(count)


@register.filter
def short(digest: object) -> str:
    return str(digest).rpartition(":")[2][:12]


@register.filter
def hue(diff_id: object) -> str:
    return f"h{figures.hue(str(diff_id))}"


@register.filter
def numbers(page: Page[Any]) -> Iterator[int | str]:
    return page.paginator.get_elided_page_range(page.number, on_each_side=2, on_ends=1)


@register.simple_tag
def icon(name: str, css: str = "") -> SafeString:
    inside = mark_safe(icons()[name])  # noqa: S308 - our own vendored file
    return format_html(
        '<svg class="icon{}" viewBox="0 0 24 24" aria-hidden="true">{}</svg>',
        f" {css}" if css else "",
        inside,
    )


@register.simple_tag
def copy(text: object, what: str = "digest") -> SafeString:
    return format_html(
        '<button class="copy" type="button" data-copy="{0}" aria-label="Copy {1}" title="Copy {1}">'
        "{2}{3}</button>",
        text,
        what,
        icon("copy", "todo"),
        icon("check", "done"),
    )


@register.simple_tag
def digest(value: object, what: str = "digest", href: str = "") -> SafeString:
    shown = format_html('<span title="{}">{}</span>', value, short(value))
    if href:
        shown = format_html('<a href="{}" title="{}">{}</a>', href, value, short(value))
    return format_html('<span class="digest mono">{}{}</span>', shown, copy(value, what))


@register.simple_tag
def when(moment: datetime | None, never: str = DASH) -> SafeString:
    if moment is None:
        return format_html("{}", never)
    exact = moment.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{}" data-relative>{}</time>',
        exact.isoformat(timespec="milliseconds"),
        f"{exact:%-d %b %Y, %H:%M:%S} UTC",
        figures.relative(moment, timezone.now()),
    )


def slices(image_layers: Iterable[ImageLayer]) -> list[figures.Slice]:
    """Read layers (with ``layer`` and ``blob`` loaded) for drawing, all on one scale.

    Unpacked bytes; compressed ones when some layer was never unpacked.
    """
    rows = list(image_layers)
    unpacked = all(row.layer.unpacked_size is not None for row in rows)
    drawn = []
    for row in rows:
        weight = row.layer.unpacked_size if unpacked else row.blob.size
        made_by = row.created_by[:80] + "…" if len(row.created_by) > 80 else row.created_by
        title = " · ".join(part for part in (made_by, figures.size(weight or 0)) if part)
        drawn.append(figures.Slice(row.layer.diff_id, weight or 0, title))
    return drawn


@register.simple_tag
def core(
    image_layers: Sequence[ImageLayer] | Sequence[figures.Slice],
    height: int = _CORE_HEIGHT,
    share: float = 1.0,
    lit: str = "",
) -> SafeString:
    """Draw an image as its layers, base on the left. Takes ImageLayers, or slices already made.

    ``share`` of the width is used, so that several images can be drawn on one scale. With ``lit``, a diff ID,
    the other layers stand back.
    """
    pieces = [piece for piece in image_layers if isinstance(piece, figures.Slice)]
    pieces = pieces or slices(row for row in image_layers if isinstance(row, ImageLayer))
    if not pieces:
        return SafeString('<span class="soft">no layers</span>')
    rects = format_html_join(
        "",
        '<rect class="layer h{}{}" x="{}" width="{}" height="{}"><title>{}</title></rect>',
        (
            (
                bar.hue,
                " back" if lit and piece.diff_id != lit else "",
                f"{bar.start:g}",
                f"{bar.length:g}",
                height,
                bar.title,
            )
            for piece, bar in zip(pieces, figures.bars(pieces, _CORE_WIDTH * share), strict=True)
        ),
    )
    count = len(pieces)
    total = figures.size(sum(piece.size for piece in pieces))
    label = f"{figures.counted(count, 'layer')}, {total} together"
    return format_html(
        '<svg class="core" viewBox="0 0 {0} {1}" preserveAspectRatio="none" height="{1}" role="img" '
        'aria-label="{2}">{3}</svg>',
        _CORE_WIDTH,
        height,
        label,
        rects,
    )


@register.inclusion_tag("parts/field.html")
def field(bound: BoundField) -> dict[str, Any]:
    return {"field": bound, "is_check": isinstance(bound.field.widget, CheckboxInput)}


@register.simple_tag(takes_context=True)
def nav(context: template.Context, *names: str) -> SafeString:
    """Mark a link of the frame as where one is: its own page, or a page below it."""
    here = context["frame"].page
    if not here or here not in names:
        return SafeString("")
    return format_html(' aria-current="{}"', "page" if here == names[0] else "true")


@register.simple_tag(takes_context=True)
def query(context: template.Context, **changes: Any) -> str:
    """Return this page's query string with ``changes``, starting with ``?``."""
    params = context["request"].GET.copy()
    for key, value in changes.items():
        if value in (None, ""):
            params.pop(key, None)
        else:
            params[key] = str(value)
    return "?" + filled(params).urlencode()


@register.simple_tag(takes_context=True)
def sort_head(context: template.Context, key: str, text: str, num: bool = False, css: str = "") -> SafeString:
    """Head a column that sorts; needs ``wanted.sort``. Numbers and times begin with the largest."""
    current = context["wanted"].sort
    first, second = (f"-{key}", key) if num else (key, f"-{key}")
    target = second if current == first else first
    classes = " ".join(part for part in ("num" if num else "", css) if part)
    state = {key: "ascending", f"-{key}": "descending"}.get(current, "")
    return format_html(
        '<th{}{}><a href="{}">{}{}</a></th>',
        format_html(' class="{}"', classes) if classes else "",
        format_html(' aria-sort="{}"', state) if state else "",
        query(context, sort=target, page=None),
        text,
        icon("arrow-up" if state == "ascending" else "arrow-down") if state else "",
    )
