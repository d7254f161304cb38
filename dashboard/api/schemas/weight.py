"""What images weigh and waste, and whether they keep rules."""

from __future__ import annotations

from ninja import Schema

from dashboard.api.schemas.common import Bytes, Digest


class WastedOut(Schema):
    """A path that several layers have: in how many, and the bytes of all copies. ``layers`` are positions."""

    path: str
    times: int
    bytes: Bytes
    layers: list[int]
    removed: bool


class RuleFindingOut(Schema):
    """A path that breaks a rule.

    ``layer`` is the position of the layer to blame, ``hidden_by`` that of the one that deletes it, if one
    does; then ``mode`` is null.
    """

    path: str
    layer: int
    mode: str | None
    hidden_by: int | None
    pattern: str | None


class VerdictOut(Schema):
    """What came of one rule. ``value`` is null if it is infinite: all is wasted, and nothing can be compared.

    ``findings`` are the first thousand; ``value`` counts all.
    """

    rule: str
    passed: bool
    limit: float
    value: float | None
    message: str
    findings: list[RuleFindingOut]


class EfficiencyOut(Schema):
    """As dive defines it: see docs/weight.md. ``user_wasted_percent`` is a ratio; null if it is infinite."""

    efficiency: float
    wasted_bytes: Bytes
    user_wasted_percent: float | None
    user_bytes: Bytes
    total_bytes: Bytes
    wasted_paths: int
    worst: list[WastedOut]


class CheckOut(EfficiencyOut):
    """An image held against rules. ``worst`` are the first fifty of ``wasted_paths``."""

    image: int
    digest: Digest
    passed: bool
    rules: list[VerdictOut]


class LayersWeightOut(Schema):
    """Bytes of some layers, each counted once; null where one was never unpacked."""

    layers: int
    compressed: Bytes
    unpacked: Bytes | None
    content: Bytes | None


class FilesWeightOut(Schema):
    """Bytes in the files of all layers.

    ``seen`` are shown by the image, ``hidden`` are overwritten or deleted by later layers. ``distinct``
    counts files of the same content once, ``repeated`` is the rest.
    """

    content: Bytes
    seen: Bytes
    hidden: Bytes
    distinct: Bytes
    repeated: Bytes
    files: int
    distinct_files: int


class WeightOut(Schema):
    """What an image weighs: all of it, what no other image of its project has, and what others have, too.

    ``files`` and ``efficiency`` are null until every layer is extracted.
    """

    image: int
    whole: LayersWeightOut
    unique: LayersWeightOut
    shared: LayersWeightOut
    files: FilesWeightOut | None
    efficiency: EfficiencyOut | None


class AmountOut(Schema):
    """Bytes of some layers, each counted once, as far as they are known; ``unknown`` were never unpacked."""

    layers: int
    compressed: Bytes
    unpacked: Bytes
    content: Bytes
    unknown: int


class RepositoryWeightOut(Schema):
    """One repository; images belong to the one that they were pulled from first.

    ``unique`` are the layers that no other repository of the project has. ``apart`` are the unpacked bytes
    that its images would take if each kept its own layers.
    """

    registry: str
    repository: str
    images: int
    whole: AmountOut
    unique: AmountOut
    apart: Bytes


class ProjectWeightOut(Schema):
    """What a project weighs.

    ``unique`` are the layers that only one image has, ``between`` the unpacked bytes that several
    repositories share. ``items`` are of ``total`` repositories, the one with the most bytes of its own first.
    """

    project: str
    images: int
    whole: AmountOut
    unique: AmountOut
    between: Bytes
    apart: Bytes
    total: int
    items: list[RepositoryWeightOut]
    next: str | None
