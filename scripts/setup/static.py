"""The pages' stylesheets, scripts and fonts, collected under names that carry a hash."""

from __future__ import annotations

import hashlib

from scripts import ROOT
from scripts.setup import need, run
from scripts.setup.environment import PYTHON

_TARGET = ROOT / "build" / "static"
_STAMP = ROOT / "build" / "static.stamp"


def ensure() -> None:
    """Collect them into build/static if any has changed."""
    wanted = _state()
    if (_TARGET / "staticfiles.json").is_file() and _STAMP.is_file() and _STAMP.read_text() == wanted:
        return
    result = run(
        [str(PYTHON), "manage.py", "collectstatic", "--noinput", "--verbosity", "0"],
        # The program's own settings, in a test too: theirs give no hashed names. The key is there so that
        # none is made in the data directory.
        {"DJANGO_SETTINGS_MODULE": "dashboard.settings", "STRATA_SECRET_KEY": "only-for-collectstatic"},
    )
    need(result, "The pages' stylesheets could not be collected; the lines above say why.")
    _STAMP.write_text(wanted)


def _state() -> str:
    """Return a hash over what goes in: our files by name, size and time, and the lock for packages'."""
    state = hashlib.sha256((ROOT / "requirements.txt").read_bytes())
    for path in sorted((ROOT / "dashboard" / "static").rglob("*")):
        facts = path.stat()
        state.update(f"{path.relative_to(ROOT)}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
    return state.hexdigest()
