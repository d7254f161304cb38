"""A Redis of Strata's own: on the loopback interface only, behind a password, small."""

from __future__ import annotations

import re
from pathlib import Path

from supervisor import checks, ports, private
from supervisor.process import Program

# What Redis holds is all expendable (job rows in the catalog are the truth), so a snapshot each minute is
# plenty. Only keys with a lifetime, the progress streams, may go when memory runs out; messages never.
_CONFIG = """\
bind 127.0.0.1
port {port}
protected-mode yes
requirepass {password}
dir "{directory}"
dbfilename dump.rdb
save 60 1
stop-writes-on-bgsave-error no
appendonly no
maxmemory 256mb
maxmemory-policy volatile-lru
loglevel notice
logfile ""
"""
# 4242:M 24 Nov 2026 10:00:00.000 * Ready to accept connections
# What it calls a warning and is none: greetings, farewells, advice about the machine's kernel.
_NOISE = re.compile(
    "WARNING|oO0Oo|(Redis|Valkey) version=|Configuration loaded|Server initialized"
    "|User requested shutdown|(Redis|Valkey) is now ready to exit"
)
_LINE = re.compile(r"^\d+:[A-Z] .{20,26} (?P<level>[.\-*#]) (?P<text>.*)$")


def prepare(directory: Path) -> tuple[str, Program]:
    """Write the configuration into ``directory``; return the URL and the program that serves it.

    The URL also goes to ``directory``/url, readable by this user only, where manage.py finds it.
    """
    directory.mkdir(exist_ok=True, mode=0o700)
    directory.chmod(0o700)
    password = private.password(directory / "password", 32)
    port = ports.remembered(directory / "port")
    config = directory / "redis.conf"
    private.write(config, _CONFIG.format(port=port, password=password, directory=directory))
    url = f"redis://:{password}@127.0.0.1:{port}/0"
    private.write(directory / "url", f"{url}\n")
    program = Program(
        name="redis",
        command=(checks.find_redis(), str(config)),
        ready=re.compile("Ready to accept connections"),
        show=show,
    )
    return url, program


def show(line: str) -> str | None:
    """Print what Redis itself marks as a warning, save what is none."""
    match = _LINE.match(line)
    if match is None:
        return None
    text = match["text"]
    return text if match["level"] == "#" and not _NOISE.match(text) else None
