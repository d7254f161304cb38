"""conmon and an OCI runtime: create, start and delete one container.

conmon creates the container through the runtime, then stays as its parent: it writes the log and, at the
end, the exit code. It is a daemon in a session of its own, so it outlives the worker that started it; it gets
none of the worker's descriptors or variables. Nobody here waits for the end of a pipe that the container
inherits: that would be to wait for the container.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from worker.engine.containers import defaults
from worker.engine.containers.home import Home
from worker.engine.containers.process import HostProcess
from worker.engine.containers.spec import HostFeatures
from worker.engine.errors import CommandNotFound, RuntimeFailure, RuntimeMissing

LOG_LIMIT = 64 << 20
"""Bytes of log per container; conmon then starts the log anew."""

_TIMEOUT = 60.0
_ENV = {"PATH": defaults.PATH}
_NOT_FOUND = re.compile(
    r"executable file .*not found|no such file or directory|exec format error", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Runtime:
    """The programs that run containers on this machine.

    Attributes:
        path: ``runc`` or ``crun``.
        conmon: The monitor.
        features: What spec they can take here.
    """

    path: Path
    conmon: Path
    features: HostFeatures = field(default_factory=HostFeatures)

    def arguments(self, home: Home) -> tuple[str, ...]:
        """The runtime's global options. What it remembers stands with the container, not in /run."""
        state = f"--root={home.runtime_state}"
        return (state, "--cgroup-manager=cgroupfs") if self.path.name == "crun" else (state,)


@dataclass(frozen=True, slots=True)
class Created:
    """A container that waits to be started: its first process, and the monitor above it."""

    process: HostProcess
    monitor: HostProcess | None


def create(runtime: Runtime, home: Home) -> Created:
    """Create the container of a bundle; its program does not run yet.

    Raises:
        RuntimeFailure: with what the runtime said.
        CommandNotFound: the program is not in the image.
    """
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb", buffering=0) as answers:
        try:
            _spawn_conmon(runtime, home, writer)
        finally:
            os.close(writer)
        answer = _read_line(answers.fileno())
    pid, message = _parse(answer)
    process = HostProcess.find(pid) if pid > 0 else None
    if process is None:
        raise _failure(message or _last_line(home.logs / "conmon.err") or "conmon ended without a word")
    return Created(process, _monitor(home))


def start(runtime: Runtime, home: Home) -> None:
    """Let a created container run its program.

    Raises:
        RuntimeFailure, CommandNotFound: as :func:`create`.
    """
    done = _run(runtime, home, "start", home.id)
    if done.returncode != 0:
        raise _failure(done.stderr)


def delete(runtime: Runtime, home: Home) -> None:
    """Kill what is left of a container, and remove its control group and the runtime's memory of it.

    Idempotent: a container unknown to the runtime is no error.

    Raises:
        RuntimeFailure: the runtime could not.
    """
    if not (home.runtime_state / home.id).exists():
        return
    done = _run(runtime, home, "delete", "--force", home.id)
    if done.returncode != 0 and (home.runtime_state / home.id).exists():
        raise _failure(done.stderr)


def _run(runtime: Runtime, home: Home, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            [runtime.path, *runtime.arguments(home), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env=_ENV,
            timeout=_TIMEOUT,
        )
    except subprocess.TimeoutExpired as error:
        raise RuntimeFailure(
            f"{runtime.path.name} {arguments[0]} gave no answer within {_TIMEOUT:.0f} seconds."
        ) from error
    except FileNotFoundError as error:
        raise RuntimeMissing(f"{runtime.path} is not installed (any more).") from error


def _spawn_conmon(runtime: Runtime, home: Home, sync: int) -> None:
    """Start conmon; return when its first process has left the daemon behind."""
    command = [
        str(runtime.conmon),
        "--api-version=1",
        f"--cid={home.id}",
        f"--cuuid={home.id}",
        f"--name={home.id}",
        f"--runtime={runtime.path}",
        *(f"--runtime-arg={argument}" for argument in runtime.arguments(home)),
        f"--bundle={home.bundle}",
        f"--container-pidfile={home.bundle / 'pid'}",
        f"--conmon-pidfile={home.bundle / 'conmon.pid'}",
        f"--exit-dir={home.exits}",
        f"--log-path=k8s-file:{home.log}",
        f"--log-size-max={LOG_LIMIT}",
        "--log-level=error",
        "--full-attach",
    ]
    with (home.logs / "conmon.err").open("wb") as errors:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                cwd=home.bundle,
                env=_ENV | {"_OCI_SYNCPIPE": str(sync)},
                pass_fds=[sync],
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise RuntimeMissing(f"{runtime.conmon} is not installed (any more).") from error
    try:
        process.wait(_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _read_line(descriptor: int) -> bytes:
    """Read up to a line's end, the pipe's end, or the time limit."""
    deadline = time.monotonic() + _TIMEOUT
    answer = b""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    while not answer.endswith(b"\n") and (left := deadline - time.monotonic()) > 0:
        if not poll.poll(left * 1000):
            break
        part = os.read(descriptor, 65536)
        if not part:
            break
        answer += part
    return answer


def _parse(answer: bytes) -> tuple[int, str]:
    """Read conmon's answer: the process number, or a negative one and the runtime's message."""
    with contextlib.suppress(ValueError):
        value = json.loads(answer)
        if isinstance(value, dict):
            number = value.get("data", value.get("pid"))
            message = value.get("message")
            return number if isinstance(number, int) else -1, message if isinstance(message, str) else ""
    return -1, answer.decode("utf-8", "replace")


def _monitor(home: Home) -> HostProcess | None:
    with contextlib.suppress(OSError, ValueError):
        return HostProcess.find(int((home.bundle / "conmon.pid").read_text()))
    return None


def _failure(output: str) -> RuntimeFailure:
    reason = clean_message(output)
    if _NOT_FOUND.search(reason) and "exec" in reason:
        return CommandNotFound(f"The image's program could not be started: {reason}.")
    return RuntimeFailure(
        f"The container could not be started: {reason}.",
        hint="Check the command, and the image's user and working directory.",
    )


def clean_message(output: str) -> str:
    """Take the runtime's last word out of its log line, without time, level and quotes."""
    lines = [line.strip() for line in output.strip().splitlines() if line.strip()]
    if not lines:
        return "the runtime gave no reason"
    line = lines[-1]
    structured = re.search(r'msg="((?:[^"\\]|\\.)*)"', line)
    if structured:
        line = re.sub(r"\\(.)", r"\1", structured[1])
    line = re.sub(r"^\S*T\S*Z:\s+", "", line)
    line = re.sub(r"^(runc|crun) (create|start|delete|kill) failed: ", "", line)
    return line.rstrip(".")[:1000]


def _last_line(path: Path) -> str:
    with contextlib.suppress(OSError):
        return path.read_text(errors="replace")[-4096:].strip()
    return ""
