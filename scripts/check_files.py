"""``make check``'s last step: what no linter knows about the files of this repository."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from scripts import ROOT

LONGEST = 300
_CODE = {".py", ".html", ".css", ".js", ".sh", ".md", ".yaml", ".toml"}
# Others' files, generated ones, and those that are one list by nature.
_MAY_BE_LONG = re.compile(r"(^|/)(vendor|migrations)/|^CHANGELOG\.md$|^worker/engine/errors\.py$")
# A lock or a script that names where packages come from breaks behind a mirror.
_PACKAGE_HOSTS = re.compile(
    r"pypi\.(org|python\.org)|pythonhosted\.org|registry\.npmjs\.org|deb\.debian\.org|archive\.ubuntu\.com"
    r"|/packages/[0-9a-f]{2}/[0-9a-f]{2}/|--(extra-)?index-url[ =]"
)


def problems(path: str, text: str) -> list[str]:
    """Return what is wrong with one tracked file, one line each."""
    found = []
    lines = text.count("\n")
    if Path(path).suffix in _CODE and lines > LONGEST and not _MAY_BE_LONG.search(path):
        found.append(f"{path}: {lines} lines; at most {LONGEST}, one idea to a file")
    if match := _PACKAGE_HOSTS.search(text):
        found.append(f"{path}: names a package host ({match[0]})")
    return found


def main() -> int:
    """Look at every tracked file; return the exit code."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    found = []
    for path in filter(None, listed.stdout.split("\0")):
        try:
            text = (ROOT / path).read_text()
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue  # a picture or a font; or deleted here and not yet committed
        found += problems(path, text)
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
