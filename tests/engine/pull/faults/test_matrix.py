"""The table in docs/registry-faults.md names tests that exist, and errors as they are."""

from __future__ import annotations

import re
from pathlib import Path

from worker.engine import errors

HERE = Path(__file__).parent
TABLE = HERE.parents[3] / "docs" / "registry-faults.md"
ROW = re.compile(
    r"\| .+ \| .+ \| (?P<code>\w*) ?\| (?P<temporary>yes|no|) ?\| `(?P<file>\w+\.py)::(?P<test>\w+)` \|"
)
KINDS = {
    kind.code: kind for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "code")
}


def test_each_line_is_proven_and_true() -> None:
    lines = [line for line in TABLE.read_text().splitlines() if line.startswith("| ")][1:]
    assert len(lines) > 40
    for line in lines:
        row = ROW.fullmatch(line)
        assert row is not None, line
        assert f"def {row['test']}(" in (HERE / row["file"]).read_text(), line
        if row["code"]:
            assert KINDS[row["code"]].temporary is (row["temporary"] == "yes"), line
