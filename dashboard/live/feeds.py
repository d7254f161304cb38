"""What there is to follow: a job, a project. Each reads one Redis Stream from where it stopped."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any, Final

from redis.asyncio import Redis

from dashboard.live.channel import Update
from dashboard.live.messages import done, job_update, topic_update
from dashboard.live.threads import in_thread
from dashboard.live.waiting import Waiting, waiting
from worker.models import FINAL_STATES, Job, JobState
from worker.progress import TOPICS, Snapshot, job_key, of_job, project_key

BLOCK_SECONDS = 5.0
"""How long one read waits in Redis; a quiet job's row is looked at as often."""

ROW_GRACE_SECONDS = 2.0
"""How long the row may lag behind the stream that says that the job ended."""

COALESCE_SECONDS = 1.0
"""A topic is announced at most once in this time."""

_START: Final = "0-0"
_MISSED_AT_MOST = 1000


def entry_id(at: datetime) -> str:
    """Return the entry id from which a stream tells all that happened after ``at``.

    Entry ids are the milliseconds of Redis' clock, which may differ from ours by a little: telling something
    twice is harmless, so the margin is generous.
    """
    return f"{int((at - timedelta(seconds=3)).timestamp() * 1000)}-0"


class JobFeed:
    """Every entry is the whole job, so the newest is all that anybody needs.

    The stream is the quick messenger, the row is the truth: it is asked when the job begins, ends or is
    quiet, so an entry that Redis lost (or never got) is made up for.
    """

    def __init__(self, redis: Redis, job_id: int) -> None:
        self.finished = False
        self._redis = redis
        self._job_id = job_id
        self._key = job_key(job_id)
        self._cursor: str | None = None
        self._row: Job | None = None
        self._state = ""
        self._snapshot: Snapshot | None = None
        self._waits_for: Waiting | None = None
        self._newest: list[Update] = []

    async def poll(self) -> list[Update]:
        if self._cursor is None:
            return await self._begin()
        entries = await _read(self._redis, self._key, self._cursor)
        if not entries:
            return await self._look_at_row()
        return await self._tell_entry(*entries[-1])

    async def greet(self, since: str) -> list[Update]:
        return self._newest

    async def interrupted(self) -> list[Update]:
        self._cursor = None
        return await self._look_at_row()

    async def resumed(self) -> list[Update]:
        return await self._begin()

    async def _begin(self) -> list[Update]:
        newest = _decode(await self._redis.xrevrange(self._key, count=1))
        if newest:
            self._row = None  # it is looked at anew
            return await self._tell_entry(*newest[0])
        self._cursor = _START
        return await self._tell_row(await self._load_row())

    async def _tell_entry(self, entry: str, fields: dict[str, str]) -> list[Update]:
        snapshot = Snapshot.from_json(fields["data"])
        self._cursor = entry
        row = self._row
        if row is None or snapshot.state != self._state:
            row = await self._row_that_agrees(snapshot.state)
        if row.state in FINAL_STATES and row.state != snapshot.state:
            return await self._tell_row(row)
        # Who runs has just shown a sign of life.
        waits_for = None
        if snapshot.state != JobState.RUNNING or row.cancel_requested_at is not None:
            waits_for = await in_thread(lambda: waiting(row))
        return await self._tell(row, snapshot, waits_for, entry)

    async def _row_that_agrees(self, state: str) -> Job:
        """Return the row; one that should be final is waited for, shortly."""
        row = await self._load_row()
        tries = int(ROW_GRACE_SECONDS / 0.1) if state in FINAL_STATES else 0
        for _ in range(tries):
            if row.state in FINAL_STATES:
                break
            await asyncio.sleep(0.1)
            row = await self._load_row()
        return row

    async def _look_at_row(self) -> list[Update]:
        row = await self._load_row()
        if row.state != self._state:
            return await self._tell_row(row)
        waits_for = await in_thread(lambda: waiting(row))
        if waits_for != self._waits_for and self._snapshot is not None:
            return await self._tell(row, self._snapshot, waits_for, "")
        return []

    async def _tell_row(self, row: Job) -> list[Update]:
        waits_for = await in_thread(lambda: waiting(row))
        return await self._tell(row, of_job(row), waits_for, "")

    async def _load_row(self) -> Job:
        related = ("project", "image", "container__image", "created_by", "schedule")
        self._row = await in_thread(lambda: Job.objects.select_related(*related).get(pk=self._job_id))
        return self._row

    async def _tell(
        self, row: Job, snapshot: Snapshot, waits_for: Waiting | None, entry: str
    ) -> list[Update]:
        self._state, self._snapshot, self._waits_for = snapshot.state, snapshot, waits_for
        # Only the row ends a stream. A snapshot that says so against the row is shown, and reading goes on.
        self.finished = row.state in FINAL_STATES
        self._newest = [await in_thread(lambda: job_update(row, snapshot, waits_for, entry))]
        if self.finished:
            self._newest.append(done(snapshot))
        return self._newest


class ProjectFeed:
    """Says which topics of a project changed; what changed is for the page to fetch, with its own rights."""

    finished = False

    def __init__(self, redis: Redis, project_id: int, since: str) -> None:
        self._redis = redis
        self._key = project_key(project_id)
        self._cursor = since
        self._told_at = float("-inf")

    async def poll(self) -> list[Update]:
        # What comes meanwhile is read at once, and each topic of it is told once.
        now = asyncio.get_running_loop().time
        await asyncio.sleep(max(0.0, self._told_at + COALESCE_SECONDS - now()))
        entries = await _read(self._redis, self._key, self._cursor)
        if entries:
            self._cursor = entries[-1][0]
            self._told_at = now()
        return _topics(entries)

    async def greet(self, since: str) -> list[Update]:
        # The reader tells what comes after its cursor; what lies between is for this viewer alone.
        if _order(since) >= _order(self._cursor):
            return []
        return _topics(
            _decode(await self._redis.xrange(self._key, f"({since}", self._cursor, count=_MISSED_AT_MOST))
        )

    async def interrupted(self) -> list[Update]:
        return []

    async def resumed(self) -> list[Update]:
        # A Redis that was restarted may have forgotten entries: let the page look at everything once.
        await self._redis.ping()
        return [topic_update(topic, "") for topic in TOPICS]


async def _read(redis: Redis, key: str, cursor: str) -> list[tuple[str, dict[str, str]]]:
    answer: Any = await redis.xread({key: cursor}, block=int(BLOCK_SECONDS * 1000))
    return _decode(answer[0][1]) if answer else []


def _decode(entries: Any) -> list[tuple[str, dict[str, str]]]:
    return [(entry, fields) for entry, fields in entries or ()]


def _topics(entries: list[tuple[str, dict[str, str]]]) -> list[Update]:
    newest = {fields["topic"]: entry for entry, fields in entries}
    in_order = sorted(newest.items(), key=lambda item: _order(item[1]))
    return [topic_update(topic, entry) for topic, entry in in_order]


def _order(entry: str) -> tuple[int, int]:
    milliseconds, _, sequence = entry.partition("-")
    return int(milliseconds), int(sequence or 0)
