"""Real processes that work on a store, and are killed: forked from one that has imported everything.

So the next one costs milliseconds, and a hundred of them a minute.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.engine.pull.helpers import pull_it
from worker.engine.errors import StrataError
from worker.engine.events import ignore
from worker.engine.extract import extract
from worker.engine.housekeeping import collect, scrub
from worker.engine.registry import Endpoint
from worker.engine.store import Store

_PROGRAM = "from tests.engine.crashes.processes import serve; serve()"


class Work:
    """One process at work, and the children that it starts."""

    def __init__(self, pid: int, result: Path) -> None:
        self.pid = pid
        self._result = result
        self._fd = os.pidfd_open(pid)  # a zombie at worst: nobody has waited for it

    def kill(self, chance: random.Random) -> None:
        """Kill it in one of the ways in which processes are killed; return when all of it is gone."""
        family = [self._fd, *self._open_children()]
        how = chance.choice(("alone", "all", "a child first"))
        victims = {"alone": family[:1], "all": family, "a child first": [*family[1:][-1:], self._fd]}[how]
        for victim in victims:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(victim, signal.SIGKILL)
            if how == "a child first":
                time.sleep(chance.uniform(0, 0.01))
        for fd in family:
            assert select.select([fd], [], [], 30)[0], "a child outlives its parent"
            os.close(fd)

    def done(self, seconds: float = 0) -> bool:
        """Whether it ends by itself, within so many seconds."""
        return bool(select.select([self._fd], [], [], seconds)[0])

    def result(self, seconds: float = 120) -> dict[str, Any]:
        """Wait for what it returned: ``{"error": ...}`` if it failed."""
        assert self.done(seconds), "it hangs"
        os.close(self._fd)
        found: dict[str, Any] = json.loads(self._result.read_text())
        return found

    def children(self) -> list[int]:
        """Its living children, and theirs."""
        return list(_descendants(self.pid))

    def _open_children(self) -> list[int]:
        fds = []
        for pid in self.children():
            with contextlib.suppress(ProcessLookupError):
                fds.append(os.pidfd_open(pid))
        return fds


class Workshop:
    """Starts processes. A context manager."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._count = 0

    def __enter__(self) -> Workshop:
        self._server = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._server.kill()
        self._server.communicate()

    def start(self, task: str, store: Store, **arguments: object) -> Work:
        """Begin a task (the last lines of this file) in a process of its own."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._count += 1
        result = self._scratch / f"result-{self._count}"
        request = {"task": task, "store": str(store.root), "result": str(result), **arguments}
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        return Work(int(self._server.stdout.readline()), result)


def serve() -> None:
    """Fork a process for each line of standard input; say its number."""
    children: list[int] = []
    for line in sys.stdin:
        for child in list(children):
            # Those that ended before this request: whoever asked has their number no more.
            if os.waitpid(child, os.WNOHANG)[0]:
                children.remove(child)
        pid = os.fork()
        if pid == 0:
            _run(json.loads(line))
        children.append(pid)
        print(pid, flush=True)


def _run(request: dict[str, Any]) -> None:
    os.setsid()
    store, result = Store(Path(request["store"])), Path(request["result"])
    try:
        answer = _TASKS[request["task"]](store, request)
    except StrataError as error:
        answer = {"error": error.code, "message": error.message}
    except BaseException as error:
        answer = {"error": "crash", "message": repr(error)}
        raise
    finally:
        result.with_suffix(".part").write_text(json.dumps(answer))
        result.with_suffix(".part").replace(result)
        os._exit(0)


def _pull(store: Store, request: dict[str, Any]) -> dict[str, Any]:
    pulled = pull_it(store, request["name"], stall_timeout=request.get("stall_timeout", 60.0))
    return {"fetched": pulled.bytes_fetched, "extracted": pulled.layers_extracted}


def _collect(store: Store, request: dict[str, Any]) -> dict[str, Any]:
    collected = collect(store, partials_older_than=request.get("partials_older_than", 86400.0))
    return {"items": len(collected.items)}


def _scrub(store: Store, request: dict[str, Any]) -> dict[str, Any]:
    found = scrub(
        store,
        repair=request.get("repair", False),
        endpoint_of=lambda host: Endpoint(host, insecure=True),
        listener=ignore,
    )
    return {
        "findings": [
            [finding.kind, finding.code, finding.message, finding.repaired] for finding in found.findings
        ]
    }


def _churn(store: Store, request: dict[str, Any]) -> dict[str, Any]:
    """Pull, look whether all of it is there, and forget, again and again: for ``seconds``."""
    chance, until = random.Random(request["seed"]), time.monotonic() + request["seconds"]
    pulls = fetched = 0
    while time.monotonic() < until:
        pulled = pull_it(store, chance.choice(request["names"]))
        pulls, fetched = pulls + 1, fetched + (pulled.bytes_fetched > 0)
        for part in pulled.layers:
            assert store.blobs.has(part.digest) or not part.blob_present
        assert extract(store, pulled.digest).unchanged
        if chance.random() < 0.7:
            store.images.forget(pulled.digest)
            store.shallow_images.forget(pulled.digest)
    return {"pulls": pulls, "fetched": fetched}


def _collect_on(store: Store, request: dict[str, Any]) -> dict[str, Any]:
    """Collect, again and again, and even what was begun a moment ago: for ``seconds``."""
    until = time.monotonic() + request["seconds"]
    runs = items = 0
    while time.monotonic() < until:
        items += len(collect(store, partials_older_than=0).items)
        runs += 1
    return {"runs": runs, "items": items}


_TASKS = {"pull": _pull, "collect": _collect, "scrub": _scrub, "churn": _churn, "collect on": _collect_on}


def _descendants(pid: int) -> Iterator[int]:
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in tasks.read_text().split():
                yield int(child)
                yield from _descendants(int(child))
