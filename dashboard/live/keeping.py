"""What a job that keeps the store in order shows: while it runs, its step; afterwards, what came of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dashboard.figures import clock, counted, size
from dashboard.live.bars import percent
from dashboard.live.figure import Figure, in_bytes, in_speed, seconds_between
from worker.models import Job, JobKind, JobState
from worker.progress import Snapshot

_DIGEST = re.compile(r"\b(sha256:[0-9a-f]{12})[0-9a-f]{52}\b")
_KINDS = {
    "blob": "blob",
    "layer": "extracted layer",
    "partial": "unfinished download",
    "container": "half-made container",
    "other": "other file",
}

_WHY = {
    "image": "an image that came meanwhile",
    "work": "a running pull or extraction",
    "container": "a container",
}


@dataclass(frozen=True, slots=True)
class Share:
    """What went of one kind."""

    kind: str
    count: int
    bytes: int


class KeepingPicture:
    """The row and the snapshot of such a job, in words and widths."""

    def __init__(self, job: Job, snapshot: Snapshot) -> None:
        self._job = job
        self._snapshot = snapshot
        self._kind = JobKind(job.kind)
        self.result: dict[str, Any] = job.result

    @property
    def is_dry_run(self) -> bool:
        return bool(self._job.arguments.get("dry_run"))

    @property
    def step(self) -> str:
        """What it does now; of its first step before that began."""
        return self._snapshot.keeping.step if self._snapshot.keeping else "beginning"

    @property
    def subject(self) -> str:
        """What it works on, shortened where it is a digest."""
        subject = self._snapshot.keeping.subject if self._snapshot.keeping else ""
        algorithm, colon, digits = subject.partition(":")
        return f"{algorithm}:{digits[:12]}…" if colon and algorithm == "sha256" else subject

    @property
    def has_bar(self) -> bool:
        return self._snapshot.keeping is not None and self._snapshot.keeping.total > 0

    @property
    def percent(self) -> int:
        """Of the things that its step deals with; 100 only once all are done."""
        now = self._snapshot.keeping
        return percent(now.done, now.total) if now is not None and now.total else 0

    @property
    def counted(self) -> str:
        """``123 of 4,567``."""
        now = self._snapshot.keeping
        if now is None:
            return ""
        return f"{now.done:,} of {now.total:,}" if now.total else f"{now.done:,}" if now.done else ""

    @property
    def is_sound(self) -> bool:
        """Whether nothing of what it came upon needs anybody's attention."""
        return not (self.remaining or self.result.get("damaged"))

    @property
    def outcome(self) -> str:
        """What came of it, in a sentence; empty unless it succeeded."""
        if self._job.state != JobState.SUCCEEDED:
            return ""
        match self._kind:
            case JobKind.COLLECT:
                return self._collected()
            case JobKind.SCRUB:
                return self._scrubbed()
            case JobKind.REMOVE:
                return self._removed()
        return self._rebuilt()

    def figures(self, is_final: bool) -> list[Figure]:
        """Return the row on top; nothing before the work has begun."""
        return list(self._final() if is_final else self._running())

    @property
    def shares(self) -> list[Share]:
        """What a collection or a removal cleared away, by kind, the heaviest first."""
        kinds = self.result.get("kinds", {})
        made = [Share(_KINDS.get(kind, kind), part["count"], part["bytes"]) for kind, part in kinds.items()]
        return sorted(made, key=lambda share: -share.bytes)

    @property
    def items(self) -> list[dict[str, Any]]:
        """The largest things that a collection or a removal cleared away."""
        items = self.result.get("items", [])
        return [{**item, "label": _KINDS.get(item["kind"], item["kind"])} for item in items]

    @property
    def findings(self) -> list[dict[str, Any]]:
        """What a scrub found, still damaged things first; digests within sentences are shortened."""
        return [
            {
                **finding,
                "message": _DIGEST.sub(r"\1…", finding["message"]),
                "is_digest": bool(_DIGEST.fullmatch(finding["subject"])),
            }
            for finding in self.result.get("findings", [])
        ]

    @property
    def more_items(self) -> int:
        return int(self.result.get("count", 0)) - len(self.result.get("items", []))

    @property
    def more_findings(self) -> int:
        return int(self.result.get("found", 0)) - len(self.result.get("findings", []))

    @property
    def remaining(self) -> int:
        """Findings of a scrub that are not repaired."""
        return int(self.result.get("found", 0)) - int(self.result.get("repaired", 0))

    def _running(self) -> Iterator[Figure]:
        now = self._snapshot.keeping
        if now is None:
            return
        if now.total:
            yield Figure("Done", str(self.percent), "%", f"of this step: {self.step}")
        yield Figure("Dealt with", self.counted or "—", "", self.step)
        yield Figure("Bytes", *in_bytes(now.bytes), "in this step")
        yield Figure("Speed", *(in_speed(self._snapshot.speed) if self._snapshot.speed else ("—", "")))

    def _final(self) -> Iterator[Figure]:
        result = self.result
        if self._job.state == JobState.SUCCEEDED:
            match self._kind:
                case JobKind.COLLECT:
                    label = "To be freed" if self.is_dry_run else "Freed"
                    yield Figure(label, *in_bytes(result["bytes"]), counted(result["count"], "thing"))
                case JobKind.SCRUB:
                    yield Figure("Read", *in_bytes(result["bytes"]), "of blobs and files")
                    yield Figure("Blobs", f"{result['blobs']:,}", "", "hashed")
                    yield Figure("Layers", f"{result['layers']:,}", "", "compared with their file index")
                    yield Figure("Findings", f"{result['found']:,}", "", f"{result['repaired']:,} repaired")
                case JobKind.REMOVE:
                    yield Figure("Freed", *in_bytes(result["bytes"]), counted(result["count"], "thing"))
                    if result["foreseen"] is not None:
                        yield Figure("Foreseen", *in_bytes(result["foreseen"]), self._difference)
                    yield Figure("Images removed", f"{result['removed']:,}")
                    yield Figure("Stays after all", *in_bytes(result["stay_bytes"]), self._stayed)
                case JobKind.REBUILD:
                    yield Figure("Images in the store", f"{result['in_store']:,}")
                    yield Figure("Images added", f"{result['added']:,}", "", counted(result["tags"], "tag"))
                    yield Figure("Not readable", f"{result['damaged']:,}", "", "in the store")
                    yield Figure("Without manifest", f"{result['missing']:,}", "", "in the catalog only")
        seconds = seconds_between(self._job.started_at, self._job.finished_at)
        yield Figure("Took", *(("—", "") if seconds is None else clock(seconds)))

    def _collected(self) -> str:
        count, freed = self.result["count"], size(self.result["bytes"])
        if not count:
            return "There is no garbage."
        if self.is_dry_run:
            return f"{freed} would be freed, in {counted(count, 'thing')} that nothing needs."
        return f"{freed} freed: {counted(count, 'thing')} that nothing needed."

    def _removed(self) -> str:
        images, freed = counted(self.result["removed"], "image"), size(self.result["bytes"])
        if not self.result["stay"]:
            return f"{images} removed, {freed} freed."
        return (
            f"{images} removed, {freed} freed; {size(self.result['stay_bytes'])} less than foreseen, "
            "because somebody has begun to need it."
        )

    @property
    def _difference(self) -> str:
        less = int(self.result["foreseen"]) - int(self.result["bytes"])
        if not less:
            return "exactly what went"
        return f"{size(abs(less))} {'less' if less > 0 else 'more'} went"

    @property
    def _stayed(self) -> str:
        stay = int(self.result["stay"])
        return f"{counted(stay, 'thing')} needed again" if stay else "nothing was needed again"

    @property
    def stays(self) -> list[dict[str, Any]]:
        """What a removal left, because somebody has begun to need it; the largest of it."""
        return [
            {**item, "label": _KINDS[item["kind"]], "because": _WHY[item["why"]]}
            for item in self.result.get("stays", [])
        ]

    def _scrubbed(self) -> str:
        if not self.result["found"]:
            return "Nothing is damaged."
        found = counted(self.result["found"], "finding")
        if not self.remaining:
            return f"{found}, all repaired."
        if not self.result["repaired"]:
            return f"{found}, not repaired."
        remain = "1 remains" if self.remaining == 1 else f"{self.remaining:,} remain"
        return f"{found}, {self.result['repaired']:,} repaired: {remain}."

    def _rebuilt(self) -> str:
        added, tags = self.result["added"], self.result["tags"]
        if not (added or tags or self.result["completed"]):
            return "The catalog has everything that the store has."
        return f"{counted(added, 'image')} and {counted(tags, 'tag')} added to the catalog."
