"""The documentation keeps up with the code."""

from __future__ import annotations

import re
from pathlib import Path

from supervisor.settings import ROOT

_DASHBOARD = re.compile(r"\benv\.(?:text|flag|number|words)\(\s*\"([A-Z_]+)\"")
_SUPERVISOR = re.compile(r"\b_(?:text|number)\(environ, \"([A-Z_]+)\"")


def _settings_in_code() -> set[str]:
    found = set()
    for folder in ("dashboard", "worker"):
        for path in (ROOT / folder).rglob("*.py"):
            found |= set(_DASHBOARD.findall(path.read_text()))
    found |= set(_SUPERVISOR.findall((ROOT / "supervisor" / "settings.py").read_text()))
    return {f"STRATA_{name}" for name in found}


def test_every_setting_of_the_code_is_documented_and_no_other() -> None:
    text = (ROOT / "docs" / "operations.md").read_text()
    table = re.findall(r"^\| `(STRATA_[A-Z_]+)` \|", text, re.MULTILINE)
    assert len(table) == len(set(table))
    assert set(table) == _settings_in_code()


def test_every_link_between_our_documents_leads_somewhere() -> None:
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")]
    assert len(documents) > 8
    for document in documents:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text()):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document.relative_to(ROOT)}: {target}"


def test_every_command_that_the_readme_shows_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"\bmake ([a-z-]+)", (ROOT / "README.md").read_text()):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_module_that_the_architecture_names_exists() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    for name in re.findall(r"`((?:worker|dashboard|supervisor|samples|templates)/[\w/.]*)`", text):
        assert Path(ROOT, name).exists(), name
