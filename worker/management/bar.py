"""A pull's progress on a terminal: one line per layer, or plain lines where nothing can be redrawn."""

from __future__ import annotations

import shutil
import threading
from typing import Self, TextIO

from worker.engine.events import Event, LayerPlan, LayerProgress, Phase, Planned, Resolved, Retrying

_REDRAW_SECONDS = 0.1
_BAR = 24
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_FINISHED = (Phase.DONE, Phase.PRESENT)


def size(count: float) -> str:
    """Return ``count`` bytes in binary units, with three significant digits."""
    value, unit = float(count), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    digits = 0 if unit == 0 or value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:.{digits}f} {_UNITS[unit]}"


class PlainLines:
    """Listen to a pull and print a line whenever a layer enters another phase."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._plans: dict[int, LayerPlan] = {}
        self._phases: dict[int, Phase] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        return None

    def __call__(self, event: Event) -> None:
        match event:
            case Resolved():
                self._print(f"{event.reference} is {event.digest} for {event.platform}")
            case Planned():
                self._plans = {plan.position: plan for plan in event.layers}
                for plan in event.layers:
                    if plan.present:
                        self._phase(plan.position, Phase.PRESENT)
            case LayerProgress():
                self._phase(event.position, event.phase)
            case Retrying():
                self._print(_retrying(event))

    def _phase(self, position: int, phase: Phase) -> None:
        plan = self._plans.get(position)
        if plan is None or self._phases.get(position) is phase or phase is Phase.WAITING:
            return
        self._phases[position] = phase
        total = len(self._plans)
        what = f"layer {position + 1}/{total} {_short(plan.digest)} {size(plan.size)}{_of(plan)}"
        self._print(f"{what}: {phase.value}")

    def _print(self, line: str) -> None:
        print(line, file=self._out, flush=True)


class Bars:
    """Listen to a pull and keep one line per layer on a terminal; a context manager."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._lock = threading.Lock()
        self._plans: dict[int, LayerPlan] = {}
        self._layers: dict[int, LayerProgress] = {}
        self._head = ""
        self._note = ""
        self._drawn = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="progress bars", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._thread.join()
        self._draw(whole=True)

    def __call__(self, event: Event) -> None:
        with self._lock:
            match event:
                case Resolved():
                    # Of several platforms one follows the other.
                    self._head += f", {event.platform}" if self._head else _head(event)
                case Planned():
                    self._plans = {plan.position: plan for plan in event.layers}
                    self._layers = {plan.position: _at_first(plan) for plan in event.layers}
                case LayerProgress():
                    self._layers[event.position] = event
                    self._note = ""
                case Retrying():
                    self._note = _retrying(event)

    def _run(self) -> None:
        while not self._over.wait(_REDRAW_SECONDS):
            self._draw(whole=False)

    def _draw(self, *, whole: bool) -> None:
        columns, rows = shutil.get_terminal_size()
        with self._lock:
            lines = [self._line(position) for position in sorted(self._layers)]
            if not whole and len(lines) > (room := max(1, rows - 4)):
                # More layers than rows: what moves is of interest, then what waits.
                wanted = sorted(self._layers, key=lambda position: (self._rank(position), position))[:room]
                lines = [self._line(position) for position in sorted(wanted)]
            lines = [text for text in (self._head, *lines, self._note) if text]
        up = f"\x1b[{self._drawn}A" if self._drawn else ""
        self._out.write(up + "\x1b[J" + "".join(f"{line[: columns - 1]}\n" for line in lines))
        self._out.flush()
        self._drawn = len(lines)

    def _rank(self, position: int) -> int:
        phase = self._layers[position].phase
        return 2 if phase in _FINISHED else 1 if phase is Phase.WAITING else 0

    def _line(self, position: int) -> str:
        plan, layer = self._plans[position], self._layers[position]
        share = 1.0 if layer.phase in _FINISHED else layer.done / plan.size if plan.size else 0.0
        filled = round(_BAR * min(1.0, share))
        bar = "█" * filled + "░" * (_BAR - filled)
        return f"{_short(plan.digest)} {bar} {size(plan.size):>9}  {layer.phase.value}{_of(plan)}"


def _at_first(plan: LayerPlan) -> LayerProgress:
    phase = Phase.PRESENT if plan.present else Phase.WAITING
    return LayerProgress(plan.position, phase, plan.size if plan.present else 0, plan.size)


def _head(event: Resolved) -> str:
    return f"{event.reference} for {event.platform}"


def _of(plan: LayerPlan) -> str:
    return f" of {plan.platform}" if plan.platform else ""


def _retrying(event: Retrying) -> str:
    when = f"in {event.delay:.0f} s" if event.delay >= 0.5 else "at once"
    return f"{event.reason} Trying again {when} (attempt {event.attempt})."


def _short(digest: str) -> str:
    return digest.partition(":")[2][:12]
