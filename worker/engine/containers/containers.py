"""Containers: a writable layer on an image's trees, and a program that runs in it."""

from __future__ import annotations

import builtins
import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from worker.engine.containers import driver
from worker.engine.containers.about import About
from worker.engine.containers.build import build, lowers_of, overlay_of
from worker.engine.containers.changes import MAX_CHANGES, Change, changes_in
from worker.engine.containers.driver import Runtime
from worker.engine.containers.home import Home
from worker.engine.containers.host import runtime_here
from worker.engine.containers.log import TAIL, LogLine, tail
from worker.engine.containers.overlay import unmount
from worker.engine.containers.plan import ContainerPlan, ContainerStatus, check_id
from worker.engine.containers.run import Run, signal_number, status_of
from worker.engine.disk import disk_errors
from worker.engine.errors import (
    Conflict,
    ContainerStateError,
    NotFound,
    RuntimeFailure,
    RuntimeMissing,
    StoreDamaged,
)
from worker.engine.merged import Stack, trees_of
from worker.engine.store import Content, Store

_KILL = (signal.SIGKILL, 10.0)
"""The signal, and seconds to wait for what it does."""


class Containers:
    """The containers of one store, on this machine.

    Any number of processes and threads may share a store: each container is locked while it changes. The
    runtime and the processes belong to this machine; :meth:`log` and :meth:`changes` need the store only.

    Args:
        store: Where the layers are, and where containers are kept.
        runtime: What runs them; None means whatever works here, found when first needed.
    """

    def __init__(self, store: Store, runtime: Runtime | None = None) -> None:
        self._store = store
        self._runtime = runtime

    @property
    def runtime(self) -> Runtime:
        """What runs the containers.

        Raises:
            RuntimeMissing, RuntimeUnsupported: nothing can, here.
        """
        if self._runtime is None:
            self._runtime = runtime_here()
        return self._runtime

    def list(self) -> list[str]:
        """The ids of all containers, sorted."""
        if not self._store.containers.is_dir():
            return []
        return sorted(path.name for path in self._store.containers.iterdir() if Home(path).exists)

    def create(self, plan: ContainerPlan) -> None:
        """Make a container: mounted and ready to start. On failure nothing of it stays.

        Raises:
            LayerMissing: a layer is not extracted.
            Conflict: there is one of that id.
            CommandNotFound: the program is not in the image.
            MountFailed, RuntimeMissing, RuntimeUnsupported, RuntimeFailure: it can not run here.
            StoreError: the disk is full or refuses.
        """
        self._store.prepare()
        with self._store.pin() as pin:
            # Until the container's record stands, which pins them from then on.
            pin.add(Content(layers=frozenset(plan.diff_ids)))
            stack = Stack.of(self._store.layers, plan.diff_ids)
            before = [tree.stat().st_ino for tree in stack.trees]
            features = self.runtime.features
            home = Home(self._store.containers / plan.id)
            with disk_errors("create the container"), self._claimed(home):
                try:
                    build(home, plan, stack, features)
                    # Who replaces a damaged tree looks at the containers while he keeps us out here.
                    with self._store.pins.open():
                        if before != [tree.stat().st_ino for tree in stack.trees]:
                            raise Conflict("A layer was just repaired.", hint="Create the container again.")
                except BaseException:
                    home.clear()
                    home.path.rmdir()
                    raise

    def start(self, container_id: str) -> None:
        """Run the container's program, for the first time or again.

        Raises:
            NotFound: there is no such container.
            ContainerStateError: it runs.
            LayerMissing, MountFailed: after a restart of the machine it is mounted again, and can not be.
            CommandNotFound, RuntimeFailure: the program can not be started.
        """
        with disk_errors("start the container"), self._locked(container_id) as home:
            last = Run.last(home)
            if last is not None and last.process.alive and last.started_at is not None:
                raise ContainerStateError("The container runs already.")
            driver.delete(self.runtime, home)
            if last is not None:
                last.settle(home)
            self._mount_again(home)
            home.exit_file.unlink(missing_ok=True)
            home.run.unlink(missing_ok=True)
            self._run(home)

    def stop(self, container_id: str, timeout: float = 10.0) -> None:
        """Ask the program to end with the image's stop signal, and kill it after ``timeout`` seconds.

        One that does not run is left as it is.

        Raises:
            NotFound: there is no such container.
            RuntimeFailure: it does not even end when killed.
        """
        home = self._home(container_id)
        number = signal_number(self._about(home).stop_signal)
        self._end(home, ((number, timeout), _KILL))

    def kill(self, container_id: str) -> None:
        """End the program at once; see :meth:`stop`."""
        self._end(self._home(container_id), (_KILL,))

    def remove(self, container_id: str) -> None:
        """Kill the container if it runs, and delete all of it. One that does not exist is no error.

        Raises:
            RuntimeFailure, MountFailed: it can not be ended, unmounted or deleted.
        """
        home = self._place(container_id)
        with disk_errors("remove the container"), contextlib.ExitStack() as stack:
            try:
                stack.enter_context(home.locked())
            except FileNotFoundError:
                return
            run = _last_run_if_readable(home)
            # From here on it does not exist, whatever happens; removing again picks up where this ended.
            home.about.unlink(missing_ok=True)
            _finish(run, home, (_KILL,))
            self._forget(home)
            home.clear()
            home.path.rmdir()

    def status(self, container_id: str) -> ContainerStatus:
        """What the container does now; never an error for one that does not exist."""
        home = self._place(container_id)
        return status_of(home) if home.exists else ContainerStatus("missing")

    def log(self, container_id: str, tail_bytes: int = TAIL) -> builtins.list[LogLine]:
        """The end of what the container wrote, over all its runs: at most ``tail_bytes`` of the log file.

        Raises:
            NotFound: there is no such container.
            StoreError: this process may not read it.
        """
        with disk_errors("read the container's log"):
            return tail(self._home(container_id).log, tail_bytes)

    def changes(self, container_id: str, limit: int = MAX_CHANGES) -> builtins.list[Change]:
        """What the container changed on top of its image, at most ``limit`` entries, sorted by path.

        Raises:
            NotFound: there is no such container.
            LayerMissing: a layer that it stands on is not extracted (any more).
            StoreError: this process may not read it.
        """
        with disk_errors("look at what the container changed"):
            home = self._home(container_id)
            return changes_in(home.upper, self._lowers(home), limit)

    @contextlib.contextmanager
    def _claimed(self, home: Home) -> Iterator[None]:
        """Make and lock the directory of a new container."""
        home.path.parent.mkdir(parents=True, exist_ok=True)
        # Programs that gain rights (setuid) lie in there: closed to this machine's other users. Whoever has
        # the store's group may read, so that a web process without privileges can show a log.
        with contextlib.suppress(FileExistsError):
            home.path.mkdir(mode=0o750)
            os.chown(home.path, -1, home.path.parent.stat().st_gid)
            home.path.chmod(0o750)
        try:
            with home.locked():
                if home.exists:
                    raise Conflict(f"There is already a container {home.id}.")
                self._forget(home)
                home.clear()  # what a killed worker left
                yield
        except FileNotFoundError as error:
            if home.path.exists():
                raise
            raise Conflict(f"The container {home.id} is just being removed.") from error

    def _run(self, home: Home) -> None:
        created = None
        try:
            created = driver.create(self.runtime, home)
            run = Run(created.process, created.monitor)
            # Written before the program runs: a worker killed in between leaves a trace to clean up by.
            run.save(home)
            started_at = datetime.now(UTC)
            driver.start(self.runtime, home)
            replace(run, started_at=started_at).save(home)
        except BaseException:
            driver.delete(self.runtime, home)
            if created is not None:
                Run(created.process, created.monitor).settle(home)
            home.exit_file.unlink(missing_ok=True)
            home.run.unlink(missing_ok=True)
            raise

    def _end(self, home: Home, signals: tuple[tuple[int, float], ...]) -> None:
        """Signals need no lock: a kill need not wait for the patience of a stop."""
        run = Run.last(home)
        _finish(run, home, signals)
        with self._locked(home.id):
            if Run.last(home) == run:  # not started again meanwhile
                self._forget(home)

    def _forget(self, home: Home) -> None:
        """Let the runtime clean up, if it ever knew of the container."""
        if home.runtime_state.is_dir() and any(home.runtime_state.iterdir()):
            # Without a runtime there is no control group to remove either.
            with contextlib.suppress(RuntimeMissing):
                driver.delete(self.runtime, home)

    def _mount_again(self, home: Home) -> None:
        """What is mounted may stand on a tree that was replaced by a repair that did not see the mount."""
        lowers = self._lowers(home)
        unmount(home.rootfs)
        overlay_of(home, lowers).mount()

    def _lowers(self, home: Home) -> tuple[Path, ...]:
        return lowers_of(home, trees_of(self._store.layers, self._about(home).diff_ids))

    def _about(self, home: Home) -> About:
        about = About.of(home)
        if about is None:
            raise _not_found(home.id)
        return about

    def _place(self, container_id: str) -> Home:
        """Where a container of this id stands, if there is one."""
        return Home(self._store.containers / check_id(container_id))

    def _home(self, container_id: str) -> Home:
        home = self._place(container_id)
        if not home.exists:
            raise _not_found(container_id)
        return home

    @contextlib.contextmanager
    def _locked(self, container_id: str) -> Iterator[Home]:
        home = self._home(container_id)
        try:
            with home.locked():
                if not home.exists:
                    raise _not_found(container_id)
                yield home
        except FileNotFoundError as error:
            if home.path.exists():
                raise
            raise _not_found(container_id) from error


def _finish(run: Run | None, home: Home, signals: tuple[tuple[int, float], ...]) -> None:
    if run is not None and not run.finish(home, signals):
        raise RuntimeFailure("The container could not be killed: it hangs in the kernel.")


def _last_run_if_readable(home: Home) -> Run | None:
    """A container whose record is damaged can still be removed; the runtime knows its process too."""
    with contextlib.suppress(StoreDamaged):
        return Run.last(home)
    return None


def _not_found(container_id: str) -> NotFound:
    return NotFound(f"There is no container {container_id} on this node.")
