"""Engine events in, snapshots out: at most ten a second, and always the last one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from django.utils import timezone

from worker.engine.events import Event, Keeping, LayerPlan, LayerProgress, Phase, Planned, Resolved, Retrying
from worker.models import Job
from worker.progress.meter import Meter
from worker.progress.snapshot import ErrorInfo, KeepingInfo, LayerSnapshot, RetryInfo, Snapshot
from worker.progress.stream import publish

_INTERVAL = 0.1
# While nothing happens, say so now and then: the speed shown sinks to nothing.
_QUIET_INTERVAL = 1.0
# After Redis failed, leave it alone for this long.
_REST = 1.0

_HERE = (Phase.DONE, Phase.PRESENT)


@dataclass(slots=True)
class _Layer:
    plan: LayerPlan
    phase: Phase
    done: int = 0
    fetched: int = 0
    unpacked: int = 0
    reached: int = 0
    shared: bool = False
    meter: Meter = field(default_factory=Meter)

    @property
    def moved(self) -> int:
        """The counter whose pace is this layer's speed: of the wire while downloading, else of the disk.

        What somebody else downloads for us comes over the wire, too, but is not counted as ours.
        """
        return self.fetched if self.phase is Phase.DOWNLOADING and not self.shared else self.done

    def follow(self, event: LayerProgress) -> None:
        if (event.phase, event.shared) != (self.phase, self.shared):
            # They count different things; a jump between them is no speed.
            self.meter = Meter()
        self.phase, self.done, self.shared = event.phase, event.done, event.shared
        self.fetched, self.unpacked = event.fetched, event.unpacked
        self.reached = (
            self.plan.size if self.phase in _HERE else max(self.reached, min(event.done, self.plan.size))
        )

    def snapshot(self, at: float) -> LayerSnapshot:
        speed = (
            0.0 if self.phase in _HERE or self.phase is Phase.WAITING else self.meter.sample(self.moved, at)
        )
        return LayerSnapshot(
            position=self.plan.position,
            digest=self.plan.digest,
            diff_id=self.plan.diff_id,
            size=self.plan.size,
            phase=self.phase.value,
            done=self.done,
            fetched=self.fetched,
            unpacked=self.unpacked,
            speed=round(speed, 1),
            platform=self.plan.platform,
            again=self.plan.again,
        )


class Reporter:
    """Listen to one run of a job and publish where it stands.

    A context manager. Call it with events, from any thread; it never blocks on Redis: a thread of its own
    publishes. :meth:`finish` returns the last snapshot, to be published once the row says the same.
    """

    def __init__(self, job: Job, emit: Callable[[Snapshot], bool] = publish) -> None:
        self._job_id, self._kind = job.pk, job.kind
        self._reference, self._platform = job.reference, job.platform
        self._digest = job.image.digest if job.image else ""
        self._state = job.state
        self._emit = emit
        self._lock = threading.Lock()
        self._resolved: list[Resolved] = []
        self._layers: dict[int, _Layer] = {}
        self._keeping: KeepingInfo | None = None
        self._kept = Meter()
        self._retrying: RetryInfo | None = None
        self._error: ErrorInfo | None = None
        self._peak = 0.0
        self._news = threading.Event()
        self._ended = threading.Event()
        self._pump = threading.Thread(target=self._run, name=f"progress of job {job.pk}", daemon=True)

    def __enter__(self) -> Self:
        self._news.set()
        self._pump.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def __call__(self, event: Event) -> None:
        with self._lock:
            match event:
                case Resolved():
                    self._resolved.append(event)
                    self._digest = self._resolved[0].digest
                    self._platform = ",".join(found.platform for found in self._resolved)
                case Planned():
                    self._layers = {plan.position: _new_layer(plan) for plan in event.layers}
                case LayerProgress():
                    if event.position in self._layers:
                        self._layers[event.position].follow(event)
                    if self._retrying is not None and self._retrying.position in (None, event.position):
                        self._retrying = None
                case Keeping():
                    if self._keeping is None or self._keeping.step != event.step:
                        # Each step counts its own bytes.
                        self._kept = Meter()
                    self._keeping = KeepingInfo(
                        event.step, event.done, event.total, event.bytes, event.subject
                    )
                case Retrying():
                    self._retrying = RetryInfo(event.position, event.reason, event.attempt, event.delay)
        self._news.set()

    def snapshot(self) -> Snapshot:
        """Return where the run stands now."""
        with self._lock:
            return self._snapshot()

    def finish(self, state: str, error: ErrorInfo | None = None) -> Snapshot:
        """Publish nothing more; return the end of the run (or that it is queued again)."""
        self._stop()
        with self._lock:
            self._state, self._error, self._retrying = state, error, None
            return self._snapshot()

    def _snapshot(self) -> Snapshot:
        now = time.monotonic()
        layers = tuple(self._layers[position].snapshot(now) for position in sorted(self._layers))
        # A layer that is there twice is brought once, and counts once.
        counted = [layer for layer in self._layers.values() if not layer.plan.again]
        speed = sum(layer.speed for layer in layers if not layer.again)
        if self._keeping is not None:
            speed += self._kept.sample(self._keeping.bytes, now)
        self._peak = max(self._peak, speed)
        done = sum(layer.reached for layer in counted)
        total = sum(layer.plan.size for layer in counted)
        return Snapshot(
            job=self._job_id,
            state=self._state,
            kind=self._kind,
            reference=self._reference,
            digest=self._digest,
            platform=self._platform,
            layers=layers,
            fetched=sum(layer.fetched for layer in counted),
            to_fetch=sum(layer.plan.size for layer in counted if not layer.plan.present),
            present_bytes=sum(layer.plan.size for layer in counted if layer.plan.present),
            done=done,
            total=total,
            speed=round(speed, 1),
            peak_speed=round(self._peak, 1),
            seconds_left=round((total - done) / speed, 1) if speed > 0 and layers else None,
            retrying=self._retrying,
            error=self._error,
            keeping=self._keeping,
            at=timezone.now().isoformat(),
        )

    def _run(self) -> None:
        while not self._ended.is_set():
            self._news.wait(_QUIET_INTERVAL)
            self._news.clear()
            if self._ended.is_set():
                return
            self._ended.wait(_INTERVAL if self._emit(self.snapshot()) else _REST)

    def _stop(self) -> None:
        self._ended.set()
        self._news.set()
        if self._pump.is_alive() and self._pump is not threading.current_thread():
            self._pump.join()


def _new_layer(plan: LayerPlan) -> _Layer:
    if plan.present:
        return _Layer(plan, Phase.PRESENT, done=plan.size, reached=plan.size)
    return _Layer(plan, Phase.WAITING)
