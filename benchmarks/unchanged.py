"""A pull of what is here already: what the engine takes, and what the whole command takes."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.measuring import HOME, Command, Failed, measure

_ROUNDS = 20
_COMMANDS = 3

# Each pull by itself, with a connection of its own, as in a worker's process that has pulled before.
_PULLS = """
import json, sys, time
from pathlib import Path
from worker.engine.oci import Reference
from worker.engine.pull import PullRequest, pull
from worker.engine.registry import Endpoint
from worker.engine.store import Store
reference, store, seconds = Reference.parse(sys.argv[2]), Store(Path(sys.argv[1])), []
for at in range(int(sys.argv[3]) + 1):
    begun = time.perf_counter()
    image = pull(store, PullRequest(reference, None, Endpoint(reference.registry, insecure=True)))
    seconds.append(time.perf_counter() - begun)
    assert image.unchanged or not at
print(json.dumps(seconds[1:]))
"""


def unchanged(name: str, place: Path) -> dict[str, float]:
    """Median and longest seconds of an unchanged pull's engine, and median of the command's.

    Raises:
        Failed: it cannot be pulled.
    """
    ran = subprocess.run(
        [sys.executable, "-c", _PULLS, place / "store", name, str(_ROUNDS)],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(HOME)},
        check=False,
    )
    if ran.returncode:
        raise Failed(f"An unchanged pull fails: {ran.stderr.strip().splitlines()[-1:]}")
    engine = json.loads(ran.stdout)
    command: Command = [sys.executable, HOME / "manage.py", "pull", "--insecure", name]
    environment = {"STRATA_DATA": str(place / "data")}
    measure([command], environment)
    whole = [measure([command], environment).seconds for _ in range(_COMMANDS)]
    return {
        "engine, median": statistics.median(engine),
        "engine, longest": max(engine),
        "manage.py pull, median": statistics.median(whole),
    }
