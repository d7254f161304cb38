"""``python -m benchmarks.search``: the corpus of ``search_corpus``, built layer by layer, and what it takes.

At every million entries, and at the end, it measures a set of questions and the taking in of a layer of
33,000 files of which none is known; at the end also with nothing of the database in memory, beside a writer,
and the memory of a process that only searches.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import search_corpus
from worker.engine.oci import Digest
from worker.engine.search import FileQuery, Kind, Mode, SearchIndex, SearchWriter, database

_PROBE_FILES = 33_000
_ROUNDS = 5

# Those that end early, and those that have to look at every path.
QUESTIONS = {
    "text, often": FileQuery("config"),
    "text, never": FileQuery("zzqq-nothing"),
    "text, never, any case": FileQuery("ZZQQ-nothing", ignore_case=True),
    "glob, often": FileQuery("*.so.1", Mode.GLOB),
    "glob, seldom": FileQuery("/app/**/stream_socket.js", Mode.GLOB),
    "regex, seldom": FileQuery(r"[0-9]-[0-9]+/.*socket_pool\.h$", Mode.REGEX),
    "regex, never": FileQuery(r"^/usr/.*[0-9]{5}.*\.zz$", Mode.REGEX),
    "regex that explodes elsewhere": FileQuery(r"(\w+_?)+\.(\w+)+!", Mode.REGEX),
    "sha256 of nothing": FileQuery(search_corpus.EMPTY.hex(), Mode.SHA256),
    "largest": FileQuery(min_size=4_000_000),
    "text and size, seldom": FileQuery("socket", min_size=4_100_000),
    "text and size, often": FileQuery(".py", min_size=1_000_000, max_size=3_000_000),
    "deletion marks of a name": FileQuery("socket_pool", kind=Kind.DELETED),
    "symbolic links, never": FileQuery("zlib-nothing", kind=Kind.SYMLINK),
}


@dataclass(frozen=True, slots=True)
class Taken:
    """Milliseconds: the median and the longest of some rounds."""

    median: float
    longest: float


@dataclass(frozen=True, slots=True)
class Stage:
    """What was measured at one size.

    Attributes:
        entries, layers, size: of the corpus; bytes on disk.
        questions: warm, by name.
        probe: seconds until a layer of 33,000 files can be found that has nothing in common with any.
        typical: seconds for each layer since the stage before: median and longest.
    """

    entries: int
    layers: int
    size: int
    questions: dict[str, Taken]
    probe: float
    typical: Taken


def build(directory: Path, most: int = search_corpus.LAYERS) -> Iterator[Stage]:
    """Build the corpus in ``directory``, or go on with it, and yield what is measured on the way."""
    directory.mkdir(parents=True, exist_ok=True)
    path = database.current(directory) or _made(directory)
    entries, following, times = 0, 1_000_000, list[float]()
    with SearchWriter(path) as writer:
        have = writer.layers()
        for number, (diff_id, pool, revision) in enumerate(search_corpus.layers(), 1):
            rows = list(search_corpus.entries(pool, revision))
            entries += len(rows)
            if diff_id not in have:
                begun = time.perf_counter()
                writer.add(diff_id, rows)
                times.append((time.perf_counter() - begun) * 1000)
                writer.write_back()
            if entries >= following or number == most:
                following += 1_000_000
                if times or number == most:
                    yield _stage(directory, writer, entries, number, times)
                times.clear()
            if number == most:
                return


def ask(directory: Path, rounds: int = _ROUNDS) -> dict[str, Taken]:
    """Ask each question some times, and return what it took."""
    index = SearchIndex(directory)
    within = index.layers()
    return {name: _taken(index, query, within, rounds) for name, query in QUESTIONS.items()}


def cold(directory: Path) -> dict[str, float]:
    """The same, each once in a process of its own and with nothing of the database in the page cache."""
    path = database.current(directory)
    found = {}
    for name in QUESTIONS:
        if path is not None:
            _drop_from_cache(path)
        found[name] = _asked_apart(directory, name)[0]
    return found


def memory(directory: Path) -> int:
    """Bytes at the peak of a process that asks all questions (its maximum resident set)."""
    return int(max(_asked_apart(directory, name)[1] for name in (*QUESTIONS, "")))


def beside_a_writer(directory: Path) -> dict[str, Taken]:
    """The questions, while another process takes in one layer after the other."""
    command = [sys.executable, "-m", "benchmarks.search", "--write", str(directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        try:
            if writer.stdout is not None:
                writer.stdout.readline()
            return ask(directory, rounds=3)
        finally:
            writer.terminate()
            writer.wait()
            with SearchWriter(database.current(directory) or _made(directory)) as again:
                again.forget([Digest.of(b"probe %d" % number) for number in range(1000)])


def _stage(directory: Path, writer: SearchWriter, entries: int, number: int, times: list[float]) -> Stage:
    diff_id = Digest.of(b"probe")
    rows = list(search_corpus.probe(f"probe {entries}", _PROBE_FILES))
    begun = time.perf_counter()
    writer.add(diff_id, rows)
    probe = time.perf_counter() - begun
    writer.write_back()
    writer.forget([diff_id])
    path = database.current(directory)
    return Stage(
        entries,
        number,
        path.stat().st_size if path else 0,
        ask(directory),
        probe,
        Taken(statistics.median(times or [0.0]), max(times, default=0.0)),
    )


def _taken(index: SearchIndex, query: FileQuery, within: set[Digest], rounds: int) -> Taken:
    times = []
    index.search(query, within)
    for _ in range(rounds):
        begun = time.perf_counter()
        page = index.search(query, within, seconds=60)
        times.append((time.perf_counter() - begun) * 1000)
        if not page.in_time:
            raise RuntimeError("the search did not end")
    return Taken(statistics.median(times), max(times))


def _asked_apart(directory: Path, name: str) -> tuple[float, float]:
    command = [sys.executable, "-m", "benchmarks.search", "--ask", str(directory), name]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    milliseconds, peak = json.loads(said)
    return float(milliseconds), float(peak)


def _drop_from_cache(path: Path) -> None:
    for name in (path, path.with_name(f"{path.name}-wal")):
        with contextlib.suppress(FileNotFoundError), name.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _made(directory: Path) -> Path:
    path = database.following(directory)
    database.create(path)
    return path


def _apart(arguments: list[str]) -> None:
    """What the processes do that :func:`cold`, :func:`memory` and :func:`beside_a_writer` start."""
    directory = Path(arguments[1])
    if arguments[0] == "--write":
        print("begun", flush=True)
        with SearchWriter(database.current(directory) or _made(directory)) as writer:
            for number in range(1000):
                rows = search_corpus.probe(f"beside {number}", _PROBE_FILES)
                writer.add(Digest.of(b"probe %d" % number), rows)
            writer.write_back()
        return
    begun = time.perf_counter()
    index = SearchIndex(directory)
    for query in [QUESTIONS[arguments[2]]] if arguments[2] else QUESTIONS.values():
        index.search(query, index.layers(), seconds=60)
    milliseconds = (time.perf_counter() - begun) * 1000
    print(json.dumps([milliseconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024]))


def main() -> None:
    """``python -m benchmarks.search [DIRECTORY] [--layers N]``: build, measure, and print tables."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=search", description=__doc__)
    parser.add_argument("directory", nargs="?", type=Path, help="where the corpus stays; else it is removed")
    parser.add_argument("--layers", type=int, default=search_corpus.LAYERS, help="fewer than 2,000 of them")
    options = parser.parse_args()
    directory = options.directory or Path(tempfile.mkdtemp(prefix="strata-search-"))
    try:
        stages = list(build(directory, options.layers))
        _print_growth(stages)
        _print_questions(stages[-1], cold(directory), beside_a_writer(directory))
        print(f"\nA process that asks all of them needs {memory(directory) / 2**20:.0f} MiB at its peak.")
    finally:
        if options.directory is None:
            shutil.rmtree(directory)


def _print_growth(stages: list[Stage]) -> None:
    print("| entries | layers | on disk | slowest question | 33,000 new files | a layer (median, longest) |")
    print("|---:|---:|---:|---:|---:|---:|")
    for one in stages:
        slowest = max(one.questions.values(), key=lambda taken: taken.median).median
        print(
            f"| {one.entries:,} | {one.layers:,} | {one.size / 1e6:.0f} MB | {slowest:.0f} ms "
            f"| {one.probe:.2f} s | {one.typical.median:.0f} ms, {one.typical.longest:.0f} ms |"
        )


def _print_questions(stage: Stage, colds: dict[str, float], beside: dict[str, Taken]) -> None:
    print("\n| question | warm (median, longest) | cold | beside a writer |")
    print("|---|---:|---:|---:|")
    for name, warm in stage.questions.items():
        print(
            f"| {name} | {warm.median:.0f} ms, {warm.longest:.0f} ms | {colds[name]:.0f} ms "
            f"| {beside[name].median:.0f} ms, {beside[name].longest:.0f} ms |"
        )


if __name__ == "__main__":
    if sys.argv[1:2] in (["--ask"], ["--write"]):
        _apart(sys.argv[1:])
    else:
        main()
