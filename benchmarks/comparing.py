"""Two images of many files compared: by the engine from their indexes, and by ``diff -rq`` on their trees.

python -m benchmarks.comparing                     two made-up images of 40,000 files each
python -m benchmarks.comparing --files 100000
python -m benchmarks.comparing --on /dev/shm       where the trees are made

Each round begins cold: nothing is kept of the layers' indexes. No layer is shared, which is the worst there
is; a few files changed, came and went, and all have another time. The tools take turns. On a machine that has
other things to do only the CPU seconds mean something.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from worker.engine.compare import Comparison, Kind, compare
from worker.engine.files import FilesCache
from worker.engine.layers import EntryType, FileEntry
from worker.engine.layers.index import IndexWriter
from worker.engine.oci import Digest
from worker.engine.store import LayerInfo, Store

_LAYERS = 4
_IN_DIRECTORY = 24
_CHANGED, _NEW = 0.02, 0.03
_HOUR = 3600 * 10**9
_START = 1_700_000_000 * 10**9

Contents = dict[str, bytes]


def main() -> None:
    options = _parser().parse_args()
    with TemporaryDirectory(prefix="strata-comparing-", dir=options.on) as directory:
        place = Path(directory)
        before, after = _contents(options.files)
        store = Store(place / "store")
        store.prepare()
        layers = [
            [_put(store, f"{name} {at}", part, hours) for at, part in enumerate(_parted(files))]
            for name, files, hours in (("before", before, 0), ("after", after, 1))
        ]
        times: dict[str, list[float]] = {"engine": [], "diff -rq": []}
        cpu: dict[str, list[float]] = {"engine": [], "diff -rq": []}
        works: dict[str, Callable[[], object]] = {"engine": lambda: _engine(store, layers)}
        if options.trees:
            for name, files in (("a", before), ("b", after)):
                _unpack(place / name, files)
            works["diff -rq"] = lambda: _diff(place / "a", place / "b")
        for _ in range(options.rounds):
            for tool, work in works.items():
                gc.collect()
                started, used = time.perf_counter(), _cpu()
                work()
                times[tool].append(time.perf_counter() - started)
                cpu[tool].append(_cpu() - used)
        found = _engine(store, layers)
        print(f"{options.files:,} files a side in {_LAYERS} layers, load {os.getloadavg()[0]:.1f}")
        for kind in Kind:
            print(f"  {kind.value:8} {found.counts[kind].entries:,}")
        for tool, seconds in times.items():
            if seconds:
                print(
                    f"{tool:9} median {_ms(statistics.median(seconds))}, best {_ms(min(seconds))}, "
                    f"worst {_ms(max(seconds))}; CPU median {_ms(statistics.median(cpu[tool]))}"
                )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.comparing")
    parser.add_argument("--files", type=int, default=40_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--on", type=Path, default=None, help="directory for what is made")
    parser.add_argument(
        "--trees", action=argparse.BooleanOptionalAction, default=shutil.which("diff") is not None
    )
    return parser


def _contents(count: int) -> tuple[Contents, Contents]:
    """What both images hold, by path: mostly the same."""
    chance = random.Random(7)
    before = {path: chance.randbytes(chance.choice((40, 300, 2000))) for path in _paths(count)}
    after: Contents = {}
    for path, content in before.items():
        dice = chance.random()
        if dice < _NEW:
            after[path + ".new"] = content
        else:
            after[path] = chance.randbytes(len(content)) if dice < _NEW + _CHANGED else content
    return before, after


def _paths(count: int) -> Iterator[str]:
    for number in range(count):
        directory = number // _IN_DIRECTORY
        yield f"usr/lib/part{directory % 40}/module{directory}/file-{number}.py"


def _parted(files: Contents) -> list[Contents]:
    items = list(files.items())
    size = -(-len(items) // _LAYERS)
    return [dict(items[start : start + size]) for start in range(0, len(items), size)]


def _put(store: Store, name: str, files: Contents, hours: int) -> Digest:
    """Put a layer's file index into the store, without its tree."""
    diff_id = Digest.of(name.encode())
    moment = _START + hours * _HOUR
    directories = {str(parent) for path in files for parent in Path(path).parents} - {"."}
    with store.layers.stage(diff_id) as staged:
        with staged.index_path.open("w+b") as file:
            writer = IndexWriter(file)
            for path, content in files.items():
                digest = sha256(content).digest()
                entry = FileEntry(
                    path.encode(), EntryType.FILE, len(content), 0o644, mtime_ns=moment, sha256=digest
                )
                writer.add(entry.pack())
            for path in sorted(directories):
                writer.add(FileEntry(path.encode(), EntryType.DIRECTORY, 0, 0o755, mtime_ns=moment).pack())
            writer.close()
        staged.commit(LayerInfo(diff_id, writer.content_size, writer.content_size, writer.count))
    return diff_id


def _unpack(place: Path, files: Contents) -> None:
    for path, content in files.items():
        target = place / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def _engine(store: Store, layers: list[list[Digest]]) -> Comparison:
    cache = FilesCache(1 << 30)
    return compare(*(cache.image(store.layers, stack).view() for stack in layers))


def _diff(a: Path, b: Path) -> None:
    subprocess.run(["diff", "-rq", "--no-dereference", a, b], stdout=subprocess.DEVNULL, check=False)


def _cpu() -> float:
    """CPU seconds of this process and its children so far."""
    return sum(os.times()[:4])


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


if __name__ == "__main__":
    main()
