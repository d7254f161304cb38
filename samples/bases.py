"""What the family stands on: a base with a shell, its sibling for another platform, and a Python."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Mapping
from typing import Any

from samples import host
from samples.builders import SampleImage, image
from samples.layers import Entry, SampleLayer, directory, from_tar, symlink, write_tar
from worker.engine.oci import Platform

MIB = 1 << 20
_SHELL = (
    "sh cat chmod cp cut date df du echo env false find grep head hostname id kill ln ls mkdir mv nl od ps"
)
_SHELL += " printf pwd readlink rm rmdir sed seq sleep sort stat tail tee touch tr true uname uniq wc whoami"
_PASSWD = (
    b"root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/srv/app:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n"
)
_GROUP = b"root:x:0:\napp:x:1000:\nnogroup:x:65534:\n"
_RELEASE = b'PRETTY_NAME="Strata sample base 12"\nNAME="Strata sample base"\nID=sample\nVERSION_ID="12"\n'
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def base_image() -> SampleImage:
    """A small system whose shell and programs run on this machine.

    Raises:
        samples.host.NothingToRun: there is no shell to copy.
    """
    links = {
        "bin": "usr/bin",
        "sbin": "usr/sbin",
        "lib": "usr/lib",
        "lib32": "usr/lib32",
        "lib64": "usr/lib64",
    }
    folders = (
        "dev etc home mnt opt proc root run srv sys tmp usr usr/bin usr/lib usr/lib32 usr/lib64 usr/local"
    )
    folders += " usr/sbin usr/share var var/cache var/lib var/log"
    modes = {"tmp": 0o1777, "root": 0o700}
    entries = [directory(path, modes.get(path, 0o755)) for path in folders.split()]
    entries += [symlink(path, target) for path, target in links.items()]
    entries += files({"etc/passwd": _PASSWD, "etc/group": _GROUP, "etc/os-release": _RELEASE})
    entries += files({"etc/hostname": b"sample\n", "etc/profile": b"export PS1='$ '\n", "var/log/.keep": b""})
    entries += host.programs(_SHELL.split(), [entry.path for entry in entries])
    zones = host.material(["/usr/share/zoneinfo"], "usr/share/zoneinfo", limit=3 * MIB)
    return image(
        [layer_of(entries), layer_of([*zones, *files({"etc/timezone": b"Etc/UTC\n"})])],
        platform=str(Platform.host()),
        created="2026-01-05T09:00:00Z",
        history=[
            "/bin/sh -c #(nop) ADD file:rootfs.tar in / ",
            empty_step('/bin/sh -c #(nop)  CMD ["sh"]'),
            run_step("apt-get update && apt-get install -y --no-install-recommends tzdata && apt-get clean"),
        ],
        run={
            "Cmd": ["sh"],
            "Env": [_PATH, "LANG=C.UTF-8"],
            "Labels": {"org.opencontainers.image.title": "base", "org.opencontainers.image.version": "12"},
        },
    )


def other_base_image() -> SampleImage:
    """The base for a platform that this machine is not: no programs, for it has none to copy."""
    other = "linux/amd64" if Platform.host().architecture == "arm64" else "linux/arm64"
    entries = [
        directory("etc"),
        *files({"etc/os-release": _RELEASE, "etc/passwd": _PASSWD, "etc/group": _GROUP}),
    ]
    zones = host.material(["/usr/share/zoneinfo"], "usr/share/zoneinfo", limit=MIB)
    return image(
        [layer_of(entries), layer_of([directory("usr"), directory("usr/share"), *zones])],
        platform=other,
        created="2026-01-05T09:00:00Z",
        history=["/bin/sh -c #(nop) ADD file:rootfs.tar in / ", run_step("apt-get install -y tzdata")],
        run={"Env": [_PATH], "Labels": {"org.opencontainers.image.title": "base"}},
    )


def python_image(base: SampleImage) -> SampleImage:
    """The base with the Python that runs this."""
    return image(
        [layer_of(host.python(paths_of(base)))],
        base=base,
        created="2026-02-02T10:00:00Z",
        history=[
            empty_step("ENV LD_LIBRARY_PATH=/usr/local/lib"),
            "COPY /usr/local /usr/local # buildkit",
            empty_step('CMD ["python3"]'),
        ],
        run={
            "Cmd": ["python3"],
            "Env": [_PATH, "LANG=C.UTF-8", f"LD_LIBRARY_PATH=/{host.OTHER_LIBRARIES}", "PYTHONUNBUFFERED=1"],
            "Labels": {"org.opencontainers.image.title": "python"},
        },
    )


def paths_of(below: SampleImage) -> set[str]:
    """Everything that the layers of an image bring."""
    found: set[str] = set()
    for part in below.layers:
        with tarfile.open(fileobj=io.BytesIO(part.tar)) as tar:
            found.update(tar.getnames())
    return found


def layer_of(entries: Iterable[Entry]) -> SampleLayer:
    """A gzip layer of these entries, in this order."""
    return from_tar(write_tar(entries))


def files(content: Mapping[str, bytes], uid: int = 0) -> list[Entry]:
    """Plain files by path, sorted, owned by one user."""
    return [Entry(path, data, uid=uid, gid=uid) for path, data in sorted(content.items())]


def run_step(command: str) -> str:
    """A step of the history that ran a command and made a layer, as BuildKit writes it."""
    return f"RUN /bin/sh -c {command} # buildkit"


def empty_step(command: str) -> dict[str, Any]:
    """A step of the history that made no layer."""
    return {"created_by": command, "empty_layer": True}
