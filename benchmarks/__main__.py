"""``make bench``: see benchmarks/README.md.

make bench                                     everything but ``memory``, for toolchain:1 and php:8
make bench ARGS="pulls --tools strata podman --rounds 5 --images php:8"
make bench ARGS="memory --size 6"              a worker that pulls a layer of 6 GB
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import os
import platform
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import asdict
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NoReturn

from benchmarks import report
from benchmarks.compare import Result, compare, empty_place
from benchmarks.floor import floor, missing
from benchmarks.measuring import Failed
from benchmarks.memory import memory
from benchmarks.parts import parts
from benchmarks.tools import TOOLS, Tool
from benchmarks.unchanged import unchanged
from worker.engine.errors import StrataError
from worker.engine.oci import Reference
from worker.engine.pull import PulledImage, PullRequest, pull
from worker.engine.registry import Endpoint
from worker.engine.store import Store

_PARTS = ("pulls", "floor", "parts", "unchanged")


def main() -> None:
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        if os.geteuid() != 0:
            raise Failed("Benchmarks need root: all of these tools write files of other owners.")
        with contextlib.redirect_stdout(sys.stderr) if options.json else contextlib.nullcontext():
            found = _memory(options) if options.what == "memory" else _pulls(options)
    except (Failed, StrataError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted: everything is cleaned up")
    if options.json:
        print(json.dumps(found, indent=2))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make bench", description="Measure pulls. See benchmarks/README.md."
    )
    parser.add_argument("what", nargs="?", choices=("all", *_PARTS, "memory"), default="all")
    parser.add_argument("--registry", default="localhost:5000", help="of this machine, speaking plain HTTP")
    parser.add_argument("--images", nargs="+", default=["toolchain:1", "php:8"], metavar="REPOSITORY:TAG")
    parser.add_argument(
        "--tools", nargs="+", choices=[tool.name for tool in TOOLS], help="default: all there are"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--on", type=Path, help="where to; default: /dev/shm, for memory /var/tmp")
    parser.add_argument(
        "--touch", type=float, default=3.0, metavar="GIB", help="memory to touch before each run"
    )
    parser.add_argument("--size", type=float, default=6.0, metavar="GB", help="of the layer, for memory")
    parser.add_argument("--json", action="store_true", help="print JSON, and the tables to stderr")
    return parser


def _pulls(options: argparse.Namespace) -> dict[str, Any]:
    _refuse_strangers(options.registry)
    on, room = options.on or Path("/dev/shm"), int(options.touch * 2**30)
    wanted = _PARTS if options.what == "all" else (options.what,)
    tools = _available(options.tools) if "pulls" in wanted else []
    cpus = len(os.sched_getaffinity(0))
    machine = f"{cpus} CPUs ({_cpu_model()}), Linux {platform.release()}, Python {platform.python_version()}"
    print(f"{machine}, on {on}", flush=True)
    found: dict[str, Any] = {"machine": machine, "load before": os.getloadavg(), "images": {}}
    for image in options.images:
        name = f"{options.registry}/{image}"
        here: dict[str, Any] = {}
        with empty_place(on) as place:
            store = Store(place / "fetched")
            pulled = _fetch(name, store.root)  # which also brings the registry's files into memory
            blobs = [store.blobs.path(layer.digest) for layer in pulled.layers]
            if "floor" in wanted:
                here["floor"] = _floor(blobs, place, room, cpus)
            if "parts" in wanted:
                fetch = functools.partial(_fetch, name)
                here["parts"] = parts(blobs, place, fetch, options.rounds)
                whole = sum(here["parts"].values())
                title = f"{name}: {whole:.2f} CPU seconds of the engine by part"
                print(report.shares(title, here["parts"], whole), flush=True)
        if "pulls" in wanted:
            results = compare(name, tools, options.rounds, on, room)
            here["pulls"] = [_as_json(result) for result in results]
            print(report.pulls(name, sum(layer.size for layer in pulled.layers), len(pulled.layers), results))
            print(_verdict(results, here.get("floor")), flush=True)
        if "unchanged" in wanted:
            with empty_place(on) as place:
                here["unchanged"] = unchanged(name, place)
            print(f"\n{name}, unchanged")
            for what, seconds in here["unchanged"].items():
                print(f"  {what:38}{seconds * 1000:8.1f} ms", flush=True)
        found["images"][image] = here
    found["load after"] = os.getloadavg()
    print(f"\nload average: {found['load before'][0]:.1f} before, {found['load after'][0]:.1f} after")
    return found


def _memory(options: argparse.Namespace) -> dict[str, Any]:
    with empty_place(options.on or Path("/var/tmp")) as place:
        found = memory(int(options.size * 10**9), place)
    before, peak = found.before / 2**20, found.peak / 2**20
    print(f"a layer of {found.layer / 10**9:.2f} GB, pulled in {found.seconds:.0f} s")
    print(f"the worker's processes together: {before:.0f} MiB before, {peak:.0f} MiB at most")
    return asdict(found)


def _refuse_strangers(registry: str) -> None:
    """Other people's registries are not for benchmarks."""
    host = registry.rpartition(":")[0] or registry
    try:
        addresses = {str(found[4][0]) for found in socket.getaddrinfo(host.strip("[]"), None)}
    except OSError as error:
        raise Failed(f"There is no host {host}.") from error
    if not all(ip_address(address).is_loopback for address in addresses):
        raise Failed(f"{registry} is not on this machine: benchmarks pull from a registry of your own, here.")


def _available(names: Sequence[str] | None) -> list[Tool]:
    chosen = [tool for tool in TOOLS if names is None or tool.name in names]
    for tool in chosen:
        if tool.missing:
            print(f"without {tool.name}: {', '.join(tool.missing)} not found; apt-get install {tool.install}")
    return [tool for tool in chosen if not tool.missing]


def _fetch(name: str, root: Path) -> PulledImage:
    """The blobs of an image, into a store."""
    reference = Reference.parse(name)
    try:
        request = PullRequest(reference, None, Endpoint(reference.registry, insecure=True), fetch_only=True)
        return pull(Store(root), request)
    except StrataError as error:
        raise Failed(
            f"{name} cannot be had: {error.message} benchmarks/README.md says what is needed."
        ) from error


def _floor(blobs: Sequence[Path], place: Path, room: int, cpus: int) -> dict[str, Any] | None:
    if absent := missing():
        print(f"without the floor: apt-get install {' '.join(absent)}")
        return None
    found = floor(blobs, place, room)
    whole = sum(found.values())
    print(
        report.shares(f"floor: {whole:.2f} CPU seconds, {whole / cpus:.2f} s on {cpus} CPUs", found, whole),
        flush=True,
    )
    return {"parts": found, "seconds": whole / cpus}


def _verdict(results: Sequence[Result], ground: dict[str, Any] | None) -> str:
    lines = []
    ours = next((result for result in results if result.tool.name == "strata"), None)
    peers = [result for result in results if result.tool.peer]
    if ours is not None and peers:
        fastest = min(peers, key=lambda result: result.median)
        lines.append(f"  {fastest.ratio:.2f} times as fast as the fastest other engine, {fastest.tool.name}")
    if ours is not None and ground is not None:
        lines.append(f"  {ours.median / ground['seconds']:.2f} times the floor of {ground['seconds']:.2f} s")
    return "\n".join(lines)


def _as_json(result: Result) -> dict[str, Any]:
    return {
        "tool": result.tool.name,
        "version": result.tool.version,
        "ratio": result.ratio,
        "runs": [asdict(run) for run in result.runs],
    }


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
