"""What differs between two images, or between a container and its image: files, configs, layers.

Pure: trees and configs in, values out; only a container's own files are read. Texts side by side are in
``compare.text``, imported by its own name.
"""

from __future__ import annotations

from worker.engine.compare.config import ConfigComparison, Setting, Step, compare_configs
from worker.engine.compare.directories import DirectoryTree
from worker.engine.compare.layers import LayersInCommon, layers_in_common
from worker.engine.compare.selection import SORTS, Selection
from worker.engine.compare.trees import Comparison, compare, compare_entries
from worker.engine.compare.values import Aspect, Count, Difference, DirectoryGrowth, Entry, Kind

__all__ = [
    "SORTS",
    "Aspect",
    "Comparison",
    "ConfigComparison",
    "Count",
    "Difference",
    "DirectoryGrowth",
    "DirectoryTree",
    "Entry",
    "Kind",
    "LayersInCommon",
    "Selection",
    "Setting",
    "Step",
    "compare",
    "compare_configs",
    "compare_entries",
    "layers_in_common",
]
