"""Progress on a terminal, and where there is none."""

from __future__ import annotations

import io

import pytest

from worker.engine.events import LayerPlan, LayerProgress, Phase, Planned, Resolved, Retrying
from worker.management.bar import Bars, PlainLines, size

PLANS = tuple(
    LayerPlan(i, f"sha256:{i:012}{'0' * 52}", "d", 2048 * (i + 1), present=i == 0) for i in range(3)
)


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1024, "1.00 KiB"), (10_240, "10.0 KiB"), (63_324_529, "60.4 MiB"),
     (1_048_064, "1.00 MiB"), (10**15, "909 TiB")],
)  # fmt: skip
def test_sizes_have_three_digits(count: int, text: str) -> None:
    assert size(count) == text


def test_plain_lines_tell_each_phase_once() -> None:
    out = io.StringIO()
    with PlainLines(out) as listener:
        listener(Resolved("r/app:1", "sha256:abc", "linux/amd64"))
        listener(Planned(PLANS))
        for done in (1, 2, 3):
            listener(LayerProgress(1, Phase.DOWNLOADING, done, 4096))
        listener(Retrying(1, "The connection was lost.", 1, 0.3))
        listener(Retrying(1, "The connection was lost.", 2, 2.0))
        listener(LayerProgress(1, Phase.DONE, 4096, 4096))
    assert out.getvalue().splitlines() == [
        "r/app:1 is sha256:abc for linux/amd64",
        "layer 1/3 000000000000 2.00 KiB: already here",
        "layer 2/3 000000000001 4.00 KiB: downloading",
        "The connection was lost. Trying again at once (attempt 1).",
        "The connection was lost. Trying again in 2 s (attempt 2).",
        "layer 2/3 000000000001 4.00 KiB: done",
    ]


def test_bars_end_with_one_line_per_layer() -> None:
    out = io.StringIO()
    with Bars(out) as listener:
        listener(Resolved("r/app:1", "sha256:abc", "linux/amd64"))
        listener(Planned(PLANS))
        listener(LayerProgress(1, Phase.DOWNLOADING, 2048, 4096))
    last = out.getvalue().rpartition("\x1b[J")[2].splitlines()
    assert last[0] == "r/app:1 for linux/amd64"
    assert last[1].endswith("2.00 KiB  already here")
    assert last[2].count("█") == last[2].count("░")
    assert last[3].endswith("6.00 KiB  waiting")
    assert len(last) == 4
