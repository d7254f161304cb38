"""Pictures of weight, to scale: directories as boxes, and layers as what is seen and hidden of them."""

from __future__ import annotations

from dashboard.weight.drawing import Box, Drawing, Piece, draw
from dashboard.weight.treemap import Rect, squarify

__all__ = ["Box", "Drawing", "Piece", "Rect", "draw", "squarify"]
