from __future__ import annotations

import sys
from itertools import pairwise

from supervisor.process import Process, Program


def test_each_death_in_a_row_doubles_the_wait_up_to_half_a_minute() -> None:
    process = Process(Program(name="x", command=(sys.executable, "-c", "")))
    delays = []
    for deaths in range(1, 20):
        process.deaths = deaths
        delays.append(process.delay)
    assert delays[0] == 0.5
    assert max(delays) == 30
    assert all(after >= before for before, after in pairwise(delays))


def test_endings_are_told_in_words() -> None:
    process = Process(Program(name="x", command=(sys.executable, "-c", "")))
    process.exit_code = 3
    assert process.ending == "ended with exit code 3"
    process.exit_code = -9
    assert process.ending == "was ended by SIGKILL"
