"""A corpus for search: layers as a team has them after a year, made up but with the sharing of real ones.

Each layer is a revision of one of many *pools* of paths (a distribution's base, a set of packages, an
application): it has most of its pool's paths, and most of the contents of the revision before. Everything
follows from numbers, so two runs make the same.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass

from worker.engine.layers import EntryType, FileEntry
from worker.engine.oci import Digest

LAYERS = 2_000
EMPTY = hashlib.sha256(b"").digest()
_TEXT = (
    "common core util test data model view index main base client server config parser writer reader "
    "stream socket buffer cache table column schema query engine driver format string number vector "
    "matrix image codec audio video frame layer style theme font icon locale message plugin module "
    "package version release build http json yaml xml html css text binary archive crypto hash digest "
    "random thread process signal event queue lock pool worker task job schedule report metric trace "
    "log error debug profile memory disk file path tree node graph edge list map set array iterator "
    "generator factory adapter bridge proxy facade observer visitor"
)
_WORDS = tuple(_TEXT.split())
_ENDS = (
    ".py",
    ".pyc",
    ".so",
    ".so.1",
    ".h",
    ".js",
    ".map",
    ".json",
    ".txt",
    ".md",
    ".mo",
    ".gz",
    ".conf",
    "",
)
_ROOTS = (
    "usr/lib/x86_64-linux-gnu",
    "usr/share/doc",
    "usr/lib/python3/dist-packages",
    "usr/local/lib/python3.11/site-packages",
    "app/node_modules",
    "usr/share/locale",
    "usr/include",
    "opt/app/vendor",
)


@dataclass(frozen=True, slots=True)
class _Family:
    """Pools of one sort: how many, of how many paths, and how many layers draw from each."""

    pools: int
    paths: int
    revisions: int


# 200 + 900 + 900 layers; 0.12 + 1.08 + 0.86 million paths; 2.2 + 4.9 + 3.6 million entries, less a tenth.
_FAMILIES = (_Family(10, 12_000, 20), _Family(180, 6_000, 5), _Family(180, 4_800, 5))


@dataclass(frozen=True, slots=True)
class Pool:
    """The paths that the revisions of something draw from."""

    number: int
    paths: tuple[bytes, ...]


def layers() -> Iterator[tuple[Digest, Pool, int]]:
    """Yield all layers: diff ID, pool and revision. The first tenth is like the whole."""
    rounds: list[list[tuple[int, int, int]]] = []
    number = 0
    for family in _FAMILIES:
        for _ in range(family.pools):
            rounds.append([(number, family.paths, revision) for revision in range(family.revisions)])
            number += 1
    random.Random(5).shuffle(rounds)
    for group in rounds:
        for pool_number, paths, revision in group:
            yield diff_id(pool_number, revision), pool(pool_number, paths), revision


def diff_id(pool_number: int, revision: int) -> Digest:
    return Digest.of(b"layer %d %d" % (pool_number, revision))


_last: list[Pool] = []


def pool(number: int, count: int) -> Pool:
    """Make a pool; the last one is kept, since its revisions come one after the other."""
    if not _last or _last[0].number != number:
        _last[:] = [Pool(number, tuple(_paths(random.Random(number), number, count)))]
    return _last[0]


def entries(pool: Pool, revision: int) -> Iterator[FileEntry]:
    """Yield what a revision of a pool holds: nine tenths of its paths, in the order of a tar."""
    for place, path in enumerate(pool.paths):
        dice = int.from_bytes(hashlib.blake2b(b"%d" % place + path, digest_size=8).digest(), "big")
        if (dice >> 8) % 10 == revision % 10:
            continue
        # One in eight changes with every revision, the others seldom.
        since = revision if dice % 8 == 0 else revision - revision % (2 + dice % 30)
        yield _entry(path, dice, since)


def probe(name: str, count: int = 33_000) -> Iterator[FileEntry]:
    """A layer of nothing that any other has, neither paths nor contents: the most work to take in."""
    for path in _paths(random.Random(name), hash_of(name), count):
        dice = int.from_bytes(hashlib.blake2b(path, digest_size=8).digest(), "big") | 1
        yield FileEntry(
            path, EntryType.FILE, dice % 90_000, 0o644, sha256=hashlib.sha256(path + name.encode()).digest()
        )


def hash_of(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest(), "big")


def _entry(path: bytes, dice: int, since: int) -> FileEntry:
    sort = (dice >> 16) % 100
    if sort < 10:
        return FileEntry(path, EntryType.DIRECTORY, mode=0o755)
    if sort < 17:
        return FileEntry(path, EntryType.SYMLINK, mode=0o777, link=path.rpartition(b"/")[2] + b".real")
    if sort < 18:
        return FileEntry(path, EntryType.WHITEOUT)
    if sort < 21:
        return FileEntry(path, EntryType.FILE, mode=0o644, sha256=EMPTY)
    sha256 = hashlib.sha256(b"%d " % since + path).digest()
    size = int(2 ** ((dice >> 32) % 2200 / 100)) + int.from_bytes(sha256[:2], "big") % 997
    return FileEntry(path, EntryType.FILE, size, 0o644, mtime_ns=1_700_000_000_000_000_000, sha256=sha256)


def _paths(chance: random.Random, number: int, count: int) -> Iterator[bytes]:
    seen: set[str] = set()
    while len(seen) < count:
        root = chance.choice(_ROOTS)
        package = f"{chance.choice(_WORDS)}-{number}-{chance.randrange(40)}"
        inner = "/".join(chance.choices(_WORDS, k=chance.randrange(3)))
        for _ in range(chance.randrange(2, 24)):
            name = f"{chance.choice(_WORDS)}_{chance.choice(_WORDS)}{chance.choice(_ENDS)}"
            path = "/".join(part for part in (root, package, inner, name) if part)
            if path not in seen and len(seen) < count:
                seen.add(path)
                yield path.encode()
