"""Lengths to scale, none of them invisible."""

from __future__ import annotations

from collections.abc import Sequence


def bars(sizes: Sequence[int], width: float, *, least: float = 5.0, gap: float = 1.5) -> list[tuple[float, float]]:
    """Divide ``width`` among ``sizes`` and return ``(x, length)`` for each, in order, ``gap`` between them.

    Lengths are proportional, but none is below ``least``: what the small ones get too much, the large ones give.
    With so many parts that even the least lengths do not fit, all shrink (127 layers still show as 127).
    Sizes that are all 0 get equal lengths.
    """
    count = len(sizes)
    if not count:
        return []
    gap = min(gap, width / count / 4)
    room = width - gap * (count - 1)
    least = min(least, room / count / 2)
    lengths = [0.0] * count
    rest = sum(sizes)
    by_size = sorted(range(count), key=sizes.__getitem__)
    for done, i in enumerate(by_size):
        fair = room * sizes[i] / rest if rest else room / (count - done)
        if fair >= least:
            # The rest is at least as large: from here on, plain proportion.
            for j in by_size[done:]:
                lengths[j] = room * sizes[j] / rest if rest else room / (count - done)
            break
        lengths[i] = least
        room -= least
        rest -= sizes[i]
    places: list[tuple[float, float]] = []
    x = 0.0
    for length in lengths:
        places.append((x, length))
        x += length + gap
    return places
