"""Tables of what was measured, for people."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from benchmarks.compare import Result

_MIB = 1 << 20


def pulls(name: str, size: int, layers: int, results: Sequence[Result]) -> str:
    """One image: a line for each tool; ratios are of medians, to Strata's."""
    lines = [
        f"\n{name} ({size / _MIB:.0f} MiB, {layers} layers)",
        f"  {'':16}{'median':>9}{'best':>9}{'worst':>9}{'ratio':>8}{'CPU':>9}{'memory':>10}  version",
    ]
    for result in results:
        seconds = [run.seconds for run in result.runs]
        cpu = statistics.median(run.cpu for run in result.runs)
        memory = max(run.memory for run in result.runs) / _MIB
        ratio = f"{result.ratio:7.2f}x" if result.ratio else " " * 8
        lines.append(
            f"  {result.tool.name:16}{result.median:8.2f}s{min(seconds):8.2f}s{max(seconds):8.2f}s{ratio}"
            f"{cpu:8.2f}s{memory:6.0f} MiB  {result.tool.version}"
        )
    return "\n".join(lines)


def shares(title: str, seconds: Mapping[str, float], whole: float) -> str:
    """Parts of a whole, in seconds of CPU."""
    lines = [f"\n{title}"]
    lines += [f"  {part:38}{used:8.2f}s{used / whole:8.0%}" for part, used in seconds.items()]
    return "\n".join(lines)
