"""Start everything in order, keep it running, end it in order."""

from __future__ import annotations

import time
from collections.abc import Callable

from supervisor.crew import Crew
from supervisor.guard import Guard
from supervisor.logs import Printer
from supervisor.plan import Plan
from supervisor.problem import Problem
from supervisor.process import Process

# Everything has ended within five seconds; what the programs do not use is left for the containers.
_BUDGET = 4.5
_PROGRAMS_GRACE = 3.0  # Celery takes two when it is idle
_STORE_GRACE = 0.3
_START_PATIENCE = 120.0
_HOPELESS = 3


class Supervisor:
    """Runs a plan until it is asked to end.

    ``web_answers`` tells whether the portal answers; it is asked until it does, then no more.
    """

    def __init__(
        self, plan: Plan, printer: Printer, guard: Guard, *, address: str, web_answers: Callable[[], bool]
    ) -> None:
        self._plan = plan
        self._printer = printer
        self._guard = guard
        self._address = address
        self._web_answers = web_answers
        self._crew = Crew(printer, guard, self._report)
        self._store = [Process(program) for program in plan.store]
        self._programs = [Process(program) for program in plan.programs]

    def run(self) -> None:
        """Run until SIGINT, SIGTERM or SIGHUP, then end everything; raise Problem if it does not come up."""
        self._crew.listen_to_signals()
        try:
            self._bring_up()
            while not self._crew.stopping:
                self._keep_up()
        finally:
            self._end()

    def _bring_up(self) -> None:
        for process in self._store:
            self._crew.start(process)
        self._wait_for(lambda: all(process.ready for process in self._store))
        self._prepare()
        for process in self._programs:
            if not self._crew.stopping:
                self._crew.start(process)
        self._wait_for(lambda: all(process.ready for process in self._programs) and self._web_answers())
        if self._crew.stopping:
            return
        self._printer.say(f"Strata is ready at {self._address}")
        if self._plan.welcome is not None:
            self._crew.start(Process(self._plan.welcome))

    def _prepare(self) -> None:
        process = Process(self._plan.prepare)
        if self._crew.stopping:
            return
        self._crew.start(process)
        while process.running and not self._crew.stopping:
            self._keep_up()
        if not self._crew.stopping and process.exit_code != 0:
            raise Problem("The database could not be prepared; the lines above say why.")

    def _wait_for(self, reached: Callable[[], bool]) -> None:
        """Go on until ``reached``; raise Problem if a program dies again and again, or it takes forever."""
        deadline = time.monotonic() + _START_PATIENCE
        while not self._crew.stopping and not reached():
            self._keep_up()
            for process in (*self._store, *self._programs):
                if process.deaths >= _HOPELESS:
                    name = process.program.name
                    raise Problem(f"{name} does not start: it {process.ending}; its lines above say why.")
            if time.monotonic() > deadline:
                late = [process.program.name for process in self._programs if not process.ready] or ["web"]
                raise Problem(f"Not ready after {_START_PATIENCE:.0f} s: waiting for {', '.join(late)}.")

    def _keep_up(self) -> None:
        """Let things happen for a moment, and start again what has died and is due."""
        self._crew.turn()
        for process in (*self._store, *self._programs):
            if process.is_due and not self._crew.stopping:
                self._crew.start(process)

    def _report(self, process: Process) -> None:
        """Say how a process ended if that was not expected, with the lines that were hidden until now."""
        supervised = process in self._store or process in self._programs
        if self._crew.stopping or (not supervised and process.exit_code == 0):
            return
        for line in process.hidden:
            self._printer.line(process.program.name, line)
        again = f"; starting it again in {process.delay:g} s" if supervised else ""
        self._printer.say(f"{process.program.name} {process.ending}{again}")

    def _end(self) -> None:
        """End the programs, then what they need, then what is left of containers."""
        self._crew.stopping = True
        deadline = time.monotonic() + _BUDGET
        self._printer.say("Stopping")
        store = [process for process in self._store if process.running]
        self._crew.end([process for process in self._crew.running if process not in store], _PROGRAMS_GRACE)
        for process in store:
            process.terminate()
        last = Process(self._plan.last)
        self._crew.start(last)
        while last.running and time.monotonic() < deadline - _STORE_GRACE:
            self._crew.turn(0.05)
        if last.running:
            self._printer.say("The containers did not end in time: killed")
            last.kill_group()
        self._crew.end(store, max(0.0, deadline - time.monotonic()))
        self._crew.end_strays()
        self._guard.dismiss()
        self._printer.say("Stopped")
