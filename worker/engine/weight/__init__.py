"""What an image weighs and wastes, and whether it keeps its rules."""

from __future__ import annotations

from worker.engine.weight.checking import Finding, Report, Verdict, check, efficiency_json
from worker.engine.weight.efficiency import Efficiency, Wasted, efficiency
from worker.engine.weight.rules import Rule, Rules
from worker.engine.weight.sizes import parse_size
from worker.engine.weight.sums import LayerSum, Sums, sums

__all__ = [
    "Efficiency",
    "Finding",
    "LayerSum",
    "Report",
    "Rule",
    "Rules",
    "Sums",
    "Verdict",
    "Wasted",
    "check",
    "efficiency",
    "efficiency_json",
    "parse_size",
    "sums",
]
