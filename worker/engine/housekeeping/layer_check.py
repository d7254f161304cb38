"""Comparing every layer with its file index and its record."""

from __future__ import annotations

import json
import os
import re
from itertools import islice
from pathlib import Path

from worker.engine.errors import LayerMissing, StoreDamaged, StrataError
from worker.engine.housekeeping.blob_check import inside, stray
from worker.engine.housekeeping.compare import Comparison
from worker.engine.housekeeping.filesystem import FileSystem
from worker.engine.housekeeping.report import Report
from worker.engine.layers import FileIndex
from worker.engine.oci import Digest
from worker.engine.store import PARTS

_HEX = re.compile(r"[a-f0-9]{64}")
_SHOWN = 5
_MOST = 10_000  # differences of one layer that are counted


def check_layers(report: Report) -> int:
    """Report each layer that is not as its file index says, and what is no layer; return their number.

    Raises:
        StoreError, Cancelled
        OSError: the directory cannot be read.
    """
    root = report.store.root / "layers"
    found = inside(root / "sha256")
    homes = [path for path in found if _HEX.fullmatch(path.name)]
    for path in [path for path in inside(root) if path.name != "sha256"]:
        stray(report, path)
    for path in [path for path in found if path not in set(homes)]:
        stray(report, path)
    for done, home in enumerate(homes):
        diff_id = Digest("sha256", home.name)
        report.step("comparing layers", done, len(homes), str(diff_id))
        _check(report, home, diff_id)
    report.step("comparing layers", len(homes), len(homes), "")
    _check_containers(report)
    return len(homes)


def _check(report: Report, home: Path, diff_id: Digest) -> None:
    try:
        before = home.lstat()
    except FileNotFoundError:
        return  # somebody took it meanwhile
    try:
        wrong = _differences(report, home, diff_id)
    except (OSError, LayerMissing) as error:
        wrong = [str(error)]
    if wrong and _still(home, before):  # else somebody took or replaced it meanwhile
        shown = "; ".join(wrong[:_SHOWN]) + (
            f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        )
        message = f"The layer {diff_id} is not as its file index says: {shown}."
        report.found_layer(diff_id, "damaged", message)


def _differences(report: Report, home: Path, diff_id: Digest) -> list[str]:
    layers = report.store.layers
    wrong = [f"{path.name!r} is unknown" for path in inside(home) if path.name not in PARTS]
    try:
        info = layers.info(diff_id)
        compared = Comparison(
            layers.tree(diff_id),
            FileIndex(layers.index_path(diff_id)),
            FileSystem(report.store.ingest),
            report.read,
        )
        wrong += islice(compared.differences(), _MOST)
    except (StoreDamaged, LayerMissing) as error:
        return [*wrong, error.message.rstrip(".")]
    if (info.entries, info.content_size) != (compared.entries, compared.content_size) or (
        info.implied is not None and set(info.implied) != compared.implied
    ):
        wrong.append("the layer's record says something else")
    return wrong


def _still(home: Path, before: os.stat_result) -> bool:
    try:
        return os.path.samestat(home.lstat(), before)
    except FileNotFoundError:
        return False


def _check_containers(report: Report) -> None:
    """Every layer that a container stands on must be here."""
    for home in inside(report.store.containers):
        try:
            record = json.loads((home / "container.json").read_bytes())
            diff_ids = [Digest.parse(text) for text in record["diff_ids"]]
        except OSError:
            continue  # half-made, or just removed
        except (ValueError, KeyError, TypeError, StrataError):
            report.found("stray", f"containers/{home.name}", "damaged", "The container's record is damaged.")
            continue
        for diff_id in diff_ids:
            if not report.store.layers.has(diff_id):
                message = f"The layer {diff_id}, which the container {home.name} stands on, is missing."
                report.found_layer(diff_id, "missing", message)
