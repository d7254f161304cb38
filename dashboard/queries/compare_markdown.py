"""A comparison as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from dashboard.figures import counted
from dashboard.queries.compare import Pair, Side, compared_configs, compared_files, compared_layers
from dashboard.queries.compare_packages import compared_packages, package_rows
from worker.engine.compare.markdown import Side as Written
from worker.engine.compare.markdown import code, table, write_markdown
from worker.engine.errors import StrataError
from worker.models.package_differences import PackageDifferences

#: So many packages are listed.
_PACKAGES = 200


def markdown_of(pair: Pair, *, with_values: bool) -> str:
    """Write what differs.

    Args:
        with_values: Whether to tell what a container's variables hold.
    """
    try:
        files, why_not = compared_files(pair), ""
    except StrataError as error:
        files, why_not = None, error.message
    packages = compared_packages(pair)
    return write_markdown(
        _written(pair.a),
        _written(pair.b),
        files,
        compared_configs(pair, with_values=with_values),
        layers=said_layers(pair),
        packages=list(_packages(packages)) if packages and packages.is_known else (),
        why_no_files=why_not,
    )


def said_layers(pair: Pair) -> str:
    """Say in a sentence which layers both have."""
    if pair.container is not None:
        return f"The container stands on all {counted(len(pair.a.stack), 'layer')} of its image."
    common = compared_layers(pair)
    a, b = len(pair.a.stack), len(pair.b.stack)
    if common.base == a == b:
        return f"All {counted(a, 'layer')} are the same."
    said = f"{counted(common.base, 'layer')} from the base up in common, of {a} and {b}"
    if common.moved:
        said += f"; {len(common.moved)} more that stand on other layers"
    return f"{said}."


def _written(side: Side) -> Written:
    return Written(str(side), side.digest, side.image.platform)


def _packages(found: PackageDifferences) -> Iterator[str]:
    rows = package_rows(found)
    yield f"{counted(len(rows), 'package')} differ, {found.same:,} are the same.\n"
    if rows:
        cells = [
            (one.ecosystem, code(one.name), _version(one.before), _version(one.after))
            for one in rows[:_PACKAGES]
        ]
        yield from table(("Kind", "Package", "Before", "After"), cells)
    if len(rows) > _PACKAGES:
        yield f"\nand {len(rows) - _PACKAGES:,} more."


def _version(text: str) -> str:
    return code(text) if text else ""
