"""Which layers' file indexes are being made anew, and which could not be: a note of each in Redis."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass

import redis

from worker.engine.errors import StrataError
from worker.progress.stream import client

logger = logging.getLogger(__name__)

_ASKED_SECONDS = 60  # then nobody seems to come, and it is asked for again
_AT_WORK_SECONDS = 30  # after its last sign of life a worker is taken for dead
_FAILED_SECONDS = 2 * 60  # then it is tried again


@dataclass(frozen=True, slots=True)
class Mending:
    """How it stands with one index.

    Attributes:
        under_way: It is asked for, or being made.
        message, hint: Why it could not be made; empty while it is under way.
    """

    under_way: bool
    message: str = ""
    hint: str = ""


def begin_mending(diff_id: str) -> Mending | None:
    """Note that an index is to be made; return what is noted already, of which None means: go ahead."""
    note = json.dumps(asdict(Mending(under_way=True)))
    try:
        if client().set(_key(diff_id), note, nx=True, ex=_ASKED_SECONDS):
            return None
        known = client().get(_key(diff_id))
    except redis.RedisError as error:
        logger.warning("Redis does not note the mending of %s: %s", diff_id, error)
        return None
    return Mending(**json.loads(known)) if known else None


def keep_mending(diff_id: str) -> None:
    """Show a sign of life of whoever makes the index, every ten seconds or so."""
    note = json.dumps(asdict(Mending(under_way=True)))
    try:
        client().set(_key(diff_id), note, ex=_AT_WORK_SECONDS)
    except redis.RedisError as error:
        logger.debug("Redis does not note the mending of %s: %s", diff_id, error)


def end_mending(diff_id: str, error: StrataError | None) -> None:
    """Note how it ended."""
    try:
        if error is None:
            client().delete(_key(diff_id))
        else:
            note = json.dumps(asdict(Mending(False, error.message, error.hint)))
            client().set(_key(diff_id), note, ex=_FAILED_SECONDS)
    except redis.RedisError as problem:
        logger.warning("Redis does not note the end of the mending of %s: %s", diff_id, problem)


def _key(diff_id: str) -> str:
    return f"strata:mending:{diff_id}"
