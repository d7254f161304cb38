"""Fuzz for a while: ``python -m fuzz SECONDS [libFuzzer's options]``. It keeps inputs in build/fuzz."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import atheris

_HOME = Path(__file__).resolve().parents[1] / "build" / "fuzz"

with atheris.instrument_imports(include=["worker.engine.layers"]):
    from fuzz.seeds import words, write
    from fuzz.target import Target


def main() -> None:
    """Run until the time is over; an input that breaks something is kept, and the exit code is not 0."""
    if os.geteuid() != 0:
        sys.exit("error: run it as root: extraction changes owners and makes device nodes")
    seconds, *options = sys.argv[1:] or ["60"]
    corpus, dictionary = _HOME / "corpus", _HOME / "words"
    write(corpus)
    dictionary.write_bytes(words())
    target = Target()
    if child := os.fork():  # libFuzzer ends its process where it stands
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        target.close()
        sys.exit(code)

    def run(data: bytes) -> None:
        target(data)

    atheris.Setup(
        [
            sys.argv[0],
            f"-max_total_time={seconds}",
            f"-dict={dictionary}",
            f"-artifact_prefix={_HOME}/",
            "-max_len=8192",
            "-timeout=60",
            *options,
            str(corpus),
        ],
        run,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
