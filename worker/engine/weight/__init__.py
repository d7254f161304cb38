"""What an image weighs and wastes, and whether it keeps its rules."""

from __future__ import annotations

from worker.engine.weight.checking import Finding, Report, Verdict, check, wasted_json
from worker.engine.weight.efficiency import Efficiency, Wasted, efficiency
from worker.engine.weight.rules import Rule, Rules
from worker.engine.weight.sizes import parse_size

__all__ = [
    "Efficiency",
    "Finding",
    "Report",
    "Rule",
    "Rules",
    "Verdict",
    "Wasted",
    "check",
    "efficiency",
    "parse_size",
    "wasted_json",
]
