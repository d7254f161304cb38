"""What pulls images, each into an empty store of its own; and what it takes to have it."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.daemons import containerd, dockerd
from benchmarks.measuring import HOME, Command

_ENGINE = """
import sys
from pathlib import Path
from worker.engine.oci import Reference
from worker.engine.pull import PullRequest, pull
from worker.engine.registry import Endpoint
from worker.engine.store import Store
reference = Reference.parse(sys.argv[2])
pull(Store(Path(sys.argv[1])), PullRequest(reference, None, Endpoint(reference.registry, insecure=True)))
"""


@dataclass(frozen=True)
class Tool:
    """Something that pulls.

    Attributes:
        name: What ``--tools`` calls it.
        needs: Programs.
        install: How to get them on Debian.
        versions: Commands that tell the versions.
        commands: What to run, one after the other, to pull a reference into an empty directory.
        environment: Variables for them.
        daemon: Runs what has to run meanwhile, and yields its process number.
        clean: What to run before the directory is removed.
        peer: Whether the goal of issue 4 counts it: a whole engine of Debian's.
    """

    name: str
    needs: Sequence[str] = ()
    install: str = ""
    versions: Sequence[Command] = ()
    commands: Callable[[Path, str], Sequence[Command]] = lambda place, name: []
    environment: Callable[[Path], dict[str, str]] = field(default=lambda place: {"TMPDIR": str(place)})
    daemon: Callable[[Path], contextlib.AbstractContextManager[int | None]] = field(
        default=lambda place: contextlib.nullcontext()
    )
    clean: Callable[[Path], Command] | None = None
    peer: bool = False

    @property
    def missing(self) -> list[str]:
        """Programs that are not installed."""
        return [program for program in self.needs if shutil.which(program) is None]

    @property
    def version(self) -> str:
        return ", ".join(_version(command) for command in self.versions)


def _podman(place: Path) -> Command:
    return ["podman", "--root", place / "root", "--runroot", place / "run", "--storage-driver", "overlay"]


def _umoci(place: Path, name: str) -> Iterator[Command]:
    image = f"{place}/oci:image"
    yield ["skopeo", "copy", "--quiet", "--src-tls-verify=false", f"docker://{name}", f"oci:{image}"]
    yield ["umoci", "unpack", "--image", image, place / "bundle"]


def _version(command: Command) -> str:
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    found = [word.strip(",") for word in ran.stdout.split()]
    return next((word for word in found if word.lstrip("v")[:1].isdigit()), found[0] if found else "?")


_GIT: Command = ["git", "-C", HOME, "describe", "--always", "--dirty"]

TOOLS = (
    Tool(
        "strata",
        versions=[_GIT],
        commands=lambda place, name: [[sys.executable, HOME / "manage.py", "pull", "--insecure", name]],
        environment=lambda place: {"STRATA_DATA": str(place / "data")},
    ),
    Tool(
        "strata-engine",
        versions=[_GIT],
        commands=lambda place, name: [[sys.executable, "-c", _ENGINE, place / "store", name]],
        environment=lambda place: {"PYTHONPATH": str(HOME)},
    ),
    Tool(
        "podman",
        needs=["podman"],
        install="podman",
        versions=[["podman", "--version"]],
        commands=lambda place, name: [[*_podman(place), "pull", "--quiet", "--tls-verify=false", name]],
        clean=lambda place: [*_podman(place), "rmi", "--all", "--force"],
        peer=True,
    ),
    Tool(
        "docker",
        needs=["docker", "dockerd"],
        install="docker.io",
        versions=[["dockerd", "--version"]],
        commands=lambda place, name: [
            ["docker", "--host", f"unix://{place}/docker.sock", "pull", "--quiet", name]
        ],
        daemon=dockerd,
        peer=True,
    ),
    Tool(
        "containerd",
        needs=["containerd", "ctr"],
        install="containerd",
        versions=[["containerd", "--version"]],
        commands=lambda place, name: [
            ["ctr", "--address", f"{place}/containerd.sock", "image", "pull", "--plain-http", name]
        ],
        daemon=containerd,
        peer=True,
    ),
    Tool(
        "skopeo+umoci",
        needs=["skopeo", "umoci"],
        install="skopeo umoci",
        versions=[["skopeo", "--version"], ["umoci", "--version"]],
        commands=lambda place, name: list(_umoci(place, name)),
    ),
)
