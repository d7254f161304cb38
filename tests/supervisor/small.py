"""A supervisor over small programs, for test_supervise.py: ``python -m tests.supervisor.small CODE...``.

Each argument is a line of Python for one program to run.
"""

from __future__ import annotations

import re
import sys

from supervisor import linux
from supervisor.guard import Guard
from supervisor.logs import Printer
from supervisor.plan import Plan
from supervisor.problem import Problem
from supervisor.process import Program
from supervisor.supervise import Supervisor


def program(name: str, code: str) -> Program:
    return Program(name=name, command=(sys.executable, "-u", "-c", code), ready=re.compile("^up"))


def main() -> int:
    linux.adopt_orphans()
    last = program("last", "print('last')")
    plan = Plan(
        store=(program("store", "import time; print('up store'); time.sleep(600)"),),
        prepare=program("prepare", "print('prepared')"),
        programs=tuple(program(f"p{index}", code) for index, code in enumerate(sys.argv[1:])),
        welcome=program("welcome", "print('welcome')"),
        last=last,
    )
    printer = Printer(sys.stdout, plan.names)
    supervisor = Supervisor(
        plan, printer, Guard(last.command), address="http://test", web_answers=lambda: True
    )
    try:
        supervisor.run()
    except Problem as problem:
        print(f"strata: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
