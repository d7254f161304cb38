"""``{% load weight %}`` gives ``{{ ratio|percent }}``: ``98.4 %``; 100 or 0 only for exactly that."""

from __future__ import annotations

import math

from django import template

register = template.Library()


@register.filter
def percent(ratio: float) -> str:
    if not math.isfinite(ratio):
        return "∞"
    tenths = round(ratio * 1000)
    if ratio not in (0, 1):
        tenths = 1 if tenths == 0 else 999 if tenths == 1000 else tenths
    return f"{tenths / 10:,.0f} %" if tenths % 10 == 0 else f"{tenths / 10:,.1f} %"
