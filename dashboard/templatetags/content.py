"""How the content of files is written on pages: ``{% load content %}`` gives

- ``{{ line|visible }}`` a line of text; what would hide in it or turn it is a marked escape
- ``{{ offset|hexadecimal }}`` a number as ``hexdump`` writes offsets: ``0000f3a0``
"""

from __future__ import annotations

from itertools import groupby

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from worker.engine.content.text import shown

register = template.Library()


@register.filter
def visible(line: str) -> str | SafeString:
    # Many lines have nothing to hide; and many characters in a row that have make one mark.
    if line.isascii() and line.isprintable():
        return line
    parts = [
        (is_escape, "".join(text for text, _ in group))
        for is_escape, group in groupby(shown(line), key=lambda part: part[1])
    ]
    return format_html_join(
        "",
        "{}",
        (
            (format_html('<span class="escape">{}</span>', text) if is_escape else text,)
            for is_escape, text in parts
        ),
    )


@register.filter
def hexadecimal(offset: int) -> str:
    return f"{offset:08x}"
