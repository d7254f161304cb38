"""Image configs (OCI image spec, config.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from worker.engine.errors import InvalidManifest
from worker.engine.oci import json_values as read
from worker.engine.oci.digest import Digest
from worker.engine.oci.platform import Platform

_CONFIG = "image's config"
_PLATFORM = (("os", None), ("architecture", None), ("variant", ""))


@dataclass(frozen=True, slots=True)
class History:
    """One step of the build.

    Attributes:
        created: When; None if unknown.
        created_by: The command that made it, as the builder wrote it.
        comment: The builder's remark, often its own name.
        empty_layer: True when the step changed no files and has no layer.
        author: Who, if stated.
    """

    created: datetime | None
    created_by: str
    comment: str
    empty_layer: bool
    author: str = ""


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """What an image is made of and how a container of it runs.

    Attributes:
        platform: What it runs on.
        diff_ids: One per layer, base first: the digests of the uncompressed tars.
        history: The steps of the build, oldest first; may be empty.
        created: When the image was built; None if unknown.
        entrypoint, cmd: The default command, in two parts.
        env: ``NAME=value`` each.
        user: ``user``, ``uid``, ``user:group`` or ``uid:gid``; empty means root.
        working_dir: Empty means ``/``.
        labels: Free text of the builder.
        exposed_ports: ``80/tcp`` each, sorted.
        volumes: Paths, sorted.
        stop_signal: Its name or number; empty means SIGTERM.
        raw_json: The whole config, for what this class does not name.
        raw: The bytes, on which the config's digest (the image ID) is computed.
    """

    platform: Platform
    diff_ids: tuple[Digest, ...]
    history: tuple[History, ...] = ()
    created: datetime | None = None
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    user: str = ""
    working_dir: str = ""
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    exposed_ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    stop_signal: str = ""
    raw_json: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)
    raw: bytes = field(default=b"", repr=False)

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read a config.

        Raises:
            InvalidManifest: a field that matters is missing or malformed.
        """
        body = read.load_object(raw, _CONFIG)
        run = read.child(body, "config", _CONFIG)
        return cls(
            platform=_platform(body),
            diff_ids=_diff_ids(body),
            history=tuple(_history(entry) for entry in read.children(body, "history", _CONFIG)),
            created=read.moment(body.get("created")),
            entrypoint=read.texts(run, "Entrypoint", _CONFIG),
            cmd=read.texts(run, "Cmd", _CONFIG),
            env=read.texts(run, "Env", _CONFIG),
            user=read.text(run, "User", _CONFIG, default=""),
            working_dir=read.text(run, "WorkingDir", _CONFIG, default=""),
            labels=read.text_map(run, "Labels", _CONFIG),
            exposed_ports=tuple(sorted(read.child(run, "ExposedPorts", _CONFIG))),
            volumes=tuple(sorted(read.child(run, "Volumes", _CONFIG))),
            stop_signal=read.text(run, "StopSignal", _CONFIG, default=""),
            raw_json=body,
            raw=raw,
        )

    @property
    def digest(self) -> Digest:
        """The config's own digest, which Docker shows as the image ID."""
        return Digest.of(self.raw)


def layer_commands(config: ImageConfig) -> tuple[str, ...]:
    """Tell for each layer, base first, the command that made it, as the history has it, to be shown.

    Steps without a layer are skipped. A history that does not fit the layers says nothing reliable about
    any of them: all are empty then.
    """
    steps = [step for step in config.history if not step.empty_layer]
    if len(steps) != len(config.diff_ids):
        return ("",) * len(config.diff_ids)
    return tuple(read.legible(step.created_by or step.comment) for step in steps)


def _platform(body: Mapping[str, Any]) -> Platform:
    platform = Platform(*(read.text(body, key, _CONFIG, default) for key, default in _PLATFORM))
    if not platform.possible:
        raise InvalidManifest(f"The image's config names an impossible platform: {str(platform)[:100]!r}.")
    return platform


def _diff_ids(body: Mapping[str, Any]) -> tuple[Digest, ...]:
    rootfs = read.child(body, "rootfs", _CONFIG)
    if read.text(rootfs, "type", f"{_CONFIG} (rootfs)", default="") != "layers":
        raise InvalidManifest("The image's config does not list the diff IDs of its layers.")
    return tuple(read.digest(text, _CONFIG) for text in read.texts(rootfs, "diff_ids", _CONFIG))


def _history(entry: Mapping[str, Any]) -> History:
    what = f"{_CONFIG} (history)"
    return History(
        created=read.moment(entry.get("created")),
        created_by=read.text(entry, "created_by", what, default=""),
        comment=read.text(entry, "comment", what, default=""),
        empty_layer=entry.get("empty_layer") is True,
        author=read.text(entry, "author", what, default=""),
    )
