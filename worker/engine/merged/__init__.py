"""An image's layers over each other: what to mount so that they look as if unpacked one after the other."""

from __future__ import annotations

from worker.engine.merged.inheritance import Attributes
from worker.engine.merged.stack import Stack, trees_of

__all__ = ["Attributes", "Stack", "trees_of"]
