"""What came of checking an image's rules, as lines for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from worker.engine.files import to_text
from worker.engine.weight import Finding, Report, Rule, Verdict
from worker.management.bar import size
from worker.models import Image, ImageLayer

_FINDINGS_SHOWN = 50
_WORST_SHOWN = 10
_COMMAND_SHOWN = 70
_ABOUT_WASTE = frozenset(
    {Rule.LOWEST_EFFICIENCY, Rule.HIGHEST_WASTED_BYTES, Rule.HIGHEST_USER_WASTED_PERCENT}
)


def facts(image: Image, report: Report) -> dict[str, Any]:
    """The report with the image and the layers that it is about."""
    layers = [
        {"position": position, "diff_id": diff_id, "created_by": created_by}
        for position, diff_id, created_by in _layers(image)
    ]
    return {
        "image": image.pk,
        "digest": image.digest,
        "platform": image.platform,
        "project": image.project.slug,
        **report.to_json(),
        "layers": layers,
    }


def lines(image: Image, report: Report) -> Iterator[str]:
    """Yield the report, line by line."""
    commands = {position: created_by for position, _, created_by in _layers(image)}
    known = report.efficiency
    yield f"{image} ({image.platform}, project {image.project.slug})"
    yield (
        f"efficiency {known.score:.4f}, {known.wasted_bytes:,} bytes wasted ({size(known.wasted_bytes)}), "
        f"{known.user_wasted_percent:.4f} of what the layers above the base hold"
    )
    width = max((len(verdict.rule) for verdict in report.verdicts), default=0)
    for verdict in report.verdicts:
        yield f"{'pass' if verdict.passed else 'FAIL'}  {verdict.rule:<{width}}  {verdict.sentence}"
        yield from _findings(verdict, commands)
    if known.worst and any(
        not verdict.passed and verdict.rule in _ABOUT_WASTE for verdict in report.verdicts
    ):
        yield from _worst(report)
    failed = sum(not verdict.passed for verdict in report.verdicts)
    yield f"FAIL: {failed} of {len(report.verdicts)} rules" if failed else _passed(len(report.verdicts))


def _passed(count: int) -> str:
    return "pass: no rule was given" if not count else f"pass: {count} of {count} rules"


def _findings(verdict: Verdict, commands: Mapping[int, str]) -> Iterator[str]:
    for finding in verdict.findings[:_FINDINGS_SHOWN]:
        yield f"        /{to_text(finding.path)}  {_whence(finding, commands)}"
    rest = int(verdict.value) - _FINDINGS_SHOWN if verdict.findings else 0
    if rest > 0:
        yield f"        and {rest:,} more"


def _whence(finding: Finding, commands: Mapping[int, str]) -> str:
    mode = f"{finding.mode:04o}, " if finding.mode is not None else ""
    command = to_text(" ".join(commands.get(finding.layer, "").split()).encode())
    if len(command) > _COMMAND_SHOWN:
        command = command[: _COMMAND_SHOWN - 1] + "…"
    made_by = f" ({command})" if command else ""
    hidden = ""
    if finding.hidden_by is not None:
        hidden = f"; layer {finding.hidden_by + 1} deletes it, and who has the image can still read it"
    return f"{mode}from layer {finding.layer + 1} of {len(commands)}{made_by}{hidden}"


def _worst(report: Report) -> Iterator[str]:
    worst = report.efficiency.worst
    shown = worst[:_WORST_SHOWN]
    yield f"wasted most, of {len(worst):,} paths:"
    for one in shown:
        where = ", ".join(str(layer + 1) for layer in one.layers[:8])
        yield f"  {one.bytes:>15,}  {one.times:>3} times  /{to_text(one.path)}  (layers {where})"


def _layers(image: Image) -> list[tuple[int, str, str]]:
    rows = ImageLayer.objects.filter(image=image).order_by("position")
    return list(rows.values_list("position", "layer__diff_id", "created_by"))
