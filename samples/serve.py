"""Serve the sample family on a port, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import threading

from samples.family import sample_family
from samples.host import NothingToRun
from samples.registry import SampleRegistry


def main(arguments: list[str] | None = None) -> int:
    """Serve; return the exit status: 0 when stopped, 1 when it could not start."""
    options = _parse(arguments)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        registry = SampleRegistry(port=options.port, address=options.address, rate=options.rate)
        family = sample_family()
    except (NothingToRun, OSError, OverflowError) as error:
        print(f"The sample registry cannot start: {error}", file=sys.stderr)
        return 1
    for repository, tag, content in family:
        registry.push(repository, tag, content)
    with registry:
        with contextlib.suppress(BrokenPipeError):
            print(f"{registry.url} serves {len(family)} sample images:", flush=True)
            for repository, tag, _ in family:
                print(f"  {registry.host}/{repository}:{tag}", flush=True)
        stop.wait()
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m samples.serve", description=__doc__)
    parser.add_argument("--port", type=int, default=5001, help="0 chooses a free one (default: 5001)")
    parser.add_argument("--address", default="127.0.0.1", help="where to listen (default: 127.0.0.1)")
    parser.add_argument("--rate", type=_rate, default=None, help="bytes a second, all connections together")
    return parser.parse_args(arguments)


def _rate(text: str) -> float:
    rate = float(text)
    if not rate > 0:
        raise argparse.ArgumentTypeError("it must be above zero")
    return rate


if __name__ == "__main__":
    sys.exit(main())
