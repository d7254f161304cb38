"""A family of images as a value, and how it is written: for people, and for other programs' drawings."""

from __future__ import annotations

from worker.engine.lineage.graphs import dot, mermaid
from worker.engine.lineage.outline import outline
from worker.engine.lineage.tree import Family, Kin, Member

__all__ = ["Family", "Kin", "Member", "dot", "mermaid", "outline"]
