"""``python -m supervisor [--demo]``: what ``make run`` and ``make demo`` start."""

from __future__ import annotations

import argparse
import sys

from supervisor import checks, linux, lock, plan, ready, settings
from supervisor.guard import Guard
from supervisor.logs import Printer
from supervisor.problem import Problem
from supervisor.supervise import Supervisor


def main() -> int:
    """Run Strata until it is stopped; return the exit code."""
    parser = argparse.ArgumentParser(description="Run every process of Strata in one terminal.")
    parser.add_argument("--demo", action="store_true", help="bring a sample registry and pull its images")
    arguments = parser.parse_args()
    try:
        _run(settings.read(demo=arguments.demo))
    except Problem as problem:
        print(f"strata: {problem}", file=sys.stderr)
        return 1
    return 0


def _run(chosen: settings.Settings) -> None:
    checks.check_data(chosen.data)
    lock.take(chosen.data)
    warnings = checks.check_rest(chosen)
    linux.adopt_orphans()
    guard = Guard(plan.stop_containers(chosen))
    whole = plan.make(chosen)
    printer = Printer(sys.stdout, whole.names)
    for warning in warnings:
        printer.say(warning)
    supervisor = Supervisor(
        whole,
        printer,
        guard,
        address=chosen.address,
        web_answers=lambda: ready.web_answers(chosen.reachable_host, chosen.port),
    )
    supervisor.run()


if __name__ == "__main__":
    sys.exit(main())
