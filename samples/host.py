"""Files of this very machine as layers' entries: programs that run, and content that looks real."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath

from samples.layers import Entry, directory, executable, symlink

_LIBRARY = re.compile(r"(?:=>\s*)?(/\S+)\s+\(0x")
# Where a dynamic linker looks by itself, without a cache; other libraries go where LD_LIBRARY_PATH points.
_SYSTEM_LIBRARIES = re.compile(r"(?:usr/)?lib(?:32|64)?/.+")
OTHER_LIBRARIES = "usr/local/lib"


class NothingToRun(RuntimeError):
    """This machine has no shell that could be copied into an image."""


def programs(names: Iterable[str], base: Iterable[str] = ()) -> list[Entry]:
    """Copy those of the named programs that exist here, each with the libraries that it needs.

    Paths that ``base`` has are not copied again.

    Raises:
        NothingToRun: ``sh`` was asked for, and there is none or its libraries cannot be found.
    """
    entries: dict[str, Entry] = {}
    sources: list[Path] = []
    for name in names:
        found = shutil.which(name, path="/usr/bin:/bin:/usr/sbin:/sbin")
        if found is None:
            if name == "sh":
                raise NothingToRun("No /bin/sh was found on this machine: sample images need one to run.")
            continue
        source = Path(found).resolve()
        sources.append(source)
        entries[f"usr/bin/{name}"] = executable(f"usr/bin/{name}", source.read_bytes())
    entries.update((entry.path, entry) for entry in libraries(sources))
    return _beyond(base, entries.values())


def libraries(binaries: Iterable[Path]) -> list[Entry]:
    """Copy the shared libraries and the dynamic linker that ``binaries`` need, found by ``ldd``.

    Raises:
        NothingToRun: there is no ``ldd`` here.
    """
    paths = [str(binary) for binary in binaries]
    ldd = shutil.which("ldd")
    if ldd is None:
        raise NothingToRun("No ldd was found on this machine: it tells which libraries a program needs.")
    # It fails for static programs and scripts, which need nothing.
    answer = subprocess.run([ldd, *paths], capture_output=True, text=True, check=False).stdout
    found = sorted({match[1] for match in _LIBRARY.finditer(answer)})
    return [executable(_library_path(path), Path(path).read_bytes()) for path in found]


def _library_path(source: str) -> str:
    path = source.lstrip("/")
    if not _SYSTEM_LIBRARIES.fullmatch(path):
        return f"{OTHER_LIBRARIES}/{Path(path).name}"
    # The sample base has /lib, /lib64, ... as links into /usr, as current distributions do.
    return path if path.startswith("usr/") else f"usr/{path}"


# Parts of Python's standard library that a service does not need.
_UNWANTED = re.compile(
    r"(test|tests|idlelib|tkinter|turtledemo|ensurepip|lib2to3|unittest|pydoc_data|site-packages|dist-packages"
    r"|config-[^/]*|lib-dynload/(_test|_ctypes_test|_tkinter|_curses|_dbm|_gdbm|_codecs_|_decimal|xx|nis)[^/]*)(/|$)"
)


def python(base: Iterable[str] = ()) -> list[Entry]:
    """Copy the Python that runs this, with the useful part of its standard library, to ``usr/local``.

    Paths that ``base`` has are not copied again.
    """
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    binary = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    standard = Path(sysconfig.get_path("stdlib"))
    entries = [
        directory("usr/local"),
        directory("usr/local/bin"),
        executable(f"usr/local/bin/{version}", binary.read_bytes()),
        symlink("usr/local/bin/python3", version),
        directory("usr/local/lib"),
        *tree(standard, f"usr/local/lib/{version}", limit=20 << 20, skip=_is_unwanted),
    ]
    extensions = [
        path
        for path in sorted(standard.glob("lib-dynload/*.so"))
        if not _is_unwanted(f"lib-dynload/{path.name}")
    ]
    return _beyond(base, [*entries, *libraries([binary, *extensions])])


def _beyond(base: Iterable[str], entries: Iterable[Entry]) -> list[Entry]:
    """The entries whose paths are not known yet, each once, with the directories that they still need."""
    known = set(base)
    found: list[Entry] = []
    for entry in entries:
        parents = [str(parent) for parent in reversed(PurePosixPath(entry.path).parents)][1:]
        for new in (*map(directory, parents), entry):
            if new.path not in known:
                known.add(new.path)
                found.append(new)
    return found


def _is_unwanted(name: str) -> bool:
    return _UNWANTED.match(name) is not None


def tree(
    source: Path, target: str, *, limit: int, skip: Callable[[str], bool] = lambda name: False
) -> list[Entry]:
    """Copy a directory to ``target``: sorted, without caches, until about ``limit`` bytes are reached."""
    entries = [directory(target)]
    room = limit
    for name in _walk(source, skip):
        entry = _copy(source / name, f"{target}/{name}", room)
        if entry is not None:
            entries.append(entry)
            room -= len(entry.content)
            if room < limit // 100:
                break
    return entries


def material(candidates: Iterable[str], target: str, *, limit: int) -> list[Entry]:
    """Copy the first of the candidates that exist, until ``limit`` bytes are reached.

    The standard library of Python stands in on a machine that has none of them.
    """
    sources = [Path(candidate) for candidate in candidates if Path(candidate).is_dir()]
    source = (sources or [Path(sysconfig.get_path("stdlib"))])[0]
    return tree(source, target, limit=limit)


def _walk(source: Path, skip: Callable[[str], bool]) -> Iterator[str]:
    """Yield what is under ``source``, relative to it, each directory before its content."""
    for folder, folders, files in os.walk(source):
        prefix = folder[len(str(source)) :].lstrip("/")
        prefix += "/" if prefix else ""
        folders[:] = sorted(name for name in folders if name != "__pycache__" and not skip(prefix + name))
        yield from sorted(prefix + name for name in (*folders, *files) if not skip(prefix + name))


def _copy(path: Path, target: str, largest: int) -> Entry | None:
    """Copy one file, directory or relative link; None for what is too large, unreadable or something else."""
    try:
        status = path.lstat()
        if stat.S_ISDIR(status.st_mode):
            return directory(target)
        if stat.S_ISLNK(status.st_mode):
            link = path.readlink()
            return None if link.is_absolute() else symlink(target, str(link))
        if not stat.S_ISREG(status.st_mode) or status.st_size > largest:
            return None
        content = path.read_bytes()
    except OSError:
        return None
    return executable(target, content) if status.st_mode & 0o111 else Entry(target, content)
