"""The layers of a job as its page draws them: a line each, grouped by platform where there are several."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from dashboard.figures import size
from worker.engine.events import Phase
from worker.progress import LayerSnapshot, Snapshot

BAR_WIDTH = 1000
AT_WORK = (Phase.DOWNLOADING, Phase.EXTRACTING)
_CHIPS = {
    Phase.DOWNLOADING: "busy",
    Phase.EXTRACTING: "busy",
    Phase.DONE: "good",
    Phase.PRESENT: "good",
}


@dataclass(frozen=True, slots=True)
class LayerBar:
    """One line of the table.

    Attributes:
        number: among all layers of the job, from 1.
        place: in its image, from 1, the base.
        width: of what is done, in :data:`BAR_WIDTH` steps.
        again: whether the layer has a line above already.
    """

    number: int
    place: int
    diff_id: str
    width: int
    percent: int
    phase: str
    chip: str
    done: str
    size: str
    speed: str
    again: bool


@dataclass(frozen=True, slots=True)
class LayerGroup:
    """The layers of one image. ``platform`` is empty if it is the only one; ``done`` counts its layers."""

    platform: str
    layers: list[LayerBar]
    done: int

    @property
    def is_done(self) -> bool:
        return self.done == len(self.layers)


def groups_of(snapshot: Snapshot, is_over: bool) -> list[LayerGroup]:
    """Return the layers, image by image; ``is_over``: nothing moves any more."""
    made = []
    for platform, found in groupby(snapshot.layers, key=lambda layer: layer.platform):
        layers = list(found)
        bars = [_bar(layer, place, is_over) for place, layer in enumerate(layers, start=1)]
        made.append(LayerGroup(platform, bars, sum(_is_here(layer) for layer in layers)))
    return made


def place_of(snapshot: Snapshot, position: int) -> tuple[int, str]:
    """Return the place in its image, from 1, of a layer of the job; and the image's platform, or nothing."""
    layers = {layer.position: layer for layer in snapshot.layers}
    if position not in layers:
        return position + 1, ""
    platform = layers[position].platform
    first = min(at for at, layer in layers.items() if layer.platform == platform)
    return position - first + 1, platform


def percent(part: int, whole: int) -> int:
    """Return 100 only for the whole."""
    return 100 if part >= whole else 100 * part // whole


def _is_here(layer: LayerSnapshot) -> bool:
    return Phase(layer.phase) in (Phase.DONE, Phase.PRESENT)


def _bar(layer: LayerSnapshot, place: int, is_over: bool) -> LayerBar:
    phase, here = Phase(layer.phase), _is_here(layer)
    done = layer.size if here else min(layer.done, layer.size)
    return LayerBar(
        number=layer.position + 1,
        place=place,
        diff_id=layer.diff_id,
        width=BAR_WIDTH if here else BAR_WIDTH * done // layer.size if layer.size else 0,
        percent=100 if here else percent(done, layer.size),
        phase="not finished" if is_over and not here else phase.value,
        chip="" if is_over and not here else _CHIPS.get(phase, ""),
        done=size(done),
        size=size(layer.size),
        speed=f"{size(int(layer.speed))}/s" if phase in AT_WORK and layer.speed and not is_over else "",
        again=layer.again and bool(layer.platform),
    )
