"""How numbers, times and layers are written and drawn: pure functions, the same on every page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
HUES = 36
#: A layer is never drawn thinner than this, in px, as long as half of the drawing remains for proportion.
SLIVER = 5.0


def size(count: int) -> str:
    """Write ``count`` bytes in binary units with three significant digits: ``60.4 MiB``."""
    value = float(count)
    unit = 0
    # 999.5 would round to four digits, so it moves on to the next unit already; whole bytes stay exact.
    while unit < len(_UNITS) - 1 and value >= (1024 if unit == 0 else 999.5):
        value /= 1024
        unit += 1
    if unit == 0:
        return f"{count} B"
    digits = 3 if value < 0.9995 else 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f} {_UNITS[unit]}"


def counted(count: int, noun: str) -> str:
    """Write ``1 layer``, ``4,567 layers``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def duration(seconds: float) -> str:
    """Write a duration in words: ``under 0.1 s``, ``0.4 s``, ``12 s``, ``1 min 20 s``, ``3 h 5 min``."""
    if seconds < 0.1:
        return "under 0.1 s"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def clock(seconds: float) -> tuple[str, str]:
    """Write a duration as one large figure: ``2 s``, ``1:20 min``, ``3:05 h``."""
    whole = round(seconds)
    if whole < 60:
        return (f"{max(0.1, seconds):.1f}" if seconds < 9.95 else str(whole)), "s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02}", "min"
    return f"{whole // 3600}:{whole % 3600 // 60:02}", "h"


def hue(diff_id: str) -> int:
    """Return the hue step (0..35) of a layer: the first 16 bits of its diff ID."""
    hexadecimal = diff_id.rpartition(":")[2]
    return int(hexadecimal[:4], 16) * HUES >> 16


def relative(moment: datetime, now: datetime) -> str:
    """Say when ``moment`` is, seen from ``now``: ``3 min ago``, ``in 2 h``; after 45 days, the date."""
    seconds = (now - moment).total_seconds()
    distance = abs(seconds)
    if distance < 5:
        return "just now"
    if distance < 60:
        text = f"{int(distance)} s"
    elif distance < 3600:
        text = f"{int(distance // 60)} min"
    elif distance < 86400:
        text = f"{int(distance // 3600)} h"
    else:
        days = int(distance // 86400)
        if days == 1 and seconds > 0:
            return "yesterday"
        if days >= 45:
            return f"{moment:%-d %b %Y}"
        text = f"{days} days" if days != 1 else "1 day"
    return f"{text} ago" if seconds > 0 else f"in {text}"


@dataclass(frozen=True, slots=True)
class Slice:
    """One layer of a drawing, base first. ``size`` is bytes, on one scale for the whole drawing."""

    diff_id: str
    size: int
    title: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle: where it starts and how long it is, in px along the drawing; ``place`` counts from 1."""

    place: int
    start: float
    length: float
    hue: int
    title: str


def share_out(sizes: Sequence[int], total: float, sliver: float = SLIVER) -> list[float]:
    """Divide ``total`` px in proportion to ``sizes``, none below ``sliver``; the sum is exactly ``total``.

    With so many layers that slivers would take more than half, a sliver shrinks until they take half.
    """
    if not sizes:
        return []
    sliver = min(sliver, total / 2 / len(sizes))
    lengths = [0.0] * len(sizes)
    thin: set[int] = set()
    while True:
        rest = total - sliver * len(thin)
        weight = sum(value for index, value in enumerate(sizes) if index not in thin)
        thinner = {
            index
            for index, value in enumerate(sizes)
            if index not in thin and (weight == 0 or rest * value / weight < sliver)
        }
        if weight == 0 or not thinner:
            break
        thin |= thinner
    for index, value in enumerate(sizes):
        if weight == 0:
            lengths[index] = total / len(sizes)
        else:
            lengths[index] = sliver if index in thin else rest * value / weight
    return lengths


def bars(slices: Sequence[Slice], total: float) -> list[Bar]:
    """Lay the layers end to end over ``total`` px, with a hair of ground between two of them."""
    drawn: list[Bar] = []
    start = 0.0
    for place, (piece, length) in enumerate(
        zip(slices, share_out([one.size for one in slices], total), strict=True), start=1
    ):
        gap = 0.0 if place == len(slices) else min(1.5, length / 4)
        drawn.append(Bar(place, round(start, 2), round(length - gap, 2), hue(piece.diff_id), piece.title))
        start += length
    return drawn
