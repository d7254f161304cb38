"""What the environment says about this start; ``dashboard/env.py`` reads the rest, in the programs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from supervisor.problem import Problem

ROOT = Path(__file__).resolve().parent.parent
"""The checkout: where manage.py stands."""


@dataclass(frozen=True)
class Settings:
    """One start of the program.

    Attributes:
        data: directory that holds all state.
        redis_url: a Redis of the user's; empty: start one.
        node: this machine's name among workers; names its queue of container jobs.
        pulls: pulls at the same time.
        demo: bring the sample registry and pull its images.
    """

    data: Path
    host: str
    port: int
    redis_url: str
    node: str
    pulls: int
    demo: bool = False

    @property
    def reachable_host(self) -> str:
        """Where this machine reaches the portal; a wildcard is a place to listen on only."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound

    @property
    def address(self) -> str:
        """The portal's address as a browser on this machine writes it."""
        host = self.reachable_host
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def read(environ: Mapping[str, str] = os.environ, *, demo: bool = False) -> Settings:
    """Return the settings of this start; raise Problem for one that cannot be meant."""
    default = ROOT / ("var-demo" if demo else "var")
    return Settings(
        data=Path(_text(environ, "DATA") or default).expanduser().resolve(),
        host=_text(environ, "HOST") or "127.0.0.1",
        port=_number(environ, "PORT", 8000, 1, 65535),
        redis_url=_text(environ, "REDIS_URL"),
        node=_text(environ, "NODE") or "local",
        pulls=_number(environ, "PULLS", 2, 1, 64),
        demo=demo,
    )


def _text(environ: Mapping[str, str], name: str) -> str:
    full = f"STRATA_{name}"
    if path := environ.get(f"{full}_FILE"):
        try:
            return Path(path).read_text().strip()
        except OSError as error:
            raise Problem(f"{full}_FILE: cannot read {path}: {error.strerror}.") from error
    return environ.get(full, "").strip()


def _number(environ: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = _text(environ, name)
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise Problem(f"STRATA_{name}: {text!r} is not a whole number from {low} to {high}.")
    return int(text)
