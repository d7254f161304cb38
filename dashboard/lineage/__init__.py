"""The family tree of a project's images, from the catalog to a drawing.

``family`` makes a forest of the catalog's graph and narrows it; ``tidy``, ``packing`` and ``drawing`` say
where everything stands; ``svg`` and ``outline`` write it, as a drawing and as a nested list. All but
``layers`` are pure functions.
"""

from dashboard.lineage.drawing import Drawing, draw, draw_tiny
from dashboard.lineage.family import Families, Hidden, Member, families, folded, matching, only_family
from dashboard.lineage.layers import added_layers, top_layers
from dashboard.lineage.outline import outline
from dashboard.lineage.svg import Words, svg, svg_tiny

__all__ = [
    "Drawing",
    "Families",
    "Hidden",
    "Member",
    "Words",
    "added_layers",
    "draw",
    "draw_tiny",
    "families",
    "folded",
    "matching",
    "only_family",
    "outline",
    "svg",
    "svg_tiny",
    "top_layers",
]
