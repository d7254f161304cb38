"""A job as its page draws it: the same for the page itself and for the stream behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from django.http import QueryDict
from django.urls import reverse

from dashboard.figures import clock, counted, duration, size
from dashboard.live.bars import AT_WORK, LayerBar, LayerGroup, groups_of, percent, place_of
from dashboard.live.figure import Figure, in_bytes, in_speed, seconds_between
from dashboard.live.keeping import KeepingPicture
from dashboard.live.waiting import Waiting
from worker.engine.errors import InvalidReference
from worker.engine.events import Phase
from worker.engine.oci import Reference
from worker.models import FINAL_STATES, STORAGE_KINDS, Job, JobKind, JobState
from worker.progress import ErrorInfo, LayerSnapshot, Snapshot, error_of

_STATE_CHIPS = {JobState.RUNNING: "warn busy", JobState.SUCCEEDED: "good", JobState.FAILED: "bad"}
_CONTAINER_VERBS = {"create": "Create", "start": "Start", "stop": "Stop", "remove": "Remove"}

# Which page mends what: by error code (worker.engine.errors).
_MENDED_AT_REGISTRIES = {
    "unknown_host", "connection_refused", "registry_error", "registry_timeout", "registry_speaks_http",
    "registry_speaks_tls", "certificate_rejected", "unauthorized", "forbidden", "rate_limited",
    "registry_misbehaved",
}  # fmt: skip
_MENDED_BY_ANOTHER_PULL = {
    "not_in_registry", "repository_not_found", "tag_not_found", "platform_not_found", "not_an_image",
    "invalid_reference", "invalid_platform",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mend:
    """A page on which the cause of a failure can be mended."""

    label: str
    address: str


class JobPicture:
    """What a snapshot says, in words and widths. ``job`` should have its relations loaded."""

    def __init__(self, job: Job, snapshot: Snapshot, waiting: Waiting | None = None) -> None:
        self.job = job
        self.snapshot = snapshot
        self.waiting = waiting
        self.state = JobState(snapshot.state)
        self.kind = JobKind(job.kind)

    @property
    def state_chip(self) -> str:
        """CSS classes of the state's chip."""
        return _STATE_CHIPS.get(self.state, "")

    @property
    def is_final(self) -> bool:
        return self.state in FINAL_STATES

    @property
    def error(self) -> ErrorInfo | None:
        """Why it failed or was cancelled; None for a job that goes well."""
        return self.snapshot.error or error_of(self.job)

    @property
    def platforms(self) -> list[str]:
        """The images', once they are known; else those asked for, perhaps ``all``; empty for the worker's."""
        return [name for name in (self.snapshot.platform or self.job.platform).split(",") if name]

    @property
    def asked_for(self) -> str:
        """The platforms that were asked for, in words; empty for the worker's own."""
        return self.job.platform.replace(",", ", ")

    @property
    def mend(self) -> Mend | None:
        """Where to go about the error; None if no page of ours helps."""
        if self.error is None:
            return None
        slug = self.job.project.slug
        if self.error.code in _MENDED_AT_REGISTRIES:
            return Mend("Open Registries", reverse("registries", args=[slug]))
        if self.kind is JobKind.PULL and self.error.code in _MENDED_BY_ANOTHER_PULL:
            query = QueryDict(mutable=True)
            query["reference"] = self.job.reference
            if self.job.platform:
                query["platform"] = self.job.platform
            return Mend("Change the reference", f"{reverse('pull', args=[slug])}?{query.urlencode()}")
        return None

    @property
    def name(self) -> str:
        """What the job is about, as short as it may be written; of a digest the first 12 digits."""
        if self.keeping is not None:
            return self.job.reference
        if self.kind is not JobKind.CONTAINER:
            try:
                reference = Reference.parse(self.job.reference)
            except InvalidReference:
                return self.job.reference
            name = reference.familiar
            if reference.digest is None:
                return name
            algorithm = reference.digest.algorithm
            return name.replace(str(reference.digest), f"{algorithm}:{reference.digest.short}…")
        return self.job.container.name if self.job.container else self.job.reference

    @property
    def action(self) -> str:
        """What a container's job does, as a verb; empty for other kinds."""
        return _CONTAINER_VERBS.get(self.job.arguments.get("action", ""), "")

    @property
    def is_unchanged(self) -> bool:
        return bool(self.job.result.get("unchanged"))

    @property
    def retrying_layer(self) -> str:
        """The layer that waits for another try: its place, of several platforms also which; or nothing."""
        retrying = self.snapshot.retrying
        if retrying is None or retrying.position is None:
            return ""
        place, platform = place_of(self.snapshot, retrying.position)
        return f"{place} of {platform}" if platform else str(place)

    @property
    def retry_delay(self) -> str:
        return duration(self.snapshot.retrying.delay) if self.snapshot.retrying else ""

    @cached_property
    def keeping(self) -> KeepingPicture | None:
        """What is to say of a job that keeps the store in order; None for other kinds."""
        return KeepingPicture(self.job, self.snapshot) if self.kind in STORAGE_KINDS else None

    @property
    def has_bar(self) -> bool:
        """Whether it can be told how much of the work is done."""
        if self.state is not JobState.RUNNING:
            return False
        return self.keeping.has_bar if self.keeping is not None else self.snapshot.to_fetch > 0

    @property
    def percent(self) -> int:
        """Of the bytes that have to be dealt with in this run; 100 only once all are."""
        if self.keeping is not None:
            return self.keeping.percent
        return percent(self._dealt_with, self.snapshot.to_fetch)

    @property
    def took(self) -> str:
        """How long it ran; empty before the end."""
        seconds = seconds_between(self.job.started_at, self.job.finished_at)
        return "" if seconds is None else duration(seconds)

    @property
    def _dealt_with(self) -> int:
        return max(0, self.snapshot.done - self.snapshot.present_bytes)

    @cached_property
    def _counted(self) -> list[LayerSnapshot]:
        """Each layer once."""
        return [layer for layer in self.snapshot.layers if not layer.again]

    @cached_property
    def groups(self) -> list[LayerGroup]:
        """The layers, image by image."""
        return groups_of(self.snapshot, self.is_final)

    @property
    def layers(self) -> list[LayerBar]:
        return [bar for group in self.groups for bar in group.layers]

    @property
    def figures(self) -> list[Figure]:
        """The row on top: while it runs, what is left; afterwards, what it took."""
        if self.keeping is not None:
            return self.keeping.figures(self.is_final)
        if not self.snapshot.layers or self.kind is JobKind.CONTAINER:
            return []
        return [*(self._final() if self.is_final else self._running()), self._present()]

    def _running(self) -> Iterator[Figure]:
        shot = self.snapshot
        done = "Extracted" if self.kind is JobKind.EXTRACT else "Fetched"
        of_all = f"{size(self._dealt_with)} of {size(shot.to_fetch)}"
        yield Figure(done, str(self.percent), "%", of_all if shot.to_fetch else "everything is here already")
        peak = f"peak {size(int(shot.peak_speed))}/s" if shot.peak_speed else ""
        stands_still = self.waiting is not None and self.waiting.is_trouble
        yield Figure("Speed", *(("—", "") if stands_still else in_speed(shot.speed)), peak)
        at_once = sum(layer.phase in AT_WORK for layer in self._counted)
        note = f"{counted(at_once, 'layer')} at once" if at_once else ""
        left = ("—", "") if stands_still or shot.seconds_left is None else clock(shot.seconds_left)
        yield Figure("Time left", *left, note)

    def _final(self) -> Iterator[Figure]:
        shot = self.snapshot
        made = [layer for layer in self._counted if layer.phase == Phase.DONE]
        count = f"{len(made)} of {counted(len(self._counted), 'layer')}"
        if self.kind is JobKind.EXTRACT:
            # As while it ran: compressed bytes, so that speed and duration fit to them.
            moved = self._dealt_with
            unpacked = size(sum(layer.unpacked for layer in made))
            yield Figure("Extracted", *in_bytes(moved), f"{unpacked} unpacked, {count}")
        else:
            moved = shot.fetched
            yield Figure("Fetched", *in_bytes(moved), self._fetched_note(count))
        seconds = seconds_between(self.job.started_at, self.job.finished_at)
        average = moved / seconds if seconds else 0.0
        # The peak is smoothed; of a run of a second it may come out below the average, and says nothing.
        peak = f"peak {size(int(shot.peak_speed))}/s" if shot.peak_speed >= average > 0 else ""
        yield Figure("Average speed", *(in_speed(average) if average else ("—", "")), peak)
        yield Figure("Took", *(("—", "") if seconds is None else clock(seconds)), self._waited())

    def _fetched_note(self, count: str) -> str:
        shot = self.snapshot
        if not shot.to_fetch:
            return "nothing new"
        if shot.fetched < self._dealt_with:
            return f"of {size(shot.to_fetch)}; the rest had come already"
        return count

    def _waited(self) -> str:
        waited = seconds_between(self.job.created_at, self.job.started_at)
        return f"after {duration(waited)} in the queue" if waited is not None and waited >= 1 else ""

    def _present(self) -> Figure:
        count = sum(layer.phase == Phase.PRESENT for layer in self._counted)
        verb = "extracted" if self.kind is JobKind.EXTRACT else "fetched"
        note = f"{counted(count, 'layer')} not {verb} again" if count else "no layer shared so far"
        return Figure("Already here", *in_bytes(self.snapshot.present_bytes), note)
